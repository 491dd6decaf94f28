"""Saving and loading of stages: a folder of JSON and safetensors, written atomically, checked when read.

    PATH/metadata.json          class, uid, params, defaults, versions, checksums
    PATH/data.safetensors       the stage's arrays, where it has any
    PATH/stages/0_Name/...      the stages that it holds, in the same form

A stage takes part by deriving from MLWritable and MLReadable. What it keeps beside its params it names in
`_state` and takes back in `_from_state`:

    def _state(self) -> StageState:
        return StageState(values={"numClasses": 3}, arrays={"weights": self.weights})

    @classmethod
    def _from_state(cls, state: StageState) -> "Shift":
        return cls(state.array("weights", ndim=1), state.value("numClasses", int))

Only pydeepl's own stages, and classes that the running program has imported itself, are loaded: a file names
a class, never a module to import, and nothing is pickled.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

import pydeepl
from pydeepl.ml.param import Params

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "DamagedStageError",
    "MLReadable",
    "MLReader",
    "MLWritable",
    "MLWriter",
    "StageState",
    "load_stage",
    "save_stage",
]

T = TypeVar("T")

FORMAT = "pydeepl-stage"
FORMAT_VERSION = 1
METADATA = "metadata.json"
DATA = "data.safetensors"
STAGES = "stages"
MAX_METADATA_BYTES = 16 << 20
_STAGE_FOLDER = re.compile(r"\d+_\w+")


class DamagedStageError(ValueError):
    """A folder does not hold a whole, unaltered stage of the class that was asked for."""


@dataclass
class StageState:
    """What a stage keeps on disk beside its params.

    Parameters
    ----------
    values: JSON values (str, int, float, bool, None, and lists and dicts of them) by name.
    arrays: NumPy arrays by name.
    stages: the stages that it holds, in order.
    unsaved_params: names of params that are not written, since `stages` holds them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    stages: list[Any] = field(default_factory=list)
    unsaved_params: frozenset[str] = frozenset()

    def value(self, name: str, kind: type[T]) -> T:
        """A value by name, checked to be of that type."""
        if not isinstance(self.values.get(name), kind):
            raise ValueError(f"value {name!r}: expected {kind.__name__}, found {self.values.get(name)!r}")
        return cast(T, self.values[name])

    def array(self, name: str, ndim: int, dtype: Any = np.float64) -> NDArray[Any]:
        """An array by name, checked to have that many dimensions and that dtype."""
        if name not in self.arrays:
            raise ValueError(f"array {name!r} is missing; found {sorted(self.arrays)}")
        array = self.arrays[name]
        if array.ndim != ndim or array.dtype != np.dtype(dtype):
            raise ValueError(
                f"array {name!r}: expected {ndim} dimensions of {np.dtype(dtype)}, "
                f"found shape {array.shape} of {array.dtype}"
            )
        return array


class MLWriter:
    """Saves one stage; `overwrite()` lets it take the place of a stage saved before."""

    def __init__(self, instance: MLWritable) -> None:
        self._instance = instance
        self._overwrite = False
        self._options: dict[str, str] = {}

    def overwrite(self) -> MLWriter:
        """Lets `save` replace a stage that is at the path already."""
        self._overwrite = True
        return self

    def option(self, key: str, value: Any) -> MLWriter:
        """Sets an option, whose name's case does not matter; a stage's class says which it knows."""
        self._options[key.lower()] = str(value)
        return self

    def session(self, sparkSession: Any) -> MLWriter:
        """Takes a session as PySpark's writers do; files are written the same with any."""
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the stage as the folder `path`, whole or not at all.

        Raises FileExistsError where something is there already (see `overwrite`), OSError where the folder
        cannot be written, TypeError for a param value that has no JSON form.
        """
        save_stage(self._instance, path, overwrite=self._overwrite)


class MLWritable:
    """A stage that can be saved."""

    def write(self) -> MLWriter:
        """A writer for this stage: `write().overwrite().save(path)`."""
        return MLWriter(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves this stage as the folder `path`; short for `write().save(path)`."""
        self.write().save(path)

    def _state(self) -> StageState:
        """What to keep beside the params: by default nothing."""
        return StageState()


class MLReader(Generic[T]):
    """Loads stages of one class."""

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls

    def session(self, sparkSession: Any) -> MLReader[T]:
        """Takes a session as PySpark's readers do; files are read the same with any."""
        return self

    def load(self, path: str | os.PathLike[str]) -> T:
        """Loads the stage saved at `path`.

        Raises FileNotFoundError where there is nothing, DamagedStageError where it is not a whole
        stage of the class.
        """
        return load_stage(path, self._cls)


