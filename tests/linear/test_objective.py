"""The core's loss and gradient against their definition and against differences."""

import itertools

import numpy as np
import pytest
from linear.fitting import matrix
from linear.reference import objective

from pydeepl import _core

pytestmark = pytest.mark.core

KERNELS = ["portable", "avx2", "avx512"]  # what the processor lacks falls back to what it has


def problem(seed, n, d, classes, density=1.0, weights=True):
    """Random features with a constant column, labels that use every class, weights with zeros."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32) + 1
    x[rng.random((n, d)) >= density] = 0
    x[:, d // 2] = 2.5 if density == 1 else 0
    y = rng.integers(0, classes, n).astype(np.float64)
    y[:classes] = range(classes)
    w = rng.integers(0, 4, n) / 2.0 if weights else np.ones(n)
    w[:classes] = 1
    return x, y, w


def evaluate(
    x, y, w, point, classes, multinomial, l2=0.1, intercept=True, standardization=True, uncentred=False, **kw
):
    return _core.logistic_objective(
        matrix(kw.get("blocks", x), kw.get("threads", 1)),
        y,
        w,
        classes,
        multinomial,
        l2,
        0.0,
        intercept,
        standardization,
        uncentred,
        kw.get("threads", 1),
        point,
    )


# (rows, features, classes, share of values that are not zero): passes by rows and by columns, dense and
# sparse tiles, widths that fill no vector, one tile and many, sets that fill one to five groups of vectors.
SHAPES = [
    (7, 1, 2, 1.0),
    (30, 5, 3, 1.0),
    (61, 77, 10, 1.0),
    (300, 33, 4, 1.0),
    (83, 9, 6, 0.1),
    (2100, 40, 7, 1.0),
    (13, 9001, 10, 1.0),
    (13, 20001, 10, 0.06),
    (5, 1100, 70, 1.0),
    (40, 1100, 70, 0.1),
    (19, 5000, 25, 0.1),
]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("n", "d", "classes", "density"), SHAPES)
def test_matches_the_definition(n, d, classes, density, kernels, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    x, y, w = problem(n + d, n, d, min(classes, n), density)
    classes = min(classes, n)
    rng = np.random.default_rng(1)
    for multinomial in [True] if classes > 2 else [True, False]:
        sets = classes if multinomial else 1
        point = rng.standard_normal(sets * (d + 1)) / np.sqrt(d)
        value, gradient = evaluate(x, y, w, point, classes, multinomial)
        expected, slopes = objective(x, y, w, point, classes, multinomial, 0.1, True, True, True)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-12 * np.abs(slopes).max())


@pytest.mark.parametrize("multinomial", [True, False])
@pytest.mark.parametrize("uncentred", [True, False])
@pytest.mark.parametrize("standardization", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_options(l2, intercept, standardization, uncentred, multinomial):
    x, y, w = problem(3, 50, 12, 2)
    sets = 2 if multinomial else 1
    point = np.random.default_rng(2).standard_normal(sets * (12 + intercept))
    value, gradient = evaluate(x, y, w, point, 2, multinomial, l2, intercept, standardization, uncentred)
    centred = intercept and not uncentred
    expected, slopes = objective(x, y, w, point, 2, multinomial, l2, intercept, standardization, centred)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-12 * np.abs(slopes).max())


@pytest.mark.parametrize(("classes", "multinomial"), [(2, False), (2, True), (4, True)])
def test_gradient_is_the_derivative(classes, multinomial):
    x, y, w = problem(4, 40, 6, classes)
    sets = classes if multinomial else 1
    point = np.random.default_rng(5).standard_normal(sets * 7)
    _, gradient = evaluate(x, y, w, point, classes, multinomial)
    step = 1e-6  # the error of a central difference is step^2 f''' / 6 + eps / step, some 1e-10
    for k in range(point.size):
        ahead, behind = point.copy(), point.copy()
        ahead[k] += step
        behind[k] -= step
        rise = (
            evaluate(x, y, w, ahead, classes, multinomial)[0]
            - evaluate(x, y, w, behind, classes, multinomial)[0]
        )
        assert rise / (2 * step) == pytest.approx(gradient[k], abs=1e-8)


@pytest.mark.parametrize(
    ("n", "d", "density"), [(700, 30, 1.0), (700, 30, 0.1), (9, 12000, 1.0), (9, 12000, 0.05)]
)
def test_same_bits_for_any_threads_and_blocks(n, d, density):
    x, y, w = problem(6, n, d, 9, density)
    point = np.random.default_rng(7).standard_normal(9 * (d + 1))
    value, gradient = evaluate(x, y, w, point, 9, True)
    cuts = [0, 1, 2, n // 3, n // 3, n - 1, n]
    blocks = [np.ascontiguousarray(x[a:b]) for a, b in itertools.pairwise(cuts)]
    for options in [{"threads": 2}, {"threads": 3}, {"threads": 7}, {"blocks": blocks, "threads": 2}]:
        again, slopes = evaluate(x, y, w, point, 9, True, **options)
        assert again == value
        assert (slopes == gradient).all()


def test_extreme_margins_stay_finite():
    x = np.array([[1.0], [-1.0], [2.0]], np.float32)
    for classes, multinomial, size in [(2, False, 2), (2, True, 4)]:
        for scale in (1e3, 1e5):
            point = np.full(size, scale) * np.resize([1, -1], size)
            value, gradient = evaluate(x, np.array([0.0, 1.0, 0.0]), None, point, classes, multinomial, 0.0)
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
