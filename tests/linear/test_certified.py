"""The certified solver: optima found elsewhere, certificates by definition, problems without an optimum."""

import signal
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear.fitting import certify, fit, is_multinomial, optimum
from linear.reference import optimality, scaled

pytestmark = pytest.mark.core

CONVERGED, ITERATIONS, NO_OPTIMUM, PRECISION = "converged", "iterations", "no optimum", "precision"


def random_problem(seed, n, d, classes, zeros=0.0):
    """Labels that the features tell of, every class among them; unequal scales, a constant column."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((n, d)) * rng.uniform(0.5, 3, d) + rng.standard_normal(d)).astype(np.float32)
    y = (x @ rng.standard_normal((d, classes)) + 3 * rng.gumbel(size=(n, classes))).argmax(axis=1)
    y[:classes] = range(classes)
    x[rng.random((n, d)) < zeros] = 0
    x[:, d // 2] = 1.25
    return x, y.astype(np.float64)


def reference(x, y, coefficients, intercepts, w=None, classes=None, family="auto", **params):
    classes = classes or int(y.max()) + 1
    w = np.ones(len(y)) if w is None else w
    return optimality(x, y, w, coefficients, intercepts, classes, is_multinomial(family, classes), **params)


# ---- certificates


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("intercept", "standardization"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_certificate_is_what_its_definition_says(classes, alpha, intercept, standardization, weighted):
    x, y = random_problem(1, 50, 7, classes)
    w = np.arange(50) % 4 / 2.0 if weighted else None
    rng = np.random.default_rng(2)
    sets = classes if classes > 2 else 1
    coefficients = rng.standard_normal((sets, 7)) * (rng.random((sets, 7)) < 0.5)
    coefficients[:, 3] = 0  # the constant column
    intercepts = rng.standard_normal(sets) * intercept
    params = {
        "regParam": 0.07,
        "elasticNetParam": alpha,
        "fitIntercept": intercept,
        "standardization": standardization,
    }
    found = certify(x, y, coefficients, intercepts, w=w, **params)
    expected = reference(x, y, coefficients, intercepts, w=w, **params)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_gap_bounds_the_distance_to_the_optimum(alpha, intercept):
    x, y = random_problem(3, 60, 9, 3)
    params = {"regParam": 0.05, "elasticNetParam": alpha, "fitIntercept": intercept}
    coefficients, intercepts, _, best = optimum(x, y, tol=1e-13, **params)
    rng = np.random.default_rng(4)
    for size in (1e-6, 1e-4, 1e-2, 1.0):
        shift = size * rng.standard_normal(coefficients.shape)
        objective, _, gap = certify(x, y, coefficients + shift, intercepts, **params)
        assert best[0] - 1e-13 <= objective <= best[0] + gap


def test_the_gap_of_a_class_without_rows_is_finite():
    x, y = random_problem(5, 40, 4, 3)
    y[y == 1] = 2
    params = {"regParam": 0.05, "classes": 3}
    coefficients, intercepts, _ = fit(x, y, **params)
    found = certify(x, y, coefficients, intercepts, **params)
    assert np.isfinite(intercepts).all()
    np.testing.assert_allclose(found, reference(x, y, coefficients, intercepts, **params), rtol=1e-9)


def test_without_penalty_nothing_bounds_the_optimum():
    x, y = random_problem(6, 60, 4, 3)
    coefficients, intercepts, _ = fit(x, y)
    objective, residual, gap = certify(x, y, coefficients, intercepts)
    expected = reference(x, y, coefficients, intercepts, regParam=0.0)
    np.testing.assert_allclose((objective, residual), expected[:2], rtol=1e-8)
    assert np.isnan(gap)


# ---- optima


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(8, 60),
    d=st.sampled_from([1, 3, 20, 90]),
    classes=st.sampled_from([2, 3, 5]),
    strength=st.sampled_from([0.3, 0.02, 1e-3]),
    alpha=st.sampled_from([0.0, 0.5, 0.95, 1.0]),
    intercept=st.booleans(),
    standardization=st.booleans(),
    family=st.sampled_from(["auto", "multinomial"]),
    zeros=st.sampled_from([0.0, 0.9]),
)
def test_small_problems_converge(
    seed, n, d, classes, strength, alpha, intercept, standardization, family, zeros
):
    x, y = random_problem(seed, n, d, classes, zeros)
    w = np.random.default_rng(seed).integers(0, 3, n) / 2.0
    w[:classes] = 1
    params = {
        "regParam": strength,
        "elasticNetParam": alpha,
        "fitIntercept": intercept,
        "standardization": standardization,
        "family": family,
    }
    coefficients, intercepts, history, (objective, residual, gap, outcome) = optimum(
        x, y, w, tol=1e-9, maxIter=100, **params
    )
    # The gap goes with the residual, what a step still wins with its square: where the objective is near 0
    # (few rows, a small pure L1 penalty), rounding hides the win before the gap is 1e-9 of it, and the solver
    # says so.
    assert outcome in (CONVERGED, PRECISION)
    bound = 1e-9 * objective if outcome == CONVERGED else 1e-10
    expected = reference(x, y, coefficients, intercepts, w=w, classes=classes, **params)
    assert objective == pytest.approx(expected[0], rel=1e-12) == history[-1]
    assert gap <= bound and expected[2] <= bound + 1e-12
    assert residual == pytest.approx(expected[1], rel=1e-3, abs=1e-11)
    assert (coefficients[:, d // 2] == 0).all()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_optimum_is_scikit_learns(classes, alpha):
    from sklearn.linear_model import LogisticRegression

    x, y = random_problem(7, 150, 12, classes)
    z, _ = scaled(x, np.ones(len(y)), True)
    strength = 0.04
    kind = {"solver": "saga", "l1_ratio": alpha} if alpha else {}
    if alpha and LogisticRegression().penalty != "deprecated":  # scikit-learn < 1.8 has to be told
        kind["penalty"] = "elasticnet"
    peer = LogisticRegression(C=1 / (strength * len(y)), tol=1e-10, max_iter=20000, **kind).fit(z, y)
    # Two classes: scikit-learn's model is the binomial one. Its features are scaled, so ours are, too.
    params = {"regParam": strength, "elasticNetParam": alpha}
    theirs = reference(z, y, peer.coef_, peer.intercept_, **params)[0]
    ours = optimum(x, y, tol=1e-12, **params)[3]
    assert ours[0] <= theirs + 1e-12
    assert ours[0] == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("standardization", [True, False])
def test_the_optimum_is_where_sparks_path_ends(classes, alpha, standardization):
    x, y = random_problem(8, 90, 10, classes)
    params = {"regParam": 0.05, "elasticNetParam": alpha, "standardization": standardization}
    coefficients, intercepts, history = fit(x, y, tol=1e-15, maxIter=3000, **params)
    ours = optimum(x, y, tol=1e-13, **params)
    assert ours[3][0] == pytest.approx(history[-1], abs=1e-9)
    np.testing.assert_allclose(ours[0], coefficients, atol=2e-5)
    np.testing.assert_allclose(ours[1], intercepts, atol=2e-5)


def test_without_penalty_the_gradient_vanishes():
    x, y = random_problem(9, 300, 5, 3)
    coefficients, intercepts, _, (_, residual, gap, outcome) = optimum(x, y, tol=1e-10)
    assert outcome == CONVERGED and residual <= 1e-10 and np.isnan(gap)
    expected = reference(x, y, coefficients, intercepts, regParam=0.0)
    assert expected[1] <= 2e-10
    np.testing.assert_allclose(coefficients.sum(axis=0), 0, atol=1e-9)  # as Spark pivots


def test_few_columns_of_many_are_gathered():
    """Wide, sparse, L1: the working set has to find the columns."""
    x, y = random_problem(10, 60, 4000, 3, zeros=0.93)
    params = {"regParam": 0.02, "elasticNetParam": 0.9}
    coefficients, intercepts, _, (objective, _, gap, outcome) = optimum(x, y, tol=1e-10, **params)
    assert outcome == CONVERGED and 0 < (coefficients != 0).sum() < 400
    expected = reference(x, y, coefficients, intercepts, **params)
    assert expected[2] <= 2e-10 * objective and gap <= 1e-10 * objective


# ---- no optimum, or a trivial one


def test_separable_classes_without_penalty_have_no_optimum():
    x, y = random_problem(11, 20, 60, 3)
    coefficients, _, history, (_, residual, _, outcome) = optimum(x, y, tol=1e-6)
    assert outcome == NO_OPTIMUM
    assert residual <= 1e-6 and len(history) <= 60 and np.isfinite(coefficients).all()


def test_nearly_separable_classes_have_no_optimum_either():
    """Ties at the border: no margin is positive for all rows, but the loss falls for ever."""
    x = np.array([[-2], [-1], [0], [0], [1], [3]], np.float32)
    y = np.array([0, 0, 0, 1, 1, 1.0])
    _, _, history, (_, _, _, outcome) = optimum(x, y, tol=1e-6, maxIter=200)
    assert outcome == NO_OPTIMUM and len(history) < 100


def test_a_class_without_rows_gets_its_limit():
    x, y = random_problem(12, 60, 6, 4)
    y[y == 1] = 3
    params = {"regParam": 0.03, "elasticNetParam": 0.5}
    coefficients, intercepts, _, (objective, _, _, outcome) = optimum(x, y, classes=4, tol=1e-11, **params)
    assert outcome == CONVERGED
    assert intercepts[1] == -np.inf and (coefficients[1] == 0).all()
    assert intercepts[[0, 2, 3]].sum() == pytest.approx(0, abs=1e-12)
    others = optimum(x, np.unique(y, return_inverse=True)[1], tol=1e-11, family="multinomial", **params)
    np.testing.assert_allclose(coefficients[[0, 2, 3]], others[0], atol=1e-7)
    assert objective == pytest.approx(others[3][0], abs=1e-12)


def test_a_class_without_rows_is_ordinary_without_intercepts():
    x, y = random_problem(13, 60, 6, 3)
    y[y == 1] = 2
    params = {"regParam": 0.03, "fitIntercept": False, "classes": 3}
    coefficients, intercepts, _, (_, _, _, outcome) = optimum(x, y, tol=1e-11, **params)
    assert outcome == CONVERGED and (intercepts == 0).all() and (coefficients[1] != 0).any()


def test_one_class_needs_no_training():
    x, _ = random_problem(14, 10, 3, 2)
    coefficients, intercepts, history, (objective, residual, gap, outcome) = optimum(
        x, np.full(10, 2.0), classes=3, regParam=0.1
    )
    assert (coefficients == 0).all() and intercepts.tolist() == [0, 0, np.inf] and history.tolist() == [0]
    assert (objective, residual, gap, outcome) == (0, 0, 0, CONVERGED)
    assert certify(x, np.full(10, 2.0), coefficients, intercepts, classes=3, regParam=0.1) == (0, 0, 0)


def test_a_penalty_too_strong_for_any_coefficient():
    x, y = random_problem(15, 60, 6, 3)
    coefficients, intercepts, history, (_, _, _gap, outcome) = optimum(
        x, y, regParam=10.0, elasticNetParam=1.0, tol=1e-12
    )
    assert outcome == CONVERGED and len(history) == 1 and (coefficients == 0).all()
    shares = np.bincount(y.astype(int)) / len(y)
    np.testing.assert_allclose(intercepts, np.log(shares) - np.log(shares).mean(), atol=1e-14)


# ---- rules of the run


@pytest.mark.parametrize("most", [0, 1, 3])
def test_iterations_are_bounded_and_recorded(most):
    x, y = random_problem(16, 80, 30, 3)
    told = []
    _, _, history, (objective, _, gap, outcome) = optimum(
        x, y, regParam=1e-3, elasticNetParam=0.5, tol=1e-15, maxIter=most,
        progress=lambda iteration, value: told.append((iteration, value)),
    )  # fmt: skip
    assert outcome == ITERATIONS and gap > 1e-15 * objective
    assert told == list(enumerate(history)) and len(history) == most + 1
    assert (np.diff(history) <= 1e-14).all()


def test_a_tolerance_of_zero_ends_in_rounding():
    x, y = random_problem(17, 80, 30, 3)
    _, _, _history, (objective, _, gap, outcome) = optimum(x, y, regParam=0.02, elasticNetParam=0.5, tol=0.0)
    assert outcome in (CONVERGED, PRECISION, ITERATIONS) and gap <= 1e-13 * objective


@pytest.mark.parametrize(
    ("n", "d", "zeros", "alpha"),
    [
        (700, 40, 0.0, 0.5),
        (90, 9000, 0.0, 0.0),
        (90, 9000, 0.95, 0.0),
        (90, 9000, 0.95, 0.5),
        (700, 40, 0.9, 0.0),
    ],
)
def test_threads_do_not_change_a_bit(n, d, zeros, alpha):
    x, y = random_problem(18, n, d, 10, zeros)
    params = {"regParam": 0.01, "elasticNetParam": alpha, "tol": 1e-7}
    one, two, three = (optimum(x, y, threads=threads, **params) for threads in (1, 2, 3))
    for other in (two, three):
        assert other[0].tobytes() == one[0].tobytes() and other[1].tobytes() == one[1].tobytes()
        assert other[2].tobytes() == one[2].tobytes() and other[3] == one[3]


@pytest.mark.parametrize("kernels", ["portable", "avx2", "avx512"])
def test_all_kernels_find_the_optimum(kernels, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    x, y = random_problem(19, 70, 400, 3, zeros=0.9)
    params = {"regParam": 0.01, "elasticNetParam": 0.5}
    coefficients, intercepts, _, (objective, _, _, _) = optimum(x, y, tol=1e-11, **params)
    assert reference(x, y, coefficients, intercepts, **params)[2] <= 2e-11 * objective


def test_rows_of_weight_0_are_as_if_they_were_not_there():
    x, y = random_problem(20, 80, 12, 3)
    w = (np.arange(80) % 3 > 0) * 1.0
    params = {"regParam": 0.02, "elasticNetParam": 0.5, "tol": 1e-12}
    some, without = optimum(x, y, w, **params), optimum(x[w > 0], y[w > 0], **params)
    np.testing.assert_allclose(some[0], without[0], atol=1e-9)
    np.testing.assert_allclose(some[3][0], without[3][0], rtol=1e-13)


def test_an_exception_in_the_callback_ends_the_fit():
    x, y = random_problem(21, 60, 20, 3)

    def stop(iteration, objective):
        if iteration == 1:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        optimum(x, y, tol=0.0, regParam=1e-3, elasticNetParam=0.5, progress=stop)


def test_ctrl_c_ends_the_fit():
    x, y = random_problem(22, 400, 300, 10)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(10000):
            optimum(x, y, regParam=1e-6, elasticNetParam=0.5, tol=0.0, maxIter=100000)
    timer.join()


def test_a_start_near_the_optimum_is_taken():
    x, y = random_problem(25, 80, 12, 3)
    params = {"regParam": 0.02, "elasticNetParam": 0.5}
    best = optimum(x, y, tol=1e-12, **params)
    again = optimum(x, y, tol=1e-9, initial=best[:2], **params)
    assert len(again[2]) == 1 and again[3][0] == pytest.approx(best[3][0], rel=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regParam": -1.0}, "reg_param is -1"),
        ({"elasticNetParam": 2.0}, "elastic_net is 2"),
        ({"tol": -1.0}, "tolerance is -1"),
        ({"maxIter": -1}, "max_iterations >= 0"),
    ],
)
def test_bad_parameters_are_refused(change, message):
    x, y = random_problem(23, 20, 3, 2)
    with pytest.raises(ValueError, match=message):
        optimum(x, y, **change)


def test_a_model_of_another_shape_is_refused():
    x, y = random_problem(24, 20, 3, 3)
    with pytest.raises(ValueError, match=r"expected \[3, 3\] and \[3\], got \[3, 2\] and \[3\]"):
        certify(x, y, np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(TypeError, match="float64"):
        certify(x, y, np.zeros((3, 3), np.float32), np.zeros(3))
