"""load_model: layers on lines and maps, nested models, several inputs and outputs, open sizes."""

import json
import random
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from pydeepl.keras import WeightsError, load_model
from pydeepl.keras.build import build
from pydeepl.keras.ends import input_shapes
from pydeepl.keras.nested import read_topology

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


def assert_close(found, expected, most=2e-6):
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.linalg.norm(found - expected) <= most * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["lines", "maps"])
def test_every_layer_gives_what_it_gives_in_keras(golden, name):
    model = load_model(MODELS / f"{name}.keras", threads=1)
    x = golden[f"{name}_x"]
    layers = [layer for layer in model.layerNames if f"{name}_{layer}" in golden]
    assert len(layers) == sum(key.startswith(f"{name}_") for key in golden) - 1 >= 20
    for layer in layers:
        assert_close(model.predict(x, layer=layer), golden[f"{name}_{layer}"])


def test_a_list_of_outputs(golden):
    model = load_model(MODELS / "maps.keras")
    found = model.predict(golden["maps_x"])
    assert isinstance(found, list) and [y.shape[1:] for y in found] == model.outputShapes
    assert_close(found[0], golden["maps_last"])
    assert_close(found[1], golden["maps_flat"])
    with pytest.raises(ValueError, match="model 'maps' has 2 outputs, expected one: last, flat"):
        model.outputShape  # noqa: B018


def forms():
    return {
        "keras": (MODELS / "nested.keras", None),
        "h5": (MODELS / "nested.h5", None),
        "json": (MODELS / "nested.json", MODELS / "nested.weights.h5"),
        "json with whole model": (MODELS / "nested.json", MODELS / "nested.h5"),
    }


@pytest.mark.parametrize("form", forms())
def test_models_in_models(golden, form):
    model = load_model(*forms()[form])
    pixels, table = golden["nested_pixels"], golden["nested_table"]
    assert model.inputShapes == {"pixels": (5, 5, 3), "table": (4,)}
    assert {"outer", "outer/block", "outer/twice/first", "outer/block/second", "stem/conv"} <= set(
        model.layerNames
    )
    for x in ([pixels, table], {"table": table, "pixels": pixels}):
        found = model.predict(x, batchSize=2)
        assert list(found) == ["sum", "parts", "map"]
        for key, values in found.items():
            assert_close(values, golden[f"nested_{key}"])
    assert_close(model.predict([pixels, table], layer="stem"), golden["nested_map"])
    assert_close(model.predict([pixels, table], layer="stem/conv"), golden["nested_map"])


def test_several_inputs_are_checked():
    model = load_model(MODELS / "nested.keras")
    pixels, table = np.zeros((2, 5, 5, 3), np.uint8), np.zeros((2, 4))
    assert model.predict([pixels, table])["sum"].shape == (2, 4)
    for x in (pixels, [pixels], [pixels, table, table]):
        with pytest.raises(ValueError, match="expected a list of 2 arrays, or a dictionary of pixels, table"):
            model.predict(x)
    with pytest.raises(ValueError, match="expected inputs pixels, table, got pixels"):
        model.predict({"pixels": pixels})
    with pytest.raises(ValueError, match=r"expected table \[n, 4\], got \[2, 5, 5, 3\]"):
        model.predict([pixels, pixels])
    with pytest.raises(ValueError, match="expected inputs of as many rows, got pixels 2, table 1"):
        model.predict([pixels, table[:1]])
    with pytest.raises(ValueError, match="model 'nested' has 2 inputs, expected one: pixels, table"):
        model.inputShape  # noqa: B018


