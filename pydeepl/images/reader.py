"""Frames of images: the reader behind ImageSchema.readImages and spark.read.format("image")."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pydeepl import _core
from pydeepl.images.files import Listing, PathLike, list_files

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame


def read_image_frame(
    paths: PathLike | Iterable[PathLike],
    dropInvalid: bool = False,
    recursiveFileLookup: bool = False,
    pathGlobFilter: str | None = None,
    threads: int | None = None,
    max_pixels: int | None = None,
) -> DataFrame:
    """A frame of the images under paths: spark.read.format("image").

    Parameters
    ----------
    paths: files, folders, glob patterns or file: URIs, one or several.
    dropInvalid: leave out files that are no readable image; otherwise they are rows of -1 with no data.
    recursiveFileLookup: read folders inside folders, too.
    pathGlobFilter: read only files whose names match the pattern, such as "*.png".
    threads: files decoded at a time; None for as many as the machine has CPUs.
    max_pixels: most height * width of an image; None for PYDEEPL_MAX_PIXELS or 249,999,999.

    Returns: a frame with one column `image`. Raises FileNotFoundError for a path that is not there.
    """
    listing = list_files(paths, recursiveFileLookup)
    if pathGlobFilter is not None:
        listing = listing.matching(pathGlobFilter)
    if not listing.files:
        hint = (
            "" if recursiveFileLookup else ' (option("recursiveFileLookup", True) also reads folders inside)'
        )
        warnings.warn(f"no image files in {paths}{hint}", stacklevel=3)
    return _frame(listing, dropInvalid, -1, threads, max_pixels)


def sampled_frame(
    path: PathLike | Iterable[PathLike],
    recursive: bool,
    partitions: int,
    drop: bool,
    ratio: float,
    seed: int,
) -> DataFrame:
    """ImageSchema.readImages, where the parameters are described."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"sampleRatio is {ratio}, expected a number in [0, 1]")
    listing = list_files(path, recursive)
    if ratio < 1:
        chances = np.random.default_rng(seed & (2**64 - 1)).random(len(listing.files))
        chosen = [file for file, chance in zip(listing.files, chances, strict=True) if chance < ratio]
        listing = Listing(chosen, listing.empty)
    elif not listing.files:
        hint = "" if recursive else " (recursive=True also reads folders inside)"
        warnings.warn(f"no image files in {path}{hint}", stacklevel=3)
    return _frame(listing, drop, partitions)


def failures(frame: DataFrame) -> list[tuple[str, str]]:
    """Which image files behind a frame cannot be used, and why.

    Parameters: frame, any frame made from frames of images; files not read so far are read now.
    Returns: (origin, reason) pairs, source by source; empty files, which never become rows, are among them.

    >>> failures(ImageSchema.readImages("digits"))                          # doctest: +SKIP
    [('file:///home/ada/digits/5.jpg', 'truncated JPEG: its 1000 bytes end before the image does')]
    """
    from pydeepl.frame.plan import Node, Scan
    from pydeepl.images.source import ImageSource

    found: dict[tuple[str, str], None] = {}
    nodes: list[Node] = [frame._node]
    while nodes:
        node = nodes.pop()
        nodes += reversed(node.children)
        source = getattr(node._batches, "__self__", None) if isinstance(node, Scan) else None
        if isinstance(source, ImageSource):
            found.update(dict.fromkeys(source.failures()))
    return list(found)


def _frame(
    listing: Listing, drop: bool, partitions: int, threads: int | None = None, max_pixels: int | None = None
) -> DataFrame:
    from pydeepl.frame import scan
    from pydeepl.images.source import IMAGE_SCHEMA, ImageSource

    source = ImageSource(listing, drop, threads, max_pixels)
    if partitions < 1:
        partitions = max(1, min(len(listing.files), _core.default_threads()))
    # Others who read the files would leave out no failures, and not know of another limit.
    files = ["image"] if not drop and max_pixels is None else []
    return scan(IMAGE_SCHEMA, source.batches, "images", source.slots, partitions, files)
