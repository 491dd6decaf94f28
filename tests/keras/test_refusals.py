"""Files that do not fit, are damaged or are made to do harm get one clear error."""

import contextlib
import os
import zipfile

import h5py
import numpy as np
import pytest
from keras_files import (
    random_params,
    split_layers,
    write_keras,
    write_legacy,
    write_weights_h5,
)

from pydeepl.keras import WeightsError, hdf5, load_params, read_weights, reader, save_tensors

LAYERS, TOP = split_layers()
BASE = LAYERS[: -len(TOP)]
PARAMS = random_params(LAYERS)


@pytest.fixture
def legacy(tmp_path):
    """A sound legacy file, opened for damage by the test."""
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        write_legacy(file, LAYERS, PARAMS)
    return path


def refusal(path, layers=LAYERS):
    with pytest.raises(WeightsError) as caught:
        load_params(path, layers)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


def save(path, params, layers=LAYERS):
    with h5py.File(path, "w") as file:
        write_legacy(file, layers, params)


# ---- files of another network


def test_every_problem_is_listed_at_once(tmp_path):
    params = random_params(LAYERS)
    params["first"] = [("kernel", np.ones((3, 3, 3, 9), np.float32))]
    params["long_1"] = []
    params["first_relu"] = [("slope", np.ones(4, np.float32))]
    save(tmp_path / "a.h5", params)
    lines = refusal(tmp_path / "a.h5").splitlines()[1:]
    assert sorted(line.strip() for line in lines) == [
        "extra: first_relu [4]",
        "misshapen: first: found [3, 3, 3, 9], expected kernel [3, 3, 3, 4]",
        "missing: long_1 [1, 1, 4, 4] [4]",
    ]


def test_the_message_for_quite_another_network_stays_short(tmp_path):
    names = [f"other_{number}" for number in range(30)]
    save_tensors(tmp_path / "a.safetensors", {f"{name}/kernel": np.ones(3) for name in names}, {})
    lines = refusal(tmp_path / "a.safetensors").splitlines()
    left = 30 + sum(bool(layer.params) for layer in LAYERS) - 20
    assert len(lines) == 22 and lines[-1] == f"  ... and {left} more"


def test_missing_top_is_named(tmp_path):
    save(tmp_path / "a.h5", PARAMS, BASE)
    assert refusal(tmp_path / "a.h5").splitlines()[1:] == ["  missing: predictions [8, 5] [5]"]


def test_extra_layers_are_named(legacy):
    assert refusal(legacy, BASE).splitlines()[1:] == ["  extra: predictions [8, 5] [5]"]


@pytest.mark.parametrize("write", [write_legacy, write_weights_h5])
def test_weights_of_one_array_too_few(tmp_path, write):
    params = {**PARAMS, "long_bn": PARAMS["long_bn"][:3]}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write(file, LAYERS, params)
    message = refusal(tmp_path / "a.h5")
    assert "long_bn" in message and "found [4] [4] [4], expected gamma [4], beta [4]" in message


def test_classes_matter_where_the_top_is_wanted(tmp_path):
    layers, _ = split_layers(classes=9)
    save(tmp_path / "a.h5", random_params(layers), layers)
    assert "found [8, 9] [9], expected kernel [8, 5], bias [5]" in refusal(tmp_path / "a.h5")


def test_safetensors_of_another_network(tmp_path):
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"first/kernel": np.ones((3, 3, 3, 4)), "other/kernel": np.ones(3)}, {})
    message = refusal(path)
    assert (
        "extra: other [3]" in message
        and "missing: predictions" in message
        and "missing: first " not in message
    )
    save_tensors(path, {"kernel": np.ones(3)}, {})
    assert '"kernel" is not named "layer/param"' in refusal(path)


# ---- values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", ["legacy", "safetensors"])
def test_values_that_are_no_numbers(tmp_path, value, form):
    params = random_params(LAYERS)
    params["short"][1][1][2] = value
    path = tmp_path / "a"
    if form == "legacy":
        save(path, params)
    else:
        save_tensors(path, {f"{k}/{n}": a for k, arrays in params.items() for n, a in arrays}, {})
    message = refusal(path)
    assert "short" in message and "bias" in message and "1 values that are not finite" in message


