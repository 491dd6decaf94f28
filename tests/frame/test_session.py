"""The session, and files read and written."""

import numpy as np
import pyarrow as pa
import pytest
from frame.sources import CountingSource, CountingStage

from pydeepl.frame import AnalysisException, SparkSession
from pydeepl.frame.context import SparkConf, SparkContext, SQLContext
from pydeepl.linalg import vector_array, vector_matrix

spark = SparkSession.builder.getOrCreate()


def test_there_is_one_session():
    session = SparkSession.builder.appName("digits").master("local[2]").config("spark.x", True).getOrCreate()
    assert session is SparkSession.builder.getOrCreate() is SparkSession.getActiveSession()
    assert session.conf.get("spark.x") == "true" and session.sparkContext.appName == "digits"
    with pytest.raises(KeyError, match="no setting 'spark\\.y'"):
        session.conf.get("spark.y")
    assert session.newSession() is not session
    session.sparkContext.setLogLevel("ERROR")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: SparkContext("local", SparkConf()), "appName: expected a str, got SparkConf"),
        (lambda: SparkContext(SparkConf()), "master: expected a str, got SparkConf"),
        (lambda: SparkContext.getOrCreate("local"), "conf: expected a SparkConf, got str 'local'"),
        (lambda: SparkSession.builder.config(map="x"), "map: expected a Mapping, got str 'x'"),
        (lambda: SparkSession(spark), "sparkContext: expected a SparkContext, got SparkSession"),
        (lambda: SQLContext(spark), "sparkContext: expected a SparkContext, got SparkSession"),
    ],
)
def test_arguments_in_the_wrong_place_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda frame: frame.join(3), "join: expected a DataFrame, got int"),
        (lambda frame: frame.limit("3"), "limit: expected a number of rows from 0 on, got '3'"),
        (lambda frame: frame.take("3"), "take: expected a number of rows, got '3'"),
        (lambda frame: frame.randomSplit("ab"), "randomSplit: weights must be numbers, got 'ab'"),
        (lambda frame: frame.withColumn(3, frame.id), "withColumn: expected a column's name, got 3"),
        (lambda frame: spark.sql("DROP TABLE t"), "expected one SELECT statement, found DROP TABLE t"),
        (
            lambda frame: spark.createDataFrame([(1.0,), (1.5,)], "a int"),
            "a, row 1: expected int32, found 1.5",
        ),
    ],
)
def test_what_a_frame_cannot_take_is_named(call, message):
    with pytest.raises((TypeError, AnalysisException), match=message):
        call(spark.range(2))


def test_names_that_contexts_lack_say_so():
    with pytest.raises(AttributeError, match=r"does not provide SQLContext\.uncacheTable; SparkSession"):
        SQLContext(spark.sparkContext).uncacheTable("t")


def test_range():
    assert [row.id for row in spark.range(2, 9, 3).collect()] == [2, 5, 8]
    assert spark.range(20_000).filter("id % 9999 = 0").collect() == [(0,), (9999,), (19998,)]
    assert spark.range(3, numPartitions=4).rdd.getNumPartitions() == 4


def test_parquet_keeps_everything(tmp_path):
    schema = pa.schema(
        [
            pa.field("i", pa.int32(), False, metadata={"ml_attr": '{"vals": ["a"]}'}),
            pa.field("v", vector_array(np.eye(2, dtype=np.float32)).type),
            pa.field("s", pa.string()),
        ]
    )
    table = pa.table(
        [pa.array([1, 2], pa.int32()), vector_array(np.eye(2, dtype=np.float32)), ["x", None]], schema=schema
    )
    frame = spark.createDataFrame(table)
    frame.write.parquet(str(tmp_path / "out"))
    back = spark.read.parquet(str(tmp_path / "out"))
    assert back.toArrow().equals(table) and back.schema["i"].metadata == {"ml_attr": {"vals": ["a"]}}
    assert back.dtypes == frame.dtypes and not back.schema["i"].nullable
    assert np.array_equal(vector_matrix(back.select("v").toArrow()["v"]), np.eye(2))
    assert spark.read.format("parquet").load(str(tmp_path / "out")).filter("i = 2").count() == 1


def test_writing_respects_what_is_there(tmp_path):
    path, stage = str(tmp_path / "out"), CountingStage()
    frame = stage.of(CountingSource(10).frame)
    frame.write.parquet(path)
    with pytest.raises(FileExistsError, match="overwrite"):
        frame.write.parquet(path)
    frame.write.mode("ignore").parquet(path)
    assert stage.runs == 1
    spark.read.parquet(path).filter("id < 4").write.mode("overwrite").parquet(
        path
    )  # from and to the same folder
    assert spark.read.parquet(path).count() == 4
    with pytest.raises(ValueError, match="expected error, overwrite or ignore"):
        frame.write.mode("append")


