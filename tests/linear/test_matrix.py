"""Matrices of coefficients: values, texts, and which form a model's coefficients take."""

import numpy as np
import pytest
from scipy import sparse

from pydeepl.linalg import DenseVector, SparseVector
from pydeepl.ml import LogisticRegressionModel
from pydeepl.ml.linalg import DenseMatrix, Matrices, Matrix, SparseMatrix
from pydeepl.ml.matrix import compressed_matrix, compressed_vector

HOLES = np.array([[0.0, 1.5, 0.0, 0.0], [0.0, 0.0, 0.0, -2.0], [0.25, 0.0, 0.0, 4.0]])


def by_scipy(array, by_rows):
    """A SparseMatrix of SciPy's compressed form of an array."""
    peer = (sparse.csr_array if by_rows else sparse.csc_array)(array)
    return SparseMatrix(*array.shape, peer.indptr, peer.indices, peer.data, by_rows)


def test_dense_values_lie_by_columns_or_by_rows():
    by_columns, by_rows = DenseMatrix(2, 3, range(6)), DenseMatrix(2, 3, [0, 2, 4, 1, 3, 5], True)
    assert by_columns == by_rows == Matrices.dense(2, 3, range(6))
    assert by_columns.toArray().tolist() == [[0, 2, 4], [1, 3, 5]]
    assert by_rows[1, 2] == 5
    assert np.asarray(by_rows, np.float32).dtype == np.float32


@pytest.mark.parametrize("by_rows", [False, True])
def test_sparse_values_are_scipys(by_rows):
    matrix = by_scipy(HOLES, by_rows)
    assert matrix.toArray().tolist() == HOLES.tolist()
    assert [[matrix[i, j] for j in range(4)] for i in range(3)] == HOLES.tolist()
    assert np.asarray(matrix).tolist() == HOLES.tolist()
    assert matrix.toDense().values.tolist() == HOLES.ravel(order="F").tolist()


@pytest.mark.parametrize("by_rows", [False, True])
def test_dense_to_sparse_keeps_what_is_not_zero_by_columns(by_rows):
    values = HOLES.ravel(order="C" if by_rows else "F")
    made, peer = DenseMatrix(3, 4, values, by_rows).toSparse(), sparse.csc_array(HOLES)
    assert made.colPtrs.tolist() == peer.indptr.tolist()
    assert made.rowIndices.tolist() == peer.indices.tolist()
    assert made.values.tolist() == peer.data.tolist()
    assert not made.isTransposed


def test_equal_is_by_value():
    dense = DenseMatrix(3, 4, HOLES, True)
    assert dense == dense.toSparse() == by_scipy(HOLES, True)
    assert dense != DenseMatrix(4, 3, HOLES, True)
    assert dense.toSparse() != by_scipy(HOLES + 1, True)
    assert dense != HOLES.tolist()
    assert isinstance(dense, Matrix) and isinstance(dense.toSparse(), Matrix)


@pytest.mark.parametrize("make", [lambda: DenseMatrix(3, 4, HOLES, True), lambda: by_scipy(HOLES, True)])
def test_indices_outside_are_refused(make):
    with pytest.raises(IndexError, match=r"Row index 3 is out of range \[0, 3\)"):
        _ = make()[3, 0]
    with pytest.raises(IndexError, match=r"Column index -1 is out of range \[0, 4\)"):
        _ = make()[0, -1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DenseMatrix(2, 2, [1, 2, 3]), "expected 2 x 2 values, got 3"),
        (lambda: SparseMatrix(2, 2, [0, 1], [0], [1.0]), "colPtrs of size 3, got 2"),
        (lambda: SparseMatrix(2, 3, [0, 1, 1, 1], [0], [1.0], True), "colPtrs of size 3, got 4"),
        (lambda: SparseMatrix(2, 2, [0, 1, 1], [0, 1], [1.0]), "rowIndices of length 1, got 2"),
        (lambda: SparseMatrix(2, 2, [0, 2, 1], [0], [1.0]), r"ascend from 0 to 1, got \[0, 2, 1\]"),
        (lambda: SparseMatrix(2, 2, [0, 1, 2], [0], [1.0]), "ascend from 0 to 1"),
        (lambda: SparseMatrix(2, 2, [0, 1, 1], [2], [1.0]), "rowIndices from 0 to 1"),
        (lambda: SparseMatrix(2, 1, [0, 2], [1, 0], [1.0, 2.0]), "rowIndices that ascend"),
    ],
)
def test_parts_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- texts


