"""Model files that stages of this process hold: what was trained here, and what came with a saved stage.

folder of the process ──► one file for each content, removed when the process ends

Processes that end without notice, as Spark's workers do, need a folder that others remove: keep_files_in.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.onnx import is_onnx, whole_content

_lock = threading.Lock()
_folders: list[Path] = []  # the one folder, once somebody needed it


def _folder() -> Path:
    with _lock:
        if not _folders:
            _folders.append(Path(tempfile.mkdtemp(prefix="pydeepl-models-")))
            atexit.register(_remove, _folders[0], os.getpid())
        return _folders[0]


def keep_files_in(folder: Path) -> None:
    """Puts the process's files into a folder that somebody else removes, unless there are some already."""
    with _lock:
        if not _folders:
            folder.mkdir(exist_ok=True)
            _folders.append(folder)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves its parent's files alone
        shutil.rmtree(folder, ignore_errors=True)


def new_model_path(suffix: str) -> str:
    """A path in the process's folder for a model that is about to be saved there."""
    handle, path = tempfile.mkstemp(suffix=suffix, dir=_folder())
    os.close(handle)
    return path


def file_content(path: str) -> NDArray[np.uint8]:
    """A model file's bytes, an ONNX file's with the arrays of the files beside it inside.

    Raises OSError, and WeightsError where that is more than one ONNX file can hold.
    """
    whole = whole_content(path) if is_onnx(path) else None
    return np.fromfile(path, np.uint8) if whole is None else np.frombuffer(whole, np.uint8)


def one_file(path: str) -> str:
    """The path of a file that has all of a model: its own, or that of a copy. Raises as file_content does."""
    whole = whole_content(path) if is_onnx(path) else None
    return path if whole is None else kept_file(np.frombuffer(whole, np.uint8), path)


def kept_file(content: NDArray[np.uint8], name: str) -> str:
    """The path of a file with this content, whose name ends as `name` does."""
    digest = hashlib.sha256(content.tobytes()).hexdigest()[:24]
    path = _folder() / f"{digest}{Path(name).suffix}"
    if not path.exists():
        part = new_model_path(".part")
        content.tofile(part)
        os.replace(part, path)
    return str(path)
