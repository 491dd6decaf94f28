"""Whether features are cached, where, and how much: a parameter, then environment variables.

cache=            None: PYDEEPL_FEATURE_CACHE decides;  False: no;  True: the default folder;  a path
PYDEEPL_FEATURE_CACHE        unset or 0: no;  1: yes;  a path: yes, there (also with cache=True)
PYDEEPL_FEATURE_CACHE_SIZE   the most bytes that are kept, such as 512M; 10G by default
"""

import os
from pathlib import Path
from typing import Any

from pydeepl.sizes import parse_size
from pydeepl.weights.places import cache_folder

DEFAULT_SIZE = 10 * 2**30
_FOLDER, _SIZE = "PYDEEPL_FEATURE_CACHE", "PYDEEPL_FEATURE_CACHE_SIZE"
_YES, _NO = ("1", "on", "true", "yes"), ("", "0", "off", "false", "no")

CacheSetting = bool | str | None


def check_cache(value: Any) -> CacheSetting:
    """A `cache` parameter: None, a bool, or a folder's path as text. Raises TypeError or ValueError."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"cache must be True, False, None or a folder's path, got {value!r}")
    path = os.fspath(value)
    if not isinstance(path, str) or not path:
        raise ValueError(f"cache is {value!r}, expected True, False, None or a folder's path")
    return path


def feature_folder(cache: CacheSetting) -> Path | None:
    """The folder that features are kept in; None where they are not kept."""
    if isinstance(cache, str):
        return Path(cache).expanduser().absolute()
    wanted = os.environ.get(_FOLDER, "").strip().lower() not in _NO if cache is None else cache
    return default_folder() if wanted else None


def default_folder() -> Path:
    """The folder for those who name none: the path in PYDEEPL_FEATURE_CACHE, else one beside the weights."""
    text = os.environ.get(_FOLDER, "").strip()
    if text.lower() in _YES + _NO:
        return cache_folder() / "features"
    return Path(text).expanduser().absolute()


def size_limit() -> int:
    """The most bytes a folder of features may hold. Raises ValueError where the variable is no size."""
    text = os.environ.get(_SIZE, "").strip()
    return parse_size(_SIZE, text) if text else DEFAULT_SIZE
