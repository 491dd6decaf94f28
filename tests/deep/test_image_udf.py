"""registerKerasImageUDF: a model in SQL. The oracle is load_model, which tests/keras holds to Keras."""

from pathlib import Path

import numpy as np
import pytest
from keras_files import write_padding_model
from PIL import Image

import pydeepl
from pydeepl import ImageSchema, col, imageIO, registerKerasImageUDF
from pydeepl.frame import AnalysisException
from pydeepl.images.files import file_uri
from pydeepl.keras import load_model

MODEL = Path(__file__).parents[1] / "golden" / "keras" / "models" / "branches.keras"
COUNT = 5


@pytest.fixture(scope="module")
def pixels():
    """R, G, B."""
    return np.random.default_rng(3).integers(0, 256, (COUNT, 12, 10, 3), np.uint8)


@pytest.fixture(scope="module")
def expected(pixels):
    return load_model(MODEL).predict(pixels)


@pytest.fixture(scope="module")
def folder(pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def spark(folder, own_session):
    ImageSchema.readImages(str(folder)).createOrReplaceTempView("photos")
    rows = [(number, file_uri(str(folder / f"{number}.png"))) for number in range(COUNT)]
    own_session.createDataFrame([*rows, (COUNT, None)], "id int, uri string").createOrReplaceTempView("files")
    return own_session


def outputs(frame, name="out"):
    return [row[name] for row in frame.collect()]


def loaded(path):
    return np.asarray(Image.open(path), np.float32) / 2 + 0.25


def test_images_in_sql(spark, expected):
    function = registerKerasImageUDF("odds", str(MODEL))
    assert [each.name for each in spark.catalog.listFunctions()] == ["odds"]
    frame = spark.sql("SELECT image, odds(image) AS out FROM photos")
    assert frame.dtypes[1] == ("out", "array<float>")
    np.testing.assert_allclose(outputs(frame), expected, rtol=1e-5)
    best = spark.sql("SELECT odds(image)[0] AS first FROM photos ORDER BY first DESC LIMIT 1")
    assert best.first().first == pytest.approx(expected[:, 0].max(), rel=1e-5)
    np.testing.assert_allclose(
        outputs(spark.table("photos").selectExpr("odds(image) AS out")), expected, rtol=1e-5
    )
    chosen = spark.table("photos").select(function(col("image")).alias("out"))
    np.testing.assert_allclose(outputs(chosen), expected, rtol=1e-5)


def test_only_images_of_the_result_are_computed(spark, expected, monkeypatch):
    seen = []
    function = registerKerasImageUDF("odds", str(MODEL))
    predict = type(function.model).predict
    monkeypatch.setattr(
        type(function.model),
        "predict",
        lambda self, x, **more: seen.append(len(x)) or predict(self, x, **more),
    )
    frame = spark.sql("SELECT odds(image) AS out FROM photos WHERE image.origin LIKE '%3.png'")
    np.testing.assert_allclose(outputs(frame), expected[3:4], rtol=1e-5)
    assert seen == [1]


def test_a_preprocessor_of_paths(spark, pixels):
    registerKerasImageUDF("odds", MODEL, loaded)
    wanted = load_model(MODEL).predict(pixels / np.float32(2) + np.float32(0.25))
    found = outputs(spark.sql("SELECT odds(uri) AS out FROM files"))
    assert found[COUNT] is None
    np.testing.assert_allclose(found[:COUNT], wanted, rtol=1e-5)


def test_a_preprocessor_of_images_reads_them_from_a_file(spark, pixels):
    registerKerasImageUDF("odds", MODEL, loaded)
    wanted = load_model(MODEL).predict(pixels / np.float32(2) + np.float32(0.25))
    np.testing.assert_allclose(outputs(spark.sql("SELECT odds(image) AS out FROM photos")), wanted, rtol=1e-5)


def test_functions_in_functions(spark, expected):
    def load_image(uri):
        image = None if uri is None else np.asarray(Image.open(uri.removeprefix("file://")))
        return None if image is None else imageIO.imageArrayToStruct(image[..., ::-1])

    spark.udf.register("load_image", load_image, ImageSchema.columnSchema)
    registerKerasImageUDF("odds", load_model(MODEL))
    found = outputs(spark.sql("SELECT odds(load_image(uri)) AS out FROM files"))
    assert found[COUNT] is None
    np.testing.assert_allclose(found[:COUNT], expected, rtol=1e-5)


def test_a_model_in_memory_is_saved_to_a_file(spark, expected):
    class Model:
        layers = ()

        def export(self, path):
            raise NotImplementedError

        def save(self, path):
            assert path.endswith(".keras")
            Path(path).write_bytes(MODEL.read_bytes())

    registerKerasImageUDF("odds", Model())
    np.testing.assert_allclose(
        outputs(spark.sql("SELECT odds(image) AS out FROM photos")), expected, rtol=1e-5
    )


def test_wrong_columns_are_said_when_the_query_is_made(spark):
    registerKerasImageUDF("odds", MODEL)
    with pytest.raises(AnalysisException, match=r"odds: column 'id' holds no images: expected struct.*int32"):
        spark.sql("SELECT odds(id) FROM files")
    with pytest.raises(AnalysisException, match="odds: column 'uri' holds no images"):
        spark.sql("SELECT odds(uri) FROM files")
    with pytest.raises(AnalysisException, match="odds: expected one column, the image, got 2"):
        spark.sql("SELECT odds(uri, id) FROM files")
    registerKerasImageUDF("paths", MODEL, loaded)
    with pytest.raises(AnalysisException, match=r"paths: column 'id' holds no images.*or paths as string"):
        spark.sql("SELECT paths(id) FROM files")


def test_images_of_another_size_and_what_is_no_model(spark, tmp_path):
    Image.new("RGB", (20, 30)).save(tmp_path / "large.png")
    (tmp_path / "text.png").write_text("no image")
    registerKerasImageUDF("odds", MODEL)
    ImageSchema.readImages(str(tmp_path / "large.png")).createOrReplaceTempView("large")
    with pytest.raises(ValueError, match=r"large\.png: an image \[30, 20, 3\].*takes \[12, 10, 3\].*Resize"):
        spark.sql("SELECT odds(image) FROM large").collect()
    Image.new("L", (10, 12), 7).save(tmp_path / "gray.png")
    ImageSchema.readImages(str(tmp_path / "gray.png")).createOrReplaceTempView("gray")
    with pytest.raises(
        ValueError, match=r"gray\.png: an image \[12, 10, 1\].*PIL_decode\) reads every image"
    ):
        spark.sql("SELECT odds(image) FROM gray").collect()
    colour = imageIO.readImagesWithCustomFn(str(tmp_path / "gray.png"), imageIO.PIL_decode)
    colour.createOrReplaceTempView("colour")
    wanted = load_model(MODEL).predict(np.full((1, 12, 10, 3), 7, np.float32))
    np.testing.assert_allclose(outputs(spark.sql("SELECT odds(image) AS out FROM colour")), wanted, rtol=1e-5)
    registerKerasImageUDF("vectors", MODEL.with_name("table.keras"))
    with pytest.raises(ValueError, match=r"takes \[11\], which is no image"):
        spark.sql("SELECT vectors(image) FROM gray").collect()
    ImageSchema.readImages(str(tmp_path / "text.png")).createOrReplaceTempView("broken")
    with pytest.raises(ValueError, match=r"text\.png: the file could not be read as an image"):
        spark.sql("SELECT odds(image) FROM broken").collect()
    with pytest.raises(TypeError, match="odds: expected preprocessor to be a function, got 7"):
        registerKerasImageUDF("odds", MODEL, preprocessor=7)
    with pytest.raises(ValueError, match="has 2 inputs, expected one"):
        registerKerasImageUDF("odds", MODEL.with_name("nested.keras"))
    with pytest.raises(TypeError, match="expected a Keras model or the path of one, got int"):
        registerKerasImageUDF("odds", 3)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5: no such model file"):
        registerKerasImageUDF("odds", "nowhere.h5")
    registerKerasImageUDF("lists", MODEL, lambda path: [1, 2])
    with pytest.raises(TypeError, match="the preprocessor to give a NumPy array, got list"):
        spark.sql("SELECT lists(image) FROM large").collect()


def test_images_of_several_sizes_where_the_model_takes_any(spark, tmp_path):
    sizes = [(4, 5), (3, 2), (4, 5)]
    for number, size in enumerate(sizes):
        Image.new("RGB", size[::-1], (number, 6, 7)).save(tmp_path / f"{number}.png")
    ImageSchema.readImages(str(tmp_path)).createOrReplaceTempView("mixed")
    registerKerasImageUDF("padded", write_padding_model(tmp_path / "frame.h5", (None, None, 3)))
    for number, (found, size) in enumerate(
        zip(outputs(spark.sql("SELECT padded(image) AS out FROM mixed")), sizes, strict=True)
    ):
        whole = np.pad(np.full((*size, 3), (number, 6, 7)), ((1, 1), (1, 1), (0, 0)))
        np.testing.assert_array_equal(found, whole.ravel())


def test_resized_images_fit(spark, tmp_path):
    Image.new("RGB", (20, 30), (5, 6, 7)).save(tmp_path / "large.png")
    frame = ImageSchema.readImages(str(tmp_path))
    resize = imageIO.createResizeImageUDF((12, 10))
    frame.withColumn("image", resize("image")).createOrReplaceTempView("resized")
    registerKerasImageUDF("odds", MODEL)
    wanted = load_model(MODEL).predict(np.full((1, 12, 10, 3), (5, 6, 7), np.float32))
    np.testing.assert_allclose(
        outputs(spark.sql("SELECT odds(image) AS out FROM resized")), wanted, rtol=1e-5
    )


def test_its_name_is_public():
    assert pydeepl.registerKerasImageUDF is registerKerasImageUDF
