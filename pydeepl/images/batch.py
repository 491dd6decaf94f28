"""Many images at once, decoded and resized for a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pydeepl import _core
from pydeepl.images.decode import Pixels, decode, is_jpeg
from pydeepl.images.errors import ImageError
from pydeepl.images.files import local_path
from pydeepl.images.limits import read_file, resolve_max_pixels
from pydeepl.images.profiles import changes_colours, find_profile
from pydeepl.images.resize import check_pixels, hint_number
from pydeepl.images.streams import ahead

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[np.uint8]


def load_batch(
    sources: Sequence[Source],
    height: int,
    width: int,
    scaleHint: str = "SCALE_AREA_AVERAGING",
    channelOrder: str = "RGB",
    threads: int | None = None,
    max_pixels: int | None = None,
    fastDecode: bool = False,
) -> tuple[npt.NDArray[np.uint8], list[str | None]]:
    """Decodes and resizes images, in parallel.

    Parameters
    ----------
    sources: paths or file: URIs, the bytes of image files, and uint8 arrays [height, width] or
        [height, width, 1 | 3 | 4].
    height, width: size of the result in pixels.
    scaleHint: a java.awt.Image scaling hint (see resizeImage).
    channelOrder: "RGB" or "BGR": the order of colours in the arrays among the sources.
    threads: images worked on at a time; None for as many as the machine has CPUs.
    max_pixels: most height * width of an encoded image; None for the default.
    fastDecode: decode JPEGs to an eighth, a quarter or half of their sides, the smallest that is not below
        the result's, and average from there. Less work, and not Java's bytes any more; colours of 4:2:2 files
        lose most. It concerns area averaging alone; JPEGs with a colour profile to apply are decoded in full.

    Returns: (uint8 [n, height, width, 3] in B, G, R order, reasons); reasons[i] is None, or says why image i
    failed; its pixels are 0 then.
    Raises ValueError for an unknown hint or order, TypeError for a source of another kind or dtype.
    """
    if channelOrder not in ("RGB", "BGR"):
        raise ValueError(f"channelOrder is {channelOrder!r}, expected 'RGB' or 'BGR'")
    hint, limit = hint_number(scaleHint), resolve_max_pixels(max_pixels)
    threads = threads or _core.default_threads()
    out = np.empty((len(sources), height, width, 3), np.uint8)
    arrays = [place for place, source in enumerate(sources) if isinstance(source, np.ndarray)]

    def prepare(place: int) -> _Prepared:
        return _prepare(sources[place], out[place : place + 1], hint, limit)

    if len(arrays) == len(sources):
        prepared = [_Prepared(check_pixels(array, f"image {row}")) for row, array in enumerate(sources)]
    else:
        prepared = list(ahead(prepare, range(len(sources)), min(threads, len(sources))))
    _load_in_core(prepared, out, hint, limit, threads, fastDecode)
    if channelOrder == "RGB":  # resizing treats colours alike, so they may change places afterwards
        out[arrays] = out[arrays][..., ::-1]
    return out, [each.reason for each in prepared]


@dataclass
class _Prepared:
    """A source on its way: what the core has to load, or why it failed, or neither where it is done."""

    data: bytes | Pixels | None = None
    reason: str | None = None


def _prepare(source: Any, out: npt.NDArray[np.uint8], hint: int, limit: int) -> _Prepared:
    """Reads a source. JPEGs and arrays are left to the core; other formats are done here, into out
    [1, height, width, 3], so that few of them are in memory decoded."""
    try:
        if isinstance(source, np.ndarray):
            return _Prepared(check_pixels(source))
        data = _encoded_or_pixels(source, limit)
    except (ImageError, OSError) as error:
        out[...] = 0
        return _Prepared(reason=str(error))
    if isinstance(data, bytes):
        return _Prepared(data)
    height, width = out.shape[1:3]
    return _Prepared(reason=_core.load_images([data], height, width, hint, limit, 1, out)[1][0])


def _load_in_core(
    prepared: list[_Prepared], out: npt.NDArray[np.uint8], hint: int, limit: int, threads: int, reduce: bool
) -> None:
    """Has the core load what is left to do, all at once."""
    left = {place: each.data for place, each in enumerate(prepared) if each.data is not None}
    height, width = out.shape[1:3]
    into = out if len(left) == len(prepared) else None
    data = list(left.values())
    loaded, reasons = _core.load_images(data, height, width, hint, limit, threads, into, reduce)
    if into is None:
        out[list(left)] = loaded
    for place, reason in zip(left, reasons, strict=True):
        prepared[place].reason = reason


def _encoded_or_pixels(source: Any, limit: int) -> bytes | Pixels:
    """A JPEG's bytes, which the core decodes and resizes in one go, or another format's pixels."""
    if isinstance(source, str | os.PathLike):
        data = read_file(local_path(source), limit)
    elif isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        kind = type(source).__name__
        raise TypeError(
            f"an image is a {kind}, expected a path, bytes or a uint8 [height, width, channels] array"
        )
    profile = find_profile(data) if is_jpeg(data) else None
    if is_jpeg(data) and (profile is None or not changes_colours(profile)):
        return data
    return decode(data, limit)
