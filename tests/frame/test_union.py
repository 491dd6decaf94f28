"""Unions: types, nullability, names."""

import numpy as np
import pytest

from pydeepl.frame import AnalysisException, SparkSession, col, lit
from pydeepl.linalg import DenseVector, SparseVector

spark = SparkSession.builder.getOrCreate()


def frame(schema, *rows):
    return spark.createDataFrame(list(rows), schema)


@pytest.mark.parametrize(
    ("one", "two", "wide"),
    [
        ("int", "bigint", "bigint"),
        ("tinyint", "smallint", "smallint"),
        ("int", "double", "double"),
        ("float", "double", "double"),
        ("bigint", "float", "double"),
        ("int", "string", "bigint"),
        ("void", "string", "string"),
        ("array<int>", "array<double>", "array<double>"),
        ("struct<a:int>", "struct<a:bigint>", "struct<a:bigint>"),
    ],
)
def test_types_widen_as_sparks(one, two, wide):
    assert frame(f"a {one}").union(frame(f"b {two}")).dtypes == [("a", wide)]
    assert frame(f"a {two}").union(frame(f"b {one}")).dtypes == [("a", wide)]


@pytest.mark.parametrize(("one", "two"), [("int", "boolean"), ("binary", "string"), ("struct<a:int>", "int")])
def test_unlike_types_are_refused(one, two):
    with pytest.raises(
        AnalysisException, match=f"column 1 is a: {one} in the first frame but b: {two} in the second"
    ):
        frame(f"a {one}").union(frame(f"b {two}"))


def test_the_number_of_columns_must_agree():
    with pytest.raises(AnalysisException, match=r"the first has 1 \(a\) and the second 2 \(a, b\)"):
        frame("a int").union(frame("a int, b int"))
    with pytest.raises(TypeError, match="expected a DataFrame, got int"):
        frame("a int").union(3)


def test_columns_go_by_position_and_nullability_merges():
    made = frame("a int not null, b string", (1, "x")).union(
        frame("b bigint, a string not null", (2**40, "y"))
    )
    assert made.collect() == [(1, "x"), (2**40, "y")] and made.columns == ["a", "b"]
    assert [field.nullable for field in made.schema] == [True, True]
    same = frame("a int not null", (1,)).union(frame("a int not null", (1,)))
    assert not same.schema["a"].nullable and same.collect() == [(1,), (1,)]  # duplicates stay


def test_by_name():
    one, two = frame("a int not null, b string", (1, "x")), frame("b string, a int not null", ("y", 2))
    assert one.unionByName(two).collect() == [(1, "x"), (2, "y")]
    three = frame("c double, a int not null", (0.5, 3))
    with pytest.raises(AnalysisException, match="no column 'b'"):
        one.unionByName(three)
    made = one.unionByName(three, allowMissingColumns=True)
    assert made.collect() == [(1, "x", None), (3, None, 0.5)] and made.columns == ["a", "b", "c"]
    assert [field.nullable for field in made.schema] == [False, True, True]


def test_unlike_vectors_meet_in_one_column():
    dense = spark.createDataFrame([(DenseVector([1, 2]),)], ["v"])
    sparse = spark.createDataFrame([(SparseVector(3, {1: 1.0}),)], ["v"])
    assert dense.union(sparse).collect() == [(DenseVector([1, 2]),), (SparseVector(3, {1: 1.0}),)]
    single = spark.createDataFrame([(DenseVector(np.float32([3, 4])),)], ["v"])
    made = dense.union(single)
    assert made.column_field("v").type.size == 2 and made.collect()[1].v == DenseVector([3, 4])


def test_many_unions_stay_flat_and_quick():
    parts = [spark.range(3).withColumn("label", lit(place)) for place in range(300)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    assert len(whole._node.children) == 300 and whole.count() == 900
    assert whole.filter(col("label") == 299).select("id").collect() == [(0,), (1,), (2,)]


def test_ordinals_stay_unique_through_nested_unions():
    whole = spark.range(4)
    for _ in range(8):
        whole = whole.union(whole.filter("id >= 0")).withColumn("id", col("id"))
    rows = np.concatenate([batch.column(0).to_numpy() for batch in whole._node.stream(["__row__"])])
    assert len(rows) == 4 * 2**8 and (np.diff(rows) > 0).all()
