"""load_model: layers and operations that work element by element, beside what Keras gives."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from pydeepl.keras import WeightsError, load_model

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"


@pytest.mark.parametrize("name", ["elementwise", "more"])
def test_every_layer_gives_what_keras_gives(name):
    golden = dict(np.load(MODELS / f"{name}.npz"))
    model, x = load_model(MODELS / f"{name}.keras"), golden.pop("x")
    assert len(golden) > 70
    for name, expected in golden.items():
        found = model.predict(x, layer=name)
        assert found.shape == expected.shape, name
        assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected), name


def layer(kind, name, config=None, inbound=()):
    config = {"name": name} | (config or {})
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": list(inbound)}


def run(tmp_path, layers, version="2.11.0"):
    """What a model of Keras 2 without weights gives for x, from the last layer."""
    entry = layer("InputLayer", "image", {"batch_input_shape": [None, 2, 3, 4]})
    inner = {"name": "old", "layers": [entry, *layers], "input_layers": [["image", 0, 0]]}
    inner["output_layers"] = [[layers[-1]["name"], 0, 0]]
    config = {"class_name": "Functional", "config": inner, "keras_version": version}
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    x = np.linspace(-4, 4, 24, dtype=np.float32).reshape(1, 2, 3, 4)
    with h5py.File(tmp_path / "none.weights.h5", "w") as file:
        file.create_group("layers")
    return x, load_model(path, weights=tmp_path / "none.weights.h5").predict(x)


def test_a_rescaling_without_numbers_is_refused(tmp_path):
    rescaling = layer("Rescaling", "scaled", {"scale": [], "offset": 0.0}, [[["image", 0, 0, {}]]])
    with pytest.raises(WeightsError, match=r"scaled \(Rescaling\): scale \[\] and offset \[0.0\]"):
        run(tmp_path, [rescaling])


@pytest.mark.parametrize("axis", [None, 1, [1, 2]])
def test_one_mean_is_that_of_any_axis(tmp_path, axis):
    config = {"axis": axis, "mean": 0.5, "variance": 4.0}
    x, found = run(tmp_path, [layer("Normalization", "scaled", config, [[["image", 0, 0, {}]]])])
    np.testing.assert_allclose(found, (x - 0.5) / 2, rtol=1e-6)


def lambda_layer(name, function, inbound):
    return layer("TFOpLambda", name, {"function": function}, [inbound])


TERMS = [
    ("__operators__.add", [["image", 0, 0, {"y": 3.0, "name": None}]], lambda x: x + 3),
    ("math.multiply", [["image", 0, 0, {"y": 0.25, "name": None}]], lambda x: x / 4),
    ("math.subtract", [["_CONSTANT_VALUE", -1, 2.0, {"y": ["image", 0, 0], "name": None}]], lambda x: 2 - x),
    ("math.truediv", [["image", 0, 0, {"y": 4, "name": None}]], lambda x: x / 4),
    ("math.multiply", [["image", 0, 0, {"y": ["image", 0, 0], "name": None}]], lambda x: x * x),
    ("nn.relu6", [["image", 0, 0, {"name": None}]], lambda x: np.clip(x, 0, 6)),
]


@pytest.mark.parametrize(("function", "inbound", "expected"), TERMS)
def test_operations_of_keras_2(tmp_path, function, inbound, expected):
    x, found = run(tmp_path, [lambda_layer("operation", function, inbound)])
    np.testing.assert_allclose(found, expected(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("version", "slope"), [("2.11.0", 0.2), ("3.0.0", 1 / 6), ("1.2.2", 0.2)])
def test_hard_sigmoid_is_another_one_since_keras_3(tmp_path, version, slope):
    activation = layer("Activation", "end", {"activation": "hard_sigmoid"}, [[["image", 0, 0, {}]]])
    x, found = run(tmp_path, [activation], version)
    np.testing.assert_allclose(found, np.clip(slope * x + 0.5, 0, 1), rtol=1e-6, atol=1e-6)


def test_the_version_is_read_from_an_archive(tmp_path):
    """Its metadata say it, not its configuration."""
    found = {}
    for version in ("2.14.0", "3.5.0"):
        path = tmp_path / f"{version}.keras"
        with zipfile.ZipFile(MODELS / "elementwise.keras") as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                text = json.dumps({"keras_version": version}) if name == "metadata.json" else old.read(name)
                new.writestr(name, text)
        x = np.full((1, 4, 5, 3), -2.0, np.float32)
        found[version] = load_model(path).predict(x, layer="activation_hard_sigmoid").max()
    assert found["2.14.0"] == pytest.approx(0.1) and found["3.5.0"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("function", "inbound", "message"),
    [
        (
            "image.resize",
            [["image", 0, 0, {"size": [4, 4]}]],
            "TensorFlow's image.resize: no such layer here",
        ),
        ("math.pow", [["image", 0, 0, {"y": 2.0, "name": None}]], "of a tensor and the number 2.0"),
        ("math.maximum", [["image", 0, 0, {"y": 1.0}]], "Maximum of a tensor and the number 1.0"),
        ("math.truediv", [["image", 0, 0, {"y": 0.0}]], "TrueDivide of a tensor and the number 0.0"),
        ("nn.silu", [["image", 0, 0, {"beta": 2.0}]], "Silu of a tensor and the number 2.0"),
    ],
)
def test_other_functions_are_refused(tmp_path, function, inbound, message):
    with pytest.raises(WeightsError, match=message):
        run(tmp_path, [lambda_layer("operation", function, inbound)])


NORM = {"axis": -1, "epsilon": 1e-3, "scale": True, "center": True}
REFUSED = [
    ("Conv2D", {"activation": "glu"}, r"glu of 3 channels: expected an even number"),
    ("Softmax", {"axis": [1, 2]}, r"axis \[1, 2\] of 4: expected one, and not the rows'"),
    ("Softmax", {"axis": 0}, r"axis 0 of 4: expected one, and not the rows'"),
    ("Glu", {"axis": 1}, r"axis 1: expected the last"),
    ("Clip", {"x_min": 1.0, "x_max": 0.0}, r"from 1.0 to 0.0: expected two numbers that rise"),
    ("GroupNormalization", NORM | {"groups": 3}, r"4 channels in 3 groups"),
    ("GroupNormalization", NORM | {"groups": 0}, r"4 channels in 0 groups"),
    ("RMSNormalization", NORM | {"axis": 1}, r"axis 1: expected the last"),
    ("RandomCrop", {"height": 1, "width": 3}, r"from \[2, 3\] to \[1, 3\], which versions of Keras"),
    (
        "Pipeline",
        {"layers": [{"class_name": "Lambda", "config": {"name": "code"}}]},
        r"its layer code \(Lambda\): expected layers of augmentation",
    ),
    ("AdaptiveMaxPooling2D", {"output_size": [2, 2]}, r"from \[2, 3\] to \[2, 2\]: expected divisors"),
    ("AdaptiveMaxPooling2D", {"output_size": [0, 1]}, r"from \[2, 3\] to \[0, 1\]: expected divisors"),
    ("Mean", {"axis": 3, "keepdims": False}, r"over axes 3 of 4: expected all but the first and the last"),
    ("Reshape", {"newshape": [1, 24]}, r"newshape \[1, 24\]: expected -1 for the rows"),
]
CONV = {
    "filters": 3, "kernel_size": 1, "strides": 1, "padding": "valid", "use_bias": False,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "config", "message"), REFUSED)
def test_what_a_configuration_may_not_say(tmp_path, kind, config, message):
    config = CONV | config if kind == "Conv2D" else config
    with pytest.raises(WeightsError, match=rf"last \({kind}\): " + message):
        run(tmp_path, [layer(kind, "last", config, [[["image", 0, 0, {}]]])])
