"""DeepImagePredictor as a stage, against Featurizer's last layer and names sorted by hand."""

import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from pydeepl import DeepImagePredictor, Featurizer, ImageSchema, Pipeline, PipelineModel
from pydeepl.linalg import vector_matrix
from pydeepl.weights import WeightsUnavailable, class_index


@pytest.fixture(scope="module")
def weights(random_weights):
    return str(random_weights("ResNet50", top=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(5):
        pixels = np.random.default_rng(index).integers(0, 256, (30, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def frame(folder):
    return ImageSchema.readImages(str(folder))


@pytest.fixture(scope="module")
def expected(folder, weights):
    return Featurizer("ResNet50", weights=weights, layer="predictions")(sorted(folder.iterdir()))


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No files of this machine's user, and no download."""
    monkeypatch.setenv("PYDEEPL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PYDEEPL_OFFLINE", "1")
    monkeypatch.delenv("PYDEEPL_WEIGHTS", raising=False)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """A class index of our own in Keras' cache, taken for the published one."""
    made = [(f"n{97 * i:08}", f"thing_{i}") for i in range(1000)]
    text = json.dumps({str(i): list(name) for i, name in enumerate(made)}).encode()
    (tmp_path / "keras" / "models").mkdir(parents=True)
    (tmp_path / "keras" / "models" / "imagenet_class_index.json").write_bytes(text)
    published = type(class_index.CLASS_INDEX)(
        class_index.CLASS_INDEX.name, class_index.CLASS_INDEX.url, hashlib.md5(text).hexdigest()
    )
    monkeypatch.setattr(class_index, "CLASS_INDEX", published)
    return made


def predictor(weights, **params):
    return DeepImagePredictor(
        inputCol="image", outputCol="predicted", modelName="ResNet50", weights=weights, batchSize=3, **params
    )


def test_probabilities_are_the_last_layers(frame, weights, expected):
    out = predictor(weights).transform(frame)
    assert out.columns == ["image", "predicted"]
    found = vector_matrix(out.select("predicted").toArrow()["predicted"])
    assert found.shape == (5, 1000) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 5, 1000])
def test_decoded_predictions_are_the_best_classes_with_their_names(frame, weights, expected, names, count):
    out = predictor(weights, decodePredictions=True, topK=count).transform(frame)
    assert out.columns == ["image", "predicted"]
    cells = out.select("predicted").toArrow()["predicted"].to_pylist()
    found = vector_matrix(predictor(weights).transform(frame).select("predicted").toArrow()["predicted"])
    for cell, row, near in zip(cells, found, expected, strict=True):
        best = sorted(range(1000), key=lambda i: (-row[i], i))[:count]
        assert [(each["class"], each["description"]) for each in cell] == [names[i] for i in best]
        assert [each["probability"] for each in cell] == [float(row[i]) for i in best]
        np.testing.assert_allclose([each["probability"] for each in cell], near[best], rtol=1e-4)


def test_equal_probabilities_keep_the_classes_order_and_other_columns_stay(weights, names, tmp_path):
    from pydeepl.deep.predictor import PREDICTIONS_TYPE, _decoded

    ids, words = (pa.array(column) for column in zip(*names, strict=True))
    decoded = _decoded(np.array([[0.25, 0.5, 0.25, 0.0]], np.float32), ids, words, 3)
    assert decoded.type == PREDICTIONS_TYPE
    assert [each["class"] for each in decoded[0].as_py()] == [names[i][0] for i in (1, 0, 2)]
    pixels = np.zeros((224, 224, 3), np.uint8)
    image = {"origin": "", "height": 224, "width": 224, "nChannels": 3, "mode": 16, "data": pixels.tobytes()}
    table = predictor(weights, decodePredictions=True).transform(pd.DataFrame({"image": [image], "id": [7]}))
    assert isinstance(table, pd.DataFrame) and table.columns.tolist() == ["image", "id", "predicted"]
    assert len(table["predicted"][0]) == 5


def test_without_the_names_the_message_says_where_to_put_them(frame, weights, tmp_path):
    with pytest.raises(WeightsUnavailable) as caught:
        predictor(weights, decodePredictions=True).transform(frame)
    message = str(caught.value)
    assert "No ImageNet class names" in message and "PYDEEPL_OFFLINE" in message
    assert "imagenet_class_index.json" in message and str(tmp_path / "home") in message
    assert "c2c37ea517e94d9795004a39431a14cb" in message


def test_a_damaged_file_of_names_is_passed_over(frame, weights, names, tmp_path, caplog):
    path = tmp_path / "keras" / "models" / "imagenet_class_index.json"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsUnavailable):
        predictor(weights, decodePredictions=True).transform(frame)
    assert "imagenet_class_index.json is damaged" in caplog.text


@pytest.mark.parametrize(
    "params, message",
    [
        ({"modelName": "AlexNet"}, "AlexNet.*InceptionV3"),
        ({"topK": 0}, "topK must be from 1 to 1000, got 0"),
        ({"topK": 1001}, "topK must be from 1 to 1000, got 1001"),
    ],
)
def test_wrong_params_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        DeepImagePredictor(inputCol="image", outputCol="out", **params)


@pytest.mark.parametrize("decode", [True, False])
def test_wrong_columns_are_named(frame, weights, names, decode):
    stage = predictor(weights, decodePredictions=decode)
    with pytest.raises(ValueError, match=f"{stage.uid}: no column 'picture'"):
        stage.copy({stage.inputCol: "picture"}).transform(frame)
    with pytest.raises(ValueError, match="output column 'image' is already there"):
        stage.copy({stage.outputCol: "image"}).transform(frame)


def test_it_is_saved_and_loaded_alone_and_in_a_pipeline(frame, weights, names, tmp_path):
    stage = predictor(weights, decodePredictions=True, topK=2)
    stage.save(str(tmp_path / "stage"))
    again = DeepImagePredictor.load(str(tmp_path / "stage"))
    assert again.uid == stage.uid and again.extractParamMap() == stage.extractParamMap()
    model = Pipeline(stages=[stage]).fit(frame)
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert loaded.transform(frame).collect() == model.transform(frame).collect()


def test_decoding_at_a_reduced_size_is_the_featurizers(weights):
    assert predictor(weights, fastDecode=True)._network("out").featurizer().fastDecode
    assert not predictor(weights)._network("out").featurizer().fastDecode
