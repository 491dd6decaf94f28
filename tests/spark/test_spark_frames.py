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

    now = datetime.datetime(2024, 3, 11, 2, 30, 0, 5)
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
    schema.add("the.image", photos.schema["image"].dataType)
    values = tuple(value for _, value in cells.values())
    frame = spark.createDataFrame([(*values, row.image) for row in photos.collect()], schema)
    given = frame.collect()
    stage = DeepImageFeaturizer(inputCol="the.image", **PARAMS)
    for zone, large in (("America/Los_Angeles", "false"), ("UTC", "true")):
        spark.conf.set("spark.sql.session.timeZone", zone)
        spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", large)
        try:
            found = stage.transform(frame).collect()
        finally:
            spark.conf.unset("spark.sql.session.timeZone")
            spark.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")
        assert [row[:-1] for row in found] == [tuple(row) for row in given]
        np.testing.assert_allclose([row.features.toArray() for row in found], own_features[1], rtol=1e-5)
        assert found[0]["a.b"] == now


def test_attributes_of_columns_pass_through(photos):
    from pydeepl.spark import DeepImageFeaturizer

    attributes = {"ml_attr": {"type": "nominal", "vals": ["a", "b"], "name": "class"}}
    frame = photos.selectExpr("image", "1.0 AS class").withMetadata("class", attributes)
    out = DeepImageFeaturizer(inputCol="image", **PARAMS).transform(frame)
    assert out.schema["class"].metadata == attributes


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
    whole = spark.read.parquet(str(saved / "data")).first().stage
    half = spark.createDataFrame([(whole[: len(whole) // 2],)], "stage binary")
    damages = (
        lambda: data.write_bytes(data.read_bytes()[:-50]),
        lambda: half.write.mode("overwrite").parquet(str(saved / "data")),
        lambda: shutil.rmtree(saved / "data"),
    )
    for damage in damages:
        damage()
        with pytest.raises(DamagedStageError, match="/saved: not a whole KerasTransformer: "):
            KerasTransformer.load(str(saved))


def test_streaming_frames(spark, photos, own_features, tmp_path):
    from pydeepl.spark import DeepImageFeaturizer

    photos.repartition(2).write.parquet(str(tmp_path / "in"))
    stream = spark.readStream.schema(photos.schema).parquet(str(tmp_path / "in"))
    out = DeepImageFeaturizer(inputCol="image", **PARAMS).transform(stream)
    query = (
        out.writeStream.format("parquet")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(tmp_path / "out"))
    )
    query.awaitTermination(120)
    rows = sorted(spark.read.parquet(str(tmp_path / "out")).collect(), key=lambda row: row.image.origin)
    np.testing.assert_allclose([row.features.toArray() for row in rows], own_features[1], rtol=1e-5)


def test_wrong_columns_are_refused_before_a_job_runs(photos):
    from pydeepl.spark import DeepImageFeaturizer

    stage = DeepImageFeaturizer(inputCol="image", **PARAMS)
    numbered = photos.selectExpr("image", "1 AS number")
    with pytest.raises(ValueError, match=f"{stage.uid}: no column 'picture'"):
        stage.copy({stage.inputCol: "picture"}).transform(numbered)
    with pytest.raises(ValueError, match="output column 'number' is already there"):
        stage.copy({stage.outputCol: "number"}).transform(numbered)
    with pytest.raises(ValueError, match="column 'number' holds no images"):
        stage.copy({stage.inputCol: "number"}).transform(numbered)
    with pytest.raises(ValueError, match="column names must differ: number would be there twice"):
        stage.transform(numbered.selectExpr("*", "2 AS number"))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        stage.copy({stage.modelName: "ResNet50", stage.weights: "nowhere.h5"}).transform(numbered)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        stage.copy({stage.modelName: "nowhere.keras"}).transform(numbered)
    with pytest.raises(TypeError, match="no param scale"):
        stage.setParams(scale=2)


def test_an_image_that_fails_is_named(photos):
    from pyspark.sql.functions import expr

    from pydeepl.spark import DeepImageFeaturizer

    broken = photos.withColumn("image", expr("named_struct('origin', image.origin, 'height', image.height,"
        " 'width', image.width, 'nChannels', 5, 'mode', image.mode, 'data', image.data)"))  # fmt: skip
    with pytest.raises(Exception, match=r"0\.png\): expected 8-bit pixels in 1, 3 or 4 channels"):
        DeepImageFeaturizer(inputCol="image", **PARAMS).transform(broken).collect()


def test_a_worker_of_another_version_is_named(photos, monkeypatch):
    from pydeepl.spark import DeepImageFeaturizer, calls

    with monkeypatch.context() as patch:
        patch.setattr(calls, "__version__", "0.0.7")
        frame = DeepImageFeaturizer(inputCol="image", **PARAMS).transform(photos)
    with pytest.raises(Exception, match=r"node .*: pydeepl is .*, the driver's version is 0\.0\.7"):
        frame.collect()


def test_a_function_of_two_columns_is_refused_by_its_name(photos):
    from pydeepl.spark import registerKerasImageUDF

    function = registerKerasImageUDF("one_image", MODEL)
    with pytest.raises(Exception, match=r"one_image\(\) takes 1 positional argument but 2 were given"):
        photos.select(function("image", "image")).collect()
