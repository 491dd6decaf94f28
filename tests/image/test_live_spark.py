"""The same folder through live PySpark's image source and through this one."""

import numpy as np
import pytest
from image.synthetic import golden_files

from pydeepl import SparkSession

pytestmark = pytest.mark.spark

# What differs on purpose: see the head of pydeepl/images/decode.py.
OTHERWISE = {
    "bits_16_gray.png", "bits_16_gray_alpha.png", "profile_srgb.jpg", "palette.tif", "rgb.webp",
    "cut_1.png", "cut_5.png", "cut_12.png", "cut_20.png",
}  # fmt: skip


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def folder(tmp_path):
    for name, data, _ in golden_files():
        if name not in OTHERWISE:
            (tmp_path / name).write_bytes(data)
    jpeg = (tmp_path / "gray.jpg").read_bytes()
    for name in ("a b+c%d.jpg", "é中 (1).jpg", "#[x]&{y}.jpg", "_hidden.jpg", ".dot.jpg"):
        (tmp_path / name).write_bytes(jpeg)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "x.jpg").write_bytes(jpeg)
    return tmp_path


def rows(frame):
    """origin -> (height, width, nChannels, mode, data), by PySpark's API on either side."""
    return {row.image.origin: tuple(row.image)[1:] for row in frame.collect()}


@pytest.mark.parametrize("drop", [False, True])
def test_rows_are_sparks(spark, folder, drop):
    def load(session):
        return session.read.format("image").option("dropInvalid", drop).load(str(folder))

    theirs, ours = rows(load(spark)), rows(load(SparkSession.builder.getOrCreate()))
    assert sorted(ours) == sorted(theirs) and len(ours) > 40
    for origin, image in theirs.items():
        assert ours[origin][:4] == image[:4], origin
        assert bytes(ours[origin][4]) == bytes(image[4]), origin


def test_schema_and_arrays_are_sparks(spark, folder):
    from pyspark.ml.image import ImageSchema as SparkImageSchema

    from pydeepl import ImageSchema

    theirs = spark.read.format("image").load(str(folder / "rgba.png"))
    ours = SparkSession.builder.getOrCreate().read.format("image").load(str(folder / "rgba.png"))
    assert ours.schema.simpleString() == theirs.schema.simpleString()
    assert ImageSchema.imageSchema.json() == SparkImageSchema.imageSchema.json()
    assert ImageSchema.imageFields == SparkImageSchema.imageFields
    image = theirs.first().image
    np.testing.assert_array_equal(
        ImageSchema.toNDArray(ours.first().image), SparkImageSchema.toNDArray(image)
    )
    array = SparkImageSchema.toNDArray(image)
    assert tuple(ImageSchema.toImage(array, "x")) == tuple(SparkImageSchema.toImage(array, "x"))
