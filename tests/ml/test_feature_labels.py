"""StringIndexer and IndexToString: hand-made orders, invalid values, metadata, and back again."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pydeepl import IndexToString, Pipeline, PipelineModel, StringIndexer
from pydeepl.frame import adopt
from pydeepl.linalg import vector_array
from pydeepl.ml import LogisticRegression
from pydeepl.ml.feature import StringIndexerModel


def animals(*names, column="animal"):
    return pa.table({column: pa.array(names, pa.string())})


def labels_of(table, **params):
    return StringIndexer(inputCol=table.column_names[0], outputCol="index", **params).fit(table).labels


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        # counts: a 1, b 3, c 3, d 1; equal counts in alphabetical order both ways
        ("frequencyDesc", ["b", "c", "a", "d"]),
        ("frequencyAsc", ["a", "d", "b", "c"]),
        ("alphabetDesc", ["d", "c", "b", "a"]),
        ("alphabetAsc", ["a", "b", "c", "d"]),
    ],
)
def test_labels_are_ordered_by_count_or_by_alphabet(order, expected):
    table = animals("c", "b", "d", "c", "b", "a", "b", "c")
    assert labels_of(table, stringOrderType=order) == expected


def test_counts_add_up_over_batches():
    names = ["rare"] * 1500 + ["common"] * 1700  # frames of tables have batches of 1024 rows
    assert labels_of(animals(*names)) == ["common", "rare"]


def test_alphabetical_is_by_code_point():
    # Java's own strings would put U+1F600 first: its first UTF-16 unit is D83D. Spark compares UTF-8.
    assert labels_of(animals("\uff21", "\U0001f600", "Z", "a", "é"), stringOrderType="alphabetAsc") == [
        "Z", "a", "é", "\uff21", "\U0001f600",
    ]  # fmt: skip


def test_numbers_are_the_strings_that_java_writes():
    table = pa.table({"x": [1.0, 1e10, 1.0, float("nan"), None, 2.5e-7]})
    assert labels_of(table) == ["1.0", "1.0E10", "2.5E-7"]
    assert labels_of(pa.table({"x": pa.array([10, 9, 9, None], pa.int32())})) == ["9", "10"]


def test_several_columns_have_labels_of_their_own():
    table = pa.table({"a": ["x", "y", "y"], "b": [2, 1, 2]})
    indexer = StringIndexer(inputCols=["a", "b"], outputCols=["ai", "bi"])
    model = indexer.fit(table)
    assert model.labelsArray == [["y", "x"], ["2", "1"]]
    made = model.transform(table)
    assert made["ai"].to_pylist() == [1.0, 0.0, 0.0]
    assert made["bi"].to_pylist() == [0.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="2 columns; their labels are in labelsArray"):
        _ = model.labels


def test_an_unseen_label_is_refused_with_its_row():
    model = StringIndexer(inputCol="animal", outputCol="index").fit(animals("cat", "dog"))
    with pytest.raises(
        ValueError, match=r"'animal'.*\[cat, dog\], found the unseen label 'cow' in row 1; handle"
    ):
        model.transform(animals("dog", "cow"))
    with pytest.raises(ValueError, match="found null in row 2"):
        model.transform(animals("dog", "cat", None))
    with pytest.raises(ValueError, match="found the unseen label 'cow' in row 1500"):
        model.transform(animals(*["cat"] * 1500, "cow"))


def test_invalid_rows_are_skipped_or_kept():
    fitted = StringIndexer(inputCol="animal", outputCol="index", handleInvalid="skip").fit(
        animals("cat", "dog")
    )
    table = animals("dog", "cow", None, "cat").append_column("x", pa.array([1, 2, 3, 4]))
    assert fitted.transform(table).select(["x", "index"]).to_pydict() == {"x": [1, 4], "index": [1.0, 0.0]}
    kept = fitted.setHandleInvalid("keep").transform(table)
    assert kept["index"].to_pylist() == [1.0, 2.0, 2.0, 0.0]
    back = IndexToString(inputCol="index", outputCol="name").transform(kept)
    assert back["name"].to_pylist() == ["dog", "__unknown", "__unknown", "cat"]


def test_nan_is_an_unseen_label():
    table = pa.table({"x": [1.0, float("nan")]})
    model = StringIndexer(inputCol="x", outputCol="index", handleInvalid="keep").fit(table)
    assert model.labels == ["1.0"]
    assert model.transform(table)["index"].to_pylist() == [0.0, 1.0]
    assert model.setHandleInvalid("skip").transform(table)["index"].to_pylist() == [0.0]


def test_the_output_is_a_nominal_attribute():
    model = StringIndexer(inputCol="animal", outputCol="index").fit(animals("cat", "dog", "dog"))
    field = model.transform(animals("cat")).schema.field("index")
    expected = {"type": "nominal", "name": "index", "vals": ["dog", "cat"]}
    assert json.loads(field.metadata[b"ml_attr"]) == expected
    assert not field.nullable
    frame = model.transform(adopt(animals("cat"))[0])
    assert frame.schema["index"].metadata == {"ml_attr": expected}


def test_a_classifier_learns_the_number_of_classes_from_the_labels():
    table = pa.table(
        {"animal": ["cat", "dog", "cat", "dog"], "features": vector_array(np.eye(4, dtype=np.float32))}
    )
    labels = ["cat", "dog", "emu"]
    indexer = StringIndexerModel.from_labels(labels, inputCol="animal", outputCol="label")
    model = LogisticRegression(maxIter=3, regParam=0.1).fit(indexer.transform(table))
    assert model.numClasses == 3
    kept = StringIndexer(inputCol="animal", outputCol="label", handleInvalid="keep").fit(table)
    assert LogisticRegression(maxIter=3).fit(kept.transform(table)).numClasses == 3


def test_models_are_made_of_labels():
    model = StringIndexerModel.from_labels(["b", "a"], inputCol="x", outputCol="i", handleInvalid="keep")
    assert model.labels == ["b", "a"]
    assert model.transform(animals("a", "b", "c", column="x"))["i"].to_pylist() == [1.0, 0.0, 2.0]
    several = StringIndexerModel.from_arrays_of_labels(
        [["a"], ["b"]], inputCols=["x", "y"], outputCols=["i", "j"]
    )
    assert several.labelsArray == [["a"], ["b"]]
    with pytest.raises(ValueError, match="the labels must differ, found 'a' twice"):
        StringIndexerModel.from_labels(["a", "a"], inputCol="x")


def test_the_output_has_a_name_of_its_own_by_default():
    indexer = StringIndexer(inputCol="animal")
    made = indexer.fit(animals("cat")).transform(animals("cat"))
    assert made.column_names == ["animal", f"{indexer.uid}__output"]


def test_a_column_that_is_not_there_is_passed_over():
    # A pipeline that indexes the label is also used on images without one.
    model = StringIndexer(inputCol="animal", outputCol="index").fit(animals("cat"))
    table = pa.table({"x": [1]})
    with pytest.warns(UserWarning, match="column 'animal' does not exist, so 'index' is not made"):
        assert model.transform(table).column_names == ["x"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "expected either inputCol or inputCols"),
        ({"inputCol": "a", "inputCols": ["a"]}, "expected either inputCol or inputCols"),
        ({"inputCol": "a", "outputCols": ["i"]}, "outputCols is set"),
        ({"inputCols": ["a"], "outputCol": "i"}, "outputCol is set"),
        ({"inputCols": ["a", "b"], "outputCols": ["i"]}, "as many outputCols as inputCols"),
        ({"inputCols": ["a", "b"], "outputCols": ["i", "i"]}, "all different"),
        ({"inputCol": "c", "outputCol": "i"}, "inputCol 'c' does not exist"),
        ({"inputCol": "a", "outputCol": "b"}, "Column b already exists"),
    ],
)
def test_columns_that_do_not_fit_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        StringIndexer(**params).fit(pa.table({"a": ["x"], "b": ["y"]}))


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="column 'a': expected strings or numbers, found bool"):
        StringIndexer(inputCol="a", outputCol="i").fit(pa.table({"a": [True]}))
    with pytest.raises(ValueError, match="one of frequencyDesc, frequencyAsc, alphabetDesc, alphabetAsc"):
        StringIndexer(stringOrderType="frequency")


def test_the_indexer_gives_back_the_kind_it_was_given():
    model = StringIndexer(inputCol="animal", outputCol="index", handleInvalid="skip").fit(
        animals("cat", "dog")
    )
    names = {"animal": ["dog", "emu", "cat"]}
    assert model.transform(pd.DataFrame(names))["index"].tolist() == [1.0, 0.0]
    assert model.transform(pl.DataFrame(names))["index"].to_list() == [1.0, 0.0]
    assert [
        row.index_ for row in model.setOutputCol("index_").transform(adopt(animals("cat"))[0]).collect()
    ] == [0.0]


def test_indexers_are_saved_and_loaded(tmp_path):
    table = pa.table({"a": ["x", "y", "y"]})
    indexer = StringIndexer(inputCol="a", outputCol="i", stringOrderType="alphabetDesc")
    back = IndexToString(inputCol="i", outputCol="b", labels=["y", "x"])
    Pipeline(stages=[indexer, back]).save(tmp_path / "pipeline")
    assert Pipeline.load(tmp_path / "pipeline").getStages()[0].getStringOrderType() == "alphabetDesc"
    model = Pipeline(stages=[indexer, back]).fit(table)
    model.save(tmp_path / "model")
    loaded = PipelineModel.load(tmp_path / "model")
    assert loaded.stages[0].labels == ["y", "x"]
    assert loaded.transform(table).equals(model.transform(table), check_metadata=True)
    assert loaded.transform(table)["b"].to_pylist() == ["x", "y", "y"]


# ---- IndexToString


def test_given_labels_go_before_the_columns_own():
    model = StringIndexer(inputCol="animal", outputCol="index").fit(animals("cat", "dog"))
    table = model.transform(animals("cat", "dog"))
    back = IndexToString(inputCol="index", outputCol="name")
    assert back.transform(table)["name"].to_pylist() == ["cat", "dog"]
    assert back.setLabels(["A", "B"]).transform(table)["name"].to_pylist() == ["A", "B"]
    assert back.setLabels([]).transform(table)["name"].to_pylist() == ["cat", "dog"]


def test_fractions_are_cut_off():
    table = pa.table({"i": [1.9, -0.5, 0.0]})
    back = IndexToString(inputCol="i", outputCol="name", labels=["a", "b"])
    assert back.transform(table)["name"].to_pylist() == ["b", "a", "a"]


@pytest.mark.parametrize("index", [2.0, -1.0, float("nan"), float("inf"), None])
def test_an_index_without_a_label_is_refused(index):
    table = pa.table({"i": [0.0, index]})
    with pytest.raises(ValueError, match=r"'i': expected an index from 0 to 1 .* found .* in row 1"):
        IndexToString(inputCol="i", outputCol="name", labels=["a", "b"]).transform(table)


def test_indices_without_labels_are_refused():
    with pytest.raises(ValueError, match="column 'i' has no labels in its metadata; give labels"):
        IndexToString(inputCol="i", outputCol="name").transform(pa.table({"i": [0.0]}))
    with pytest.raises(TypeError, match="column 'i': expected indices, numbers, found string"):
        IndexToString(inputCol="i", outputCol="name", labels=["a"]).transform(pa.table({"i": ["0"]}))
