"""Groups, joins, sorting, distinct and SQL. Oracle: pandas on random data; laziness: counting sources."""

import numpy as np
import pandas as pd
import pytest
from frame.sources import CountingSource, CountingStage, payload

from pydeepl.frame import AnalysisException, SparkSession, col, lit
from pydeepl.frame import functions as F

spark = SparkSession.builder.getOrCreate()


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(7)
    one = pd.DataFrame(
        {"k": rng.integers(0, 8, 60), "x": rng.normal(size=60), "s": rng.choice(list("abc"), 60)}
    )
    two = pd.DataFrame({"k": rng.integers(4, 12, 20), "y": rng.normal(size=20)})
    return one, two, spark.createDataFrame(one), spark.createDataFrame(two)


def test_groups(tables):
    one, _, frame, _ = tables
    found = frame.groupBy("k", "s").agg(
        F.count("*").alias("n"),
        F.sum("x"),
        F.avg("x"),
        F.min("x"),
        F.max("x"),
        F.stddev("x"),
        F.countDistinct("k"),
    )
    groups = (
        one.groupby(["k", "s"], sort=False).x.agg(["size", "sum", "mean", "min", "max", "std"]).reset_index()
    )
    groups["d"] = 1
    got = found.toPandas()
    assert list(got.columns[:3]) == ["k", "s", "n"] and got.columns[3] == "sum(x)"
    assert (
        got[["k", "s", "n"]].values.tolist() == groups[["k", "s", "size"]].values.tolist()
    )  # and in that order
    assert np.allclose(
        got.iloc[:, 3:].astype(float), groups.iloc[:, 3:].astype(float), equal_nan=True, rtol=1e-12
    )


def test_short_aggregates(tables):
    one, _, frame, _ = tables
    assert frame.groupBy("s").count().collect() == [
        tuple(row) for row in one.groupby("s", sort=False).size().items()
    ]
    assert dict(frame.groupby("s").avg("x").collect()) == pytest.approx(one.groupby("s").x.mean().to_dict())
    assert frame.agg({"x": "max", "*": "count"}).collect() == [(one.x.max(), 60)]
    assert frame.select(F.sum("k")).first()[0] == one.k.sum() and frame.groupBy().sum().columns == [
        "sum(k)",
        "sum(x)",
    ]
    assert frame.groupBy((col("k") % 2).alias("odd")).count().columns == ["odd", "count"]
    assert frame.agg(F.expr("sum(k) + 1 AS more")).first().more == one.k.sum() + 1
    with pytest.raises(AnalysisException, match=r"spark\.sql\(\) only"):
        frame.select(F.expr("row_number() over (order by x)"))
    lists = dict(frame.groupBy("s").agg(F.collect_list("k")).collect())
    assert lists == one.groupby("s").k.apply(list).to_dict()
    assert frame.groupBy("s").agg(F.first("k"), F.last("k")).collect() == [
        (s, part.k.iloc[0], part.k.iloc[-1]) for s, part in one.groupby("s", sort=False)
    ]


def test_nulls_group_together_and_are_not_counted():
    frame = spark.createDataFrame([(None, 1), (None, None), ("a", 2)], "k string, v int")
    assert frame.groupBy("k").agg(F.count("v"), F.sum("v")).collect() == [(None, 1, 1), ("a", 1, 2)]
    assert frame.groupBy("k").agg(F.sum("v")).dtypes == [("k", "string"), ("sum(v)", "bigint")]


def test_sorting(tables):
    one, _, frame, _ = tables
    got = frame.orderBy("s", col("x").desc()).collect()
    assert got == list(
        one.sort_values(["s", "x"], ascending=[True, False]).itertuples(index=False, name=None)
    )
    assert frame.sort("k", "x", ascending=[False, True]).collect() == list(
        one.sort_values(["k", "x"], ascending=[False, True]).itertuples(index=False, name=None)
    )
    stable = [row.x for row in frame.orderBy("k").collect()]
    assert stable == one.sort_values("k", kind="stable").x.tolist()


