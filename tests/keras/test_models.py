"""load_model: Keras' own small models in every form of file, and what is refused."""

import json
import os
import threading
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from pydeepl.keras import WeightsError, load_model

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"
INNER = {"branches": "joined", "chain": "pooled", "table": "norm"}


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


def forms(name):
    """(path, weights) of a model's files."""
    return {
        "keras": (MODELS / f"{name}.keras", None),
        "h5": (MODELS / f"{name}.h5", None),
        "json": (MODELS / f"{name}.json", MODELS / f"{name}.weights.h5"),
        "json with whole model": (MODELS / f"{name}.json", MODELS / f"{name}.h5"),
    }


def assert_close(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("form", forms(""))
@pytest.mark.parametrize("name", ["branches", "chain", "table"])
def test_outputs_are_keras(golden, name, form):
    model = load_model(*forms(name)[form])
    x = golden[f"{name}_x"]
    assert model.name == name and model.inputShape == x.shape[1:]
    assert model.outputShape == golden[f"{name}_y"].shape[1:]
    assert_close(model.predict(x), golden[f"{name}_y"])
    assert_close(model.predict(x, batchSize=2), golden[f"{name}_y"])
    assert_close(model.predict(x, layer=INNER[name]), golden[f"{name}_inner"])
    assert {INNER[name], "odds"} <= set(model.layerNames)
    assert model.predict(x[:0]).shape == (0, *model.outputShape)


def keras2(config):
    """A functional model's configuration as Keras 2 wrote it."""

    def call(inbound):
        def tensors(value):
            if isinstance(value, list):
                return [key for each in value for key in tensors(each)]
            layer, node, tensor = value["config"]["keras_history"]
            return [[layer, node, tensor, {}]]

        return tensors(inbound["args"])

    for layer in config["config"]["layers"]:
        layer["inbound_nodes"] = [call(inbound) for inbound in layer["inbound_nodes"]]
        layer.pop("module", None)
        shape = layer["config"].pop("batch_shape", None)
        if shape:
            layer["config"]["batch_input_shape"] = shape
    inner = config["config"]
    for ends in ("input_layers", "output_layers"):
        inner[ends] = [inner[ends]] if isinstance(inner[ends][0], str) else inner[ends]
    return {"class_name": "Model", "config": inner, "keras_version": "2.2.4", "backend": "tensorflow"}


def test_keras_2s_configuration(golden, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(keras2(json.loads((MODELS / "branches.json").read_text()))))
    assert "keras_history" not in path.read_text()
    model = load_model(path, weights=MODELS / "branches.h5")
    assert_close(model.predict(golden["branches_x"]), golden["branches_y"])


def test_a_sequence_that_begins_without_an_input_layer(golden, tmp_path):
    config = json.loads((MODELS / "chain.json").read_text())
    layers = config["config"]["layers"]
    shape = layers.pop(0)["config"]["batch_shape"]
    for form in ("build_input_shape", "batch_input_shape"):
        if form == "build_input_shape":
            config["config"][form] = shape
        else:
            del config["config"]["build_input_shape"]
            layers[0]["config"][form] = shape
        (tmp_path / "model.json").write_text(json.dumps(config))
        model = load_model(tmp_path / "model.json", weights=MODELS / "chain.weights.h5")
        assert_close(model.predict(golden["chain_x"]), golden["chain_y"])
    del layers[0]["config"]["batch_input_shape"]
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(
        WeightsError, match=r"json: the model was never built, its input's shape is unknown: begin"
    ):
        load_model(tmp_path / "model.json", weights=MODELS / "chain.weights.h5")


def changed(tmp_path, change, name="branches"):
    """A model's JSON after change({layer's name: its entry})."""
    config = json.loads((MODELS / f"{name}.json").read_text())
    change({layer["config"]["name"]: layer for layer in config["config"]["layers"]})
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(config))
    return path


