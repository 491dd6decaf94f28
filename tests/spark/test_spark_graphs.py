"""TensorFlow's graphs and sparkdl's imageIO on Spark, against TensorFlow's numbers and our own engine."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pydeepl
from pydeepl.linalg import vectors

pytestmark = pytest.mark.spark

KERAS = Path(__file__).parents[1] / "golden" / "keras"
GRAPHS = KERAS / "graphs"


@pytest.fixture(scope="module")
def pixels():
    """R, G, B of two sizes."""
    rng = np.random.default_rng(4)
    return [rng.integers(0, 256, (size, 8, 3), np.uint8) for size in (9, 12, 9)]


@pytest.fixture(scope="module")
def folder(pixels, tmp_path_factory):
    """The images, and a file that is none."""
    folder = tmp_path_factory.mktemp("images")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.png")
    (folder / "3.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def graph_images(spark, folder):
    from pydeepl.spark import readImages

    return readImages(str(folder), dropImageFailures=True).orderBy("image.origin").coalesce(1).cache()


def test_arrays_through_a_graph_of_tensorflow(spark, tmp_path):
    from pyspark.ml import Pipeline, PipelineModel

    from pydeepl import spark as stages

    golden = np.load(KERAS / "models" / "models.npz")
    rows = [*((i, x.tolist()) for i, x in enumerate(golden["table_x"])), (99, None)]
    frame = spark.createDataFrame(rows, "number int, x array<float>").coalesce(1).cache()
    params = {
        "tfInputGraph": pydeepl.TFInputGraph(GRAPHS / "table.pb"),
        "inputMapping": {"x": "x:0"},
        "outputMapping": {"Identity:0": "y"},
    }
    out = stages.TFTransformer(**params).transform(frame)
    assert out.dtypes == [("number", "int"), ("x", "array<float>"), ("y", "array<float>")]
    found = out.collect()
    assert found[-1].y is None
    np.testing.assert_allclose([row.y for row in found[:-1]], golden["table_y"], rtol=1e-5)
    Pipeline(stages=[stages.TFTransformer(**params)]).fit(frame).save(str(tmp_path / "saved"))
    again = PipelineModel.load(str(tmp_path / "saved"))
    assert again.stages[0].getInputMapping() == [("x", "x:0")]
    assert again.transform(frame).collect() == found
    assert pydeepl.TFTransformer(**params).transform(frame).collect() == found
    with pytest.raises(ValueError, match="inputMapping 'z' does not exist"):
        stages.TFTransformer(**params).setInputMapping({"z": "x:0"}).transform(frame)

    function = stages.makeGraphUDF(params["tfInputGraph"], "odds", ["Identity:0"])
    frame.createOrReplaceTempView("numbers")
    by_sql = spark.sql("SELECT odds(x) AS y FROM numbers").collect()
    assert [row.y for row in by_sql] == [row.y for row in found]
    with pytest.raises(Exception, match=r"odds: its argument: expected arrays of numbers .*found int"):
        frame.select(function("number")).collect()


def test_images_through_a_graph_of_tensorflow(graph_images, folder, tmp_path):
    from pydeepl.spark import TFImageTransformer

    params = {
        "inputCol": "image", "outputCol": "out", "graph": GRAPHS / "open.pb",
        "outputTensor": "Identity:0", "channelOrder": "RGB",
    }  # fmt: skip
    stage = TFImageTransformer(**params)
    found = [row.out.toArray() for row in stage.transform(graph_images).collect()]
    own = pydeepl.TFImageTransformer(**params).transform(
        pydeepl.readImages(str(folder), dropImageFailures=True).orderBy("image.origin")
    )
    expected = [cell.toArray() for cell in vectors(own.toArrow()["out"])]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    stage.save(str(tmp_path / "stage"))
    again = TFImageTransformer.load(str(tmp_path / "stage")).setOutputMode("image").setOutputTensor("Pad:0")
    out = again.transform(graph_images).select("out.height", "out.mode").collect()
    assert out == [(10, 21), (13, 21), (10, 21)]


def test_imageio_makes_sparks_frames(spark, graph_images, folder, pixels):
    from pydeepl.spark import imageIO

    def decode(raw):
        import io

        import numpy
        from PIL import Image

        return numpy.asarray(Image.open(io.BytesIO(raw)))[..., ::-1]

    frame = imageIO.readImagesWithCustomFn(str(folder), decode, numPartition=1)
    assert dict(frame.dtypes) == dict(graph_images.dtypes)
    rows = frame.orderBy("image.origin").collect()
    assert rows[0].image is None  # the text
    found = [imageIO.imageStructToArray(row.image)[..., ::-1] for row in rows[1:]]
    assert all(map(np.array_equal, found, pixels))
    assert {Path(row.image.origin).name for row in rows[1:]} == {"0.png", "1.png", "2.png"}

    small = graph_images.select(imageIO.createResizeImageUDF((4, 5))("image").alias("image")).collect()
    for row, image in zip(small, pixels, strict=True):
        array = imageIO.imageStructToArray(row.image)[..., ::-1]
        np.testing.assert_array_equal(array, pydeepl.imageIO.resizeImage(image, 4, 5))
    files = imageIO.filesToDF(spark.sparkContext, [str(folder / "0.png"), str(folder / "3.txt")])
    data = {Path(row.filePath).name: bytes(row.fileData) for row in files.collect()}
    assert data == {name: (folder / name).read_bytes() for name in ("0.png", "3.txt")}
