"""Few samples, many features: the paths that work in the samples' span against the plain path in NumPy."""

import numpy as np
import pytest
from linear.fitting import fit
from linear.spark_path import train

pytestmark = pytest.mark.core


def wide_problem(seed, n, d, classes, density, missing=None, far=1000.0):
    """A constant column, a column far from 0, and classes that the features say something about."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.3, rng.uniform(0.2, 4, d), (n, d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    x[:, 3] = 1.25
    x[:, 5] = far + rng.standard_normal(n)
    y = (
        x[:, 6:] @ rng.standard_normal((d - 6, classes)) / np.sqrt(d) + rng.gumbel(size=(n, classes))
    ).argmax(1)
    y[:classes] = range(classes)
    if missing is not None:
        y[y == missing] = (missing + 1) % classes
    return x, y.astype(np.float64)


L2 = {"reg": 0.05, "net": 0.0}
NET = {"reg": 0.1, "net": 0.5, "max_iterations": 40}
CASES = {
    "dense": (1, 40, 3000, 5, 1.0, L2),
    "sparse": (2, 40, 3000, 5, 0.06, L2),
    "no penalty": (3, 40, 3000, 5, 1.0, {"reg": 0.0, "max_iterations": 6}),
    "sparse, no penalty": (4, 40, 3000, 5, 0.06, {"reg": 0.0, "max_iterations": 6}),
    "no intercept": (5, 40, 3000, 5, 1.0, L2 | {"intercept": False}),
    "sparse, no intercept": (6, 40, 3000, 5, 0.06, L2 | {"intercept": False}),
    "weights": (7, 40, 3000, 5, 1.0, L2 | {"weighted": True}),
    "sparse, weights": (8, 40, 3000, 5, 0.06, L2 | {"weighted": True}),
    "binomial": (9, 40, 3000, 2, 1.0, L2),
    "sparse binomial": (10, 40, 3000, 2, 0.06, L2 | {"weighted": True}),
    "missing class": (11, 40, 3000, 5, 0.06, L2 | {"missing": 2, "max_iterations": 40}),
    "scaled penalty": (12, 40, 3000, 5, 1.0, L2 | {"standardization": False, "max_iterations": 8}),
    "net": (21, 40, 3000, 5, 1.0, NET),
    "sparse net": (22, 40, 3000, 5, 0.06, NET),
    "net without intercept": (23, 40, 3000, 5, 1.0, NET | {"intercept": False}),
    "sparse net with weights": (24, 40, 3000, 5, 0.06, NET | {"weighted": True}),
    "binomial net": (25, 40, 3000, 2, 1.0, NET),
    "sparse binomial net": (26, 40, 3000, 2, 0.06, NET | {"weighted": True}),
    "net, missing class": (27, 40, 3000, 5, 0.06, NET | {"missing": 2}),
    "lasso": (28, 40, 3000, 5, 1.0, NET | {"net": 1.0}),
    "sparse lasso, scaled penalty": (29, 40, 3000, 5, 0.06, NET | {"net": 1.0, "standardization": False}),
    "net, scaled penalty": (30, 40, 3000, 5, 0.06, NET | {"standardization": False, "max_iterations": 12}),
    "strong net": (31, 40, 3000, 5, 1.0, {"reg": 0.8, "net": 0.5, "max_iterations": 60}),
    "weak net": (32, 40, 3000, 10, 0.06, {"reg": 0.01, "net": 0.5, "max_iterations": 40}),
    "little penalty": (13, 60, 3000, 10, 0.06, {"reg": 1e-4, "net": 0.0, "max_iterations": 20}),
}


@pytest.mark.parametrize("case", CASES)
def test_takes_the_plain_path(case):
    seed, n, d, classes, density, options = CASES[case]
    options = dict(options)
    x, y = wide_problem(
        seed,
        n,
        d,
        classes,
        density,
        options.pop("missing", None),
        1000 if options.get("intercept", True) else 5,
    )
    w = np.arange(n) * 3 % 5 / 2.0 if options.pop("weighted", False) else None
    if w is not None:
        w[:classes] = 1
    settings = {"tol": 1e-6, "max_iterations": 100, "intercept": True, "standardization": True, "net": 0.0}
    settings |= options
    b, intercepts, history, _ = train(x, y, w, classes, classes > 2, **settings)
    ours = fit(
        x, y, w, classes=classes, threads=2, regParam=settings["reg"], elasticNetParam=settings["net"],
        tol=settings["tol"], maxIter=settings["max_iterations"], fitIntercept=settings["intercept"],
        standardization=settings["standardization"],
    )  # fmt: skip
    assert len(ours[2]) == len(history)
    np.testing.assert_allclose(ours[2], history, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(ours[0], b, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ours[1], intercepts, rtol=0, atol=2e-8)


@pytest.mark.parametrize("net", [0.0, 0.5])
@pytest.mark.parametrize("density", [1.0, 0.06])
def test_same_bits_for_any_threads(density, net):
    x, y = wide_problem(41, 40, 3000, 10, density)
    params = {"regParam": 0.05, "elasticNetParam": net, "maxIter": 40}
    first = fit(x, y, threads=1, **params)
    assert len(first[2]) > 20 or net == 0
    assert (first[0] == 0).mean() > 0.9 or net == 0  # most features have left
    for threads in (2, 3):
        for a, b in zip(first, fit(x, y, threads=threads, **params), strict=True):
            assert a.tobytes() == b.tobytes()


def test_failed_searches_restart_and_end_as_described():
    """A feature far from 0 and no intercept: the searches fail, before the restart and after it."""
    x, _ = wide_problem(50, 24, 1500, 3, 1.0)
    i = np.arange(24)
    x[:, 5] = 2.0**23 + 7 * i % 11
    y = i % 3 * 1.0
    _, _, history, failures = train(x, y, None, 3, True, 0.1, 0.0, 1e-6, 30, False, True)
    assert failures == 2
    ours = fit(x, y, threads=2, regParam=0.1, maxIter=30, fitIntercept=False)[2]
    assert len(ours) == len(history)
    assert ours[-1] == ours[-2] == ours[-3]  # when it failed, after the restart, and at the end
    np.testing.assert_allclose(ours, history, rtol=1e-9)