def test_all_layers_that_are_not_supported_are_listed_at_once(tmp_path):
    def change(layers):
        layers["stem"]["class_name"] = "Conv3D"
        layers["shared"]["config"]["activation"] = "softermax"
        layers["again"]["class_name"] = "Lambda"
        layers["max"]["config"]["data_format"] = "channels_first"
        del layers["scores"]["config"]["units"]

    with pytest.raises(WeightsError) as caught:
        load_model(changed(tmp_path, change), weights=MODELS / "branches.h5")
    text = str(caught.value)
    assert "5 layers are not supported" in text  # the shared layer is told once
    for line in (
        "stem (Conv3D): no such layer here",
        "shared (Conv2D): activation 'softermax'",
        "again (Lambda): it is code, which is never executed from a file",
        "max (MaxPooling2D): data_format channels_first: expected channels_last",
        "scores (Dense): its configuration has no 'units'",
    ):
        assert line in text


def test_what_shapes_do_not_allow_names_the_layer(tmp_path):
    def change(layers):
        layers["image"]["config"]["batch_shape"] = [None, 1, 1, 3]
        layers["separable"]["config"]["padding"] = "valid"

    with pytest.raises(WeightsError, match=r"separable \(SeparableConv2D\).*does not fit"):
        load_model(changed(tmp_path, change), weights=MODELS / "branches.h5")


@pytest.mark.parametrize("shape", [[None, 12, 10, None], [None], [None, 2, 2, 2, 2], [None, "a", 2, 3]])
def test_inputs_that_the_core_does_not_take(tmp_path, shape):
    path = changed(tmp_path, lambda layers: layers["image"]["config"].update(batch_shape=shape))
    with pytest.raises(WeightsError, match=r"image \(InputLayer\)"):
        load_model(path, weights=MODELS / "branches.h5")


def test_weights_of_another_model_are_refused():
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_model(MODELS / "branches.json", weights=MODELS / "chain.h5")
    with pytest.raises(WeightsError, match=r"branches\.json: not a file of weights"):
        load_model(MODELS / "branches.json")


def test_what_is_no_file_of_a_model_is_said(tmp_path):
    with pytest.raises(WeightsError, match="a folder, expected a model's file"):
        load_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    for path in (tmp_path, tmp_path / "saved_model.pb"):
        with pytest.raises(WeightsError, match="TFImageTransformer run TensorFlow's graphs"):
            load_model(path)
    for name in ("empty.keras", "empty.onnx"):
        (tmp_path / name).touch()
        with pytest.raises(WeightsError, match=rf"{name}: the file is empty"):
            load_model(tmp_path / name)
    with pytest.raises(WeightsError, match=r"branches\.json: not a file of weights but JSON: name the file"):
        load_model(MODELS / "branches.json")
    with pytest.raises(TypeError, match="path: expected the path of a model's file, got NoneType"):
        load_model(None)
    with pytest.raises(TypeError, match="weights: expected the path of a file of weights, got int"):
        load_model(MODELS / "branches.json", weights=3)
    with pytest.raises(WeightsError, match=f"{os.devnull}: no file, expected a model's file"):
        load_model(os.devnull)


def test_damaged_files_are_said_to_be(tmp_path):
    path = tmp_path / "model"
    whole = (MODELS / "branches.keras").read_bytes()
    for data in (b"", b"\xff\xfe", b"[1, 2]", b'{"class_name": "Functional"}', whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match="model"):
            load_model(path)
    path.write_text("some notes")
    with pytest.raises(WeightsError, match=r"neither .* nor JSON; it begins with b'some notes'$"):
        load_model(path)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(WeightsError, match="no JSON"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
    with pytest.raises(WeightsError, match=r"no config\.json"):
        load_model(path)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"a"]
    with pytest.raises(WeightsError, match="holds weights only"):
        load_model(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        load_model("nowhere.keras")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda config: config.update(class_name="MyModel"),
            "a MyModel model: expected Sequential or Functional",
        ),
        (lambda config: config["config"].pop("output_layers"), "configuration is damaged"),
        (lambda config: config["config"].update(layers=3), "configuration is damaged"),
    ],
)
def test_strange_configurations(tmp_path, change, message):
    config = json.loads((MODELS / "branches.json").read_text())
    change(config)
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=message):
        load_model(tmp_path / "model.json", weights=MODELS / "branches.h5")


