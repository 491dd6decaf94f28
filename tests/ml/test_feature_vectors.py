"""VectorAssembler, StandardScaler and PCA against hand-made numbers, NumPy and scikit-learn."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn import decomposition, preprocessing

from pydeepl.frame import adopt
from pydeepl.linalg import (
    MIXED,
    MIXED_STORAGE_FLOAT32,
    SparseVector,
    Vectors,
    VectorType,
    dense_type,
    sparse_vector_array,
    vector_array,
    vector_matrix,
    vectors_array,
)
from pydeepl.ml import PCA, PCAModel, Pipeline, PipelineModel, StandardScaler, StandardScalerModel
from pydeepl.ml.feature import StringIndexer, VectorAssembler, moments, pca
from pydeepl.ml.matrix import DenseMatrix


def features(x, name="x"):
    return pa.table({name: vector_array(np.ascontiguousarray(x))})


def batched(x, rows):
    """A frame whose batches have so many rows."""
    return adopt(pa.Table.from_batches(features(x).to_batches(rows)))[0]


def random_sparse(rng, shape, dtype):
    """A SciPy matrix of which a tenth is not 0."""
    return sparse.csr_array(np.where(rng.random(shape) < 0.1, rng.random(shape) + 0.5, 0).astype(dtype))


# ---- VectorAssembler


def assembled(table, *names, **params):
    return VectorAssembler(inputCols=list(names), outputCol="out", **params).transform(table)["out"]


def test_numbers_booleans_and_vectors_stand_side_by_side():
    table = pa.table(
        {
            "number": [1, 2],
            "dense": vector_array(np.array([[1.5, 2], [3, 4]])),
            "flag": [True, False],
            "sparse": vectors_array([Vectors.sparse(3, {1: 7.0}), Vectors.dense(1, 2, 3)]),
            "half": [0.5, 0.25],
        }
    )
    out = assembled(table, "number", "dense", "flag", "half", "number")
    assert out.type == dense_type(6, np.float64)
    assert vector_matrix(out).tolist() == [[1, 1.5, 2, 1, 0.5, 1], [2, 3, 4, 0, 0.25, 2]]
    out = assembled(table, "number", "dense", "flag", "sparse", "half", "number")
    assert out.type == MIXED
    assert out.to_pylist() == [
        Vectors.sparse(9, {0: 1, 1: 1.5, 2: 2, 3: 1, 5: 7, 7: 0.5, 8: 1}),
        Vectors.dense(2, 3, 4, 0, 1, 2, 3, 0.25, 2),
    ]


def test_sparse_inputs_make_a_sparse_output_without_zeros():
    rng = np.random.default_rng(0)
    x = random_sparse(rng, (1500, 40), np.float32)
    x.data[:5] = 0  # zeros that are stored
    dense, flags = rng.integers(0, 2, (1500, 3)).astype(np.float32), rng.integers(0, 2, 1500).astype(bool)
    table = pa.table({"x": sparse_vector_array(x), "dense": vector_array(dense), "flag": flags})
    out = assembled(table, "dense", "x", "flag", "x")
    assert out.type == VectorType(MIXED_STORAGE_FLOAT32)
    full = x.toarray()
    np.testing.assert_array_equal(vector_matrix(out), np.hstack([dense, full, flags[:, None], full]))
    cells = out.to_pylist()
    assert all(isinstance(cell, SparseVector) and cell.values.all() for cell in cells)
    assert assembled(table.append_column("n", pa.array(np.ones(1500))), "x", "n").type == MIXED
    kept = assembled(
        pa.table({"x": vectors_array([None, Vectors.sparse(2, {1: 1.0})])}), "x", handleInvalid="skip"
    )
    assert kept.to_pylist() == [Vectors.sparse(2, {1: 1.0})]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([pa.float32()], np.float32),
        ([pa.bool_(), pa.int8(), pa.int16()], np.float32),
        ([pa.int32()], np.float64),  # 2^24 + 1 is no float32
        ([pa.float64()], np.float64),
    ],
)
def test_float32_stays_where_it_holds_every_value(kinds, expected):
    columns = {f"c{place}": pa.array([1, 0]).cast(kind) for place, kind in enumerate(kinds)}
    table = pa.table({"x": vector_array(np.ones((2, 3), np.float32)), **columns})
    assert assembled(table, "x", *columns).type == dense_type(3 + len(kinds), expected)


def test_null_and_nan_are_refused_skipped_or_kept():
    x = pa.array(
        [np.float32([1, 2]), None, np.float32([5, 6]), np.float32([7, np.nan])], pa.list_(pa.float32(), 2)
    )
    table = pa.table({"n": [1.0, 2.0, None, 4.0], "m": [0.0, np.nan, 1.0, 1.0], "x": x})
    kept = vector_matrix(assembled(table, "n", "x", handleInvalid="keep"))
    np.testing.assert_array_equal(kept, [[1, 1, 2], [2, np.nan, np.nan], [np.nan, 5, 6], [4, 7, np.nan]])
    skipped = vector_matrix(assembled(table, "n", "m", "x", handleInvalid="skip"))
    np.testing.assert_array_equal(skipped, [[1, 0, 1, 2], [4, 1, 7, np.nan]])  # a vector's NaN is a value
    for name, message in (
        ("n", r"column 'n': expected numbers, found null in row 2 \(handleInvalid is 'error'\)"),
        ("m", "column 'm': expected numbers, found NaN in row 1"),
        ("x", "column 'x': expected a vector, found null in row 1"),
    ):
        with pytest.raises(ValueError, match=message):
            assembled(table, name)


def test_sizes_come_from_type_metadata_or_the_first_row():
    column = vectors_array([Vectors.sparse(3, {0: 1.0}), None])
    table = pa.table({"x": column})
    assert len(vector_matrix(assembled(table.slice(0, 1), "x"))[0]) == 3
    with pytest.raises(ValueError, match="column 'x': handleInvalid='keep' needs the size of its vectors"):
        assembled(table, "x", handleInvalid="keep")
    known = pa.field("x", column.type).with_metadata({"ml_attr": json.dumps({"num_attrs": 3})})
    out = assembled(pa.table([column], schema=pa.schema([known])), "x", handleInvalid="keep")
    np.testing.assert_array_equal(vector_matrix(out), [[1, 0, 0], [np.nan] * 3])
    mixed = pa.table({"x": vectors_array([Vectors.dense(1, 2), Vectors.dense(1, 2, 3)])})
    with pytest.raises(ValueError, match="column 'x': expected 2 features, found 3 in row 1"):
        assembled(mixed, "x")


def test_the_metadata_name_the_features():
    table = pa.table({"animal": ["cat", "dog"], "x": vector_array(np.eye(2)), "n": [1, 2]})
    table = StringIndexer(inputCol="animal", outputCol="a").fit(table).transform(table)
    inner = VectorAssembler(inputCols=["a", "x"], outputCol="y").transform(table)
    made = VectorAssembler(inputCols=["y", "n"], outputCol="z").transform(inner)
    assert json.loads(made.schema.field("z").metadata[b"ml_attr"]) == {
        "num_attrs": 4,
        "attrs": {
            "nominal": [{"idx": 0, "name": "y_a", "vals": ["cat", "dog"]}],
            "numeric": [{"idx": 1, "name": "y_x_0"}, {"idx": 2, "name": "y_x_1"}, {"idx": 3, "name": "n"}],
        },
    }
    wide = VectorAssembler(inputCols=["x"], outputCol="z").transform(features(np.zeros((1, 1025))))
    assert json.loads(wide.schema.field("z").metadata[b"ml_attr"]) == {"num_attrs": 1025}


def test_what_cannot_be_assembled_is_refused():
    table = pa.table({"s": ["a"], "n": [1]})
    with pytest.raises(TypeError, match="column 's': expected numbers, booleans or vectors, found string"):
        assembled(table, "n", "s")
    with pytest.raises(ValueError, match=r"inputCols 'nn' does not exist .*mean 'n'"):
        assembled(table, "nn")
    with pytest.raises(ValueError, match="inputCols is empty"):
        assembled(table)
    with pytest.raises(ValueError, match="one of error, skip, keep"):
        VectorAssembler(handleInvalid="drop")


# ---- StandardScaler


def scaled(x, frame=None, **params):
    model = StandardScaler(inputCol="x", outputCol="y", **params).fit(features(x) if frame is None else frame)
    return model, vector_matrix(model.transform(features(x))["y"])


@pytest.mark.parametrize(
    ("with_mean", "with_std"), [(False, True), (True, True), (True, False), (False, False)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_is_numpys(with_mean, with_std, dtype):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((300, 7)) * 10.0 ** np.arange(-3, 4) + 100 * rng.standard_normal(7)).astype(
        dtype
    )
    x[:, 2] = dtype(0.1)  # constant, and no sum of it is exact
    model, out = scaled(x, withMean=with_mean, withStd=with_std)
    wide = x.astype(np.float64)
    std = wide.std(axis=0, ddof=1)
    std[2] = 0
    np.testing.assert_allclose(model.mean.toArray(), wide.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(model.std.toArray(), std, rtol=1e-12)
    expected = wide - wide.mean(axis=0) if with_mean else wide
    if with_std:
        expected = np.divide(expected, std, out=np.zeros_like(expected), where=std != 0)
    assert out.dtype == dtype
    # float32: half a unit in the last place of the largest number of a column; float64: what means lose
    scale = np.abs(expected).max(axis=0) + np.abs(wide).max(axis=0) / np.where(std > 0, std, 1) * with_mean
    error = np.abs(out - expected) / np.where(scale > 0, scale, 1)
    assert error.max() < (6e-8 if dtype == np.float32 else 1e-13)


def test_a_scaled_set_has_scikit_learns_numbers():
    x = np.random.default_rng(2).uniform(-5, 5, (50, 4))
    _, out = scaled(x, withMean=True)
    peer = preprocessing.StandardScaler().fit_transform(x) * np.sqrt(49 / 50)  # scikit-learn divides by n
    np.testing.assert_allclose(out, peer, rtol=1e-12, atol=1e-13)


def test_the_batches_do_not_matter(monkeypatch):
    x = np.random.default_rng(3).standard_normal((100, 3)) * [1, 1e-6, 1e3] + [0, 1e3, 1e6]
    x[:, 1] = 0.1
    whole, _ = scaled(x)
    monkeypatch.setattr(moments, "_SLAB_BYTES", 8 * 3 * 7)  # 7 rows at a time
    parts, _ = scaled(x, frame=batched(x, 11))
    np.testing.assert_allclose(parts.std.toArray(), whole.std.toArray(), rtol=1e-12)
    assert parts.std[1] == 0
    assert parts.mean[1] == 0.1
    one, out = scaled(x[:1])
    assert one.std.toArray().tolist() == [0, 0, 0] == out[0].tolist()


def test_sparse_features_are_scaled_too():
    table = pa.table({"x": vectors_array([Vectors.sparse(3, {0: 2.0}), Vectors.sparse(3, {0: 4.0, 2: 1.0})])})
    model = StandardScaler(inputCol="x", outputCol="y").fit(table)
    np.testing.assert_allclose(model.std.toArray(), [np.sqrt(2), 0, np.sqrt(0.5)], rtol=1e-15)
    scaled = model.transform(table)["y"]
    assert [cell.indices.tolist() for cell in scaled.to_pylist()] == [[0], [0, 2]]  # still sparse
    np.testing.assert_allclose(
        vector_matrix(scaled), [[np.sqrt(2), 0, 0], [2 * np.sqrt(2), 0, np.sqrt(2)]], rtol=1e-15
    )
    centred = model.copy({model.withMean: True}).transform(table)["y"]
    assert centred.type == dense_type(3, np.float64)
    np.testing.assert_allclose(
        vector_matrix(centred),
        [[-np.sqrt(0.5), 0, -np.sqrt(0.5)], [np.sqrt(0.5), 0, np.sqrt(0.5)]],
        rtol=1e-14,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_features_have_the_numbers_of_dense_ones(dtype):
    x = random_sparse(np.random.default_rng(1), (1200, 30), dtype)
    few, full = pa.table({"x": sparse_vector_array(x)}), features(x.toarray())
    scaler = StandardScaler(inputCol="x", outputCol="y")
    one, other = scaler.fit(few), scaler.fit(full)
    np.testing.assert_array_equal(one.std.toArray(), other.std.toArray())
    made = one.transform(few)["y"]
    assert made.type == few["x"].type
    np.testing.assert_array_equal(vector_matrix(made), vector_matrix(other.transform(full)["y"]))
    projection = PCA(k=3, inputCol="x", outputCol="y")
    one, other = projection.fit(few), projection.fit(full)
    np.testing.assert_array_equal(one.pc.toArray(), other.pc.toArray())
    np.testing.assert_allclose(
        vector_matrix(one.transform(few)["y"]),
        vector_matrix(other.transform(full)["y"]),
        rtol=1e-12,
        atol=1e-14,
    )
    x.data[50] = np.nan
    row = int(np.searchsorted(x.indptr, 50, side="right")) - 1
    with pytest.raises(ValueError, match=f"found nan in row {row}, feature {x.indices[50]}"):
        scaler.fit(pa.table({"x": sparse_vector_array(x)}))


@pytest.mark.parametrize(
    "stage", [StandardScaler(inputCol="x", outputCol="y"), PCA(k=1, inputCol="x", outputCol="y")]
)
def test_features_that_are_no_numbers_are_refused_with_their_row(stage):
    x = np.ones((1500, 3), np.float32)
    x[1200, 2] = np.nan
    with pytest.raises(ValueError, match="'x': features must be finite, found nan in row 1200, feature 2"):
        stage.fit(features(x))
    x[1200, 2] = np.inf
    with pytest.raises(ValueError, match="found inf in row 1200, feature 2"):
        stage.fit(features(x))
    with pytest.raises(ValueError, match="'x': expected"):
        stage.fit(features(np.zeros((0, 3))))


def test_features_of_another_size_are_refused():
    model, _ = scaled(np.eye(3))
    with pytest.raises(ValueError, match="column 'x': expected 3 features, found 2 in row 0"):
        model.transform(features(np.eye(2)))


# ---- PCA


def fitted(x, k, frame=None):
    return PCA(k=k, inputCol="x", outputCol="y").fit(features(x) if frame is None else frame)


@pytest.mark.parametrize("shape", [(60, 8), (8, 60), (20, 20), (21, 20), (5, 3000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_components_are_scikit_learns(shape, dtype):
    x = np.random.default_rng(4).standard_normal(shape) @ np.diag(np.linspace(3, 0.2, shape[1])) + 7
    x = x.astype(dtype)
    k = min(shape[0] - 1, shape[1], 6)
    model = fitted(x, k)
    peer = decomposition.PCA(k, svd_solver="full").fit(x.astype(np.float64))
    pc = model.pc.toArray()
    assert isinstance(model.pc, DenseMatrix)
    assert pc.shape == (shape[1], k)
    np.testing.assert_allclose(
        pc * np.sign((pc * peer.components_.T).sum(axis=0)), peer.components_.T, atol=1e-9
    )
    np.testing.assert_allclose(model.explainedVariance.toArray(), peer.explained_variance_ratio_, rtol=1e-11)
    assert (pc[np.abs(pc).argmax(axis=0), np.arange(k)] > 0).all()
    # The projection does not centre
    np.testing.assert_allclose(
        vector_matrix(model.transform(features(x))["y"]), x.astype(float) @ pc, rtol=1e-9
    )


def test_many_batches_are_one(monkeypatch):
    x = np.random.default_rng(5).standard_normal((100, 6)) * [5, 4, 3, 2, 1, 0.5] + 1000
    few = np.random.default_rng(6).standard_normal((12, 40)) + 1000
    for data in (x, few):
        whole = fitted(data, 3)
        with monkeypatch.context() as patch:
            patch.setattr(pca, "_COLUMNS_BYTES", 8 * 12 * 7)  # 7 columns at a time
            parts = fitted(data, 3, frame=batched(data, 5))
        np.testing.assert_allclose(parts.pc.toArray(), whole.pc.toArray(), atol=1e-8)
        np.testing.assert_allclose(
            parts.explainedVariance.toArray(), whole.explainedVariance.toArray(), rtol=1e-9
        )


def test_more_components_than_directions_are_completed():
    x = np.outer(np.arange(4.0), np.arange(1.0, 11.0)).astype(np.float32)  # all on one line
    model = fitted(x, 6)
    pc = model.pc.toArray()
    np.testing.assert_allclose(pc[:, 0], np.arange(1, 11) / np.linalg.norm(np.arange(1, 11)), rtol=1e-12)
    np.testing.assert_allclose(pc.T @ pc, np.eye(6), atol=1e-14)
    np.testing.assert_allclose(model.explainedVariance.toArray(), [1, 0, 0, 0, 0, 0], atol=1e-14)
    np.testing.assert_array_equal(fitted(x, 6).pc.toArray(), pc)


def test_rows_that_are_all_the_same_have_no_shares():
    for x in (np.full((3, 5), 0.1), np.full((5, 3), 0.5)):
        model = fitted(x, 2)
        assert np.isnan(model.explainedVariance.toArray()).all()
        np.testing.assert_allclose(model.pc.toArray().T @ model.pc.toArray(), np.eye(2), atol=1e-14)


def test_wide_features_need_no_square_matrix():
    d = 131072  # d x d float64 would be 137 GB
    x = np.random.default_rng(7).standard_normal((6, d), np.float32)
    model = fitted(x, 3)
    centred = x - x.mean(axis=0, dtype=np.float64)
    _, values, rows = np.linalg.svd(centred, full_matrices=False)
    pc = model.pc.toArray()
    assert np.abs((pc * rows[:3].T).sum(axis=0)) == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(
        model.explainedVariance.toArray(), (values**2 / (values**2).sum())[:3], rtol=1e-9
    )


def test_impossible_projections_are_refused():
    with pytest.raises(ValueError, match="k: expected at most 3, the number of features, got 4"):
        fitted(np.eye(3), 4)
    with pytest.raises(ValueError, match="expected two rows at least, found 1"):
        fitted(np.eye(3)[:1], 1)
    with pytest.raises(ValueError, match=r'param "k". expected a whole number > 0'):
        PCA(k=0)
    with pytest.raises(KeyError, match="param k"):
        PCA(inputCol="x", outputCol="y").fit(features(np.eye(3)))


# ---- all of them


def test_stages_are_saved_and_loaded(tmp_path):
    x = np.random.default_rng(8).standard_normal((20, 5)).astype(np.float32)
    stages = [
        VectorAssembler(inputCols=["x", "n"], outputCol="a", handleInvalid="keep"),
        StandardScaler(inputCol="a", outputCol="s", withMean=True),
        PCA(k=2, inputCol="s", outputCol="p"),
    ]
    table = features(x).append_column("n", pa.array(np.arange(20.0)))
    Pipeline(stages=stages).save(tmp_path / "pipeline")
    loaded = Pipeline.load(tmp_path / "pipeline")
    assert [stage.extractParamMap() for stage in loaded.getStages()] == [
        stage.extractParamMap() for stage in stages
    ]
    model = loaded.fit(table)
    model.save(tmp_path / "model")
    again = PipelineModel.load(tmp_path / "model")
    assert again.transform(table).equals(model.transform(table), check_metadata=True)
    scaler, projection = again.stages[1:]
    assert isinstance(scaler, StandardScalerModel)
    assert isinstance(projection, PCAModel)
    assert repr(scaler) == (
        f"StandardScalerModel: uid={scaler.uid}, numFeatures=6, withMean=true, withStd=true"
    )
    assert repr(projection) == f"PCAModel: uid={projection.uid}, k=2"


def test_other_libraries_tables_keep_their_kind():
    x = np.random.default_rng(9).standard_normal((10, 3))
    rows = pd.DataFrame({"x": list(x), "n": np.arange(10)}, index=list("abcdefghij"))
    frame = VectorAssembler(inputCols=["x", "n"], outputCol="a").transform(rows)
    assert frame.index.tolist() == rows.index.tolist()
    model = Pipeline(
        stages=[StandardScaler(inputCol="a", outputCol="s"), PCA(k=2, inputCol="s", outputCol="p")]
    ).fit(frame)
    expected = np.stack([vector.toArray() for vector in model.transform(frame)["p"]])
    polars = pl.DataFrame({"a": np.concatenate([x, np.arange(10.0)[:, None]], axis=1)})
    np.testing.assert_allclose(model.transform(polars)["p"].to_numpy(), expected, rtol=1e-12)
