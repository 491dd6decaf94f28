"""Frames of Spark's of every shape through pydeepl's stages: names and types of columns, nulls, no rows."""

import datetime
import decimal
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pydeepl
from pydeepl.linalg import vector_matrix

pytestmark = pytest.mark.spark

MODEL = str(Path(__file__).parents[1] / "golden" / "onnx" / "keras.onnx")
PARAMS = {"outputCol": "features", "modelName": MODEL, "preprocessing": "none"}


@pytest.fixture(scope="module")
def own_features(tmp_path_factory):
    """(a folder of four images, their features by pydeepl's own engine)."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(4):
        pixels = np.random.default_rng(index).integers(0, 256, (20, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    images = pydeepl.ImageSchema.readImages(str(folder)).orderBy("image.origin")
    table = pydeepl.DeepImageFeaturizer(inputCol="image", **PARAMS).transform(images).toArrow()
    return folder, vector_matrix(table["features"])


@pytest.fixture(scope="module")
def photos(spark, own_features):
    from pydeepl.spark import readImages

    return readImages(str(own_features[0])).orderBy("image.origin").coalesce(1).cache()


def test_columns_of_all_kinds_and_names_pass_through(spark, photos, own_features):
    """Dots and backticks are part of a name; moments keep their time whatever the session's zone is."""
    from pyspark.ml.linalg import Vectors, VectorUDT
    from pyspark.sql import types as t

    from pydeepl.spark import DeepImageFeaturizer

    now = datetime.datetime(2024, 3, 10, 2, 30, 0, 5)
    cells = {
        "a.b": (t.TimestampType(), now),
        "c`d": (t.TimestampNTZType(), now),
        "day": (t.DateType(), now.date()),
        "price": (t.DecimalType(10, 2), decimal.Decimal("1.50")),
        "map": (t.MapType(t.StringType(), t.IntegerType()), {"x": 1, "y": None}),
        "rows": (t.ArrayType(t.StructType([t.StructField("t", t.TimestampType())])), [(now,), None]),
        "bytes": (t.BinaryType(), bytearray(b"q\0")),
        "while": (t.DayTimeIntervalType(), datetime.timedelta(days=1, microseconds=7)),
        "sparse": (VectorUDT(), Vectors.sparse(3, [1], [2.0])),
        "none": (VectorUDT(), None),
    }
    schema = t.StructType([t.StructField(name, kind) for name, (kind, _) in cells.items()])
    others = spark.createDataFrame([tuple(value for _, value in cells.values())], schema)
    frame = photos.withColumnRenamed("image", "the.image").crossJoin(others)
    stage = DeepImageFeaturizer(inputCol="the.image", **PARAMS)
    for zone, large in (("America/Los_Angeles", "false"), ("UTC", "true")):
        spark.conf.set("spark.sql.session.timeZone", zone)
        spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", large)
        try:
            given, found = frame.collect(), stage.transform(frame).collect()
        finally:
            spark.conf.unset("spark.sql.session.timeZone")
            spark.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")
        assert [row[:-1] for row in found] == [tuple(row) for row in given]
        np.testing.assert_allclose([row.features.toArray() for row in found], own_features[1], rtol=1e-5)
        assert found[0]["a.b"] == now


def test_frames_without_rows_and_empty_partitions(spark, photos, own_features):
    from pydeepl.spark import DeepImageFeaturizer, registerKerasImageUDF

    stage = DeepImageFeaturizer(inputCol="image", **PARAMS)
    function = registerKerasImageUDF("outputs_of", MODEL)
    none = spark.createDataFrame(spark.sparkContext.emptyRDD(), photos.schema)
    assert stage.transform(none).collect() == none.select(function("image")).collect() == []
    parts = stage.transform(
        photos.repartitionByRange(3, "image.origin").filter("image.origin NOT LIKE '%0.png'")
    )
    rows = sorted(parts.collect(), key=lambda row: row.image.origin)
    np.testing.assert_allclose([row.features.toArray() for row in rows], own_features[1][1:], rtol=1e-5)


def test_an_image_that_is_null_fails_its_job(photos):
    from pyspark.sql.functions import when

    from pydeepl.spark import DeepImageFeaturizer

    some = photos.withColumn("image", when(~photos.image.origin.endswith("2.png"), photos.image))
    stage = DeepImageFeaturizer(inputCol="image", **PARAMS)
    with pytest.raises(Exception, match=r"row 2 of column 'image': the image is null; dropna\(subset="):
        stage.transform(some).collect()
    assert stage.transform(some.dropna(subset=["image"])).count() == 3


def test_stages_that_were_not_saved_whole_are_named(spark, tmp_path):
    from pydeepl.ml.persistence import DamagedStageError
    from pydeepl.spark import DeepImageFeaturizer, DeepImagePredictor, KerasTransformer

    stage = KerasTransformer(inputCol="x", outputCol="y", modelFile=MODEL)
    saved = tmp_path / "saved"
    stage.write().save(str(saved))
    DeepImageFeaturizer(inputCol="image", **PARAMS).save(str(tmp_path / "featurizer"))
    with pytest.raises(DamagedStageError, match="expected a DeepImagePredictor, found a DeepImageFeaturizer"):
        DeepImagePredictor.load(str(tmp_path / "featurizer"))
    with pytest.raises(DamagedStageError, match="expected a KerasTransformer, found a DeepImageFeaturizer"):
        KerasTransformer.load(str(tmp_path / "featurizer"))
    assert KerasTransformer.load(str(saved)).uid == stage.uid

    (data,) = (saved / "data").glob("*.parquet")
    for checksum in (saved / "data").glob(".*.crc"):
        checksum.unlink()
    content = data.read_bytes()
    whole = spark.read.parquet(str(saved / "data")).first().stage
    half = spark.createDataFrame([(whole[: len(whole) // 2],)], "stage binary")
    damages = (
        lambda: data.write_bytes(content[:-50]),
        data.unlink,
        lambda: half.write.mode("overwrite").parquet(str(saved / "data")),
        lambda: shutil.rmtree(saved / "data"),
    )
    for damage in damages:
        damage()
        with pytest.raises(DamagedStageError, match="/saved: not a whole KerasTransformer: "):
            KerasTransformer.load(str(saved))


def test_a_function_of_two_columns_is_refused_by_its_name(photos):
    from pydeepl.spark import registerKerasImageUDF

    function = registerKerasImageUDF("one_image", MODEL)
    with pytest.raises(Exception, match=r"one_image\(\) takes 1 positional argument but 2 were given"):
        photos.select(function("image", "image")).collect()
