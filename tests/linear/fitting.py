"""What the solver's tests share: a fit with Spark's defaults, and the golden files' features."""

import numpy as np

from pydeepl import _core

DEFAULTS = {
    "maxIter": 100,
    "regParam": 0.0,
    "elasticNetParam": 0.0,
    "tol": 1e-6,
    "fitIntercept": True,
    "standardization": True,
    "family": "auto",
}


def is_multinomial(family, classes):
    return family == "multinomial" or (family == "auto" and classes > 2)


def fit(x, y, w=None, classes=None, uncentred=False, threads=1, progress=None, **params):
    """_core.logistic_fit with Spark's parameters; x is one array or a list of blocks."""
    unknown = params.keys() - DEFAULTS.keys()
    assert not unknown, unknown
    p = DEFAULTS | params
    y = np.ascontiguousarray(y, np.float64)
    classes = classes or int(y.max()) + 1
    blocks = [np.ascontiguousarray(b, np.float32) for b in (x if isinstance(x, list) else [x])]
    return _core.logistic_fit(
        blocks,
        y,
        None if w is None else np.ascontiguousarray(w, np.float64),
        classes,
        is_multinomial(p["family"], classes),
        p["maxIter"],
        p["regParam"],
        p["elasticNetParam"],
        p["tol"],
        p["fitIntercept"],
        p["standardization"],
        uncentred,
        threads,
        progress,
    )


def formula_data():
    """The golden files' features: a formula, with a constant last column."""
    i, j = np.arange(30)[:, None], np.arange(4)[None, :]
    return np.hstack([((7 * i + 13 * j + i * j) % 17) / 4, np.full((30, 1), 1.5)]).astype(np.float32)
