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


def matrix(x, threads=1):
    """A FeatureMatrix of one array, of a list of blocks, or of a scipy matrix."""
    if isinstance(x, _core.FeatureMatrix):
        return x
    blocks = x if isinstance(x, list) else [x]
    features = _core.FeatureMatrix(blocks[0].shape[1], threads)
    for block in blocks:
        if hasattr(block, "indptr"):
            features.append_csr(block.indptr.astype(np.int64), block.indices, block.data)
        else:
            with np.errstate(over="ignore"):
                features.append(np.ascontiguousarray(block, np.float32))
    return features


def problem(x, y, w, classes, threads, p):
    """The arguments that every solver call begins with: matrix, labels, weights, classes, multinomial."""
    y = np.ascontiguousarray(y, np.float64)
    classes = classes or int(y.max()) + 1
    weights = None if w is None else np.ascontiguousarray(w, np.float64)
    return matrix(x, threads), y, weights, classes, is_multinomial(p["family"], classes)


def values(p, *names):
    return [p[name] for name in names]


PENALTY = ("regParam", "elasticNetParam")
FORM = ("fitIntercept", "standardization")


def fit(x, y, w=None, classes=None, uncentred=False, threads=1, progress=None, initial=None, **params):
    """_core.logistic_fit with Spark's parameters; x is what `matrix` takes."""
    unknown = params.keys() - DEFAULTS.keys()
    assert not unknown, unknown
    p = DEFAULTS | params
    given = problem(x, y, w, classes, threads, p)
    settings = values(p, "maxIter", *PENALTY, "tol", *FORM)
    return _core.logistic_fit(*given, *settings, uncentred, threads, progress, initial)


def optimum(x, y, w=None, classes=None, threads=1, progress=None, initial=None, **params):
    """_core.logistic_optimum, as `fit` calls logistic_fit."""
    p = DEFAULTS | params
    given = problem(x, y, w, classes, threads, p)
    settings = values(p, "maxIter", *PENALTY, "tol", *FORM)
    return _core.logistic_optimum(*given, *settings, threads, progress, initial)


def certify(x, y, coefficients, intercepts, w=None, classes=None, threads=1, **params):
    """_core.logistic_certify of a model."""
    p = DEFAULTS | params
    given = problem(x, y, w, classes, threads, p)
    model = (coefficients, intercepts)
    return _core.logistic_certify(*given, *values(p, *PENALTY, *FORM), threads, model)


def formula_data():
    """The golden files' features: a formula, with a constant last column."""
    i, j = np.arange(30)[:, None], np.arange(4)[None, :]
    return np.hstack([((7 * i + 13 * j + i * j) % 17) / 4, np.full((30, 1), 1.5)]).astype(np.float32)
