"""Featurizers of a user's model file, against load_model run by hand on pixels resized and scaled by hand."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.base import clone

from pydeepl import (
    DeepImageFeaturizer,
    DeepImagePredictor,
    Featurizer,
    ImageSchema,
    KerasTransformer,
    _core,
)
from pydeepl.deep.cache import cached_networks
from pydeepl.deep.families import FAMILIES, PREPROCESSINGS
from pydeepl.deep.model_files import file_content, one_file
from pydeepl.deep.model_plan import feature_node
from pydeepl.keras import WeightsError, load_model
from pydeepl.ml.persistence import load_stage
from pydeepl.sklearn import DeepImageFeaturizer as SklearnFeaturizer

GOLDEN = Path(__file__).parents[1] / "golden"
KERAS, ONNX = GOLDEN / "keras" / "models" / "branches.keras", GOLDEN / "onnx" / "keras.onnx"
OPEN = KERAS.with_name("anysize.keras")

# R, G, B from 0 to 255 -> the input
FORMULAS = {
    "tf": lambda rgb: rgb / 127.5 - 1,
    "caffe": lambda rgb: rgb[..., ::-1] - [103.939, 116.779, 123.68],
    "torch": lambda rgb: (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    "unit": lambda rgb: rgb / 255,
    "none": lambda rgb: rgb,
}


@pytest.fixture(scope="module")
def images():
    """R, G, B."""
    return [np.random.default_rng(seed).integers(0, 256, (40, 30, 3), np.uint8) for seed in range(3)]


def by_hand(path, preprocessing, images, layer=None):
    model = load_model(path)
    height, width, _ = model.inputShape
    small = [_core.resize(np.ascontiguousarray(image[..., ::-1]), height, width, 16) for image in images]
    x = FORMULAS[preprocessing](np.stack(small)[..., ::-1].astype(np.float64))
    return model.predict(np.ascontiguousarray(x, np.float32), layer=layer).reshape(len(images), -1)


def assert_close(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


def split_onnx(path):
    """The ONNX model at the path, its arrays in a file beside it."""
    model = onnx.load(ONNX)
    onnx.save_model(model, path, save_as_external_data=True, location="arrays.bin", size_threshold=0)
    return path


def test_the_file_beside_an_onnx_model_is_saved_with_a_stage(tmp_path, images, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    path = split_onnx(folder / "split.onnx")
    assert path.stat().st_size < (folder / "arrays.bin").stat().st_size
    KerasTransformer(inputCol="x", outputCol="y", modelFile=path).save(tmp_path / "stage")
    with monkeypatch.context() as patch:
        patch.setattr("pydeepl.keras.onnx.file._MAX_BYTES", 1000 + path.stat().st_size)
        with pytest.raises(WeightsError, match=r"split\.onnx: with its arrays, more than the 2 GiB"):
            file_content(str(path))
    shutil.rmtree(folder)
    again = KerasTransformer.load(tmp_path / "stage").model()
    x = np.random.default_rng(1).random((2, *again.inputShape), np.float32)
    np.testing.assert_array_equal(again.predict(x), load_model(ONNX).predict(x))
    assert one_file(str(ONNX)) == str(ONNX)


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
@pytest.mark.parametrize("path", [KERAS, ONNX], ids=["keras", "onnx"])
def test_a_path_with_each_preprocessing(path, preprocessing, images):
    featurizer = Featurizer(path, preprocessing=preprocessing)
    assert featurizer.spec.inputSize == load_model(path).inputShape[:2]
    assert_close(featurizer(images), by_hand(path, preprocessing, images, featurizer.spec.layer))
    assert str(path) in featurizer.load()


def test_layers_and_poolings(images):
    layer = Featurizer(KERAS, layer="joined", preprocessing="tf")
    assert layer.spec.featureShape == (7, 12, 6) and "joined" in layer.spec.layerNames
    maps = by_hand(KERAS, "tf", images, "joined")
    assert_close(layer(images), maps)
    pooled = Featurizer(KERAS, layer="joined", pooling="avg", preprocessing="tf")
    assert_close(pooled(images), maps.reshape(3, -1, 6).mean(1))
    # The map before the classifier's Flatten.
    assert len(Featurizer(ONNX, preprocessing="none").spec.featureShape) == 3


def test_a_family_is_a_preprocessing_of_a_file(images):
    for family in ("MobileNetV2", "DenseNet121", "ResNet101", "EfficientNetB0"):
        found = Featurizer(family, weights=KERAS)
        assert found.spec.modelName == family
        assert_close(found(images), by_hand(KERAS, FAMILIES[family], images, found.spec.layer))
    assert_close(
        Featurizer("MobileNetV2", weights=KERAS, preprocessing="torch")(images),
        by_hand(KERAS, "torch", images),
    )


def network(*blocks):
    """A graph of the blocks (graph, x -> x) one after another."""
    graph = _core.Graph()
    x = graph.input("x", 8, 8, 3)
    for block in blocks:
        x = block(graph, x)
    return graph, x


def conv(graph, x):
    return graph.conv2d(f"conv_{x}", x, 4, (3, 3), padding="same")


def side_pool(graph, x):
    """Two ways, one of which has a global pooling that does not lead the whole network."""
    return graph.concat("ends", [graph.flatten("flat", x), graph.global_max_pool("inner", x)])


def test_the_layer_before_the_classifier():
    def pool(graph, x):
        return graph.global_avg_pool("pool", x)

    def flatten(graph, x):
        return graph.flatten("flatten", x)

    def dense(graph, x):
        return graph.dense(f"dense_{x}", x, 5)

    def name(*blocks):
        graph, output = network(*blocks)
        return graph.layers[feature_node(graph, output)][0]

    assert name(conv, pool, dense, dense) == "pool"
    assert name(conv, conv, flatten, dense, dense) == "conv_1"
    assert name(conv, conv) == "conv_1"
    assert name(conv, side_pool, dense) == "dense_4"


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"modelName": "MobileNetV2"}, ValueError, "MobileNetV2 needs weights=, the path of a whole model"),
        ({"modelName": "MobileNetV2", "weights": "imagenet"}, ValueError, "its own weights are not fetched"),
        ({"modelName": KERAS}, ValueError, "say how pixels become the model's input"),
        ({"modelName": KERAS, "preprocessing": "keras"}, ValueError, "preprocessing 'keras' is unknown"),
        (
            {"modelName": "no.keras", "preprocessing": "tf"},
            FileNotFoundError,
            r"no\.keras: no such model file",
        ),
        ({"modelName": "mobilenet"}, ValueError, "did you mean MobileNet"),
        ({"modelName": KERAS, "layer": "joint", "preprocessing": "tf"}, ValueError, "did you mean joined"),
        (
            {"modelName": KERAS.with_name("chain.keras"), "preprocessing": "tf"},
            ValueError,
            r"found \[9, 9, 2\]",
        ),
        (
            {"modelName": "MobileNetV2", "weights": KERAS.with_name("branches.weights.h5")},
            WeightsError,
            "save the whole model",
        ),
    ],
)
def test_what_is_refused_says_why(arguments, error, message):
    with pytest.raises(error, match=message):
        Featurizer(**arguments)


def test_an_open_size_is_refused():
    with pytest.raises(ValueError, match=r"anysize\.keras: .*is open"):
        Featurizer(OPEN, preprocessing="tf")


def test_an_open_size_is_the_familys(images):
    featurizer = Featurizer("EfficientNetB1", weights=OPEN)
    assert featurizer.spec.inputSize == (240, 240)
    pixels = np.stack([_core.resize(np.ascontiguousarray(each[..., ::-1]), 240, 240, 16) for each in images])
    x = np.ascontiguousarray(pixels[..., ::-1], np.float32)
    assert_close(featurizer(images), load_model(OPEN).predict(x, layer=featurizer.spec.layer))


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    names = load_model(KERAS).layerNames
    with pytest.raises(ValueError, match=rf"'zzzz' is not in .*its last layers are .*, {names[-1]}$"):
        Featurizer(KERAS, preprocessing="tf", layer="zzzz")


def test_features_are_cached_by_the_files_content(tmp_path, images):
    first, other = tmp_path / "a.keras", tmp_path / "b.keras"
    for path in (first, other):
        shutil.copy(KERAS, path)
    options = {"preprocessing": "tf", "cache": tmp_path / "cache", "layer": "joined"}
    features = Featurizer(first, **options)(images)
    same = Featurizer(other, **options)
    assert (same(images) == features).all() and same._loaded is None
    assert (Featurizer(first, **options | {"preprocessing": "unit"})(images) != features).any()
    assert sorted(each.entries for each in cached_networks(tmp_path / "cache")) == [3, 3]
    assert {each.model for each in cached_networks(tmp_path / "cache")} == {"branches"}


def test_a_file_that_changes_is_another_model(tmp_path, images):
    path = tmp_path / "model.onnx"
    model = onnx.load(ONNX)
    onnx.save(model, path, save_as_external_data=True, location="arrays.bin", size_threshold=512)
    options = {"preprocessing": "none", "cache": tmp_path / "cache"}
    before = Featurizer(path, **options)
    features = before(images)
    assert_close(features, by_hand(ONNX, "none", images, before.spec.layer))
    arrays = np.fromfile(tmp_path / "arrays.bin", np.uint8)
    arrays[3::4] ^= 0x80  # other signs
    arrays.tofile(tmp_path / "arrays.bin")
    after = Featurizer(path, **options)
    assert (after(images) != features).any()
    assert len(cached_networks(tmp_path / "cache")) == 2
    fresh = Featurizer(path, preprocessing="none", threads=1)
    (tmp_path / "arrays.bin").touch()
    with pytest.raises(OSError, match="was changed while it was in use"):
        fresh(images)


@pytest.fixture(scope="module")
def frame(tmp_path_factory, images):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return ImageSchema.readImages(str(folder))


def test_a_stage_saves_and_loads(frame, images, tmp_path):
    stage = DeepImageFeaturizer(inputCol="image", outputCol="x", modelName=str(ONNX), preprocessing="none")
    stage.save(str(tmp_path / "stage"))
    loaded = load_stage(str(tmp_path / "stage"))
    expected = by_hand(ONNX, "none", images, loaded.featurizer().spec.layer)
    for each in (stage, loaded):
        rows = each.transform(frame).select("x").collect()
        assert_close(np.stack([np.float32(row.x.toArray()) for row in rows]), expected)
    # On another machine the same file may lie elsewhere.
    moved = DeepImageFeaturizer(modelName="/nowhere/model.onnx", weights=str(ONNX), preprocessing="none")
    assert moved.featurizer().spec.featureShape == stage.featurizer().spec.featureShape
    assert Path(moved.weightsFile()).samefile(ONNX) and Path(stage.weightsFile()).samefile(ONNX)


def test_a_predictor_gives_the_models_output(frame, images):
    options = {"inputCol": "image", "outputCol": "odds", "modelName": str(KERAS), "preprocessing": "unit"}
    rows = DeepImagePredictor(**options).transform(frame).select("odds").collect()
    assert_close(np.stack([np.float32(row.odds.toArray()) for row in rows]), by_hand(KERAS, "unit", images))
    with pytest.raises(ValueError, match="needs ImageNet's 1000 classes, but the model gives 4"):
        DeepImagePredictor(decodePredictions=True, **options).transform(frame)


def test_scikit_learn_and_pickles(images):
    expected = by_hand(KERAS, "tf", images, "joined")
    stage = SklearnFeaturizer(KERAS, preprocessing="tf", layer="joined")
    for each in (stage, clone(stage), pickle.loads(pickle.dumps(stage))):
        assert_close(each.fit_transform(images), expected)
    assert_close(pickle.loads(pickle.dumps(stage._featurizer()))(images), expected)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_families_have_kerass_preprocessing(images):
    import inspect

    import keras

    x = np.stack(images).astype(np.float32)
    for name, mode in FAMILIES.items():
        module = inspect.getmodule(getattr(keras.applications, name))
        found = module.preprocess_input(x.copy())
        np.testing.assert_allclose(found, FORMULAS[mode](x.astype(np.float64)), atol=1e-4)