def test_nulls_when_sorting():
    frame = spark.createDataFrame([("b",), (None,), ("a",)], ["s"])
    for column, expected in [
        (col("s"), [None, "a", "b"]),
        (col("s").desc(), ["b", "a", None]),
        (col("s").asc_nulls_last(), ["a", "b", None]),
        (col("s").desc_nulls_first(), [None, "b", "a"]),
        (F.desc("s"), ["b", "a", None]),
    ]:
        assert [row.s for row in frame.orderBy(column).collect()] == expected


@pytest.mark.parametrize("how", ["inner", "left", "right", "outer", "left_semi", "left_anti"])
def test_joins(tables, how):
    one, two, first, second = tables
    got = first.join(second, "k", how).toPandas()
    if how in ("left_semi", "left_anti"):
        expected = one[one.k.isin(two.k) == (how == "left_semi")]
    else:
        expected = one.merge(two, on="k", how=how)[["k", "x", "s", "y"]]
    order = list(got.columns)
    assert order == list(expected.columns)
    key = [name for name in ("k", "x", "y") if name in order]
    got, expected = (each.sort_values(key).reset_index(drop=True) for each in (got, expected))
    assert got.s.fillna("").tolist() == expected.s.fillna("").tolist()
    assert np.array_equal(got[key], expected[key], equal_nan=True)


def test_null_keys_match_nothing():
    one = spark.createDataFrame([(1, "x"), (None, "z")], "k int, l string")
    two = spark.createDataFrame([(1, 1.0), (None, 4.0)], "k int, r double")
    assert one.join(two, ["k"]).collect() == [(1, "x", 1.0)]
    assert one.join(two, "k", "outer").collect() == [(1, "x", 1.0), (None, "z", None), (None, None, 4.0)]


def test_joins_on_conditions(tables):
    one, two, first, second = tables
    right = second.withColumnRenamed("k", "m")
    got = first.join(right, (col("k") == col("m")) & (col("x") < col("y"))).count()
    merged = one.merge(two, on="k")
    assert got == (merged.x < merged.y).sum()
    assert first.crossJoin(right).count() == 1200
    with pytest.raises(AnalysisException, match="both frames have k"):
        first.join(second, col("k") == col("k"))
    with pytest.raises(AnalysisException, match="both frames have s, x"):
        first.join(first, "k")
    with pytest.raises(AnalysisException, match="no kind of join 'inne'\\. Did you mean 'inner'"):
        first.join(second, "k", "inne")
    with pytest.raises(AnalysisException, match="no column 'j'"):
        first.join(second, "j")


def test_distinct(tables):
    one, _, frame, _ = tables
    assert frame.select("k", "s").distinct().collect() == list(
        one[["k", "s"]].drop_duplicates().itertuples(index=False, name=None)
    )
    assert frame.dropDuplicates(["s"]).collect() == list(
        one.drop_duplicates("s").itertuples(index=False, name=None)
    )


def test_heavy_columns_are_compared_by_hash_and_made_for_what_is_left():
    source = CountingSource(12)
    assert source.frame.union(source.frame).distinct().count() == 12
    source.payloads.clear()
    rows = source.frame.dropDuplicates(["kind"]).collect()
    assert [row.id for row in rows] == [0, 1, 2] == source.payloads
    assert [row.payload for row in rows] == [payload(i) for i in range(3)]


def test_sorted_heavy_columns_follow_their_rows():
    source, stage = CountingSource(50), CountingStage()
    frame = stage.of(source.frame, keep=True).orderBy(col("kind"), col("id").desc())
    assert source.asked == []
    expected = sorted(range(50), key=lambda i: (i % 3, -i))
    assert [row.id for row in frame.select("id").collect()] == expected and source.payloads == []
    rows = frame.collect()
    assert [row.payload for row in rows] == [payload(i) for i in expected]
    assert [row.features[0] for row in rows] == expected and stage.seen == list(range(50))
    source.payloads.clear()
    top = frame.limit(2).collect()
    assert [row.id for row in top] == expected[:2]


def test_joined_heavy_columns_follow_their_rows():
    source = CountingSource(9)
    labels = spark.createDataFrame([(7, "seven"), (2, "two"), (2, "zwei"), (40, "forty")], ["id", "name"])
    rows = labels.join(source.frame.drop("kind"), "id", "left").collect()
    assert [(row.id, row.name, row.payload) for row in rows] == [
        (7, "seven", payload(7)),
        (2, "two", payload(2)),
        (2, "zwei", payload(2)),
        (40, "forty", None),
    ]
    assert source.payloads == [2, 7]
    rows = source.frame.join(labels, "id", "anti").select("payload").collect()
    assert [row.payload for row in rows] == [payload(i) for i in range(9) if i not in (2, 7)]


