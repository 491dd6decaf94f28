"""Features that arrive in batches: how they are kept, masks, shared statistics, damage."""

import threading
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from linear.fitting import fit, matrix
from linear.reference import scaled

from pydeepl import _core

pytestmark = pytest.mark.core

PARAMS = {"regParam": 0.02, "elasticNetParam": 0.3, "maxIter": 8}


def problem(seed, n, d, classes, density):
    rng = np.random.default_rng(seed)
    x = rng.gamma(2, size=(n, d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    y = rng.integers(0, classes, n).astype(np.float64)
    y[:classes] = range(classes)
    return x, y


def split(x, seed=0, parts=6):
    """The rows in blocks of unlike sizes, some empty."""
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(x) + 1, parts - 1))
    return [np.ascontiguousarray(part) for part in np.split(x, cuts)]


# ---- how rows are kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize(("density", "sparse"), [(0.06, True), (0.0, True), (0.5, False)])
def test_how_rows_came_changes_no_bit(density, sparse, index, dtype):
    x, y = problem(1, 60, 3000, 4, density)
    csr = sp.csr_matrix(x.astype(dtype))
    csr.indices = csr.indices.astype(index)
    dense = matrix(x)
    ways = [matrix(csr), matrix(split(x)), matrix([csr[:17], x[17:40], csr[40:]])]
    expected = fit(dense, y, **PARAMS)
    assert dense.is_sparse == sparse
    assert dense.density == np.count_nonzero(x) / x.size
    for way in ways:
        assert way.density == dense.density
        for ours, other in zip(fit(way, y, threads=2, **PARAMS), expected, strict=True):
            assert ours.tobytes() == other.tobytes()
        assert way.is_sparse == sparse
        assert way.rows == 60