def test_large_values_are_no_mistake(tmp_path):
    """Their sum overflows; they do not."""
    params = {**PARAMS, "short": [(n, np.full_like(a, 3e38)) for n, a in PARAMS["short"]]}
    save(tmp_path / "a.h5", params)
    assert len(load_params(tmp_path / "a.h5", LAYERS)[0]) == 17


def test_float64_beyond_float32(tmp_path):
    wide = [(n, np.full(a.shape, 1e300)) for n, a in PARAMS["short"]]
    save(tmp_path / "a.h5", {**PARAMS, "short": wide})
    assert "not finite float32 numbers (stored as float64)" in refusal(tmp_path / "a.h5")


@pytest.mark.parametrize("dtype", ["int32", "complex64", "S4", "bool"])
def test_arrays_of_other_types(tmp_path, dtype):
    strange = [(n, np.ones(a.shape).astype(dtype)) for n, a in PARAMS["short"]]
    save(tmp_path / "a.h5", {**PARAMS, "short": strange})
    assert "expected float16, float32, float64" in refusal(tmp_path / "a.h5")


# ---- HDF5 that leads elsewhere, or to nowhere


def replace_bias(path, make):
    """Puts what make(group) creates as "bias:0" in the place of the layer short's bias."""
    with h5py.File(path, "r+") as file:
        group = file["short/short"]
        del group["bias:0"]
        make(group)


def test_soft_link(legacy):
    replace_bias(
        legacy, lambda group: group.__setitem__("bias:0", h5py.SoftLink("/first_bn/first_bn/beta:0"))
    )
    assert "/short/short/bias:0 is a SoftLink" in refusal(legacy)


def test_soft_link_to_a_layer(legacy):
    with h5py.File(legacy, "r+") as file:
        del file["short"]
        file["short"] = h5py.SoftLink("/long_1")
    assert "/short is a SoftLink" in refusal(legacy)