def test_a_circle_of_layers_is_refused(tmp_path):
    def change(layers):
        layers["stem"]["inbound_nodes"] = layers["max"]["inbound_nodes"]

    with pytest.raises(WeightsError, match="takes its own output as input"):
        load_model(changed(tmp_path, change), weights=MODELS / "branches.h5")


def test_wrong_arrays_and_layers_are_named(golden):
    model = load_model(MODELS / "chain.keras")
    with pytest.raises(ValueError, match=r"expected x \[n, 9, 9, 2\], got \[3, 12, 10, 3\]"):
        model.predict(golden["branches_x"])
    for x in (np.float32(1), golden["chain_x"][0]):
        with pytest.raises(ValueError, match=r"expected x \[n, 9, 9, 2\], got \["):
            model.predict(x)
    with pytest.raises(TypeError, match="expected x of numbers, float32 or uint8, got object"):
        model.predict(golden["chain_x"].astype(object))
    with pytest.raises(ValueError, match="expected x as an array, got rows of different lengths"):
        model.predict([[1], [2, 3]])
    with pytest.raises(ValueError, match="batchSize must be at least 1, got 0"):
        model.predict(golden["chain_x"], batchSize=0)
    with pytest.raises(TypeError, match="batchSize must be a whole number, got '3'"):
        model.predict(golden["chain_x"], batchSize="3")
    with pytest.raises(ValueError, match=r"layer 'last' is not in the model, which has: .*pooled"):
        model.predict(golden["chain_x"], layer="last")


def test_several_threads_share_a_model(golden):
    model = load_model(MODELS / "branches.keras")
    found = []

    def work(layer):
        found.append((layer, model.predict(golden["branches_x"], layer=layer)))

    threads = [threading.Thread(target=work, args=(layer,)) for layer in (None, "joined") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for layer, output in found:
        assert_close(output, golden["branches_y" if layer is None else "branches_inner"])


@pytest.mark.parametrize("name", ["branches", "chain"])
def test_bytes_are_numbers_too(name):
    model = load_model(MODELS / f"{name}.keras")
    pixels = np.random.default_rng(3).integers(0, 256, (3, *model.inputShape), np.uint8)
    assert_close(model.predict(pixels), model.predict(pixels.astype(np.float32)))
    assert_close(model.predict(pixels[:, ::-1]), model.predict(pixels[:, ::-1].astype(np.float64)))


@pytest.mark.parametrize("rows", [1, 6, 5000])
def test_any_number_of_vectors(golden, rows):
    model = load_model(MODELS / "table.keras", threads=1)
    x, y = (np.resize(golden[f"table_{part}"], (rows, shape)) for part, shape in (("x", 11), ("y", 3)))
    assert_close(model.predict(x), y)
    assert model.predict(x).dtype == np.float32


@pytest.mark.parametrize("threads, error", [("x", TypeError), (1.5, TypeError), (0, ValueError)])
def test_threads_are_checked_when_a_model_is_loaded(threads, error):
    with pytest.raises(error, match="threads must be"):
        load_model(MODELS / "table.keras", threads=threads)


def test_an_open_size_that_the_weights_do_not_leave_open(golden, tmp_path):
    path = changed(tmp_path, lambda layers: layers["image"]["config"].update(batch_shape=[None, None, 10, 3]))
    with pytest.raises(WeightsError, match=r"misshapen: scores.*\n.*taken for 256: see inputShape"):
        load_model(path, weights=MODELS / "branches.h5")
    model = load_model(path, weights=MODELS / "branches.h5", inputShape=(12, 10, 3))
    assert_close(model.predict(golden["branches_x"]), golden["branches_y"])


@pytest.mark.parametrize("form", ["h5", "keras"])
def test_files_of_keras_2_with_models_in_models(form):
    golden = np.load(MODELS / "keras2.npz")
    model = load_model(MODELS / f"keras2.{form}")
    odds, maps = model.predict({name: golden[f"{form}_{name}"] for name in ("image", "table")})
    assert_close(odds, golden[f"{form}_odds"])
    assert_close(maps, golden[f"{form}_map"])
    inner = model.predict([golden[f"{form}_image"], golden[f"{form}_table"]], layer="twice/block/pool")
    assert inner.shape == (3, 3, 2, 4)
