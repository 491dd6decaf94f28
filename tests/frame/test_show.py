"""What is printed, held to Spark 4's own output (copied by hand from its console)."""

import base64
import datetime
import io
import re

import numpy as np
import pyarrow as pa
import pytest

from pydeepl.frame import Row, SparkSession, lit
from pydeepl.frame.show import java_number
from pydeepl.frame.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
)
from pydeepl.linalg import Vectors, VectorUDT

spark = SparkSession.builder.getOrCreate()

SCHEMA = StructType(
    [
        StructField("i", IntegerType(), False),
        StructField("s", StringType()),
        StructField("d", DoubleType()),
        StructField("n", LongType()),
        StructField("b", BinaryType()),
        StructField("a", ArrayType(IntegerType())),
        StructField("m", MapType(StringType(), IntegerType())),
        StructField(
            "st", StructType([StructField("x", IntegerType(), False), StructField("y", StringType())])
        ),
        StructField("v", VectorUDT()),
        StructField("bo", BooleanType()),
        StructField("da", DateType()),
    ]
)
ROWS = [
    (
        1,
        "a",
        1.5,
        None,
        bytearray(b"\x89PN"),
        [1, None],
        {"k": 1},
        Row(x=1, y=None),
        Vectors.dense([1.0, 2.5e-7]),
        True,
        datetime.date(2020, 1, 2),
    ),
    (2, None, 1e10, None, None, None, None, None, Vectors.sparse(3, [0, 2], [1.0, 3.0]), False, None),
]


@pytest.fixture(scope="module")
def frame():
    return spark.createDataFrame(ROWS, SCHEMA)


def test_show(frame, capsys):
    frame.show()
    assert (
        capsys.readouterr().out
        == """\
+---+----+------+----+----------+---------+--------+---------+-------------------+-----+----------+
|  i|   s|     d|   n|         b|        a|       m|       st|                  v|   bo|        da|
+---+----+------+----+----------+---------+--------+---------+-------------------+-----+----------+
|  1|   a|   1.5|NULL|[89 50 4E]|[1, NULL]|{k -> 1}|{1, NULL}|       [1.0,2.5E-7]| true|2020-01-02|
|  2|NULL|1.0E10|NULL|      NULL|     NULL|    NULL|     NULL|(3,[0,2],[1.0,3.0])|false|      NULL|
+---+----+------+----+----------+---------+--------+---------+-------------------+-----+----------+

"""
    )


def test_show_cut_to_letters_and_rows(frame, capsys):
    frame.show(1, truncate=5)
    assert (
        capsys.readouterr().out
        == """\
+---+---+---+----+-----+-----+-----+-----+-----+----+-----+
|  i|  s|  d|   n|    b|    a|    m|   st|    v|  bo|   da|
+---+---+---+----+-----+-----+-----+-----+-----+----+-----+
|  1|  a|1.5|NULL|[8...|[1...|{k...|{1...|[1...|true|20...|
+---+---+---+----+-----+-----+-----+-----+-----+----+-----+
only showing top 1 row
"""
    )


def test_show_without_cutting_is_left_aligned(capsys):
    spark.createDataFrame([("a" * 25, 1), ("b\n\tc", 22)], ["text", "n"]).show(truncate=False)
    assert (
        capsys.readouterr().out
        == """\
+-------------------------+---+
|text                     |n  |
+-------------------------+---+
|aaaaaaaaaaaaaaaaaaaaaaaaa|1  |
|b\\n\\tc                   |22 |
+-------------------------+---+

"""
    )


def test_show_vertical(frame, capsys):
    frame.select("i", "s", "b").show(vertical=True)
    assert capsys.readouterr().out == (
        "-RECORD 0---------\n"
        " i   | 1          \n"
        " s   | a          \n"
        " b   | [89 50 4E] \n"
        "-RECORD 1---------\n"
        " i   | 2          \n"
        " s   | NULL       \n"
        " b   | NULL       \n"
        "\n"
    )


def test_show_of_no_rows_and_of_twenty(capsys):
    spark.range(5).limit(0).show()
    assert capsys.readouterr().out == "+---+\n| id|\n+---+\n+---+\n\n"
    spark.range(25).show()
    out = capsys.readouterr().out
    assert out.endswith("| 19|\n+---+\nonly showing top 20 rows\n") and out.count("\n") == 25


