"""The solver's results: optima found elsewhere, optimality conditions, invariances, rules of its own."""

import os
import signal
import threading
import time
import weakref

import numpy as np
import pytest
from linear.fitting import fit, formula_data, matrix
from linear.reference import objective, scaled

from pydeepl import _core

pytestmark = pytest.mark.core


def random_problem(seed, n, d, classes):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((n, d)) * rng.uniform(0.5, 3, d) + rng.standard_normal(d)).astype(np.float32)
    truth = rng.standard_normal((d, classes))
    y = (x @ truth + 3 * rng.gumbel(size=(n, classes))).argmax(axis=1).astype(np.float64)
    y[:classes] = range(classes)
    return x, y


# ---- optima


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_l2_optimum_is_scikit_learns(classes):
    from sklearn.linear_model import LogisticRegression

    x, y = random_problem(classes, 120, 8, classes)
    z, inverse = scaled(x, np.ones(len(y)), True)
    peer = LogisticRegression(C=1 / (0.05 * len(y)), tol=1e-12, max_iter=10000).fit(z, y)
    # Two classes: scikit-learn's model is the binomial one.
    coefficients, intercepts, _ = fit(x, y, regParam=0.05, tol=1e-13, maxIter=1000)
    np.testing.assert_allclose(coefficients, peer.coef_ * inverse, rtol=0, atol=1e-6)
    own = (x @ coefficients.T + intercepts)[:5]
    np.testing.assert_allclose(
        own - own[:, :1], (lambda m: m - m[:, :1])((z @ peer.coef_.T + peer.intercept_)[:5]), atol=1e-5
    )


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("standardization", "intercept"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_elastic_net_meets_the_optimality_conditions(alpha, standardization, intercept, classes):
    """Zero lies in the subgradient: |gradient| <= p where b = 0, gradient = -sign(b) p elsewhere."""
    x, y = random_problem(5, 150, 12, classes)
    strength, w = 0.08, np.ones(len(y))
    coefficients, intercepts, _ = fit(
        x, y, regParam=strength, elasticNetParam=alpha, standardization=standardization,
        fitIntercept=intercept, tol=1e-14, maxIter=3000,
    )  # fmt: skip
    multinomial = classes > 2
    _, inverse = scaled(x, w, True)
    b = np.divide(coefficients, inverse)
    start = intercepts + (coefficients @ x.mean(axis=0, dtype=np.float64) if intercept else 0)
    point = np.concatenate([b.ravel(), start if intercept else []])
    _, gradient = objective(
        x, y, w, point, classes, multinomial, (1 - alpha) * strength, intercept, standardization, intercept
    )
    p = np.broadcast_to(alpha * strength * (1 if standardization else inverse), b.shape)
    slopes = gradient[: b.size].reshape(b.shape)
    zero = b == 0
    assert zero.any()
    assert not zero.all()
    assert (np.abs(slopes[zero]) <= p[zero] + 1e-6).all()
    np.testing.assert_allclose(slopes[~zero], -(np.sign(b) * p)[~zero], rtol=0, atol=1e-6)
    np.testing.assert_allclose(gradient[b.size :], 0, atol=1e-6)


def test_both_optimisers_agree_where_the_l1_term_vanishes():
    x, y = random_problem(6, 100, 6, 3)
    one = fit(x, y, regParam=0.1, tol=1e-12, maxIter=500)[0]
    other = fit(x, y, regParam=0.1, elasticNetParam=1e-12, tol=1e-12, maxIter=500)[0]
    np.testing.assert_allclose(one, other, atol=1e-5)


# ---- invariances


@pytest.mark.parametrize("net", [0.0, 0.5])
@pytest.mark.parametrize(
    ("n", "d", "density"), [(300, 40, 1.0), (200, 300, 0.08), (20, 9000, 1.0), (20, 9000, 0.08)]
)
def test_same_bits_for_any_threads_and_blocks(n, d, density, net):
    rng = np.random.default_rng(9)
    x = rng.standard_normal((n, d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    y = rng.integers(0, 10, n).astype(np.float64)
    params = {"regParam": 0.02, "elasticNetParam": net, "maxIter": 12}
    first = fit(x, y, threads=1, **params)
    cut = [np.ascontiguousarray(part) for part in np.array_split(x, 7)]
    for features, threads in [(x, 2), (x, 3), (cut, 2)]:
        for a, b in zip(first, fit(features, y, threads=threads, **params), strict=True):
            assert a.tobytes() == b.tobytes()


def test_weights_count_rows():
    x, y = random_problem(10, 60, 5, 3)
    counts = np.arange(60) % 3
    # The deviation's denominator tells weights from repetition: without a penalty the optimum is the same.
    weighted = fit(x, y, counts.astype(float), regParam=0.0, tol=1e-12, maxIter=500)
    again = fit(np.repeat(x, counts, axis=0), np.repeat(y, counts), regParam=0.0, tol=1e-12, maxIter=500)
    np.testing.assert_allclose(weighted[0], again[0], atol=1e-5)
    assert weighted[2][0] == pytest.approx(again[2][0], rel=1e-14)


def test_rows_of_weight_zero_do_not_count():
    x, y = random_problem(11, 50, 4, 3)
    w = np.ones(50)
    w[25:] = 0
    for ours, expected in zip(
        fit(x, y, w, regParam=0.1), fit(x[:25], y[:25], classes=3, regParam=0.1), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


def test_a_shift_moves_only_the_uncentred_path():
    x, y = random_problem(12, 80, 6, 3)
    x = np.round(x * 64) / 64  # so that the shift loses no bits
    params = {"regParam": 0.05, "elasticNetParam": 0.3, "maxIter": 15}
    plain, moved = fit(x, y, **params)[2], fit(x + 4, y, **params)[2]
    np.testing.assert_allclose(moved, plain, rtol=1e-12)
    plain, moved = fit(x, y, uncentred=True, **params)[2], fit(x + 4, y, uncentred=True, **params)[2]
    assert abs(moved[3] - plain[3]) > 1e-6 * plain[3]


def test_scaling_a_feature_scales_its_coefficient():
    x, y = random_problem(13, 80, 5, 3)
    coefficients, intercepts, history = fit(x, y, regParam=0.05)
    scale = np.array([1, 2, 0.5, 8, 1024], np.float32)
    scaled_coefficients, scaled_intercepts, scaled_history = fit(x * scale, y, regParam=0.05)
    np.testing.assert_allclose(scaled_history, history, rtol=1e-13)
    np.testing.assert_allclose(scaled_coefficients * scale, coefficients, rtol=1e-9)
    np.testing.assert_allclose(scaled_intercepts, intercepts, rtol=1e-9, atol=1e-12)


# ---- starts, history, special data


def test_start_without_intercept_is_log_classes():
    y = np.arange(30) % 3
    history = fit(formula_data(), y, fitIntercept=False, maxIter=0)[2]
    assert history.tolist() == pytest.approx([np.log(3)], rel=1e-15)


def test_binomial_start_is_the_entropy_of_the_labels():
    y = (np.arange(30) % 3 == 0).astype(float)
    history = fit(formula_data(), y, maxIter=0)[2]
    share = y.mean()
    assert history.tolist() == pytest.approx(
        [-share * np.log(share) - (1 - share) * np.log(1 - share)], rel=1e-14
    )


@pytest.mark.parametrize("net", [0.0, 0.5])
def test_every_iteration_is_recorded(net):
    x, y = random_problem(14, 60, 5, 3)
    seen = []
    history = fit(
        x,
        y,
        regParam=0.01,
        elasticNetParam=net,
        tol=0.0,
        maxIter=7,
        progress=lambda *state: seen.append(state),
    )[2]
    assert len(history) == 8
    assert seen == list(enumerate(history))


@pytest.mark.parametrize(
    ("label", "classes", "family", "expected"),
    [
        (2, 3, "auto", [0, 0, np.inf]),
        (1, 2, "auto", [np.inf]),
        (0, 1, "auto", [-np.inf]),
        (0, 2, "auto", [-np.inf]),
        (1, 2, "multinomial", [0, np.inf]),
    ],
)
def test_constant_label(label, classes, family, expected):
    coefficients, intercepts, history = fit(
        formula_data(), np.full(30, label), classes=classes, family=family
    )
    assert intercepts.tolist() == expected
    assert history.tolist() == [0.0]
    assert not coefficients.any()


def test_constant_label_without_intercept_trains():
    history = fit(formula_data(), np.ones(30), classes=2, fitIntercept=False, regParam=0.1)[2]
    assert history[-1] < history[0]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("net", [0.0, 0.5])
@pytest.mark.parametrize("standardization", [True, False])
def test_constant_column_has_no_coefficient(standardization, net, intercept):
    coefficients = fit(
        formula_data(), np.arange(30) % 3, regParam=0.01, elasticNetParam=net,
        standardization=standardization, fitIntercept=intercept,
    )[0]  # fmt: skip
    assert (coefficients[:, 4] == 0).all()
    assert coefficients[:, :4].any()


def test_constant_column_of_a_value_that_binary_does_not_hold():
    x = np.hstack([formula_data(), np.full((30, 1), 0.1, np.float32)])
    coefficients, _, history = fit(x, np.arange(30) % 3, np.linspace(0.1, 0.7, 30))
    assert (coefficients[:, 5] == 0).all()
    assert np.isfinite(history).all()


def test_a_class_without_rows_gets_coefficients_too():
    x, y = random_problem(16, 90, 5, 3)
    y[y == 1] = 3
    coefficients, intercepts, _ = fit(x, y, regParam=0.05, tol=1e-10)
    assert coefficients.shape == (4, 5)
    assert coefficients[1].any()
    assert intercepts[1] == intercepts.min()


@pytest.mark.parametrize("counts", [[20, 10, 0, 0], [20, 0, 10, 0], [0, 7, 23]])
def test_the_start_knows_the_classes_up_to_the_largest_label(counts):
    """Classes beyond it, which only metadata tell of, begin with an intercept of 0, as in Spark."""
    y = np.repeat(np.arange(len(counts)), counts)
    known = np.log1p(counts[: y.max() + 1])
    intercepts = np.zeros(len(counts))
    intercepts[: len(known)] = known - known.mean()
    loss = np.log(np.exp(intercepts).sum()) - intercepts[y]
    history = fit(formula_data(), y, classes=len(counts), maxIter=0)[2]
    assert history == pytest.approx([loss.mean()], rel=1e-14)


def test_pivoting():
    x, y = random_problem(17, 90, 5, 4)
    free, intercepts, _ = fit(x, y)
    np.testing.assert_allclose(free.mean(axis=0), 0, atol=1e-12)
    assert intercepts.mean() == pytest.approx(0, abs=1e-12)
    _, penalised, _ = fit(x, y, regParam=0.1)
    assert penalised.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_separable_data_ends(classes):
    x = (
        np.repeat(np.eye(classes, dtype=np.float32), 4, axis=0)
        + np.arange(4 * classes, dtype=np.float32)[:, None] / 64
    )
    y = np.repeat(np.arange(classes), 4).astype(float)
    coefficients, intercepts, history = fit(x, y, tol=0.0, maxIter=500)
    assert np.isfinite(coefficients).all()
    assert history[-1] < 1e-6
    margins = x @ coefficients.T + intercepts
    assert ((margins.argmax(axis=1) if classes > 2 else margins[:, 0] > 0) == y).all()


@pytest.mark.parametrize("net", [0.0, 0.5])
@pytest.mark.parametrize("classes", [2, 3])
def test_two_failures_in_a_row_end_the_run(classes, net):
    """Features far from 0 for their spread: the first search fails, and the one after the restart too.

    The state is recorded for the start, for the restart and for the end.
    """
    i = np.arange(30)
    x = np.stack([2.0**23 + 7 * i % 11, 2.0**22 + 5 * i % 13], axis=1)
    params = {"regParam": 0.05, "elasticNetParam": net, "fitIntercept": False}
    coefficients, _, history = fit(x, i % classes, **params)
    assert history.tolist() == pytest.approx([np.log(classes)] * 3, rel=1e-14)
    assert not coefficients.any()


# ---- bad input


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite(value):
    x = formula_data()
    x[17, 3] = value
    x[20, 1] = value
    with pytest.raises(ValueError, match=rf"row 17: feature 3 is {value}"):
        fit([x[:10], x[10:]], np.arange(30) % 3)


@pytest.mark.parametrize("label", [-1, 1.5, 3, np.nan, np.inf])
def test_labels_out_of_range(label):
    y = np.arange(30) % 3.0
    y[4] = label
    with pytest.raises(ValueError, match=r"row 4: label is .*integers in \[0, 3\)"):
        fit(formula_data(), y, classes=3)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf])
def test_bad_weights(weight):
    w = np.ones(30)
    w[9] = weight
    with pytest.raises(ValueError, match="row 9: weight is"):
        fit(formula_data(), np.arange(30) % 3, w)
    with pytest.raises(ValueError, match="all 30 weights are 0"):
        fit(formula_data(), np.arange(30) % 3, np.zeros(30))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"regParam": -0.1}, "reg_param is -0.1"),
        ({"regParam": np.nan}, "reg_param is nan"),
        ({"elasticNetParam": 1.5}, "elastic_net is 1.5"),
        ({"tol": -1.0}, "tolerance is -1"),
        ({"family": "binomial"}, "binomial regression takes 1 or 2 classes, got 3"),
    ],
)
def test_bad_options(params, message):
    with pytest.raises(ValueError, match=message):
        fit(formula_data(), np.arange(30) % 3, **params)


