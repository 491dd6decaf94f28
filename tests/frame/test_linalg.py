"""Vectors and vector columns. Oracles: numpy, and PySpark's printed forms."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pydeepl.linalg import (
    MIXED,
    DenseVector,
    SparseVector,
    Vectors,
    VectorUDT,
    dense_type,
    vector_array,
    vector_blocks,
    vector_matrix,
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
