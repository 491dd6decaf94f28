"""Laziness: what is asked of sources and stages, and when."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from frame.sources import CountingSource, CountingStage, payload

from pydeepl.frame import ROW, col, lit, scan
from pydeepl.linalg import vector_matrix


def test_nothing_runs_before_an_action():
    source, stage = CountingSource(10), CountingStage()
    frame = stage.of(source.frame).withColumn("label", lit(1)).filter(col("id") > 3).limit(3)
    frame.union(frame).repartition(5).randomSplit([0.5, 0.5], 1)
    assert frame.columns == ["id", "kind", "payload", "features", "label"]
    assert source.asked == [] and stage.runs == 0


def test_only_columns_that_are_asked_for_are_made():
    source, stage = CountingSource(10), CountingStage()
    frame = stage.of(source.frame.withColumn("double", col("id") * 2))
    assert [row.kind for row in frame.select("kind").collect()] == [i % 3 for i in range(10)]
    assert source.asked == [["kind"]] and stage.runs == 0
    assert frame.drop("features", "payload").count() == 10
    assert source.asked[1:] == [[ROW]] and source.payloads == []
    frame.select("features").collect()
    assert source.asked[2:] == [["id"]] and stage.seen == list(range(10))


def test_a_source_that_cannot_select_counts_by_its_lightest_column():
    source = CountingSource(10, selects=False)
    assert source.frame.count() == 10 and source.asked == [["id"]]


@pytest.mark.parametrize("selects", [True, False])
def test_first_rows_stop_the_source(selects):
    source, stage = CountingSource(100, selects), CountingStage()
    frame = stage.of(source.frame)
    assert [row.id for row in frame.take(6)] == list(range(6))
    assert source.payloads == list(range(8)) and stage.seen == list(range(8))  # two batches of four
    assert frame.first().features.toArray().tolist() == [0.0, 0.0]
    assert frame.limit(3).count() == 3 and frame.limit(0).collect() == [] and not frame.isEmpty()


def test_dropped_rows_are_not_made():
    source = CountingSource(200)
    train, test = source.frame.withColumn("label", lit(1)).repartition(7).randomSplit([0.8, 0.2], 42)
    ids = [row.id for row in test.collect()]
    assert source.payloads == ids and 0 < len(ids) < 100
    source.payloads.clear()
    assert sorted(ids + [row.id for row in train.collect()]) == list(range(200))
    assert not set(source.payloads) & set(ids)


def test_filters_on_light_columns_spare_the_heavy_ones():
    source = CountingSource(30)
    rows = source.frame.filter(col("kind") == 2).select("payload", "id").collect()
    assert [row.id for row in rows] == list(range(2, 30, 3)) == source.payloads
    assert [row.payload for row in rows] == [payload(i) for i in range(2, 30, 3)]
    assert sorted(source.asked) == [[ROW, "kind"], ["payload", "id"]]


def test_filters_on_constants_spare_whole_branches():
    sources = [CountingSource(5) for _ in range(3)]
    frames = [source.frame.withColumn("label", lit(place)) for place, source in enumerate(sources)]
    union = frames[0].union(frames[1]).union(frames[2])
    assert [row.id for row in union.filter("label = 1").collect()] == list(range(5))
    assert [source.payloads for source in sources] == [[], list(range(5)), []]


def test_filters_pass_stages_that_do_not_make_their_columns():
    source, stage = CountingSource(30), CountingStage()
    found = vector_matrix(stage.of(source.frame).filter("id >= 27").toArrow()["features"])
    assert stage.seen == [27, 28, 29] and source.payloads == [27, 28, 29]
    assert np.array_equal(found, [[27, 27**2], [28, 28**2], [29, 29**2]])


def test_a_source_may_leave_out_rows():
    source, stage = CountingSource(20, missing=[0, 7, 8, 9, 10, 11]), CountingStage()
    frame = stage.of(source.frame, keep=True)
    there = [i for i in range(20) if i not in source.missing]
    assert frame.count() == len(there) and [row.id for row in frame.collect()] == there
    parts = frame.randomSplit([0.5, 0.5], 3)
    assert sorted(row.id for part in parts for row in part.select("id").collect()) == there
    assert [row.features[0] for part in parts for row in part.collect()] == [
        row.id for part in parts for row in part.collect()
    ]


def test_python_functions_run_once_a_row():
    from pydeepl.frame import udf

    seen = []

    @udf("int")
    def bucket(x):
        seen.append(x)
        return x % 5

    source = CountingSource(10)
    rows = source.frame.withColumn("bucket", bucket("id")).filter("bucket = 3").select("id").collect()
    assert [row.id for row in rows] == [3, 8] and seen == list(range(10)) and source.payloads == []


def test_a_stage_may_read_ahead_in_another_thread():
    from concurrent.futures import ThreadPoolExecutor

    def ahead(batches):
        with ThreadPoolExecutor(1) as pool:
            waiting = [pool.submit(next, batches, None) for _ in range(3)]
            while (batch := waiting.pop(0).result()) is not None:
                waiting.append(pool.submit(next, batches, None))
                yield [pa.array([x + 0.5 for x in batch.column(0).to_pylist()])]

    frame = CountingSource(23).frame._with_stage(ahead, ["id"], [pa.field("half", pa.float64())])
    assert [(row.kind, row.half) for row in frame.collect()] == [(i % 3, i + 0.5) for i in range(23)]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda batches: ([pa.array([1.0])] for _ in batches), r"4 rows went in, \[1\] came out"),
        (lambda batches: iter([]), "3 batches went in and did not come out"),
        (lambda batches: ([pa.array([0.0] * 4)] for _ in [next(batches)]), "2 batches went in and did"),
        (
            lambda batches: ([pa.array([0.0] * 4)] for _ in range(9) if next(batches, 1)),
            "more batches came out",
        ),
    ],
)
def test_stages_that_lose_rows_are_caught(function, words):
    frame = CountingSource(12).frame._with_stage(function, ["id"], [pa.field("x", pa.float64())])
    with pytest.raises(RuntimeError, match=words):
        frame.select("x").collect()


def test_libraries_load_when_they_are_used(environment):
    # pandas is not among them: pyarrow itself loads it with the first array, where it is installed
    script = """
