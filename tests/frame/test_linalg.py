"""Vectors and vector columns. Oracles: numpy, and PySpark's printed forms."""

import copy
import operator
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from pydeepl.linalg import (
    MIXED,
    DenseVector,
    SparseVector,
    Vectors,
    VectorUDT,
    dense_type,
    mixed,
    sparse_vector_array,
    vector_array,
    vector_blocks,
    vector_matrix,
    vector_rows,
    vectors,
    vectors_array,
)


def test_printed_forms_are_pysparks():
    assert repr(Vectors.dense(1, 2.5e-7)) == "DenseVector([1.0, 0.0])"
    assert str(Vectors.dense([1.0, 2.5])) == "[1.0,2.5]"
    assert repr(Vectors.sparse(3, [0, 2], [1.0, 3.0])) == "SparseVector(3, {0: 1.0, 2: 3.0})"
    assert str(Vectors.sparse(3, {2: 3.0, 0: 1.0})) == "(3,[0,2],[1.0,3.0])"
    assert VectorUDT().simpleString() == "vector"


def test_values_norms_and_products_are_numpys():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 7))
    y[[1, 4]] = 0
    dense, sparse = Vectors.dense(x), Vectors.sparse(7, {i: v for i, v in enumerate(y) if v})
    assert np.array_equal(sparse.toArray(), y)
    assert dense.dot(sparse) == pytest.approx(x @ y, abs=1e-14)
    assert sparse.dot(dense) == pytest.approx(x @ y, abs=1e-14)
    assert dense.norm(2) == pytest.approx(np.linalg.norm(x))
    assert Vectors.squared_distance(dense, sparse) == pytest.approx(((x - y) ** 2).sum())
    assert sparse.numNonzeros() == 5 and len(sparse) == 7 and sparse[4] == 0.0 and sparse[-1] == y[-1]


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "mod"])
def test_arithmetic_is_numpys_element_by_element(name):
    do, a, b = getattr(operator, name), np.array([4.0, -5.0, 6.5]), np.array([1.0, 2.0, -3.0])
    one, two = DenseVector(a), DenseVector(b)
    sparse = SparseVector(3, [0, 1, 2], b)
    for result, expected in (
        (do(one, two), do(a, b)),
        (do(one, sparse), do(a, b)),
        (do(one, 2), do(a, 2)),
        (do(2, one), do(2, a)),
        (do(one, b), do(a, b)),
    ):
        assert isinstance(result, DenseVector)
        assert result.toArray().tolist() == expected.tolist()
    assert (-one).toArray().tolist() == (-a).tolist()
    with pytest.raises(ValueError, match="broadcast"):
        do(one, DenseVector([1.0, 2.0]))


def test_other_names_of_a_dense_vector_are_its_arrays():
    vector = DenseVector([1.0, 2.5])
    assert (vector.sum(), vector.max(), vector.shape) == (3.5, 2.5, (2,))
    assert copy.deepcopy(vector) == pickle.loads(pickle.dumps(vector)) == vector
    with pytest.raises(AttributeError, match="nonsense"):
        _ = vector.nonsense
    with pytest.raises(AttributeError, match="_nonsense"):
        _ = vector._nonsense


def test_dense_and_sparse_of_equal_values_are_equal_and_hash_alike():
    dense, sparse = Vectors.dense([0.0, 2.0]), Vectors.sparse(2, {1: 2.0})
    assert dense == sparse and hash(dense) == hash(sparse)
    assert dense != Vectors.dense([0.0, 2.5]) and dense != "text"
    assert DenseVector(np.float32([1, 2])) == DenseVector([1.0, 2.0])
    assert pickle.loads(pickle.dumps(dense)) == dense


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DenseVector([[1.0]]), r"shape \(1, 1\)"),
        (lambda: SparseVector(2, [0, 2], [1.0, 1.0]), r"outside 0 \.\.\. 1"),
        (lambda: SparseVector(3, [1, 0], [1.0, 1.0]), "ascending"),
        (lambda: SparseVector(3, [1], [1.0, 1.0]), "1 indices but 2 values"),
        (lambda: Vectors.dense(1.0).dot([1.0, 2.0]), "different sizes"),
        (lambda: vector_array(np.zeros((2, 2), int)), "float32 or float64"),
        (lambda: vectors_array([[1.0], [1.0, 2.0]], dense_type(1)), "row 1"),
    ],
)
def test_bad_vectors_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_becomes_a_column_and_comes_back_without_a_copy(dtype):
    matrix = np.arange(12, dtype=dtype).reshape(4, 3)
    column = vector_array(matrix)
    assert len(column) == 4 and column.type.size == 3
    back = vector_matrix(column)
    assert back.dtype == dtype and np.shares_memory(back, matrix) and np.array_equal(back, matrix)
    part = vector_blocks(column.slice(1, 2))[0]
    assert np.shares_memory(part, matrix) and np.array_equal(part, matrix[1:3])


