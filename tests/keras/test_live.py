"""Against live Keras: its models, its files in every format, its numbers on the whole output."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from golden.keras.random_weights import parameters, pictures

from pydeepl import _core
from pydeepl.deep.families import FAMILIES
from pydeepl.weights import network_params

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]
sys.path.insert(0, str(Path(__file__).parents[1] / "golden" / "keras"))

NETWORKS = ["InceptionV3", "Xception", "ResNet50", "VGG16", "VGG19"]


def make_model(network, include_top):
    import make_golden

    model = make_golden.make_model(network, include_top)
    make_golden.set_weights(network, model)
    return model


@pytest.mark.parametrize("include_top", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_whole_outputs(network, include_top):
    import make_golden

    model = make_model(network, include_top)
    size = make_golden.SIZES[network]
    images = pictures(network, 3, size, size)
    expected = make_golden.run(network, model, images).reshape(3, -1)
    del model
    graph = _core.zoo_graph(network, include_top)
    params = parameters(network, graph.layers)
    preprocess = _core.zoo_spec(network)[3]
    runner = _core.Network(graph, len(graph.layers) - 1, params, preprocess, 0)
    del params
    output = runner.run(images).reshape(3, -1)
    errors = np.linalg.norm(output - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() <= 1e-5


def save(model, path, form):
    """Writes the model as Keras does in a form of file."""
    if form == "legacy weights":
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    elif form == "weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    return path


FORMS = {
    "legacy weights": "a.h5",
    "whole model": "a_model.h5",
    "weights.h5": "a.weights.h5",
    "keras": "a.keras",
}


def assert_params(network, params, include_top=False):
    expected = parameters(network, _core.zoo_graph(network, include_top).layers)
    assert len(params) == len(expected)
    for array, other in zip(params, expected, strict=True):
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", ["InceptionV3", "Xception", "ResNet50", "VGG16"])
def test_files_written_by_keras(tmp_path, network, form):
    path = save(make_model(network, False), tmp_path / FORMS[form], form)
    assert_params(network, network_params(network, path).params)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", ["InceptionV3", "Xception", "ResNet50"])
def test_files_with_top(tmp_path, network, form):
    path = save(make_model(network, True), tmp_path / FORMS[form], form)
    assert_params(network, network_params(network, path, include_top=True).params, True)
    assert_params(network, network_params(network, path).params)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", ["InceptionV3", "ResNet50"])
def test_a_second_model_of_the_session_has_other_names(tmp_path, network, form):
    """conv2d_94 for conv2d: the order decides."""
    import keras
    import make_golden
    from keras import applications

    model = make_model(network, False)
    weights = model.get_weights()
    size = make_golden.SIZES[network]
    options = {"pooling": "avg"} if network == "ResNet50" else {}
    second = getattr(applications, network)(
        weights=None, include_top=False, input_shape=(size, size, 3), **options
    )
    second.set_weights(weights)
    path = save(second, tmp_path / FORMS[form], form)
    assert_params(network, network_params(network, path).params)
    assert keras.__version__.startswith("3")


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", ["InceptionV3", "Xception"])
def test_network_with_a_head_of_the_user(tmp_path, network, form, trainable):
    """Sequential([base, pooling, Dense]), as transfer learning makes them."""
    import keras

    base = make_model(network, False)
    base.trainable = trainable
    model = keras.Sequential(
        [base, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(16), keras.layers.Dense(7)]
    )
    model.build((None, 299, 299, 3))
    path = save(model, tmp_path / FORMS[form], form)
    assert_params(network, network_params(network, path).params)


@pytest.mark.parametrize("network", ["InceptionV3"])
def test_keras_loads_what_fits_by_our_order(tmp_path, network):
    """A legacy file with names of its own, written in our order, is what Keras reads into the same places."""
    import h5py
    from keras_files import in_order, write_legacy

    from pydeepl.keras import graph_layers

    layers = graph_layers(_core.zoo_graph(network, False))
    arrays = iter(parameters(network, _core.zoo_graph(network, False).layers))
    params = {
        layer.name: [(name, next(arrays)) for name, _ in layer.params] for layer in layers if layer.params
    }
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, layers, params, rename=lambda name: f"other_{name}")
    import make_golden

    model = make_golden.make_model(network, False)
    model.load_weights(tmp_path / "a.h5")
    for layer in in_order(layers):
        for array, (_, expected) in zip(
            model.get_layer(layer.name).get_weights(), params.get(layer.name, []), strict=True
        ):
            np.testing.assert_array_equal(array, expected)


PIXELS = ("MobileNetV3", "EfficientNet", "ConvNeXt")  # their first layers scale pixels


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_families_of_keras_applications_through_load_model(family, tmp_path):
    import keras

    from pydeepl.keras import load_model

    model = getattr(keras.applications, family)(weights=None, include_top=False, input_shape=(96, 96, 3))
    _draw_all(model)
    x = np.random.default_rng(5).standard_normal((2, 96, 96, 3)).astype(np.float32)
    if family.startswith(PIXELS):
        x = 128 + 60 * x
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
    expected = model.predict(x, verbose=0)
    for name in ("model.keras", "model.h5"):
        found = load_model(tmp_path / name).predict(x)
        assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


def _draw_all(model):
    """Other weights than Keras' first ones, under which many layers do nothing; also in models inside."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            _draw_all(layer)
        elif layer.weights:
            layer.set_weights([_drawn(layer.name, weight) for weight in layer.weights])
            if hasattr(layer, "finalize_state"):  # a Normalization takes its weights up
                layer.finalize_state()


