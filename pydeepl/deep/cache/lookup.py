"""Images looked up in a cache, ahead of the network: known features, or what has to be run."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from pydeepl import _core
from pydeepl.deep.batching import Features, Missing, Stored
from pydeepl.deep.cache.keys import image_key
from pydeepl.deep.cache.store import FeatureStore
from pydeepl.images.errors import ImageError
from pydeepl.images.files import local_path
from pydeepl.images.limits import read_file, resolve_max_pixels
from pydeepl.images.streams import ahead


class CachedFeatures:
    """A store asked for (name, image) pairs, images as load_batch takes them.

    A file is read once: its bytes are its key and, where its features are missing, what is decoded, so that
    a file that changes meanwhile is never kept under another's key. channelOrder: of arrays. threads: images
    looked up at a time; None for as many as the machine has CPUs.
    """

    def __init__(self, store: FeatureStore, channelOrder: str, threads: int | None) -> None:
        self._store, self._order = store, channelOrder
        self._threads = threads or _core.default_threads()
        self._max_pixels = resolve_max_pixels()

    def look_up(self, images: Sequence[Any]) -> Iterator[Stored | Missing]:
        """Known features, or what to load and the key to keep them under."""
        return ahead(self._look_up, images, min(self._threads, len(images)))

    def keep(self, key: bytes, features: Features) -> None:
        """Keeps an image's features."""
        self._store.put(key, features)

    def _look_up(self, pair: tuple[str, Any]) -> Stored | Missing:
        name, image = pair
        if isinstance(image, (str, os.PathLike)):
            try:
                image = read_file(local_path(image), self._max_pixels)
            except (OSError, ImageError):
                return Missing(pair)  # loading it says what is wrong
        key = image_key(image, self._order)
        return self._store.get(key) or Missing((name, image), key)