def test_any_size(golden):
    model = load_model(MODELS / "anysize.keras", threads=1)
    x = golden["anysize_x"]
    assert model.inputShapes == {"image": (None, None, 3)} and model.outputShapes == []
    for _ in range(2):
        assert_close(model.predict(x), golden["anysize_y"])
        for size in range(3, 9):  # more than are kept
            assert model.predict(np.ones((1, size, 5, 3))).shape == (1, 2)
    assert_close(model.predict(x, layer="highest"), golden["anysize_inner"])
    for shape in ((3, 9, 9, 4), (9, 9, 3)):
        with pytest.raises(ValueError, match=r"expected x \[n, any, any, 3\], got"):
            model.predict(np.zeros(shape))
    with pytest.raises(
        ValueError, match=r"inputs of size \[\[2, 9, 3\]\].*\n.*conv \(Conv2D\).*does not fit"
    ):
        model.predict(np.zeros((1, 2, 9, 3)))
    for attribute in ("inputShape", "outputShape"):
        with pytest.raises(ValueError, match=r"open, image \[None, None, 3\]: give load_model an inputShape"):
            getattr(model, attribute)


def test_a_size_that_is_given(golden):
    for given in ((9, 9, 3), {"image": [9, 9, 3]}, tuple(np.array([9, 9, 3]))):
        model = load_model(MODELS / "anysize.keras", inputShape=given)
        assert model.inputShape == (9, 9, 3) and model.outputShape == (2,)
        assert_close(model.predict(golden["anysize_x"]), golden["anysize_y"])
        with pytest.raises(ValueError, match=r"expected x \[n, 9, 9, 3\]"):
            model.predict(np.zeros((1, 8, 9, 3)))
    for wrong in ((9, 9), (9, 9, 4), (9, 0, 3), (9.0, 9, 3), (True, 9, 3)):
        with pytest.raises(ValueError, match=r"inputShape of image: expected \[None, None, 3\], got"):
            load_model(MODELS / "anysize.keras", inputShape=wrong)
    with pytest.raises(ValueError, match="inputShape: the model's inputs are image, got other"):
        load_model(MODELS / "anysize.keras", inputShape={"other": (9, 9, 3)})
    with pytest.raises(ValueError, match="inputShape: expected a dictionary of pixels, table"):
        load_model(MODELS / "nested.keras", inputShape=(5, 5, 3))
    with pytest.raises(TypeError, match=r"inputShape: expected a shape such as .*, got 224"):
        load_model(MODELS / "anysize.keras", inputShape=224)


def changed(tmp_path, change, name):
    """A model's JSON after change({layer's name: its entry, "outer/inner": a nested one's})."""
    config = json.loads((MODELS / f"{name}.json").read_text())

    def entries(layers, prefix=""):
        for layer in layers:
            title = prefix + layer["config"]["name"]
            yield title, layer
            if "layers" in layer["config"]:
                yield from entries(layer["config"]["layers"], f"{title}/")

    change(dict(entries(config["config"]["layers"])))
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(config))
    return path


def test_what_is_wrong_in_nested_models_is_listed_with_their_names(tmp_path):
    def change(layers):
        layers["outer/block/second"]["class_name"] = "Attention"
        layers["outer/twice/relu"]["class_name"] = "Lambda"
        layers["outer/twice/first"]["config"]["activation"] = "my_own"
        layers["seen"]["class_name"] = "MyLayer"

    with pytest.raises(WeightsError) as caught:
        load_model(changed(tmp_path, change, "nested"), weights=MODELS / "nested.h5")
    for line in (
        "4 layers are not supported",
        "outer/block/second (Attention): no such layer here",
        "outer/twice/relu (Lambda): it is code, which is never executed from a file",
        "outer/twice/first (Dense): activation 'my_own'",
        "seen (MyLayer): no such layer here",
    ):
        assert line in str(caught.value)


def test_weights_of_another_nested_model_are_named(tmp_path):
    def change(layers):
        layers["outer/block/second"]["config"]["units"] = 5

    path = changed(tmp_path, change, "nested")
    for weights in ("nested.weights.h5", "nested.h5"):
        with pytest.raises(WeightsError, match=r"misshapen: outer/.*second.*found \[4, 3\] \[3\]"):
            load_model(path, weights=MODELS / weights)


