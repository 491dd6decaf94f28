"""A Keras model's configuration: JSON in a `.keras` archive, in a whole-model HDF5 file, or by itself."""

import json
import os
from pathlib import Path
from typing import Any

from pydeepl.keras import archive, hdf5
from pydeepl.keras.errors import WeightsError

_MEMBER = "config.json"
_METADATA = "metadata.json"
_MAX_BYTES = 1 << 26  # the largest of keras.applications' configurations has 2 MB


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The configuration, {"class_name": ..., "config": {...}} and, where known, "keras_version".

    Nothing of it is executed or imported.

    path: a `.keras` file, an `.h5` file of a whole model, or a `.json` file (model.to_json()). Raises
    FileNotFoundError; WeightsError for a file that holds no configuration.
    """
    name = os.fspath(path)
    check_model_file(name)
    with open(name, "rb") as file:
        start = file.read(16)
    version = None
    if start.startswith(archive.SIGNATURE):
        text = archive.read_text(name, _MEMBER, _MAX_BYTES)
        version = _version(name)
    elif start.startswith(hdf5.SIGNATURE):
        text, version = _from_hdf5(name)
    else:
        text = _from_text(name)
    config = _parsed(name, text)
    return config if version is None else config | {"keras_version": version}


def check_model_file(path: str) -> None:
    """Raises FileNotFoundError for what is not there, WeightsError for no file and for an empty one."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such model file")
    if not os.path.isfile(path):
        found = "a folder" if os.path.isdir(path) else "no file"
        raise WeightsError(
            f"{path}: {found}, expected a model's file (.keras, .h5, .json or .onnx){_graph(path)}"
        )
    if not os.path.getsize(path):
        raise WeightsError(f"{path}: the file is empty")


def _graph(path: str) -> str:
    """What to do with a TensorFlow graph where a model is expected."""
    if path.endswith(".pb") or os.path.isfile(os.path.join(path, "saved_model.pb")):
        return "; TFTransformer and TFImageTransformer run TensorFlow's graphs"
    return ""


def _version(path: str) -> str | None:
    """The version of Keras that wrote an archive, where its metadata tells."""
    try:
        return str(json.loads(archive.read_text(path, _METADATA, _MAX_BYTES))["keras_version"])
    except (ValueError, KeyError, TypeError, RecursionError):  # a WeightsError is a ValueError
        return None


def _from_hdf5(path: str) -> tuple[str, str | None]:
    with hdf5.open_hdf5(path) as root, hdf5.reading(path):
        text = root.attrs.get("model_config")
        if text is None:
            raise WeightsError(
                f"{path}: holds weights only (no attribute model_config): save the whole model"
            )
        return _decoded(text), _decoded(root.attrs.get("keras_version"))


def _decoded(text: Any) -> Any:
    return text.decode() if isinstance(text, bytes) else text


def _from_text(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(16)
    wrong = f"{path}: no Keras model: neither .keras, .h5 nor JSON; it begins with {start!r}{_graph(path)}"
    if os.path.getsize(path) > _MAX_BYTES or start.lstrip()[:1] not in (b"{", b"["):
        raise WeightsError(wrong)
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WeightsError(wrong) from None


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: the model's configuration is no JSON: {error}") from error
    if not (isinstance(config, dict) and isinstance(config.get("class_name"), str) and "config" in config):
        raise WeightsError(f"{path}: the JSON is no Keras model: expected class_name and config")
    return config