class MLReadable:
    """A stage that can be loaded."""

    @classmethod
    def read(cls) -> MLReader[Self]:
        """A reader for this class: `read().load(path)`."""
        return MLReader(cls)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Loads the stage saved at `path`; short for `read().load(path)`."""
        return cls.read().load(path)

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        """The instance for a saved state; uid and params are given to it afterwards. Raises ValueError."""
        return cls()


# ---- saving


def save_stage(stage: Any, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Saves a stage as the folder `path` (see `MLWriter.save`): built beside it, then renamed into place."""
    target = _local_path(path)
    _check_writable(stage)
    if os.path.lexists(target) and not overwrite:
        raise FileExistsError(f"{target} already exists; to replace it use write().overwrite().save(path)")
    if os.path.lexists(target) and not _is_replaceable(target):
        raise FileExistsError(
            f"{target} is not a saved stage and not an empty folder, so it is not overwritten"
        )
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.saving")
    try:
        _make_folder(target.parent)
        _write_stage(stage, temporary)
        _place(temporary, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot save {stage.uid}: {reason}", str(target)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_folder(folder: Path) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error


def _local_path(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path should be a string, got type {type(path)}")
    text = os.fspath(path)
    scheme, separator, rest = text.partition("://")
    if separator and scheme != "file":
        raise ValueError(f"{text}: stages are saved to local folders, not to {scheme}://")
    text = rest if separator else text.removeprefix("file:")
    if not text:
        raise ValueError("path is empty; expected the name of a folder")
    return Path(os.path.abspath(text))


def _is_replaceable(target: Path) -> bool:
    return target.is_dir() and ((target / METADATA).is_file() or not any(target.iterdir()))


def _check_writable(stage: Any) -> None:
    if not isinstance(stage, MLWritable) or not isinstance(stage, Params):
        name = getattr(stage, "uid", repr(stage))
        raise TypeError(f"{name} of type {type(stage).__name__} cannot be saved: it is not MLWritable")
    for held in stage._state().stages:
        _check_writable(held)


def _place(temporary: Path, target: Path) -> None:
    """Renames temporary to target; what was at target is removed once that has succeeded."""
    if not target.exists():
        temporary.rename(target)
        return
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex}.old")
    target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_stage(stage: Any, folder: Path) -> None:
    state: StageState = stage._state()
    folder.mkdir()
    metadata = {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "pydeeplVersion": pydeepl.__version__,
        "class": _class_name(type(stage)),
        "uid": stage.uid,
        "params": _encode_params(stage, stage._paramMap, state.unsaved_params),
        "defaultParams": _encode_params(stage, stage._defaultParamMap, state.unsaved_params),
        "values": {name: _encode(value, f"{stage.uid}.{name}") for name, value in state.values.items()},
        "data": _write_arrays(state.arrays, folder / DATA) if state.arrays else None,
        "stages": [f"{index}_{type(held).__name__}" for index, held in enumerate(state.stages)],
    }
    metadata["sha256"] = _metadata_hash(metadata)
    if state.stages:
        (folder / STAGES).mkdir()
    for held, name in zip(state.stages, metadata["stages"], strict=True):
        _write_stage(held, folder / STAGES / name)
    _write_file(folder / METADATA, json.dumps(metadata, indent=2, ensure_ascii=False).encode())


def _write_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> dict[str, Any]:
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    _write_file(path, data)
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write_file(path: Path, data: bytes) -> None:
    """Writes a file through to the disk, so that the rename that follows never shows a half-written one."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _encode_params(stage: Params, values: dict[Any, Any], unsaved: frozenset[str]) -> dict[str, Any]:
    return {
        param.name: _encode(value, f"{stage.uid}.{param.name}")
        for param, value in values.items()
        if param.name not in unsaved
    }


def _encode(value: Any, where: str) -> Any:
    """A value in JSON; numbers that JSON has no words for become {"float": "inf"}, dicts {"dict": {...}}."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [_encode(item, where) for item in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {"dict": {name: _encode(item, where) for name, item in value.items()}}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{where} holds a {type(value).__name__}, which cannot be saved")


def _metadata_hash(metadata: dict[str, Any]) -> str:
    rest = {key: value for key, value in metadata.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


# ---- loading


def load_stage(path: str | os.PathLike[str], cls: type[T] | None = None) -> T:
    """Loads the stage saved at `path`, of any known class or of `cls` (see `MLReader.load`)."""
    folder = _local_path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"no saved stage at {folder}: there is no such folder")
    stage = _read_stage(folder)
    if cls is not None and not isinstance(stage, cls):
        raise DamagedStageError(f"{folder}: expected a {cls.__name__}, found a {type(stage).__name__}")
    return cast(T, stage)


