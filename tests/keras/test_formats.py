"""Every layout that Keras has written its weights in gives the same parameters."""

import zipfile

import h5py
import numpy as np
import pytest
from keras_files import (
    flat,
    in_order,
    random_params,
    small_graph,
    split_layers,
    write_keras,
    write_legacy,
    write_weights_h5,
)

from pydeepl._core import read_floats
from pydeepl.keras import graph_layers, load_params, read_weights, save_tensors, stored

LAYERS, TOP = split_layers()
BASE = LAYERS[: -len(TOP)]
PARAMS = random_params(LAYERS)


def write(path, form):
    """The small model's weights in a form of file."""
    if form == "keras":
        write_keras(path, LAYERS, PARAMS)
    elif form == "keras, compressed":
        write_keras(path, LAYERS, PARAMS, zipfile.ZIP_DEFLATED)
    elif form == "safetensors":
        save_tensors(path, {f"{k}/{n}": a for k, arrays in PARAMS.items() for n, a in arrays}, {})
    else:
        with h5py.File(path, "w") as file:
            if form == "legacy":
                write_legacy(file, LAYERS, PARAMS)
            elif form == "legacy, other names":
                write_legacy(file, LAYERS, PARAMS, rename=lambda name: f"x_{name}_7")
            elif form == "legacy, Keras 1 names":
                write_legacy(file, LAYERS, PARAMS, lambda name: f"x_{name}", "{layer}_{param}_W_1:0")
            elif form == "whole model":
                file.attrs["model_config"] = "{}"
                write_legacy(file.create_group("model_weights"), LAYERS, PARAMS)
            elif form == "weights.h5":
                write_weights_h5(file, LAYERS, PARAMS)
            elif form == "weights.h5 without names":
                write_weights_h5(file, LAYERS, PARAMS, titles=False)
            elif form == "weights.h5 of Keras 2.15":
                write_weights_h5(file, LAYERS, PARAMS, "_layer_checkpoint_dependencies", titles=False)


FORMS = [
    "legacy",
    "legacy, other names",
    "legacy, Keras 1 names",
    "whole model",
    "weights.h5",
    "weights.h5 without names",
    "weights.h5 of Keras 2.15",
    "keras",
    "keras, compressed",
    "safetensors",
]


def assert_same(arrays, expected):
    assert len(arrays) == len(expected)
    for array, other in zip(arrays, expected, strict=True):
        assert array.dtype == np.float32 and array.flags.c_contiguous
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("form", FORMS)
def test_whole_network(tmp_path, form):
    path = tmp_path / "file without a telling name"
    write(path, form)
    arrays, _ = load_params(path, LAYERS)
    assert_same(arrays, flat(PARAMS, LAYERS))


@pytest.mark.parametrize("form", FORMS)
def test_file_with_top_serves_a_network_without(tmp_path, form):
    path = tmp_path / "weights"
    write(path, form)
    arrays, _ = load_params(str(path), BASE, TOP)
    assert_same(arrays, flat(PARAMS, BASE))


@pytest.mark.parametrize("form", FORMS)
def test_read_weights_gives_every_array(tmp_path, form):
    path = tmp_path / "weights"
    write(path, form)
    arrays = read_weights(path)
    expected = [array for layer in in_order(LAYERS) for _, array in PARAMS.get(layer.name, [])]
    assert sorted(a.sum() for a in arrays.values()) == sorted(a.sum() for a in expected)
    assert {a.dtype for a in arrays.values()} == {np.dtype("float32")}


def test_top_for_another_number_of_classes_does_not_matter_without_top(tmp_path):
    layers, _ = split_layers(classes=9)
    params = random_params(layers)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, layers, params)
    arrays, _ = load_params(tmp_path / "a.h5", BASE, TOP)
    assert_same(arrays, flat(params, BASE))


def test_known_names_say_more_than_the_order(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, PARAMS)
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names"] = names[::-1]
    arrays, _ = load_params(tmp_path / "a.h5", LAYERS)
    assert_same(arrays, flat(PARAMS, LAYERS))


def test_known_parameter_names_say_more_than_their_order(tmp_path):
    backwards = {layer: arrays[::-1] for layer, arrays in PARAMS.items()}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, backwards)
    arrays, _ = load_params(tmp_path / "a.h5", LAYERS)
    assert_same(arrays, flat(PARAMS, LAYERS))


