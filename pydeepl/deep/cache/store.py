"""One network's features on disk: read, written, and bounded in size. A cache never makes a job fail."""

import errno
import os
import time
import warnings
from contextlib import suppress
from pathlib import Path

from pydeepl.deep.cache.codec import DamagedEntry, Features, PackedFeatures, check, pack
from pydeepl.deep.cache.folder import blocks, entries, entry_path, networks, prepare, remove, write_whole
from pydeepl.deep.cache.keys import NetworkKey
from pydeepl.sizes import size_text

# A folder is looked through again after this share of its size has been written: what one process may add
# without knowing what the others added. A full folder is then brought down to KEPT_SHARE of its size.
UNSEEN_SHARE = 1 / 16
KEPT_SHARE = 7 / 8
# The time of last use is written at most this often: reading stays reading.
TOUCH_SECONDS = 600


class FeatureStore:
    """The cached features of a network.

    folder: of the cache, made when the first features are kept. limit: the most bytes it may hold, counted in
    blocks of 4 KiB. The least recently used features of all networks go first. Any number of threads and
    processes may use a folder; those that write at the same time may together exceed the limit by a
    sixteenth each, until they look again.

    What cannot be read, or written, or is damaged, is as if it were not there; the first of each is told in a
    RuntimeWarning. Where writing fails (a full disk, a folder that can only be read), no more is written.
    """

    def __init__(self, folder: Path, network: NetworkKey, features: int, limit: int) -> None:
        self.folder, self.network, self.features, self.limit = folder, network, features, limit
        self._room: int | None = None
        """Bytes that may be written before the folder is looked through; None before the first time."""
        self._writable = limit > 0
        self._warned: set[str] = set()

    def get(self, image: bytes) -> PackedFeatures | None:
        """The features kept for an image key, None where there are none."""
        path = entry_path(self.folder, self.network.folder, image)
        try:
            with open(path, "rb", buffering=0) as file:
                entry = file.read()
                used = os.fstat(file.fileno()).st_mtime
            packed = check(entry, self._checked_key(image), self.features)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except DamagedEntry as error:
            self._warn("damaged", f"cached features are damaged and computed anew: {path}: {error}")
            remove(path)
            return None
        except OSError as error:
            self._warn("unreadable", f"cached features cannot be read and are computed anew: {error}")
            return None
        self._touch(path, used)
        return packed

    def put(self, image: bytes, features: Features) -> None:
        """Keeps an image's features, float32 [features], where that is possible."""
        if not self._writable:
            return
        try:
            entry = pack(features, self._checked_key(image))
            self._make_room(blocks(len(entry)))
            write_whole(entry_path(self.folder, self.network.folder, image), entry)
        except OSError as error:
            self._writable = False
            why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
            self._warn("unwritable", f"features are not cached in {self.folder}: {why}")

    def _checked_key(self, image: bytes) -> bytes:
        return self.network.digest + image

    def _touch(self, path: str, used: float) -> None:
        """Notes the use of an entry, where its last noted one is some time ago."""
        now = time.time()
        if not used <= now < used + TOUCH_SECONDS:
            # The folder may be one that can only be read, and the entry may have just been removed.
            with suppress(OSError):
                os.utime(path)

    def _make_room(self, size: int) -> None:
        prepare(self.folder, self.network.folder, self.network.about())
        if self._room is None or self._room < size:
            free = make_room(self.folder, self.limit, size)
            if free < size:
                raise OSError(f"{size_text(size)} do not fit into the {size_text(self.limit)} it may hold")
            self._room = max(size, min(free, int(self.limit * UNSEEN_SHARE)))
        self._room -= size

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            warnings.warn(text, RuntimeWarning, stacklevel=3)


def make_room(folder: Path, limit: int, size: int) -> int:
    """Removes the least recently used entries of a folder that `size` more bytes would fill beyond its limit.

    Returns the bytes that are free.
    """
    found = [entry for network in networks(folder) for entry in entries(folder, network)]
    total = sum(entry.size for entry in found)
    if total + size <= limit:
        return limit - total
    found.sort(key=lambda entry: entry.used)
    for entry in found:
        if total + size <= limit * KEPT_SHARE:
            break
        if remove(entry.path):
            total -= entry.size
    return limit - total
