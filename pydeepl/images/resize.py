"""Resizing as Java's Image.getScaledInstance does it, byte for byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pydeepl import _core

HINTS = {
    "SCALE_DEFAULT": 1,
    "SCALE_FAST": 2,
    "SCALE_SMOOTH": 4,
    "SCALE_REPLICATE": 8,
    "SCALE_AREA_AVERAGING": 16,
}
"""java.awt.Image's scaling hints. AREA_AVERAGING and SMOOTH average areas; the others pick the nearest
pixel."""


def hint_number(scaleHint: str) -> int:
    """java.awt.Image's number of a hint. Raises ValueError for an unknown name."""
    if scaleHint not in HINTS:
        raise ValueError(f"scaleHint is {scaleHint!r}, expected one of {', '.join(HINTS)}")
    return HINTS[scaleHint]


def resizeImage(
    array: npt.NDArray[np.uint8], height: int, width: int, scaleHint: str = "SCALE_AREA_AVERAGING"
) -> npt.NDArray[np.uint8]:
    """Resizes an image as sparkdl does: java.awt.Image.getScaledInstance drawn into a BGR image.

    Parameters
    ----------
    array: uint8 [height, width] or [height, width, 1] (gray), [.., 3] (B, G, R) or [.., 4] (straight alpha).
    height, width: the new size in pixels.
    scaleHint: "SCALE_AREA_AVERAGING" or "SCALE_SMOOTH" (area averages), "SCALE_DEFAULT", "SCALE_FAST" or
        "SCALE_REPLICATE" (the pixel under the centre).

    Returns: uint8 [height, width, 3], B, G, R. The aspect ratio is not kept. A 3-channel image of that size
    already comes back as it is (a copy). Gray is taken as linear light, as Java takes it, so it gets
    brighter; alpha is drawn on black.
    Raises TypeError for another dtype, ValueError for another shape, size or hint.
    Source: sparkdl 1.5.0, ImageUtils.resizeImage; OpenJDK, java.awt.image.AreaAveragingScaleFilter.

    >>> resizeImage(np.full((2, 2, 3), 7, np.uint8), 1, 1).tolist()
    [[[7, 7, 7]]]
    """
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected 1 or more pixels")
    return _core.resize(check_pixels(array), height, width, hint_number(scaleHint))


def check_pixels(array: Any, what: str = "image") -> npt.NDArray[np.uint8]:
    """The array as a C-contiguous uint8 [height, width, 1 | 3 | 4]. Raises TypeError or ValueError."""
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{what} is {found}, expected a uint8 array [height, width, channels]")
    pixels = array[..., np.newaxis] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        raise ValueError(
            f"{what} has shape {list(array.shape)}, expected [height, width] or [height, width, 1 | 3 | 4]"
        )
    return np.ascontiguousarray(pixels)
