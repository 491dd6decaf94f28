"""The folder of cached features: its layout, what is in it, and how it is kept within its size.

    folder/CACHEDIR.TAG                     tells backups to pass it over
    folder/InceptionV3-<digest>/about.json  the network's key, in words
    folder/InceptionV3-<digest>/3f/<rest>   one image's features; its time of change: when it was last used

A file an image: it appears by renaming a finished temporary file, so that whoever reads, in whatever process,
sees all of it or nothing, and a process that is killed leaves nothing but a temporary file, which goes with
the next clearing up. Nothing is locked and nothing is synced: what a crash of the machine cuts short is found
damaged by its checksum.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ABOUT, TAG = "about.json", "CACHEDIR.TAG"
_TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# Features that pydeepl has computed; safe to delete.\n"
)
_NETWORK = re.compile(r"[A-Za-z0-9]+-[0-9a-f]{32}")
_SHARD, _ENTRY = re.compile(r"[0-9a-f]{2}"), re.compile(r"[0-9a-f]{38}")
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_BLOCK = 4096
_ABANDONED_SECONDS = 3600


class Entry(NamedTuple):
    """A file of features."""

    path: str
    size: int
    """Bytes, in whole blocks of the disk."""
    used: float
    """When it was last used, in seconds since 1970."""


def entry_path(folder: Path, network: str, key: bytes) -> str:
    """Where an image's features lie."""
    text = key.hex()
    return os.path.join(folder, network, text[:2], text[2:])


def networks(folder: Path) -> list[str]:
    """The names of the networks' folders. Nothing for a folder that is not there."""
    return sorted(each.name for each in _scan(folder) if _NETWORK.fullmatch(each.name) and each.is_dir())


def entries(folder: Path, network: str) -> Iterator[Entry]:
    """The entries of a network's folder. Temporary files that somebody left behind long ago are removed."""
    for shard in _shards(folder, network):
        for file in _scan(shard):
            try:
                status = file.stat(follow_symlinks=False)
            except OSError:  # another process has just removed it
                continue
            if _ENTRY.fullmatch(file.name):
                yield Entry(file.path, blocks(status.st_size), status.st_mtime)
            elif _TEMPORARY.fullmatch(file.name) and status.st_mtime < time.time() - _ABANDONED_SECONDS:
                remove(file.path)


def blocks(size: int) -> int:
    """The bytes that a file of this size takes on the disk."""
    return -(-size // _BLOCK) * _BLOCK


def remove(path: str | Path) -> bool:
    """Removes a file; False where it stays, since it may not be removed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def write_whole(path: str, data: bytes) -> None:
    """Writes a file that appears whole or not at all, making its folder. Raises OSError."""
    temporary = os.path.join(os.path.dirname(path), f".{secrets.token_hex(8)}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(temporary, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(temporary, flags, 0o666)
    try:
        with open(handle, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def prepare(folder: Path, network: str, about: dict[str, object]) -> None:
    """Makes the folders and what describes them, where they are not there. Raises OSError."""
    description = folder / network / ABOUT
    if not description.exists():
        write_whole(str(description), (json.dumps(about, indent=1) + "\n").encode())
    if not (folder / TAG).exists():
        write_whole(str(folder / TAG), _TAG_TEXT.encode())


def remove_network(folder: Path, network: str) -> None:
    """Removes a network's folder: what we have put there, and nothing else. Raises OSError."""
    for shard in _shards(folder, network):
        for file in _scan(shard):
            if _ENTRY.fullmatch(file.name) or _TEMPORARY.fullmatch(file.name):
                _gone(file.path)
        _remove_empty(shard)
    for file in _scan(folder / network):
        if file.name == ABOUT or _TEMPORARY.fullmatch(file.name):
            _gone(file.path)
    _remove_empty(folder / network)


def _shards(folder: Path, network: str) -> list[str]:
    return [each.path for each in _scan(folder / network) if _SHARD.fullmatch(each.name) and each.is_dir()]


def _scan(folder: str | Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _gone(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _remove_empty(folder: str | Path) -> None:
    with suppress(OSError):  # something of somebody else's is in it, or has just arrived
        os.rmdir(folder)