def test_print_schema(frame, capsys):
    frame.printSchema()
    assert (
        capsys.readouterr().out
        == """\
root
 |-- i: integer (nullable = false)
 |-- s: string (nullable = true)
 |-- d: double (nullable = true)
 |-- n: long (nullable = true)
 |-- b: binary (nullable = true)
 |-- a: array (nullable = true)
 |    |-- element: integer (containsNull = true)
 |-- m: map (nullable = true)
 |    |-- key: string
 |    |-- value: integer (valueContainsNull = true)
 |-- st: struct (nullable = true)
 |    |-- x: integer (nullable = false)
 |    |-- y: string (nullable = true)
 |-- v: vector (nullable = true)
 |-- bo: boolean (nullable = true)
 |-- da: date (nullable = true)

"""
    )


def test_repr_dtypes_and_schema(frame):
    assert repr(frame) == (
        "DataFrame[i: int, s: string, d: double, n: bigint, b: binary, a: array<int>, m: map<string,int>, "
        "st: struct<x:int,y:string>, v: vector, bo: boolean, da: date]"
    )
    assert frame.select("i", "v").dtypes == [("i", "int"), ("v", "vector")]
    assert repr(frame.select("i", "st").schema) == (
        "StructType([StructField('i', IntegerType(), False), StructField('st', "
        "StructType([StructField('x', IntegerType(), False), StructField('y', StringType(), True)]), True)])"
    )


def image_frame(channels):
    pixels = np.arange(4 * 6 * channels, dtype=np.uint8)
    image = Row(origin="file:/x/0.png", height=4, width=6, nChannels=channels, mode=16, data=pixels.tobytes())
    names = ["height", "width", "nChannels", "mode"]
    numbers = ",".join(f"{name}:int not null" for name in names)
    schema = f"image struct<origin:string,{numbers},data:binary not null>, label int not null"
    return spark.createDataFrame([(image, 3), (None, 4)], schema), pixels.reshape(4, 6, channels)


def test_the_articles_schema(capsys):
    image_frame(3)[0].printSchema()
    assert (
        capsys.readouterr().out
        == """\
root
 |-- image: struct (nullable = true)
 |    |-- origin: string (nullable = true)
 |    |-- height: integer (nullable = false)
 |    |-- width: integer (nullable = false)
 |    |-- nChannels: integer (nullable = false)
 |    |-- mode: integer (nullable = false)
 |    |-- data: binary (nullable = false)
 |-- label: integer (nullable = false)

"""
    )


def test_images_show_their_first_letters(capsys):
    image_frame(3)[0].show()
    assert "|{file:/x/0.png, 4...|    3|\n|                NULL|    4|" in capsys.readouterr().out


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_notebooks_show_thumbnails(channels):
    from PIL import Image

    frame, pixels = image_frame(channels)
    page = frame._repr_html_()
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page)[1]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    expected = pixels[:, :, 0] if channels == 1 else pixels[:, :, [2, 1, 0, 3][:channels]]
    assert np.array_equal(shown, expected)
    assert "<th>image</th><th>label</th>" in page and "<td>NULL</td><td>4</td>" in page


def test_notebooks_escape_text():
    page = spark.createDataFrame([("<b>",)], ["<i>"])._repr_html_()
    assert "&lt;b&gt;" in page and "&lt;i&gt;" in page and "<b>" not in page


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-12.5, "-12.5"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (0.00012345, "1.2345E-4"),
        (9999999.0, "9999999.0"),
        (10000000.0, "1.0E7"),
        (123456789.125, "1.23456789125E8"),
        (1e300, "1.0E300"),
        (0.1, "0.1"),
        (100.0, "100.0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_as_java_writes_them(number, text):
    assert java_number(number) == text


def test_floats_are_written_with_their_own_digits(capsys):
    spark.createDataFrame(pa.table({"f": pa.array([0.1, 1e-5, 3e10], pa.float32())})).show()
    assert re.findall(r"\|\s*(\S+)\|", capsys.readouterr().out) == ["f", "0.1", "1.0E-5", "3.0E10"]


def test_wide_letters_take_two_places(capsys):
    spark.createDataFrame([("数字", 1)], ["s", "n"]).withColumn("c", lit("x")).show()
    assert "|数字|  1|  x|" in capsys.readouterr().out


def test_rows():
    row = Row(a=1, b=Row(c=[Row(d=2)]))
    assert repr(row) == "Row(a=1, b=Row(c=[Row(d=2)]))" and row.asDict(True) == {
        "a": 1,
        "b": {"c": [{"d": 2}]},
    }
    assert row.a == row["a"] == row[0] == 1 and "b" in row and "z" not in row
    assert Row("a", "b")(1, 2) == Row(a=1, b=2) and repr(Row("a", 1)) == "<Row('a', 1)>"
    with pytest.raises(AttributeError):
        _ = row.z
    with pytest.raises(KeyError):
        _ = row["z"]