@pytest.mark.parametrize("scale", [0, 1])
def test_dense_and_sparse_agree(scale):
    """The same rows, kept in full by means of a dense block beside them that weighs nothing."""
    x, y = problem(2, 50, 400, 3, 0.1)
    filler = np.ones((150, 400), np.float32)
    w = np.r_[np.ones(50), np.zeros(150)] if scale else None
    w = np.linspace(0.5, 2, 50) if w is None else w
    full = matrix([x, filler])
    thin = matrix(x)
    one = fit(full, np.r_[y, np.zeros(150)], np.r_[w[:50], np.zeros(150)], **PARAMS)
    other = fit(thin, y, w[:50], **PARAMS)
    assert (full.is_sparse, thin.is_sparse) == (False, True)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_blocks_that_are_dense_among_many_that_are_not():
    """The whole decides: what was borrowed is copied and let go, what was given up on is packed after all."""
    columns = 70_000  # rows of a piece: 59
    rng = np.random.default_rng(21)
    zeros = np.zeros((300, columns), np.float32)
    zeros[:, ::97] = rng.random((300, 722))
    half = np.zeros((118, columns), np.float32)
    half[:59, ::2] = rng.random((59, columns // 2))
    first = np.ones((3, columns), np.float32)
    features = _core.FeatureMatrix(columns, 2)
    assert [features.append(block) for block in (first, zeros, half)] == [True, False, False]
    full = np.concatenate([first, zeros, half])
    alive = weakref.ref(first)
    del first
    assert alive() is not None
    y = np.arange(len(full)) % 2.0
    ours = fit(features, y, regParam=0.1, maxIter=2)
    assert features.is_sparse
    assert alive() is None
    for a, b in zip(ours, fit(matrix(sp.csr_matrix(full)), y, regParam=0.1, maxIter=2), strict=True):
        assert a.tobytes() == b.tobytes()


def test_memory_of_sparse_rows():
    """Six bytes a non-zero, and four a row and tile of at least 1,024 columns."""
    x, _ = problem(3, 200, 40_000, 2, 0.06)
    features = _core.FeatureMatrix(40_000)
    for row in x:
        assert features.append(row[np.newaxis]) is False
    features.finish()
    assert features.nbytes <= 6 * np.count_nonzero(x) + 4 * 200 * (40_000 / 1024 + 2)


def test_few_non_zeros_make_wide_tiles():
    rng = np.random.default_rng(4)
    places = rng.integers(0, [[3000], [300_000]], (2, 18_000))
    csr = sp.csr_matrix((rng.random(18_000, np.float32), places), (3000, 300_000))
    features = matrix(csr)
    features.finish()
    assert features.nbytes < 6 * csr.nnz + 4 * 3000 * 11
    y = np.arange(3000) % 3.0
    history = fit(features, y, regParam=0.1, maxIter=3)[2]
    assert history[-1] < history[0]


def test_zeros_of_either_sign_and_stored_ones_are_no_values():
    features = _core.FeatureMatrix(3)
    features.append(np.array([[0, -0.0, 0]], np.float32))
    features.append_csr(np.array([0, 2, 2]), np.array([0, 2], np.int32), np.array([0.0, -0.0]))
    assert (features.rows, features.density) == (3, 0)


# ---- statistics


def statistics(features, y, w, d):
    """What the core takes for mean and deviation, by way of the objective's gradient at 0."""
    value, gradient = _core.logistic_objective(
        features, y, w, 2, False, 0.0, 0.0, True, True, False, 1, np.zeros(d + 1)
    )
    return value, gradient


@pytest.mark.parametrize("density", [0.1, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_statistics(density, weighted):
    x, y = problem(5, 90, 1500, 2, density)
    x += np.float32(density > 0.5) * 100  # far from 0 for its spread
    x[:, 3], x[:, 5] = 0.1, 0
    w = np.random.default_rng(6).integers(0, 4, 90) * 0.1 if weighted else np.ones(90)
    z, _ = scaled(x, w, True)
    _, gradient = statistics(matrix(x), y, w if weighted else None, 1500)
    expected = ((0.5 - y) * w) @ z / w.sum()
    np.testing.assert_allclose(gradient[:-1], expected, rtol=0, atol=1e-12)
    assert gradient[3] == gradient[5] == 0


# ---- masks


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d"), [(90, 40), (41, 9500)])
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_a_mask_is_the_subset(density, n, d, weighted):
    x, y = problem(7, n, d, 5, density)
    rng = np.random.default_rng(8)
    w = rng.uniform(0.5, 2, n) if weighted else np.ones(n)
    features = matrix(split(x, 9))
    for fold in range(3):
        used = rng.integers(0, 3, n) != fold
        used[:5] = True
        label = np.where(used, y, 77)  # what weighs nothing may have any label
        ours = fit(features, label, w * used, classes=5, threads=2, **PARAMS)
        subset = fit(x[used], y[used], w[used] if weighted else None, classes=5, **PARAMS)
        for a, b in zip(ours, subset, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_masked_rows_make_a_column_constant():
    x, y = problem(10, 40, 30, 3, 0.15)
    x[:20, 4] = 0
    x[20:, 4] = 2.5
    w = np.r_[np.ones(20), np.zeros(20)]
    features = matrix(x)
    assert not fit(features, y, w, classes=3, **PARAMS)[0][:, 4].any()
    assert not fit(features, y, 1 - w, classes=3, **PARAMS)[0][:, 4].any()


def test_many_weights_on_one_matrix():
    """More than the statistics that a matrix keeps, several threads at once, each as on its own."""
    x, y = problem(11, 60, 1200, 3, 0.1)
    features = matrix(x)
    weights = [None, *np.random.default_rng(12).integers(1, 5, (24, 60)).astype(np.float64)]
    expected = [fit(x, y, w, **PARAMS) for w in weights]
    answers = [None] * (2 * len(weights))

    def work(first):
        for i in range(first, len(answers), 4):
            answers[i] = fit(features, y, weights[i % len(weights)], threads=2, **PARAMS)

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for i, answer in enumerate(answers):
        for ours, other in zip(answer, expected[i % len(weights)], strict=True):
            assert ours.tobytes() == other.tobytes()


# ---- the initial model


@pytest.mark.parametrize("net", [0.0, 0.4])
@pytest.mark.parametrize(("classes", "density"), [(2, 1.0), (3, 0.1)])
def test_an_optimum_is_where_a_fit_from_it_ends(classes, density, net):
    x, y = problem(13, 80, 12, classes, density)
    params = {"regParam": 0.05, "elasticNetParam": net, "tol": 1e-12, "maxIter": 500}
    first = fit(x, y, **params)
    again = fit(x, y, initial=first[:2], **params)
    assert len(again[2]) < len(first[2])
    assert again[2][0] == pytest.approx(first[2][-1], rel=1e-10)
    np.testing.assert_allclose(again[0], first[0], atol=1e-6)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("uncentred", [True, False])
def test_an_initial_model_is_what_it_says(uncentred, intercept):
    """The first objective is the model's own, by its definition."""
    x, y = problem(14, 60, 7, 3, 0.8)
    x[:, 2] = 4
    rng = np.random.default_rng(15)
    coefficients, intercepts = rng.standard_normal((3, 7)), rng.standard_normal(3)
    coefficients[:, 2] = 0
    history = fit(
        x, y, initial=(coefficients, intercepts), fitIntercept=intercept, uncentred=uncentred, maxIter=0
    )[2]
    t = x @ coefficients.T + (intercepts if intercept else 0)
    loss = np.log(np.exp(t).sum(axis=1)) - t[np.arange(60), y.astype(int)]
    assert history.tolist() == pytest.approx([loss.mean()], rel=1e-12)


@pytest.mark.parametrize(
    ("initial", "error", "message"),
    [
        ((np.zeros((3, 4)), np.zeros(3)), ValueError, r"expected \[3, 5\] and \[3\], got \[3, 4\] and \[3\]"),
        ((np.zeros((3, 5)), np.zeros(2)), ValueError, r"and \[2\]"),
        ((np.full((3, 5), np.nan), np.zeros(3)), ValueError, r"initial coefficient \[0, 0\] is nan"),
        ((np.zeros((3, 5)), np.array([0, np.inf, 0])), ValueError, "initial intercept 1 is inf"),
        ((np.zeros((3, 5), np.float32), np.zeros(3)), TypeError, "initial coefficients: expected"),
        ([1, 2], TypeError, "initial: expected"),
    ],
)
def test_initial_models_that_do_not_fit(initial, error, message):
    x, y = problem(16, 30, 5, 3, 1.0)
    with pytest.raises(error, match=message):
        fit(x, y, initial=initial)


# ---- damage


def test_finished_features_take_no_rows():
    x, y = problem(17, 30, 5, 3, 1.0)
    features = matrix(x)
    fit(features, y)
    with pytest.raises(ValueError, match="no rows can be appended to features that are finished"):
        features.append(x)
    with pytest.raises(TypeError, match="features: expected a FeatureMatrix"):
        _core.logistic_fit([x], y, None, 3, True, 5, 0.0, 0.0, 0.0, True, True, False, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("density", [0.05, 1.0])
def test_a_block_with_a_broken_value_is_left_out(density, value):
    x, y = problem(18, 50, 40, 3, density)
    bad = x.copy()
    bad[7, 31] = bad[9, 2] = value
    features = _core.FeatureMatrix(40)
    features.append(x)
    with pytest.raises(ValueError, match=rf"row 57: feature 31 is {value}; features must be finite"):
        features.append(bad)
    csr = sp.csr_matrix(bad.astype(np.float64))
    with pytest.raises(
        ValueError, match=rf"row 57: feature 31 is {value}; features must be finite in float32"
    ):
        features.append_csr(csr.indptr.astype(np.int64), csr.indices, csr.data)
    assert features.rows == 50
    assert fit(features, y, **PARAMS)[0].tobytes() == fit(x, y, **PARAMS)[0].tobytes()


def test_float64_beyond_float32_is_refused():
    with pytest.raises(ValueError, match=r"row 0: feature 1 is 1e\+39; features must be finite in float32"):
        _core.FeatureMatrix(2).append_csr(np.array([0, 1]), np.array([1], np.int32), np.array([1e39]))


@pytest.mark.parametrize(
    ("indptr", "indices", "values", "error", "message"),
    [
        ([0, 1, 2], [0, 5], [1, 1], ValueError, r"row 1: index 5 is outside \[0, 5\)"),
        ([0, 1, 2], [0, -1], [1, 1], ValueError, r"row 1: index -1 is outside"),
        ([0, 2], [3, 1], [1, 1], ValueError, "row 0: index 1 follows 3; indices must rise"),
        ([0, 2], [3, 3], [1, 1], ValueError, "row 0: index 3 follows 3"),
        ([0, 3], [0, 1], [1, 1], ValueError, "row 1: its start is 3; starts must rise from 0 to at most 2"),
        ([0, 2, 1], [0, 1], [1, 1], ValueError, "row 2: its start is 1; starts must rise from 2"),
        ([-1, 1], [0, 1], [1, 1], ValueError, "row 0: its start is -1"),
        ([0, 1], [0, 1], [1], ValueError, "as many indices as values; got 2, 2 and 1"),
        ([], [], [], ValueError, r"expected indptr \[rows \+ 1\]"),
    ],
)
def test_damaged_rows(indptr, indices, values, error, message):
    arrays = np.array(indptr, np.int64), np.array(indices, np.int32), np.array(values, np.float64)
    with pytest.raises(error, match=message):
        _core.FeatureMatrix(5).append_csr(*arrays)
    with pytest.raises(error, match=message):
        _core.logistic_margins_csr(*arrays, 0, np.ones((2, 5)), np.ones(2), 1)


def test_types_of_compressed_rows():
    good = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
    features = _core.FeatureMatrix(2)
    features.append_csr(*good)
    for place, dtype, message in [
        (0, np.int32, "indptr"),
        (1, np.uint32, "indices"),
        (2, np.int64, "values"),
    ]:
        arrays = [array.astype(dtype) if i == place else array for i, array in enumerate(good)]
        with pytest.raises(TypeError, match=f"{message}: expected a C-contiguous, native"):
            features.append_csr(*arrays)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_compressed_rows_of_any_kind_are_taken_or_refused(data):
    """What NumPy finds good is taken and multiplies as SciPy multiplies it; all else is refused."""
    rows, columns = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    count = data.draw(st.integers(0, 12))
    indptr = np.array(data.draw(st.lists(st.integers(-1, count + 1), min_size=rows + 1, max_size=rows + 1)))
    if data.draw(st.booleans()):
        indptr = np.sort(np.clip(indptr, 0, count))
    kind = data.draw(st.sampled_from([np.int32, np.int64]))
    indices = np.array(data.draw(st.lists(st.integers(-1, columns), min_size=count, max_size=count)), kind)
    numbers = st.one_of(st.floats(-4, 4, width=32), st.sampled_from([np.nan, np.inf, 0.0]))
    values = np.array(data.draw(st.lists(numbers, min_size=count, max_size=count)), np.float32)

    starts = np.append(0, indptr)
    good = (np.diff(starts) >= 0).all() and indptr[-1] <= count
    for i in range(rows if good else 0):
        of_row = slice(indptr[i], indptr[i + 1])
        places = indices[of_row]
        good &= bool((np.diff(places) > 0).all() and ((places >= 0) & (places < columns)).all())
        good &= bool(np.isfinite(values[of_row]).all())

    features = _core.FeatureMatrix(columns)
    coefficients = np.arange(2.0 * columns).reshape(2, columns)
    arrays = indptr.astype(np.int64), indices, values
    if not good:
        with pytest.raises(ValueError, match="row"):
            features.append_csr(*arrays)
        with pytest.raises(ValueError, match="row"):
            _core.logistic_margins_csr(*arrays, 0, coefficients, np.ones(2), 1)
        assert features.rows == 0
        return
    first = indptr[0]
    csr = sp.csr_matrix((values[first:], indices[first:], indptr - first), shape=(rows, columns))
    features.append_csr(*arrays)
    assert features.rows == rows
    assert features.density == np.count_nonzero(csr.toarray()) / (rows * columns)
    np.testing.assert_allclose(
        _core.logistic_margins_csr(*arrays, 0, coefficients, np.ones(2), 2),
        csr.astype(float) @ coefficients.T + 1,
        rtol=1e-12,
        atol=1e-12,
    )


# ---- margins


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d", "sets"), [(1, 1, 1), (35, 400, 3), (0, 4, 2)])
def test_margins_of_compressed_rows(n, d, sets, dtype):
    rng = np.random.default_rng(19)
    csr = sp.random(n, d, 0.2, "csr", dtype, random_state=20)
    coefficients, intercepts = rng.standard_normal((sets, d)), rng.standard_normal(sets)
    intercepts[0] = np.inf
    margins = _core.logistic_margins_csr(
        csr.indptr.astype(np.int64), csr.indices, csr.data, 0, coefficients, intercepts, 2
    )
    np.testing.assert_allclose(margins, csr @ coefficients.T + intercepts, rtol=1e-12, atol=1e-12)


def test_the_first_broken_row_is_named():
    csr = sp.csr_matrix(np.ones((200, 3)))
    csr.data[[3 * 150 + 1, 3 * 77 + 2]] = np.nan
    with pytest.raises(ValueError, match="row 1077: feature 2 is nan"):
        _core.logistic_margins_csr(
            csr.indptr.astype(np.int64), csr.indices, csr.data, 1000, np.ones((2, 3)), np.ones(2), 2
        )