def test_a_failed_write_leaves_nothing(tmp_path):
    def broken(batches):
        yield [pa.array([1.0] * next(batches).num_rows)]
        raise RuntimeError("broken stage")

    frame = CountingSource(10).frame._with_stage(broken, ["id"], [pa.field("x", pa.float64())])
    with pytest.raises(RuntimeError, match="broken stage"):
        frame.write.parquet(str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/out", "file/below/out"])
def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    source = CountingSource(10)
    with pytest.raises(OSError, match=f"cannot write {tmp_path / name}: "):
        source.frame.write.parquet(str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and source.asked == []


def test_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("label,name\n1,one\n2,\n")
    assert spark.read.csv(str(path), header=True, inferSchema=True).dtypes == [
        ("label", "bigint"),
        ("name", "string"),
    ]
    assert spark.read.option("header", "true").csv(str(path)).dtypes == [
        ("label", "string"),
        ("name", "string"),
    ]
    assert spark.read.csv(str(path)).columns == ["_c0", "_c1"] and spark.read.csv(str(path)).count() == 3
    typed = spark.read.schema("label int, name string").option("header", True).csv(str(path))
    assert typed.collect()[0] == (1, "one") and typed.dtypes[0] == ("label", "int")
    typed.write.csv(str(tmp_path / "out"), header=True)
    assert spark.read.csv(str(tmp_path / "out"), header=True).collect()[0] == ("1", "one")
    with pytest.raises(TypeError, match="column payload of type binary has no text form"):
        CountingSource(1).frame.write.csv(str(tmp_path / "heavy"))


def test_csv_cells_are_read_as_spark_reads_them(tmp_path):
    """What PySpark 4.3 gives: only empty cells are null, zeros stay, a schema's names count."""
    path = tmp_path / "t.csv"
    path.write_text('id,name,x\n007,NA,1.5\n008,null,NaN\n009,,\n010,"",2\n011,"a,b",Infinity\n')
    names, texts = ["NA", "null", None, None, "a,b"], ["1.5", "NaN", None, "2", "Infinity"]

    def columns(**options):
        return list(spark.read.csv(str(path), header=True, **options).toArrow().to_pydict().items())

    assert columns() == [("id", ["007", "008", "009", "010", "011"]), ("name", names), ("x", texts)]
    (_, ids), (_, found), (_, numbers) = columns(inferSchema=True)
    assert (ids, found) == ([7, 8, 9, 10, 11], names)
    assert repr(numbers) == "[1.5, nan, None, 2.0, inf]"
    given = columns(schema="a string, b string, c string")
    assert given == [("a", ["007", "008", "009", "010", "011"]), ("b", names), ("c", texts)]


@pytest.mark.parametrize("form, text", [("csv", "a,b\n1\n"), ("json", "{"), ("parquet", "PAR")])
def test_files_that_cannot_be_read_are_named(tmp_path, form, text):
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path}: "):
        spark.read.format(form).load(str(path))
    with pytest.raises(AttributeError, match="pydeepl does not read orc; formats: csv, image, json, parquet"):
        spark.read.orc(str(path))


def test_json(tmp_path):
    frame = spark.createDataFrame(
        [(1, "é", (2, [3.5])), (2, None, None)], "i bigint, s string, p struct<x:bigint,y:array<double>>"
    )
    frame.write.json(str(tmp_path / "out"))
    back = spark.read.json(str(tmp_path / "out"))
    assert back.collect() == frame.collect()


def test_missing_files_and_formats(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        spark.read.parquet(str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="has no file"):
        spark.read.parquet(str(tmp_path))
    with pytest.raises(AnalysisException, match="no format 'imag'\\. Did you mean 'image'"):
        spark.read.format("imag")
    with pytest.raises(
        AnalysisException, match=r"no option of the format csv 'heder'. Did you mean 'header'"
    ):
        spark.read.option("heder", True).csv(str(tmp_path))
    with pytest.raises(AnalysisException, match=r"no option of the format parquet 'x'.* There are: none"):
        spark.read.option("x", 1).parquet(str(tmp_path))


def test_options_are_told_in_any_case(tmp_path):
    (tmp_path / "a.csv").write_text("n;m\n1;2\n")
    frame = spark.read.option("HEADER", "true").option("Sep", ";").csv(str(tmp_path / "a.csv"))
    assert frame.columns == ["n", "m"]


def test_views_belong_to_the_session(own_session):
    spark = own_session
    spark.range(3).createOrReplaceTempView("numbers")
    assert (
        spark.catalog.listTables() == ["numbers"]
        and spark.sql("select sum(id) s from numbers").first().s == 3
    )
    with pytest.raises(AnalysisException, match="exists already"):
        spark.range(3).createTempView("numbers")
    with SparkSession.builder.getOrCreate():
        pass  # leaving it stops the session
    assert SparkSession.getActiveSession() is None
    assert SparkSession.builder.getOrCreate().catalog.listTables() == []
