"""Data sets by formula, so that golden files hold answers alone; exact in float32."""

import numpy as np


def features(n, d):
    """[n, d] multiples of 1/16 with one constant column, as the last."""
    i, j = np.arange(n)[:, None], np.arange(d)[None, :]
    x = ((7 * i + 13 * j + 5 * i * j + i * i * (j + 3)) % 97) / 16 - 2
    x[:, -1] = 0.625
    return x


def labels(n, classes):
    """Classes that the features say something about, every class among them."""
    i = np.arange(n)
    y = ((7 * i + 3 * i * i) % 97) * classes // 97
    y[i % 5 == 0] = (i[i % 5 == 0] // 5) % classes
    return y.astype(float)


def weights(n):
    """0, 0.5, ... 2: some rows count for nothing."""
    return (np.arange(n) * 3 % 5) / 2.0


def dataset(name):
    """(features, labels, weights) of a named data set."""
    n, d, classes = {
        "three": (60, 6, 3),
        "binary": (60, 6, 2),
        "wide": (20, 50, 5),
        "ten": (120, 12, 10),
        "gap": (60, 6, 4),
        "separable": (16, 4, 2),
        "far": (30, 2, 3),
        "far binary": (30, 2, 2),
        "only two": (30, 4, 3),
        "only one": (30, 4, 2),
        "only zero": (30, 4, 1),
    }[name]
    x, y = features(n, d), labels(n, classes)
    if name == "gap":
        y[y == 1] = 3
    if name == "separable":
        y = (x[:, 0] > np.median(x[:, 0])).astype(float)
    if name.startswith("far"):  # far from 0 against its spread: without centring, no search succeeds
        i = np.arange(n)
        x, y = np.stack([2.0**23 + 7 * i % 11, 2.0**22 + 5 * i % 13], axis=1), i % classes * 1.0
    if name.startswith("only"):
        y[:] = classes - 1
    return x, y, weights(n)