def test_dense_texts():
    assert (
        repr(DenseMatrix(2, 2, [0, 1 / 3, 2, 1e20])) == "DenseMatrix(2, 2, [0.0, 0.3333, 2.0, 1e+20], False)"
    )
    many = "0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ..., 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0"
    assert repr(DenseMatrix(1, 17, range(17), True)) == f"DenseMatrix(1, 17, [{many}], True)"
    assert str(DenseMatrix(2, 2, range(4))) == "DenseMatrix([[0., 2.],\n             [1., 3.]])"


def test_exponents_are_not_cut():
    assert repr(DenseVector([1.5e20])) == "DenseVector([1.5e+20])"
    assert repr(DenseMatrix(1, 1, [1.5e20])) == "DenseMatrix(1, 1, [1.5e+20], False)"


def test_sparse_texts():
    by_rows = by_scipy(HOLES, True)
    assert repr(by_rows) == "SparseMatrix(3, 4, [0, 1, 2, 4], [1, 3, 0, 3], [1.5, -2.0, 0.25, 4.0], True)"
    assert str(by_rows) == "3 X 4 CSRMatrix\n(0,1) 1.5\n(1,3) -2.0\n(2,0) 0.25\n(2,3) 4.0"
    assert str(by_scipy(HOLES, False)).startswith("3 X 4 CSCMatrix\n(2,0) 0.25\n(0,1) 1.5")
    long = DenseMatrix(17, 1, np.arange(1, 18)).toSparse()
    assert str(long).endswith("(15,0) 16.0\n..\n..")
    assert "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, ..., 10.0," in repr(long)


@pytest.mark.spark
@pytest.mark.parametrize("shape", [(1, 3), (3, 4), (4, 5), (20, 30)])
def test_texts_are_pysparks(shape):
    from pyspark.ml import linalg

    rng = np.random.default_rng(3)
    array = rng.standard_normal(shape) * (rng.random(shape) < 0.6)
    for transposed in (False, True):
        values = array.ravel(order="C" if transposed else "F")
        ours, theirs = (kind(*shape, values, transposed) for kind in (DenseMatrix, linalg.DenseMatrix))
        assert (repr(ours), str(ours).strip()) == (repr(theirs), str(theirs).strip())
        ours, theirs = ours.toSparse(), theirs.toSparse()
        assert (repr(ours), str(ours)) == (repr(theirs), str(theirs))
        assert ours.toArray().tolist() == theirs.toArray().tolist()


# ---- the form that a model's coefficients take: the cases are what Spark 4 was seen to give


@pytest.mark.parametrize(
    ("shape", "count", "kind", "by_rows"),
    [
        ((3, 6), 11, DenseMatrix, True),
        ((3, 6), 7, SparseMatrix, True),
        ((3, 6), 0, SparseMatrix, True),
        ((1, 6), 2, DenseMatrix, True),
        ((1, 6), 1, SparseMatrix, True),
        ((1, 1), 0, DenseMatrix, True),
        ((10, 2), 11, DenseMatrix, True),
        ((10, 2), 6, SparseMatrix, False),
    ],
)
def test_the_smaller_form_is_taken(shape, count, kind, by_rows):
    array = np.zeros(shape)
    array.flat[:count] = 1.5
    matrix = compressed_matrix(array)
    assert (type(matrix), matrix.isTransposed) == (kind, by_rows)
    assert matrix.toArray().tolist() == array.tolist()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 0, 0], SparseVector),
        ([0], DenseVector),
        ([-np.inf], DenseVector),
        ([0, np.inf, 0], SparseVector),
        ([0] * 6 + [np.inf], SparseVector),
        ([0, 0, 2], DenseVector),
    ],
)
def test_intercepts_that_are_mostly_zero_are_sparse(values, kind):
    vector = compressed_vector(np.asarray(values, np.float64))
    assert type(vector) is kind
    assert vector.toArray().tolist() == values


def test_a_models_sparse_coefficients():
    row = np.array([[0.0, 0.0, 2.5, 0.0, 0.0, 0.0]])
    model = LogisticRegressionModel(row, np.array([0.5]), 2, False)
    assert repr(model.coefficientMatrix) == "SparseMatrix(1, 6, [0, 1], [2], [2.5], True)"
    assert repr(model.coefficients) == "SparseVector(6, {2: 2.5})"
    assert model.predictRaw(SparseVector(6, [2], [2.0])) == DenseVector([-5.5, 5.5])
