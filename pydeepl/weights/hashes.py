"""MD5 sums of weight files, remembered so that half a gigabyte is read for its sum once, not each time."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pydeepl.weights.places import cache_folder

_PIECE = 1 << 22
_MEMORY = "md5.json"


def md5_of(path: Path) -> str:
    """The file's MD5; a sum is remembered in the cache folder for as long as size and time of change stay."""
    status = path.stat()
    key, state = os.path.realpath(path), [status.st_size, status.st_mtime_ns]
    known = _load()
    if known.get(key, [None])[:2] == state:
        return str(known[key][2])
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    _save({**known, key: [*state, digest.hexdigest()]})
    return digest.hexdigest()


def _load() -> dict[str, list[Any]]:
    try:
        known = json.loads((cache_folder() / _MEMORY).read_text())
    except (OSError, ValueError):
        return {}
    valid = isinstance(known, dict) and all(isinstance(v, list) and len(v) == 3 for v in known.values())
    return known if valid else {}


def _save(known: dict[str, list[Any]]) -> None:
    """Atomically; a folder that cannot be written only costs the next call its time."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{_MEMORY}.", dir=folder)
        with open(handle, "w") as file:
            json.dump(known, file, indent=1)
        os.replace(temporary, folder / _MEMORY)
    except OSError:
        pass
