"""The folders that hold weights, and the environment variables that move them."""

import os
import sys
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A file of weights on this machine, and what it is in plain words."""

    path: Path
    source: str


def weights_folder() -> Path | None:
    """PYDEEPL_WEIGHTS: the user's own folder of weights, looked in first; None when it is not set."""
    return _folder("PYDEEPL_WEIGHTS")


def what_is_there(folder: Path) -> str:
    """Why a path is no folder, in words."""
    return "a file, expected a folder" if folder.exists() else "no such folder"


def cache_folder() -> Path:
    """Where downloads are kept: PYDEEPL_HOME, else "pydeepl" in the platform's folder for caches."""
    return _folder("PYDEEPL_HOME") or _platform_caches() / "pydeepl"


def keras_folder() -> Path:
    """Keras' own cache of weights: "models" in KERAS_HOME, by default in ~/.keras."""
    return (_folder("KERAS_HOME") or Path.home() / ".keras") / "models"


def offline() -> bool:
    """PYDEEPL_OFFLINE: nothing may be downloaded."""
    return os.environ.get("PYDEEPL_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _platform_caches() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return _folder("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME") or Path.home() / ".cache"
