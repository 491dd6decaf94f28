"""Frames from and to pandas, polars, pyarrow and rows."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pydeepl.frame import DataFrame, Row, SparkSession, adopt, lit
from pydeepl.frame.types import IntegerType, StringType, StructField, StructType
from pydeepl.linalg import SparseVector, Vectors, dense_type, vector_array

spark = SparkSession.builder.getOrCreate()


def test_adopting_gives_the_same_kind_back():
    table = pa.table({"a": [1, 2], "s": ["x", None]})
    for dataset in (
        table,
        table.to_pandas(),
        pl.from_arrow(table),
        table.to_reader(),
        spark.createDataFrame(table),
    ):
        frame, restore = adopt(dataset)
        assert isinstance(frame, DataFrame) and frame.columns == ["a", "s"]
        back = restore(frame.withColumn("n", lit(1.5)))
        assert type(back) is type(dataset)
    assert restore(frame) is frame


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match=r"expected a pydeepl, pandas or polars DataFrame.*got builtins.list"):
        adopt([1, 2])


def test_pandas_columns():
    image = {"origin": "f", "height": 1, "width": 1, "nChannels": 1, "mode": 0, "data": b"x"}
    table = pd.DataFrame(
        {
            "i": np.array([1, 2], np.int32),
            "f": np.array([0.5, np.nan], np.float32),
            "s": ["a", None],
            "b": [True, False],
            "v": [Vectors.dense([1, 2]), Vectors.dense([3, 4])],
            "m": [Vectors.dense([1.0]), SparseVector(2, {1: 1.0})],
            "n": [np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)],
            "l": [[0.5, 1.5], [2.0, 3.0]],
            "image": [image, Row(**image)],
            "t": pd.to_datetime(["2020-01-01", None]),
            "c": pd.Categorical(["x", "y"]),
        },
        index=[10, 20],
    )
    frame, restore = adopt(table)
    kinds = dict(frame.dtypes)
    assert {name: kinds[name] for name in "ifsb"} == {"i": "int", "f": "float", "s": "string", "b": "boolean"}
    assert kinds["v"] == kinds["m"] == kinds["n"] == kinds["l"] == "vector" and kinds["c"] == "string"
    assert kinds["image"].startswith("struct<origin:string,height:bigint")
    assert frame.column_field("n").type == dense_type(2, np.float32)
    back = restore(frame)
    assert list(back.index) == [10, 20] and back.v[10] == Vectors.dense([1, 2]) and back.m[20] == table.m[20]
    assert back.i.dtype == np.int32 and np.isnan(back.f[20]) and back.s[20] != back.s[20]
    assert back.image[10] == Row(**image) and back.t[10] == pd.Timestamp("2020-01-01") and back.t.isna()[20]


def test_to_pandas_types():
    frame = spark.createDataFrame(
        [(1, 1.5, "a", True, None), (None, None, None, None, None)],
        "i int, d double, s string, b boolean, n int",
    )
    table = frame.toPandas()
    assert (
        table.i.tolist()[0] == 1
        and np.isnan(table.i[1])
        and table.d.dtype == np.float64
        and table.s.isna()[1]
    )
    assert spark.range(3).toPandas().id.dtype == np.int64 and len(spark.range(0).toPandas()) == 0
    one = spark.createDataFrame([(Vectors.dense([1, 2, 3]),)], ["v"]).toPandas()
    assert one.v[0] == Vectors.dense([1, 2, 3])


def test_feature_columns_of_one_row_stay_objects():
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    table = spark.createDataFrame(pa.table({"v": vector_array(matrix)})).toPandas()
    assert [cell.toArray().tolist() for cell in table.v] == matrix.tolist()


def test_polars_vectors_are_arrays():
    frame = spark.createDataFrame(pa.table({"v": vector_array(np.eye(2))}))
    _, restore = adopt(pl.DataFrame({"a": [1]}))
    table = restore(frame)
    assert table["v"].to_numpy().tolist() == [[1, 0], [0, 1]]


def test_arrow_goes_in_and_out_without_a_copy():
    values = np.arange(10.0)
    frame, restore = adopt(pa.table({"x": values}))
    assert np.shares_memory(restore(frame)["x"].chunk(0).to_numpy(), values)
    reader = adopt(pa.table({"x": values}).to_reader())[0].toArrowBatches()
    assert reader.read_all()["x"].to_pylist() == values.tolist()
    assert pa.table(frame)["x"].to_pylist() == values.tolist()  # __arrow_c_stream__


def test_rows_tuples_and_dicts():
    assert spark.createDataFrame([(1, "a"), (2, None)]).collect() == [Row(_1=1, _2="a"), Row(_1=2, _2=None)]
    assert spark.createDataFrame([Row(b=1, a=2)]).columns == ["b", "a"]
    frame = spark.createDataFrame([{"a": 1, "b": "x"}, {"a": 2}])
    assert frame.collect() == [Row(a=1, b="x"), Row(a=2, b=None)]
    assert spark.createDataFrame([(1, 2)], ["x"]).columns == ["x", "_2"]
    assert (
        spark.createDataFrame([1, 2], "int").columns == ["value"]
        and spark.createDataFrame(["a"], StringType()).count() == 1
    )
    assert spark.createDataFrame(np.eye(2), ["a", "b"]).dtypes == [("a", "double"), ("b", "double")]
    assert spark.createDataFrame([], "a int").count() == 0
    assert spark.createDataFrame([(1, 2.5), (3, None)], ["a", "b"]).dtypes == [
        ("a", "bigint"),
        ("b", "double"),
    ]
    assert spark.createDataFrame([(1,), (2.5,)]).dtypes == [("_1", "double")]


def test_nested_values_come_back():
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 6000)
    row = Row(
        a=[1, None], m={"k": 1.5}, s=Row(x=1, y=[Row(z=2)]), b=b"xy", d=datetime.date(2020, 1, 2), t=moment
    )
    assert spark.createDataFrame([row]).collect() == [row]


def test_schemas_are_held():
    schema = StructType().add("a", IntegerType(), False).add(StructField("s", "string"))
    frame = spark.createDataFrame([(1, "x")], schema)
    assert frame.schema == schema and repr(frame.schema) == repr(schema)
    with pytest.raises(TypeError, match="a, row 1: expected int32, found 'x' of type str"):
        spark.createDataFrame([(1, "x"), ("x", "y")], schema)
    with pytest.raises(ValueError, match="column a is not nullable, row 0 is null"):
        spark.createDataFrame([(None, "x")], schema)
    with pytest.raises(ValueError, match="row 1 has 1 values, expected 2"):
        spark.createDataFrame([(1, "x"), (1,)], schema)
    with pytest.raises(TypeError, match="_1, row 1: expected int64, found 'x'"):
        spark.createDataFrame([(1,), ("x",)])
    with pytest.raises(ValueError, match="give a schema"):
        spark.createDataFrame([])
    with pytest.raises(TypeError, match="expected rows or a table, got int"):
        spark.createDataFrame(3)


def test_schemas_as_json():
    schema = StructType(
        [StructField("a", "array<int>", metadata={"k": 1}), StructField("m", "map<string,double>")]
    )
    assert schema.jsonValue()["fields"][0] == {
        "name": "a",
        "type": {"type": "array", "elementType": "integer", "containsNull": True},
        "nullable": True,
        "metadata": {"k": 1},
    }
    assert schema.simpleString() == "struct<a:array<int>,m:map<string,double>>" and schema["m"].name == "m"
    assert schema.fieldNames() == ["a", "m"] and "a" in schema and len(schema) == 2
    with pytest.raises(KeyError, match="No StructField named z"):
        schema["z"]


def test_row_actions():
    frame = spark.createDataFrame([(i,) for i in range(10)], ["i"])
    assert frame.first() == Row(i=0) == frame.head() and frame.head(2) == frame.take(2) == [
        Row(i=0),
        Row(i=1),
    ]
    assert (
        frame.tail(3) == [Row(i=7), Row(i=8), Row(i=9)]
        and frame.tail(99) == frame.collect()
        and frame.tail(0) == []
    )
    assert list(frame.toLocalIterator()) == frame.collect() and frame.limit(0).first() is None
    seen = []
    frame.foreach(seen.append)
    assert len(seen) == 10 and not frame.isEmpty() and frame.filter("i > 99").isEmpty()
