"""Fits through the sums of parts: the fit on all rows at once is the oracle."""

import numpy as np
import pytest
from linear.fitting import matrix

from pydeepl import _core

pytestmark = pytest.mark.core

CUTS = (slice(0, 40), slice(40, 41), slice(41, 90))


@pytest.fixture(scope="module", params=["dense", "sparse"])
def rows(request):
    """Features [90, 8] with a constant column, labels of three classes, weights."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((90, 8)).astype(np.float32)
    x[:, 2] = 0.7
    if request.param == "sparse":
        x[:, 3:][rng.random((90, 5)) < 0.97] = 0
    return x, rng.integers(0, 3, 90).astype(float), rng.uniform(0.5, 2, 90)


def parts_of(rows):
    x, labels, weights = (np.ascontiguousarray(each) for each in rows)
    return [(matrix(np.ascontiguousarray(x[cut])), labels[cut].copy(), weights[cut].copy()) for cut in CUTS]


def fit_parts(rows, sets, multinomial, *options, evaluate=None):
    x, labels, weights = rows
    total = weights.sum()
    mean = (weights @ x.astype(float)) / total
    spread = weights @ (x.astype(float) - mean) ** 2
    spread[x.std(axis=0) == 0] = 0
    deviation = np.sqrt(spread / (total - (weights**2).sum() / total))
    parts = parts_of(rows)

    def sums(point):
        found = [
            _core.logistic_part(*part, sets, multinomial, options[4], 1, mean, deviation, point)
            for part in parts
        ]
        return sum(value for value, _ in found), sum(gradient for _, gradient in found)

    weights_of = np.bincount(labels.astype(int), weights, minlength=sets)
    return _core.logistic_fit_parts(
        evaluate or sums, total, mean, deviation, weights_of, multinomial, *options, 1
    )


@pytest.mark.parametrize("sets, multinomial", [(3, True), (2, True), (2, False)])
@pytest.mark.parametrize(
    "options", [(30, 0.02, 0.0), (30, 0.03, 0.5), (30, 0.0, 0.0), (30, 0.02, 0.2)], ids=str
)
@pytest.mark.parametrize("intercept, standardization", [(True, True), (False, True), (True, False)])
def test_the_path_is_that_of_all_rows(rows, sets, multinomial, options, intercept, standardization):
    """Rounding of another order of sums is 1e-16 of a sum; a path of 30 steps carries it on."""
    x, labels, weights = rows
    rows = x, np.minimum(labels, sets - 1), weights
    options = (*options, 1e-6, intercept, standardization)
    found = fit_parts(rows, sets, multinomial, *options)
    expected = _core.logistic_fit(matrix(x), rows[1], weights, sets, multinomial, *options, False, 1)
    assert len(found[2]) == len(expected[2])
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-11)
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-8)
    assert (found[0][:, 2] == 0).all()


def test_spreads_are_those_of_numpy(rows):
    x, _, weights = rows
    mean, spread = _core.features_spread(matrix(x), weights, 1)
    expected = (weights @ x.astype(float)) / weights.sum()
    np.testing.assert_allclose(mean, expected, rtol=1e-12, atol=1e-15)
    centred = x.astype(float) - expected
    np.testing.assert_allclose(spread, weights @ centred**2, rtol=1e-12, atol=1e-12)
    assert spread[2] == 0 and mean[2] == x[0, 2]
    with pytest.raises(ValueError, match="row 1: weight is 0; expected a finite number above 0"):
        _core.features_spread(matrix(x), np.r_[1.0, 0.0, weights[2:]], 1)


def test_one_class_needs_no_sums(rows):
    x, labels, weights = rows
    options = (10, 0.1, 0.0, 1e-6, True, True)
    found = fit_parts((x, labels * 0 + 1, weights), 3, True, *options, evaluate=lambda _: 1 / 0)
    assert not found[0].any() and found[1].tolist() == [0, np.inf, 0] and found[2].tolist() == [0]


def test_what_evaluate_raises_or_gives_wrongly_is_said(rows):
    options = (10, 0.1, 0.0, 1e-6, True, True)
    with pytest.raises(ZeroDivisionError):
        fit_parts(rows, 3, True, *options, evaluate=lambda _: 1 / 0)
    with pytest.raises(TypeError, match=r"evaluate: expected \(value, gradient\), got"):
        fit_parts(rows, 3, True, *options, evaluate=lambda _: 3)
    with pytest.raises(TypeError, match=r"evaluate: expected \(value, gradient\), got \(0.0,\)"):
        fit_parts(rows, 3, True, *options, evaluate=lambda _: (0.0,))
    with pytest.raises(ValueError, match="gradient: expected 27 values, got 5"):
        fit_parts(rows, 3, True, *options, evaluate=lambda _: (0.0, np.zeros(5)))
    part = parts_of(rows)[0]
    with pytest.raises(ValueError, match="point: expected 27 values"):
        _core.logistic_part(*part, 3, True, True, 1, np.zeros(8), np.ones(8), np.zeros(3))


@pytest.mark.parametrize(
    "total, mean, deviation, classes, message",
    [
        (0.0, 0.0, 1.0, 1.0, "total weight is 0; expected a finite number above 0"),
        (np.inf, 0.0, 1.0, 1.0, "total weight is inf"),
        (2.0, np.nan, 1.0, 1.0, "feature 0: mean nan, deviation 1; expected"),
        (2.0, 0.0, -1.0, 1.0, "feature 0: mean 0, deviation -1; expected"),
        (2.0, 0.0, 1.0, np.nan, "class 1: its weight is nan; expected a finite number >= 0"),
    ],
)
def test_what_is_known_of_all_rows_is_checked(total, mean, deviation, classes, message):
    known = total, np.array([mean]), np.array([deviation]), np.array([1.0, classes])
    with pytest.raises(ValueError, match=message):
        _core.logistic_fit_parts(lambda _: 1 / 0, *known, False, 10, 0.1, 0.0, 1e-6, True, True, 1)