def test_models_nested_without_end_are_refused(tmp_path):
    inner = {"class_name": "Dense", "config": {"name": "dense", "units": 2}}
    for depth in range(12):
        inner = {"class_name": "Sequential", "config": {"name": f"m{depth}", "layers": [inner]}}
    inner["config"]["build_input_shape"] = [None, 4]
    path = tmp_path / "deep.json"
    path.write_text(json.dumps(inner))
    with pytest.raises(WeightsError, match="models nested more than 8 deep"):
        load_model(path, weights=MODELS / "nested.h5")
    # Each model calls the next one thirty times: a small file, and 30 ** 6 layers.
    path.write_text(json.dumps({"class_name": "Functional", "config": _fan(6)}))
    with pytest.raises(WeightsError, match="more than 20000 layers"):
        load_model(path, weights=MODELS / "nested.h5")


def _fan(depth):
    def tensor(layer, call):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, call, 0]}}

    calls = [("in", 0)] + [("next", call) for call in range(29)]
    inbound = [{"args": [tensor(*call)], "kwargs": {}} for call in calls]
    shape = {"name": "in", "batch_shape": [None, 4]}
    first = {"class_name": "InputLayer", "name": "in", "config": shape, "inbound_nodes": []}
    following = {"class_name": "ReLU", "config": {"name": "next"}}
    if depth > 0:
        following = {"class_name": "Functional", "config": _fan(depth - 1)}
    layers = [first, {**following, "name": "next", "inbound_nodes": inbound}]
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["next", 30 if depth > 0 else 29, 0]]}
    return {"name": "next", "layers": layers, **ends}


REFUSED = {
    "activation": ("causal", {"activation": {"class_name": "PReLU", "config": {}}}, "activation 'PReLU'"),
    "axis 0": ("ends", {"axis": 0}, "axis 0, which is the rows'"),
    "cropping": ("cropped", {"cropping": [30, 30]}, r"cropping .* leaves nothing of \[38, 6\]"),
    "upsampling": ("longer", {"size": [2, 2]}, "expected 1 numbers, found"),
    "padding": ("padded_out", {"output_padding": 5}, "no output of 42 is made from the input's 18"),
    "groups": ("grouped", {"groups": 3}, "3 groups do not divide 8 input channels"),
    "dims": ("turned", {"dims": [2, 2]}, "expected every axis of its input's 2 once"),
    "kernel": ("causal", {"kernel_size": [3, 3]}, "expected 1 numbers, found"),
}


@pytest.mark.parametrize("layer, config, message", REFUSED.values(), ids=REFUSED)
def test_what_layers_refuse(tmp_path, layer, config, message):
    with ZipFile(MODELS / "lines.keras") as archive:
        model = json.loads(archive.read("config.json"))
    entry = next(each for each in model["config"]["layers"] if each["name"] == layer)
    entry["config"].update(config)
    (tmp_path / "model.json").write_text(json.dumps(model))
    with pytest.raises(WeightsError, match=f"{layer} .*{message}"):
        load_model(tmp_path / "model.json", weights=MODELS / "lines.keras")


def test_ways_of_resizing_that_are_refused(tmp_path):
    with ZipFile(MODELS / "maps.keras") as archive:
        model = json.loads(archive.read("config.json"))
    layers = {each["name"]: each["config"] for each in model["config"]["layers"]}
    layers["resized"]["interpolation"] = layers["smooth"]["interpolation"] = "bicubic"
    layers["in_ratio"]["pad_to_aspect_ratio"] = layers["nearest"]["antialias"] = True
    (tmp_path / "model.json").write_text(json.dumps(model))
    with pytest.raises(WeightsError) as caught:
        load_model(tmp_path / "model.json", weights=MODELS / "maps.keras")
    for line in (
        "resized (Resizing): interpolation 'bicubic': expected nearest or bilinear",
        "smooth (UpSampling2D): interpolation 'bicubic'",
        "in_ratio (Resizing): pad_to_aspect_ratio",
        "nearest (Resizing): antialias",
    ):
        assert line in str(caught.value)