def test_shapes_are_checked():
    x, y = formula_data(), np.arange(30) % 3
    with pytest.raises(ValueError, match="block: expected 5 features, found 4"):
        fit([x, x[:, :4]], y)
    with pytest.raises(ValueError, match="labels: expected 60 values, got 30"):
        fit([x, x], y)
    with pytest.raises(ValueError, match="at least one row and one column"):
        fit(np.empty((0, 5)), np.empty(0), classes=2)
    with pytest.raises(TypeError, match="float32"):
        _core.logistic_margins(x.astype(np.float64), np.ones((1, 5)), np.ones(1), 1)
    with pytest.raises(ValueError, match="do not fit"):
        _core.logistic_margins(x, np.ones((1, 4)), np.ones(1), 1)


def test_arrays_of_the_other_byte_order_are_refused():
    x = formula_data()
    with pytest.raises(TypeError, match="x: expected a C-contiguous, native float32 array"):
        _core.logistic_margins(x.astype(x.dtype.newbyteorder()), np.ones((1, 5)), np.ones(1), 1)
    with pytest.raises(TypeError, match="intercepts: expected a C-contiguous, native float64 array"):
        _core.logistic_margins(x, np.ones((1, 5)), np.ones(1, np.dtype(float).newbyteorder()), 1)