def test_external_link(legacy, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["bias"] = np.ones(4, np.float32)
    replace_bias(legacy, lambda group: group.__setitem__("bias:0", h5py.ExternalLink("other.h5", "bias")))
    assert "ExternalLink" in refusal(legacy)


def test_external_link_in_keras_3_files(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        write_weights_h5(file, LAYERS, PARAMS)
        del file["layers/conv2d/vars"]
        file["layers/conv2d/vars"] = h5py.ExternalLink("other.h5", "vars")
    assert "ExternalLink" in refusal(tmp_path / "a.weights.h5")


def test_external_storage(legacy, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"0123456789abcdef")
    replace_bias(
        legacy, lambda group: group.create_dataset("bias:0", (4,), "f4", external=[(str(secret), 0, 16)])
    )
    assert "keeps its values in other files" in refusal(legacy)


def test_virtual_data_set(legacy, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["bias"] = np.ones(4, np.float32)
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "bias", (4,))
    replace_bias(legacy, lambda group: group.create_virtual_dataset("bias:0", layout))
    assert "keeps its values in other files" in refusal(legacy)


def test_absurd_size(legacy):
    replace_bias(legacy, lambda group: group.create_dataset("bias:0", (1 << 40,), "f4", chunks=(1024,)))
    assert "more than" in refusal(legacy)


def test_values_that_were_never_stored(legacy):
    replace_bias(legacy, lambda group: group.create_dataset("bias:0", (1 << 28,), "f4"))
    message = refusal(legacy)
    assert "[268435456] (1073741824 bytes), but only 0 bytes are stored" in message


def test_compressed_zeros_that_unpack_to_much(tmp_path):
    """An array as large as the layer needs is allowed; one that is all compression is not."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("x")
        group.create_dataset("k", (1 << 28,), "f4", chunks=(1 << 20,), compression="gzip")
        group["k"][: 1 << 20] = 0
        group.attrs["weight_names"] = ["k"]
        file.attrs["layer_names"] = ["x"]
    with pytest.raises(WeightsError, match="bytes are stored"):
        read_weights(tmp_path / "a.h5")


def test_a_file_cut_short_between_opening_and_reading(legacy, monkeypatch):
    def cut(*arguments):
        os.truncate(legacy, 100)
        return match(*arguments)

    match = reader.match
    monkeypatch.setattr(reader, "match", cut)
    assert "cannot be read: the file ends before its values do" in refusal(legacy)


def test_a_file_of_more_links_than_any_model_has(legacy, monkeypatch):
    monkeypatch.setattr(hdf5, "_MAX_LINKS", 20)
    assert "it holds more than 20 objects" in refusal(legacy)


def test_missing_weight(legacy):
    replace_bias(legacy, lambda group: None)
    assert "/short/short/bias:0 is missing" in refusal(legacy)


@pytest.mark.parametrize("name", ["../x", "/", "", "a//b", "short/./kernel:0", "short"])
def test_strange_weight_names(legacy, name):
    with h5py.File(legacy, "r+") as file:
        file["short"].attrs["weight_names"] = ["short/kernel:0", name]
    refusal(legacy)


def test_group_in_the_place_of_an_array(legacy):
    replace_bias(legacy, lambda group: group.create_group("bias:0"))
    assert "bias:0 is not an array" in refusal(legacy)


def test_array_in_the_place_of_a_group(legacy):
    with h5py.File(legacy, "r+") as file:
        del file["short"]
        file["short"] = np.ones(3)
    assert "/short is not a group" in refusal(legacy)


@pytest.mark.parametrize("value", [3, "first", np.ones((2, 2))])
def test_layer_names_that_are_no_list(legacy, value):
    with h5py.File(legacy, "r+") as file:
        file.attrs["layer_names"] = value
    assert "layer_names" in refusal(legacy)


def test_endless_nesting(tmp_path):
    """A group that holds itself, by a hard link."""
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        layers = file.create_group("layers")
        layers.create_group("functional")["layers"] = layers
    assert "nested" in refusal(tmp_path / "a.weights.h5")


def test_quantized_layer(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        write_weights_h5(file, LAYERS, PARAMS)
        file["layers/conv2d/vars/kernel_scale"] = np.ones(4, np.float32)
    assert "quantized" in refusal(tmp_path / "a.weights.h5")


# ---- other files


@pytest.mark.parametrize("content", [b"", b"x", b"<html>not found</html>", bytes(4096)])
def test_no_weights_at_all(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    assert "not a file of weights" in refusal(tmp_path / "a.h5")


def test_folder(tmp_path):
    assert "is not a file" in refusal(tmp_path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_params(tmp_path / "a.h5", LAYERS)


def test_hdf5_of_others(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.ones(3)
    assert "not of Keras: no layer_names, model_weights or layers; it holds x" in refusal(tmp_path / "a.h5")


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("form", ["legacy", "keras", "safetensors"])
def test_truncated(tmp_path, form, part):
    path = tmp_path / "a"
    if form == "keras":
        write_keras(path, LAYERS, PARAMS)
    elif form == "safetensors":
        save_tensors(path, {f"{k}/{n}": a for k, arrays in PARAMS.items() for n, a in arrays}, {})
    else:
        save(path, PARAMS)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    refusal(path)


@pytest.mark.parametrize("form", ["legacy", "keras", "keras, compressed", "safetensors"])
def test_damage_anywhere_is_an_error_or_harmless(tmp_path, form):
    """Random bytes overwritten: an answer or WeightsError, nothing else."""
    if form == "legacy":
        save(tmp_path / "a.h5", PARAMS)
    elif form == "safetensors":
        save_tensors(
            tmp_path / "a.h5", {f"{k}/{n}": a for k, arrays in PARAMS.items() for n, a in arrays}, {}
        )
    else:
        kind = zipfile.ZIP_STORED if form == "keras" else zipfile.ZIP_DEFLATED
        write_keras(tmp_path / "a.h5", LAYERS, PARAMS, kind)
    data = (tmp_path / "a.h5").read_bytes()
    random = np.random.default_rng(1)
    for _ in range(150):
        broken = bytearray(data)
        for place in random.integers(8, len(data), 6):
            broken[place] = random.integers(256)
        (tmp_path / "b.h5").write_bytes(bytes(broken))
        with contextlib.suppress(WeightsError):
            load_params(tmp_path / "b.h5", LAYERS)


def test_archive_without_weights(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert "no model.weights.h5 in this archive; it holds config.json" in refusal(tmp_path / "a.keras")


def test_archive_with_a_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(100 << 20))
    assert "would unpack" in refusal(tmp_path / "a.keras")


def test_archive_with_a_wrong_checksum(tmp_path):
    path = tmp_path / "a.keras"
    write_keras(path, LAYERS, PARAMS)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert "CRC" in refusal(path)


def test_failed_save_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        save_tensors(tmp_path / "a.safetensors", {"a/b": np.ones(3)}, {"source": 3})
    assert list(tmp_path.iterdir()) == []