STRANGE = [
    None,
    -1,
    0,
    10**12,
    1.5,
    float("nan"),
    "x",
    [],
    {},
    [[1]],
    True,
    "Functional",
    [-1, 3],
    [10**9] * 2,
]


def parts(value, path=()):
    """The paths of everything in a configuration."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from parts(inner, (*path, key))


@pytest.mark.parametrize("name", ["nested", "lines", "maps"])
def test_a_changed_configuration_is_an_error_or_another_model(name):
    with ZipFile(MODELS / f"{name}.keras") as archive:
        text = archive.read("config.json")
    paths = [path for path in parts(json.loads(text)) if len(path) > 1]
    rng = random.Random(name)
    refused = 0
    for _ in range(120):
        config, (*path, last) = json.loads(text), rng.choice(paths)
        place = config
        for key in path:
            place = place[key]
        if isinstance(place, dict) and rng.random() < 0.2:
            del place[last]
        else:
            place[last] = rng.choice(STRANGE)
        try:
            topology = read_topology("model", config).topology
            build("model", topology, input_shapes(topology))
        except WeightsError as error:
            assert str(error).startswith("model: ")
            refused += 1
    assert refused >= 12


def test_norms_along_the_last_axis_as_keras_2_numbers_it(golden, tmp_path):
    """It counts axes with the rows' one, as a list; Keras 3 says -1."""
    for name, layer, axis in [("table", "norm", 1), ("branches", "stem_bn", 3)]:
        config = json.loads((MODELS / f"{name}.json").read_text())
        norm = next(each["config"] for each in config["config"]["layers"] if each["config"]["name"] == layer)
        path = tmp_path / "model.json"
        norm["axis"] = [axis]
        path.write_text(json.dumps(config))
        model = load_model(path, weights=MODELS / f"{name}.h5")
        assert_close(model.predict(golden[f"{name}_x"]), golden[f"{name}_y"])
        for wrong in ([axis - 1] if axis > 1 else [2], [1, 2], [], None):
            norm["axis"] = wrong
            path.write_text(json.dumps(config))
            with pytest.raises(
                WeightsError, match=rf"{layer} .*axis {re.escape(str(wrong))}: expected the last"
            ):
                load_model(path, weights=MODELS / f"{name}.h5")


def as_keras_2_wrote_it(config):
    """A functional model's configuration; a nested model's calls are counted from 1 there."""
    models = {layer["name"] for layer in config["layers"] if "layers" in layer["config"]}

    def reference(name, call, tensor, first=1):
        return [name, call + (first if name in models else 0), tensor]

    def tensors(value):
        if isinstance(value, list):
            return [key for each in value for key in tensors(each)]
        return [[*reference(*value["config"]["keras_history"]), {}]]

    for layer in config["layers"]:
        layer["inbound_nodes"] = [tensors(inbound["args"]) for inbound in layer["inbound_nodes"]]
        if layer["class_name"] == "Functional":
            as_keras_2_wrote_it(layer["config"])
    for ends in ("input_layers", "output_layers"):
        keys = config[ends].values() if isinstance(config[ends], dict) else config[ends]
        keys = [keys] if isinstance(config[ends], list) and isinstance(config[ends][0], str) else keys
        functional = {layer["name"] for layer in config["layers"] if layer["class_name"] == "Functional"}
        # Keras 3 counts a nested Functional's calls from 1 here already.
        config[ends] = [reference(*key, first=0 if key[0] in functional else 1) for key in keys]
    return config


def test_models_in_models_as_keras_2_wrote_them(golden, tmp_path):
    config = json.loads((MODELS / "nested.json").read_text())
    config["config"] = as_keras_2_wrote_it(config["config"])
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**config, "class_name": "Model", "keras_version": "2.4.0"}))
    assert "keras_history" not in path.read_text()
    found = load_model(path, weights=MODELS / "nested.h5").predict(
        [golden["nested_pixels"], golden["nested_table"]]
    )
    for values, key in zip(found, ("sum", "parts", "map"), strict=True):
        assert_close(values, golden[f"nested_{key}"])