def _drawn(layer, weight):
    from golden.keras.random_weights import parameter

    name = weight.path.rpartition("/")[2]
    if name == "count":
        return np.array(weight)
    if name == "variance":  # of pixels
        return np.random.default_rng(1).uniform(0.3, 0.9, weight.shape)
    return parameter("family", layer, name, tuple(weight.shape))


def _transposed(layers):
    """Conv2DTranspose with every padding, and kernels below, at and above their strides."""
    for padding in ("valid", "same"):
        for size, stride, added in [
            (1, 2, None),
            (2, 2, None),
            (3, 2, None),
            (4, 3, None),
            (3, 2, 1),
            (5, 3, 2),
        ]:
            options = {"padding": padding, "output_padding": added}
            yield layers.Conv2DTranspose(4, size, strides=stride, **options)
        yield layers.Conv2DTranspose(3, (2, 5), padding=padding, dilation_rate=(2, 1))


def _resized(layers):
    for interpolation in ("nearest", "bilinear"):
        for size in [(3, 4), (7, 6), (13, 29), (1, 1)]:
            yield layers.Resizing(*size, interpolation=interpolation)
            yield layers.Resizing(*size, interpolation=interpolation, crop_to_aspect_ratio=True)
        yield layers.UpSampling2D((3, 2), interpolation=interpolation)


def _moved(layers):
    for order in [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]:
        yield layers.Permute(order)
    for shape in [(-1,), (6, 28), (7, 6, 4), (2, -1, 2, 3)]:
        yield layers.Reshape(shape)
    for sides in [1, (2, 1), ((0, 1), (2, 0))]:
        yield layers.Cropping2D(sides)
    for groups, size, stride in [(2, 3, 1), (4, 1, 1), (2, (1, 3), 2)]:
        yield layers.Conv2D(8, size, groups=groups, strides=stride, padding="same")
    yield layers.DepthwiseConv2D(3, dilation_rate=2, depth_multiplier=3)


@pytest.mark.parametrize("kinds", [_transposed, _resized, _moved])
def test_layers_with_all_their_options(kinds, tmp_path):
    """One model with an output for each."""
    import keras
    from keras import layers

    from pydeepl.keras import load_model

    image = layers.Input((7, 6, 4))
    model = keras.Model(image, [layer(image) for layer in kinds(layers)])
    x = np.random.default_rng(6).standard_normal((2, 7, 6, 4)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    found = load_model(tmp_path / "model.keras").predict(x)
    for layer, values, other in zip(model.layers[1:], found, expected, strict=True):
        assert values.shape == other.shape, layer
        assert np.linalg.norm(values - other) <= 1e-5 * np.linalg.norm(other), layer.get_config()


def test_a_network_inside_a_model_with_frozen_layers(tmp_path):
    """A legacy file lists the weights that are trained first, of a model in the model, too."""
    import keras
    from keras import layers

    from pydeepl.keras import load_model

    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    for layer in base.layers[:60]:
        layer.trainable = False
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(3)]
    model = keras.Sequential([layers.Input((32, 32, 3)), layers.Rescaling(2.0, offset=-1), base, *ends])
    for weight in base.weights:
        weight.assign(_drawn("base", weight))
    x = np.random.default_rng(6).random((2, 32, 32, 3), np.float32)
    expected = model.predict(x, verbose=0)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        found = load_model(tmp_path / name)
        assert f"{base.name}/Conv1" in found.layerNames
        assert np.linalg.norm(found.predict(x) - expected) <= 1e-5 * np.linalg.norm(expected)


def test_layers_that_work_element_by_element(tmp_path):
    """Activations, merging layers and operations of numbers, in both forms of file."""
    import make_elementwise

    from pydeepl.keras import load_model

    model = make_elementwise.elementwise()
    make_elementwise.fill(model, np.random.default_rng(11))
    x = np.random.default_rng(12).standard_normal((3, *model.input_shape[1:])).astype(np.float32)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
    expected = model.predict(x, verbose=0)
    for name in ("model.keras", "model.h5"):
        found = load_model(tmp_path / name).predict(x)
        assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)