def test_names_in_pieces(tmp_path):
    """Lists of names beyond 64 kB are kept in several attributes."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, PARAMS)
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:3], names[3:]
    arrays, _ = load_params(tmp_path / "a.h5", LAYERS)
    assert_same(arrays, flat(PARAMS, LAYERS))


@pytest.mark.parametrize("form", ["legacy", "weights.h5"])
def test_pretrained_model_inside_a_user_s_model(tmp_path, form):
    """Sequential([base, Dense]): the base is one layer of the saved model."""
    kernel = np.ones((4, 2), np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if form == "legacy":
            base, head = file.create_group("base"), file.create_group("head")
            # Keras lists the trainable weights of all the layers first.
            frozen = ("moving_mean", "moving_variance")
            names = [
                (f"{layer.name}/{param}:0", array, param in frozen)
                for layer in in_order(BASE)
                for param, array in PARAMS.get(layer.name, [])
            ]
            names.sort(key=lambda item: item[2])
            for name, array, _ in names:
                base[name] = array
            base.attrs["weight_names"] = [name for name, _, _ in names]
            head["head/kernel:0"] = kernel
            head.attrs["weight_names"] = ["head/kernel:0"]
            file.attrs["layer_names"] = ["base", "head"]
        else:
            write_weights_h5(file.create_group("layers/functional"), BASE, PARAMS)
            file["layers/dense/vars/0"] = kernel
    arrays, _ = load_params(tmp_path / "a.h5", BASE, TOP)
    assert_same(arrays, flat(PARAMS, BASE))


def test_small_model_inside_the_network_s_model(tmp_path):
    """Say, a learnt preprocessing of two layers before a network whose layers are the model's own."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, PARAMS)
        inner = file.create_group("preprocessing")
        names = ["scale/kernel:0", "shift/kernel:0"]
        for name in names:
            inner[name] = np.ones(3, np.float32)
        inner.attrs["weight_names"] = names
        layers = [name.decode() for name in file.attrs["layer_names"]]
        del file.attrs["layer_names"]
        file.attrs["layer_names"] = [layers[0], "preprocessing", *layers[1:]]
    assert_same(load_params(tmp_path / "a.h5", LAYERS)[0], flat(PARAMS, LAYERS))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("storage", [{}, {"compression": "gzip", "chunks": True}])
def test_other_floats_become_float32(tmp_path, dtype, storage):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, PARAMS)
        for layer, arrays in PARAMS.items():
            for name, array in arrays:
                del file[layer][f"{layer}/{name}:0"]
                file[layer].create_dataset(f"{layer}/{name}:0", data=array.astype(dtype), **storage)
    arrays, _ = load_params(tmp_path / "a.h5", LAYERS)
    assert_same(arrays, [array.astype(dtype).astype(np.float32) for array in flat(PARAMS, LAYERS)])


@pytest.mark.parametrize("write_some", [write_legacy, write_weights_h5])
def test_values_are_read_past_the_library_where_they_lie_as_they_are(tmp_path, monkeypatch, write_some):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_some(file, LAYERS, PARAMS)
    read = []

    def straight(handle, offsets, arrays):
        failed = read_floats(handle, offsets, arrays)
        read.extend(array.nbytes for array in arrays)
        return failed

    monkeypatch.setattr(stored, "read_floats", straight)
    assert_same(load_params(tmp_path / "a.h5", LAYERS)[0], flat(PARAMS, LAYERS))
    assert sum(read) == sum(array.nbytes for array in flat(PARAMS, LAYERS))
    monkeypatch.setattr(stored, "read_floats", lambda handle, offsets, arrays: list(range(len(arrays))))
    assert_same(load_params(tmp_path / "a.h5", LAYERS)[0], flat(PARAMS, LAYERS))


def test_a_group_of_two_names_is_read_by_either(tmp_path):
    """The walk over a file's links comes to it once."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, PARAMS)
        file["a before all others"] = file["short/short"]
        file["short"].create_group("round")["again"] = file["short"]
    assert_same(load_params(tmp_path / "a.h5", LAYERS)[0], flat(PARAMS, LAYERS))


def test_safetensors_of_other_floats(tmp_path):
    from safetensors.numpy import save_file

    arrays = {f"{k}/{n}": a.astype(np.float16) for k, arrays in PARAMS.items() for n, a in arrays}
    save_file(arrays, tmp_path / "a.safetensors")
    loaded, _ = load_params(tmp_path / "a.safetensors", LAYERS)
    assert_same(loaded, [array.astype(np.float16).astype(np.float32) for array in flat(PARAMS, LAYERS)])


def test_no_layer_is_read_that_the_network_does_not_need(tmp_path):
    """The top's values may be anything when the network has none."""
    broken = {**PARAMS, "predictions": [(n, np.full_like(a, np.nan)) for n, a in PARAMS["predictions"]]}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_legacy(file, LAYERS, broken)
    assert_same(load_params(tmp_path / "a.h5", BASE, TOP)[0], flat(PARAMS, BASE))
    assert graph_layers(small_graph(False)) == BASE
