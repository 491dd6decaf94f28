"""Features of pictures, beside those of pydeepl's own engine."""

import numpy as np


def features_of(rows):
    return np.stack([row.features.toArray() for row in sorted(rows, key=lambda row: row.number)])


def assert_close(found, expected):
    error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() <= 1e-5
