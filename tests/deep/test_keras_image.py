"""KerasImageFileTransformer, against what Keras itself gave for the same arrays."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from keras_files import write_padding_model

from pydeepl import KerasImageFileTransformer, PipelineModel, SparkSession
from pydeepl.images import imageIO
from pydeepl.keras import WeightsError
from pydeepl.linalg import vectors

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


@pytest.fixture
def uris(golden, tmp_path):
    """Files of the arrays that the golden outputs are of."""
    paths = [str(tmp_path / f"{row}.npy") for row in range(len(golden["branches_x"]))]
    for path, array in zip(paths, golden["branches_x"], strict=True):
        np.save(path, array)
    return paths


def frame_of(uris):
    rows = [(number, uri) for number, uri in enumerate(uris)]
    return SparkSession.builder.getOrCreate().createDataFrame(rows, "id int, uri string")


def transformer(loader=np.load, model=MODELS / "branches.keras", **params):
    return KerasImageFileTransformer(
        inputCol="uri", outputCol="out", modelFile=model, imageLoader=loader, **params
    )


def found_vectors(frame):
    return vectors(frame.select("out").toArrow()["out"])


@pytest.mark.parametrize("form", ["branches.keras", "branches.h5"])
def test_vectors_are_what_keras_gives(golden, uris, form):
    out = transformer(model=str(MODELS / form)).transform(frame_of(uris))
    assert out.columns == ["id", "uri", "out"]
    assert dict(out.dtypes)["out"] == "vector"
    found = np.array([cell.toArray() for cell in found_vectors(out)])
    np.testing.assert_allclose(found, golden["branches_y"], rtol=1e-5)


def test_a_batch_of_one_and_any_numbers_are_taken(golden, uris):
    frame = frame_of(uris)
    batched = transformer(lambda uri: np.load(uri)[np.newaxis].astype(np.float64)).transform(frame)
    assert batched.collect() == transformer().transform(frame).collect()


def test_more_rows_than_go_through_at_a_time(golden, uris):
    many = [uris[number % 3] for number in range(150)]
    found = np.array([cell.toArray() for cell in found_vectors(transformer().transform(frame_of(many)))])
    np.testing.assert_allclose(found, golden["branches_y"][np.arange(150) % 3], rtol=1e-5)


def test_what_does_not_load_is_null(golden, uris, caplog):
    def loader(uri):
        return None if uri == "nothing" else np.load(uri)

    rows = [uris[0], "nowhere.npy", None, "nothing", uris[1]]
    with caplog.at_level(logging.WARNING):
        found = found_vectors(transformer(loader).transform(frame_of(rows)))
    assert [cell is None for cell in found] == [False, True, True, True, False]
    np.testing.assert_allclose(found[4].toArray(), golden["branches_y"][1], rtol=1e-5)
    assert "nowhere.npy: imageLoader raised FileNotFoundError" in caplog.text and "nothing" not in caplog.text


def test_images_come_out_as_float_images(tmp_path):
    model = write_padding_model(tmp_path / "frame.h5")
    array = np.random.default_rng(1).random((4, 5, 3), np.float32)
    rows = ["there", None]
    out = transformer(lambda uri: array, model, outputMode="image").transform(frame_of(rows)).collect()
    assert (out[0].out.height, out[0].out.width, out[0].out.nChannels, out[0].out.mode) == (6, 7, 3, 21)
    assert out[0].out.origin == "" and out[1].out is None
    padded = np.pad(array, ((1, 1), (1, 1), (0, 0)))
    np.testing.assert_array_equal(imageIO.imageStructToArray(out[0].out), padded)


@pytest.mark.parametrize("mode", ["vector", "image"])
def test_images_of_several_sizes_where_the_model_takes_any(tmp_path, mode):
    model = write_padding_model(tmp_path / "frame.h5", (None, None, 3))
    random = np.random.default_rng(2)
    arrays = [random.random(size, np.float32) for size in ((4, 5, 3), (3, 2, 3), (4, 5, 3))]
    frame = frame_of(["0", "1", "nothing", "2"])
    stage = transformer(lambda uri: None if uri == "nothing" else arrays[int(uri)], model, outputMode=mode)
    cells = [row.out for row in stage.transform(frame).collect()]
    assert cells.pop(2) is None
    for cell, array in zip(cells, arrays, strict=True):
        padded = np.pad(array, ((1, 1), (1, 1), (0, 0)))
        found = imageIO.imageStructToArray(cell) if mode == "image" else cell.toArray()
        np.testing.assert_array_equal(found, padded if mode == "image" else padded.ravel())
    with pytest.raises(ValueError, match=r"0: .*an image \[4, 5, 1\], the model takes \[any, any, 3\]"):
        transformer(lambda uri: np.zeros((4, 5, 1)), model).transform(frame_of(["0"])).collect()


def test_a_model_of_another_output_is_no_image():
    with pytest.raises(ValueError, match=r"output is \[height, width, 1 \| 3 \| 4\], found \[4\]"):
        transformer(outputMode="image").transform(frame_of(["a"]))


def test_an_image_of_another_shape_is_named(uris):
    out = transformer(lambda uri: np.zeros((12, 10, 1))).transform(frame_of(uris))
    with pytest.raises(ValueError, match=r"0\.npy: .* an image \[12, 10, 1\], the model takes \[12, 10, 3\]"):
        out.collect()
    with pytest.raises(TypeError, match=r"0\.npy: imageLoader gave str 'pixels', expected an array"):
        transformer(lambda uri: "pixels").transform(frame_of(uris)).collect()
    with pytest.raises(
        TypeError, match=r"0\.npy: imageLoader gave list \[\[1\], \[1, 2\]\], expected an array"
    ):
        transformer(lambda uri: [[1], [1, 2]]).transform(frame_of(uris)).collect()


def test_wrong_columns_and_params(uris):
    frame = frame_of(uris)
    stage = transformer()
    with pytest.raises(ValueError, match=f"{stage.uid}: inputCol 'url' does not exist.*'uri'"):
        stage.transform(frame, {stage.inputCol: "url"})
    with pytest.raises(ValueError, match="Column uri already exists"):
        stage.transform(frame, {stage.outputCol: "uri"})
    with pytest.raises(ValueError, match="column 'id' holds no URIs: expected string, found int32"):
        stage.transform(frame, {stage.inputCol: "id"})
    with pytest.raises(TypeError, match=r"matrix is not in the supported list: \['vector', 'image'\]"):
        transformer(outputMode="matrix")
    with pytest.raises(TypeError, match="imageLoader: expected a function of a URI, got str 'load'"):
        transformer("load")
    with pytest.raises(TypeError, match="forces keyword arguments"):
        KerasImageFileTransformer("uri")
    with pytest.raises(KeyError, match="param imageLoader"):
        KerasImageFileTransformer(inputCol="uri", outputCol="o", modelFile="m.h5").transform(frame)


def test_files_that_are_no_models(uris, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        transformer(model="nowhere.h5").transform(frame_of(uris))
    (tmp_path / "bad.keras").write_bytes(b"PK")
    with pytest.raises(WeightsError, match=r"bad\.keras"):
        transformer(model=tmp_path / "bad.keras").transform(frame_of(uris))


def test_params_have_sparkdls_defaults():
    stage = KerasImageFileTransformer()
    assert stage.getOutputMode() == "vector" and stage.getKerasFitParams() == {"verbose": 1}
    assert stage.getOutputCol() == f"{stage.uid}__output"
    stage.setModelFile(Path("m.h5")).setImageLoader(np.load).setOutputMode("image").setKerasFitParams({})
    assert (stage.getModelFile(), stage.getImageLoader(), stage.getKerasFitParams()) == ("m.h5", np.load, {})
    names = ["imageLoader", "inputCol", "kerasFitParams", "modelFile", "outputCol", "outputMode"]
    assert [param.name for param in stage.params] == names


def test_it_is_saved_with_its_model_and_loaded_without_its_function(uris, tmp_path):
    model = tmp_path / "mine.keras"
    shutil.copy(MODELS / "branches.keras", model)
    stage = transformer(model=model).setKerasFitParams({"epochs": 2, "validation": [0.5, True]})
    expected = stage.transform(frame_of(uris)).collect()
    PipelineModel([stage]).write().overwrite().save(tmp_path / "saved")
    model.unlink()
    loaded = PipelineModel.load(tmp_path / "saved")
    shutil.rmtree(tmp_path / "saved")
    again = loaded.stages[0]
    assert again.uid == stage.uid and again.getKerasFitParams() == stage.getKerasFitParams()
    assert Path(again.getModelFile()).suffix == ".keras"
    with pytest.raises(ValueError, match=r"imageLoader is not set.*it was numpy\.load: call setImageLoader"):
        loaded.transform(frame_of(uris))
    again.setImageLoader(np.load)
    assert loaded.transform(frame_of(uris)).collect() == expected


def test_load_images_internal_is_sparkdls_column(golden, uris):
    frame = transformer().loadImagesInternal(frame_of([*uris, "nowhere"]), "uri")
    assert frame.columns == ["id", "uri", "__sdl_img"]
    cells = [row["__sdl_img"] for row in frame.collect()]
    assert cells[3] is None
    np.testing.assert_array_equal(imageIO.imageStructToArray(cells[0])[..., ::-1], golden["branches_x"][0])