def test_chunks_are_blocks_and_one_matrix():
    matrix = np.random.default_rng(0).normal(size=(6, 2))
    column = pa.chunked_array([vector_array(matrix[:1]), vector_array(matrix[1:1]), vector_array(matrix[1:])])
    assert [len(block) for block in vector_blocks(column)] == [1, 5]
    assert np.array_equal(vector_matrix(column), matrix)
    assert vector_matrix(pa.chunked_array([], dense_type(4))).shape == (0, 4)


def test_mixed_columns_densify():
    cells = [Vectors.dense([1.0, 2.0, 3.0]), Vectors.sparse(3, {1: 5.0}), Vectors.sparse(3, {})]
    column = vectors_array(cells)
    assert column.type == MIXED and vectors(column) == cells
    assert np.array_equal(vector_matrix(column), [[1, 2, 3], [0, 5, 0], [0, 0, 0]])
    assert np.array_equal(vector_matrix(column.slice(1, 1)), [[0, 5, 0]])


def random_rows(dtype=np.float32, shape=(7, 40), seed=1):
    return sp.random(*shape, 0.2, "csr", dtype, random_state=seed)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("matrix", [sp.csr_matrix, sp.csr_array])
def test_a_sparse_matrix_becomes_a_column_and_comes_back_without_a_copy(matrix, dtype):
    csr = matrix(random_rows(dtype))
    column = sparse_vector_array(csr)
    assert [cell.toArray().tolist() for cell in vectors(column)] == csr.toarray().tolist()
    (rows,) = vector_rows(column)
    assert np.shares_memory(rows.indices, csr.indices) and np.shares_memory(rows.values, csr.data)
    assert rows.values.dtype == dtype and rows.size == 40
    assert np.array_equal(rows.toArray(), csr.toarray())
    (part,) = vector_rows(column.slice(2, 3))
    assert np.shares_memory(part.values, csr.data)
    assert np.array_equal(part.toArray(), csr.toarray()[2:5])
    assert np.array_equal(vector_matrix(column.slice(6)), csr.toarray()[6:])
    again = sparse_vector_array((csr.indptr, csr.indices, csr.data, 40))
    assert again.equals(column)


def test_other_sparse_matrices_are_tidied_first():
    coo = sp.coo_matrix(([1, 2, 3, 4], ([1, 0, 1, 1], [2, 3, 0, 2])), shape=(3, 5))
    unsorted = sp.csr_matrix((np.array([1.0, 2.0]), np.array([3, 1]), np.array([0, 2])), shape=(1, 4))
    for matrix in (coo, unsorted, random_rows().tocsc()):
        before = matrix.copy()
        (rows,) = vector_rows(sparse_vector_array(matrix))
        assert np.array_equal(rows.toArray(), before.toarray())
        assert np.array_equal(matrix.toarray(), before.toarray())
        for i in range(len(rows)):
            assert (np.diff(rows.indices[rows.indptr[i] : rows.indptr[i + 1]]) > 0).all()
    assert unsorted.indices.tolist() == [3, 1]  # the caller's matrix stays as it was


