"""KerasTransformer, against what Keras itself gave for the same arrays."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from keras_files import write_padding_model

from pydeepl import KerasTransformer, SparkSession
from pydeepl.linalg import DenseVector, Vectors

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


def transformer(model=MODELS / "chain.keras"):
    return KerasTransformer(inputCol="x", outputCol="y", modelFile=model)


def frame_of(column):
    return SparkSession.builder.getOrCreate().createDataFrame(
        pa.table({"id": range(len(column)), "x": column})
    )


def columns_of(x):
    """The same arrays in every type of column."""
    flat = x.reshape(len(x), -1)
    nested = pa.float32()
    for _ in x.shape[1:]:
        nested = pa.list_(nested)
    spark = SparkSession.builder.getOrCreate()
    dense = spark.createDataFrame([(DenseVector(row),) for row in flat], ["x"])
    sparse = spark.createDataFrame(
        [(Vectors.sparse(len(row), dict(enumerate(map(float, row)))),) for row in flat], ["x"]
    )
    return {
        "nested lists": pa.array(x.tolist(), nested),
        "lists of doubles": pa.array(flat.astype(float).tolist()),
        "fixed lists": pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1]),
        "vectors": dense.toArrow()["x"],
        "sparse vectors": sparse.toArrow()["x"],
    }


@pytest.mark.parametrize("kind", columns_of(np.zeros((1, 1, 1, 1))))
def test_outputs_are_keras(golden, kind):
    out = transformer().transform(frame_of(columns_of(golden["chain_x"])[kind]))
    assert out.columns == ["id", "x", "y"] and dict(out.dtypes)["y"] == "array<float>"
    np.testing.assert_allclose(np.array([row.y for row in out.collect()]), golden["chain_y"], rtol=1e-5)


@pytest.mark.parametrize("kind", ["lists of doubles", "vectors"])
def test_models_of_vectors(golden, kind):
    out = transformer(MODELS / "table.keras").transform(frame_of(columns_of(golden["table_x"])[kind]))
    np.testing.assert_allclose(np.array([row.y for row in out.collect()]), golden["table_y"], rtol=1e-5)


def test_whole_numbers_nested_outputs_and_nulls(tmp_path):
    cells = np.arange(2 * 4 * 5).reshape(2, 4, 5, 1)
    model = write_padding_model(tmp_path / "frame.h5", (4, 5, 1))
    column = pa.array([None, *cells.tolist(), None])
    out = transformer(model).transform(frame_of(column))
    assert dict(out.dtypes)["y"] == "array<array<array<float>>>"
    found = [row.y for row in out.collect()]
    assert found[0] is None and found[3] is None
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1), (0, 0)))
    np.testing.assert_array_equal(np.array(found[1:3]), padded)


def test_many_rows_and_pandas(golden):
    rows = np.resize(golden["chain_x"].reshape(3, -1), (200, 162))
    out = transformer().transform(pd.DataFrame({"x": list(rows)}))
    assert isinstance(out, pd.DataFrame)
    np.testing.assert_allclose(np.stack(out["y"]), np.resize(golden["chain_y"], (200, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    "column, message",
    [
        (
            [[0.0] * 162, [0.0] * 161],
            r"row 1 of column 'x': expected 162 values \(the model's input is \[9, 9, 2\]\), found 161",
        ),
        ([None, [0.0] * 161 + [None]], "row 1 of column 'x': a number in its array is null"),
        ([[[[0.0] * 2] * 9] * 8 + [[[0.0] * 2] * 8]], r"row 0 of column 'x': expected 9 values .*, found 8"),
        ([[[[0.0] * 2] * 9] * 8 + [None]], r"row 0 of column 'x': expected 9 values .*, found null"),
    ],
)
def test_arrays_of_another_size_are_named(column, message):
    with pytest.raises(ValueError, match=message):
        transformer().transform(frame_of(pa.array(column))).collect()


@pytest.mark.parametrize("column", [["text"], [1.0], [["a"]], [[[1.0]]], [{"a": 1}]])
def test_columns_of_other_types_are_refused_at_once(column):
    with pytest.raises(ValueError, match=r"column 'x': expected arrays of numbers or vectors.*\[9, 9, 2\]"):
        transformer().transform(frame_of(pa.array(column)))


def test_it_is_saved_with_its_model(golden, tmp_path):
    frame = frame_of(columns_of(golden["chain_x"])["vectors"])
    stage = transformer()
    stage.save(tmp_path / "stage")
    again = KerasTransformer.load(tmp_path / "stage")
    assert again.getModelFile() != stage.getModelFile()
    assert again.transform(frame).collect() == stage.transform(frame).collect()
    KerasTransformer().save(tmp_path / "empty")
    assert not KerasTransformer.load(tmp_path / "empty").isDefined("modelFile")


def test_a_file_that_changes_is_another_model(golden, tmp_path):
    path = tmp_path / "model.h5"
    write_padding_model(path, (9, 9, 2))
    frame = frame_of(columns_of(golden["chain_x"])["vectors"])
    stage = transformer(path)
    assert np.shape(stage.transform(frame).first().y) == (11, 11, 2)
    path.unlink()
    path.write_bytes((MODELS / "chain.h5").read_bytes())
    np.testing.assert_allclose(stage.transform(frame).first().y, golden["chain_y"][0], rtol=1e-5)