def _read_stage(folder: Path) -> Any:
    metadata = _read_metadata(folder)
    cls = _find_class(metadata["class"], folder)
    names = metadata["stages"]
    if not all(isinstance(name, str) and _STAGE_FOLDER.fullmatch(name) for name in names):
        raise DamagedStageError(
            f"{folder / METADATA}: expected folder names such as 0_Name in stages, found {names}"
        )
    try:
        state = StageState(
            values={name: _decode(value) for name, value in metadata["values"].items()},
            arrays=_read_arrays(folder / DATA, metadata["data"]),
            stages=[_read_stage(folder / STAGES / name) for name in names],
        )
        stage: Any = cls._from_state(state)
        stage._resetUid(metadata["uid"])
        stage._setDefault(**{name: _decode(value) for name, value in metadata["defaultParams"].items()})
        stage._set(**{name: _decode(value) for name, value in metadata["params"].items()})
    except DamagedStageError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedStageError(f"{folder}: not a whole {cls.__name__}: {error}") from error
    return stage


def _read_metadata(folder: Path) -> dict[str, Any]:
    """metadata.json, checked to be whole, of a version we read, and to have every field in its type."""
    path = folder / METADATA
    if not path.is_file():
        hint = " (it looks like a model saved by Spark)" if (folder / "metadata").is_dir() else ""
        raise DamagedStageError(f"{folder}: not a saved pydeepl stage{hint}: {METADATA} is missing")
    size = path.stat().st_size
    if size > MAX_METADATA_BYTES:
        raise DamagedStageError(f"{path}: expected at most {MAX_METADATA_BYTES} bytes, found {size}")
    try:
        metadata = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedStageError(f"{path}: not whole JSON: {error}") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise DamagedStageError(f"{path}: not a saved pydeepl stage: expected the format {FORMAT!r}")
    version = metadata.get("formatVersion")
    if version != FORMAT_VERSION:
        raise DamagedStageError(
            f"{path}: written by pydeepl {metadata.get('pydeeplVersion')} in format {version!r}; "
            f"pydeepl {pydeepl.__version__} reads format {FORMAT_VERSION}"
        )
    _check_metadata(metadata, path)
    return metadata


def _check_metadata(metadata: dict[str, Any], path: Path) -> None:
    kinds: dict[str, Any] = {
        "class": str, "uid": str, "params": dict, "defaultParams": dict, "values": dict,
        "stages": list, "data": (dict, type(None)), "sha256": str,
    }  # fmt: skip
    for name, kind in kinds.items():
        if name not in metadata or not isinstance(metadata[name], kind):
            raise DamagedStageError(f"{path}: {name!r} is missing or of the wrong type")
    if metadata["sha256"] != _metadata_hash(metadata):
        raise DamagedStageError(f"{path}: the checksum does not match: the file was altered or damaged")


def _read_arrays(path: Path, expected: dict[str, Any] | None) -> dict[str, NDArray[Any]]:
    if expected is None:
        return {}
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not path.is_file():
        raise DamagedStageError(f"{path} is missing")
    if path.stat().st_size != expected.get("bytes"):
        raise DamagedStageError(
            f"{path}: expected {expected.get('bytes')} bytes, found {path.stat().st_size}"
        )
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != expected.get("sha256"):
        raise DamagedStageError(f"{path}: the checksum does not match: the file was altered or damaged")
    try:
        return dict(load(data))
    except SafetensorError as error:
        raise DamagedStageError(f"{path}: not a safetensors file: {error}") from error


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict) and "dict" in value:
        return {name: _decode(item) for name, item in value["dict"].items()}
    if isinstance(value, dict):
        return float(value["float"])
    return value


# ---- names of classes


def _public_names() -> dict[str, ModuleType]:
    """The packages whose public classes files name by the package: the first that has a class counts."""
    return {"pydeepl": pydeepl, "pydeepl.ml": importlib.import_module("pydeepl.ml")}


def _class_name(cls: type) -> str:
    """The name that a file gives a class: `pydeepl.Name` for our public ones, else the full name."""
    if cls.__module__.startswith("pydeepl."):
        for package, module in _public_names().items():
            if cls.__name__ in module._EXPORTS:
                return f"{package}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def _find_class(name: str, folder: Path) -> Any:
    """The class of that name, if it is a public one of ours or one that the program has imported."""
    package, _, short = name.rpartition(".")
    module = _public_names().get(package)
    if module is not None and short in module._EXPORTS:
        cls = getattr(module, short)
        if isinstance(cls, type) and issubclass(cls, MLReadable):
            return cls
    found = [cls for cls in _subclasses(MLReadable) if _class_name(cls) == name]
    if not found:
        raise DamagedStageError(
            f"{folder}: unknown stage class {name!r}: only pydeepl's own stages and classes "
            "that the program has already imported are loaded"
        )
    return found[-1]  # the newest, where a notebook has defined it anew


def _subclasses(cls: type) -> Iterator[type]:
    children: list[type] = cls.__subclasses__()
    for subclass in children:
        yield subclass
        yield from _subclasses(subclass)