def test_results_are_the_same_rows_in_every_action():
    source = CountingSource(300)
    frame = source.frame.groupBy("id").count()
    parts = frame.randomSplit([0.5, 0.5], 1)
    assert sorted(row.id for part in parts for row in part.collect()) == list(range(300))


def test_sql(tables):
    one, _, first, second = tables
    first.createOrReplaceTempView("one")
    second.createOrReplaceTempView("Two")
    got = spark.sql("SELECT s, count(*), avg(x) AS mean FROM one WHERE k > 2 GROUP BY s ORDER BY s").collect()
    expected = one[one.k > 2].groupby("s").x.agg(["size", "mean"])
    assert [row.s for row in got] == list(expected.index) and [row["count(1)"] for row in got] == expected[
        "size"
    ].tolist()
    assert [row.mean for row in got] == pytest.approx(expected["mean"].tolist())
    assert spark.sql("select * from one join two using (k)").count() == len(one.merge(tables[1], on="k"))
    assert spark.sql("with t as (select k from one) select max(k) m from t").first().m == one.k.max()
    assert spark.sql("select y from one join two using (k)").count() == len(one.merge(tables[1], on="k"))
    assert spark.sql("select y from one natural join two").count() == len(one.merge(tables[1], on="k"))
    spark.createDataFrame([(1,), (None,), (2,)], "n int").createOrReplaceTempView("nulls")
    assert [row.n for row in spark.sql("select n from nulls order by n").collect()] == [None, 1, 2]
    assert [row.n for row in spark.sql("select n from nulls order by n desc").collect()] == [2, 1, None]
    assert spark.table("two").columns == ["k", "y"] and spark.catalog.tableExists("ONE")
    assert spark.catalog.dropTempView("two") and not spark.catalog.tableExists("two")
    with pytest.raises(AnalysisException, match="no table or view 'on'\\. Did you mean 'one'"):
        spark.table("on")
    with pytest.raises(AnalysisException, match="no table or view 'onee'"):
        spark.sql("select * from onee")
    with pytest.raises(AnalysisException):
        spark.sql("select nothing from one")


def test_sql_passes_heavy_columns_on():
    source, stage = CountingSource(12), CountingStage()
    stage.of(source.frame.withColumn("label", lit(1))).createOrReplaceTempView("heavy")
    frame = spark.sql("SELECT id, payload, features AS f FROM heavy WHERE kind = 1 ORDER BY id DESC LIMIT 2")
    assert frame.columns == ["id", "payload", "f"] and source.asked == []
    rows = frame.collect()
    assert [(row.id, row.payload, row.f[1]) for row in rows] == [(i, payload(i), i * i) for i in (10, 7)]
    assert source.payloads == [7, 10] and stage.seen == [7, 10]
    spark.catalog.dropTempView("heavy")


def test_sql_looks_into_structs_without_their_bytes():
    rows = [(("a", 5, b"xx"),), (("b", 9, b"yy"),), (None,)]
    frame = spark.createDataFrame(rows, "image struct<origin:string,height:int,data:binary>")
    frame.createOrReplaceTempView("images")
    got = spark.sql("select image, image.height * 2 as h from images where image.height > 5").collect()
    assert got == [((("b", 9, b"yy")), 18)]
    assert spark.sql("select image from images where image is null").count() == 1
    assert frame.groupBy("image.height").count().collect() == [(5, 1), (9, 1), (None, 1)]
    spark.catalog.dropTempView("images")


def test_describe():
    frame = spark.createDataFrame([(1, "a", 1.5), (2, None, 1e10)], "i int, s string, d double")
    assert frame.describe().collect() == [
        ("count", "2", "1", "2"),
        ("mean", "1.5", None, "5.00000000075E9"),
        ("stddev", "0.7071067811865476", None, "7.071067810804815E9"),
        ("min", "1", "a", "1.5"),
        ("max", "2", "a", "1.0E10"),
    ]