def test_sparse_rows_of_any_layout():
    """Lists with offsets of their own, dense vectors between, empty ones, slices."""
    cells = [
        Vectors.sparse(4, {1: 1.0, 3: 2.0}),
        Vectors.dense([1.0, 0.0, 2.0, 3.0]),
        Vectors.sparse(4, {}),
        Vectors.sparse(4, {0: 5.0}),
    ]
    full = np.array([cell.toArray() for cell in cells])
    column = vectors_array(cells)
    for start in range(4):
        for length in range(1, 5 - start):
            (rows,) = vector_rows(column.slice(start, length))
            assert np.array_equal(rows.toArray(), full[start : start + length])
    sparse = vectors_array([cells[0], cells[2], cells[3]])
    shifted = pa.StructArray.from_arrays(
        [
            *(sparse.storage.field(i) for i in range(3)),
            pa.array([[1.0, 2.0], [], [5.0]], MIXED.storage_type.field("values").type),
        ],
        fields=list(MIXED.storage_type),
    )
    (rows,) = vector_rows(pa.ExtensionArray.from_storage(MIXED, shifted))
    assert np.array_equal(rows.toArray(), full[[0, 2, 3]])


def test_single_rows_of_scipy_are_vectors():
    csr = random_rows(np.float64)
    column = vectors_array([csr[i] for i in range(7)])
    assert column.type == MIXED
    assert vectors(column) == vectors(sparse_vector_array(csr))
    assert vectors(vectors_array([csr[0], None, np.ones(40)]))[0] == vectors(column)[0]
    with pytest.raises(ValueError, match="one row of a sparse matrix"):
        vectors_array([csr])


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (([0, 1], [4], [1.0], 4), ValueError, r"an index is outside 0 \.\.\. 3"),
        (([0, 1], [-1], [1.0], 4), ValueError, "an index is outside"),
        (([0, 2], [1], [1.0], 4), ValueError, "2 values in the rows; expected at most the 1 given"),
        (([1, 0], [1], [1.0], 4), ValueError, "never falls"),
        (([0, 1], [1, 2], [1.0], 4), ValueError, "as many indices as values"),
        (([], [], [], 4), ValueError, "expected indptr"),
        ([[1.0, 2.0]], TypeError, "expected a SciPy sparse matrix"),
    ],
)
def test_sparse_rows_that_do_not_fit_together(rows, error, words):
    with pytest.raises(error, match=words):
        sparse_vector_array(rows)


def test_sparse_columns_of_float32_survive_parquet_and_unions(tmp_path):
    table = pa.table({"v": sparse_vector_array(random_rows())})
    pq.write_table(table, tmp_path / "v.parquet")
    back = pq.read_table(tmp_path / "v.parquet")
    assert back.schema.types == table.schema.types
    assert vectors(back["v"]) == vectors(table["v"])
    wide = mixed(table["v"].chunk(0))
    assert wide.type == MIXED and vectors(wide) == vectors(table["v"])


def test_plain_lists_of_numbers_are_vectors_too():
    for arrow in (pa.list_(pa.int32()), pa.list_(pa.float32(), 2), pa.large_list(pa.float64())):
        column = pa.array([[1, 2], [3, 4], [5, 6]], arrow)
        assert np.array_equal(vector_matrix(column.slice(1)), [[3, 4], [5, 6]])


def test_columns_without_a_matrix_say_why():
    with pytest.raises(ValueError, match="features: 1 of 2 vectors are null"):
        vector_matrix(vectors_array([[1.0], None]))
    with pytest.raises(ValueError, match=r"different sizes: \[1, 2\]"):
        vector_matrix(vectors_array([[1.0], [1.0, 2.0]]))
    with pytest.raises(TypeError, match="pixels: expected a column of vectors, found string"):
        vector_matrix(pa.array(["a"]), "pixels")
    with pytest.raises(ValueError, match="inside the vectors are null"):
        vector_matrix(pa.array([[1.0, None]]))


def test_nulls_stay_nulls():
    column = vectors_array([[1.0, 2.0], None])
    assert vectors(column) == [DenseVector([1.0, 2.0]), None]
    assert column.type.size == 2 and column.null_count == 1


def test_vector_columns_survive_parquet(tmp_path):
    table = pa.table(
        {"v": vector_array(np.eye(3, dtype=np.float32)), "m": vectors_array([[1.0], [2.0, 3.0], None])}
    )
    pq.write_table(table, tmp_path / "v.parquet")
    back = pq.read_table(tmp_path / "v.parquet")
    assert back.schema.types == table.schema.types
    assert vectors(back["m"]) == [DenseVector([1.0]), DenseVector([2.0, 3.0]), None]
    assert np.array_equal(vector_matrix(back["v"]), np.eye(3))