import sys
from functools import reduce
import pyarrow as pa
import pydeepl
from pydeepl import DeepImageFeaturizer, ImageSchema, LogisticRegression, Pipeline
from pydeepl.frame import SparkSession, col, lit
spark = SparkSession.builder.appName("digits").getOrCreate()
parts = [spark.range(50).withColumn("label", lit(place)) for place in range(3)]
frame = reduce(lambda one, two: one.union(two), parts).repartition(200)
train, test = frame.randomSplit([0.8, 0.2], 42)
test.printSchema(), test.show(), train.select("label", col("id")).collect()
late = {"duckdb", "polars", "PIL", "matplotlib", "pyarrow.parquet", "pyspark", "h5py"}
late |= {"pydeepl.keras.build", "pydeepl.keras.onnx.file"}
loaded = late & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, stdout=subprocess.DEVNULL)


def test_a_stage_replaces_a_column_in_its_place():
    frame = CountingSource(4).frame._with_stage(
        lambda batches: ([batch.column(0).cast(pa.float64())] for batch in batches),
        ["id"],
        [pa.field("id", pa.float64())],
    )
    assert frame.columns == ["id", "kind", "payload"] and frame.dtypes[0] == ("id", "double")
    assert [row.id for row in frame.collect()] == [0.0, 1.0, 2.0, 3.0]


def test_partitions_are_remembered():
    frame = CountingSource(4).frame
    assert frame.rdd.getNumPartitions() == 1 and frame.union(frame).rdd.getNumPartitions() == 2
    assert frame.repartition(200).rdd.getNumPartitions() == 200
    assert frame.repartition(8).coalesce(3).filter("id > 1").rdd.getNumPartitions() == 3
    assert frame.coalesce(3).rdd.getNumPartitions() == 1
    with pytest.raises(AttributeError, match=r"rdd\.filter is not there: .* collect\(\) its rows"):
        frame.rdd.filter(len)
    with pytest.raises(ValueError, match="from 1 on, got 0"):
        frame.repartition(0)


def test_explain_names_every_step(capsys):
    source, stage = CountingSource(4), CountingStage()
    stage.of(source.frame, keep=True).filter("kind = 1").select("features").explain()
    assert capsys.readouterr().out.strip().splitlines() == [
        "== Plan ==",
        "Project [features]",
        "   +- Filter kind = 1",
        "      +- Stage [id] -> [features], kept",
        "         +- Scan counting [id, kind, payload]",
    ]


def test_a_source_is_held_to_its_schema():
    schema = pa.schema([pa.field("x", pa.int32(), nullable=False)])
    frame = scan(schema, lambda columns: iter([pa.record_batch({"x": pa.array([1, 2], pa.int64())})]))
    assert frame.toArrow().schema == schema


def test_the_most_rows_are_told_without_reading():
    source, other = CountingSource(1000), CountingSource(50)
    frame = source.frame.withColumn("label", lit(1)).union(other.frame.withColumn("label", lit(2)))
    first, second = frame.randomSplit([0.8, 0.2], 42)
    told = [each._most_rows() for each in (frame, first, second, second.limit(7), frame.filter("id < 3"))]
    assert source.asked == other.asked == []
    assert told == [1050, first.count(), second.count(), 7, 1050]
    assert first.sample(0.5, 3)._most_rows() == first.sample(0.5, 3).count()
    assert CountingSource(10, selects=False).frame._most_rows() is None
    assert frame.orderBy("id")._most_rows() is None
    assert frame._with_stage(CountingStage(), ["id"], [pa.field("x", pa.float64())])._most_rows() == 1050