@pytest.mark.parametrize(("n", "d", "sets"), [(1, 1, 1), (33, 7, 3), (50, 2500, 10), (0, 4, 2)])
@pytest.mark.parametrize("kernels", ["portable", "avx2", "avx512"])
def test_margins(n, d, sets, kernels, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    rng = np.random.default_rng(19)
    x = rng.standard_normal((n, d)).astype(np.float32)
    coefficients, intercepts = rng.standard_normal((sets, d)), rng.standard_normal(sets)
    intercepts[0] = np.inf
    margins = _core.logistic_margins(x, coefficients, intercepts, 2)
    np.testing.assert_allclose(margins, x @ coefficients.T + intercepts, rtol=1e-11, atol=1e-11)


# ---- processes and interruption


def test_an_exception_in_the_callback_ends_the_fit():
    x, y = random_problem(20, 60, 5, 3)

    def stop(iteration, objective):
        if iteration == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit(x, y, tol=0.0, progress=stop)


def test_a_matrix_keeps_the_blocks_that_it_borrows():
    x, y = random_problem(20, 60, 5, 3)
    blocks = [x[:30].copy(), x[30:].copy(), np.zeros((3, 5), np.float32)]
    alive = [weakref.ref(block) for block in blocks]
    features = _core.FeatureMatrix(5)
    assert [features.append(block) for block in blocks] == [True, True, True]
    blocks.clear()
    args = (np.append(y, [0, 0, 0]), None, 3, True, 5, 0.0, 0.0, 0.0, True, True, False, 1)
    coefficients, _, _ = _core.logistic_fit(features, *args)
    assert all(block() is not None for block in alive)
    assert np.array_equal(coefficients, _core.logistic_fit(matrix([x, np.zeros((3, 5))]), *args)[0])
    del features
    assert all(block() is None for block in alive)


def test_ctrl_c_ends_the_fit():
    x, y = random_problem(21, 400, 300, 10)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(10000):
            fit(x, y, regParam=1e-9, elasticNetParam=0.5, tol=0.0, maxIter=100000)
    timer.join()


@pytest.mark.filterwarnings(
    "ignore:.*multi-threaded, use of fork"
)  # what is tested is that it works all the same
def test_works_in_a_child_after_fork():
    x, y = random_problem(22, 400, 300, 10)
    expected = fit(x, y, regParam=0.1, threads=2, maxIter=5)[2]
    child = os.fork()
    if child == 0:
        same = fit(x, y, regParam=0.1, threads=2, maxIter=5)[2].tobytes() == expected.tobytes()
        os._exit(0 if same else 1)
    deadline = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            pytest.fail("the child hangs")
        time.sleep(0.01)


def test_several_threads_may_fit_at_once():
    x, y = random_problem(23, 300, 200, 5)
    expected = fit(x, y, regParam=0.1, threads=2)[0].tobytes()
    results = []
    workers = [
        threading.Thread(target=lambda: results.append(fit(x, y, regParam=0.1, threads=2)[0].tobytes()))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 4
