"""Colour profiles of RGB JPEGs, which Java applies: pixels are converted to sRGB.

The conversion is LittleCMS', which Java uses too, through Pillow. Java's own sRGB profile differs from
LittleCMS' by at most 2 in a byte. A profile that changes no colour by more than that is sRGB itself and is
not applied; one that cannot be read, or is not of RGB, is ignored. Where Pillow has no LittleCMS, profiles
are ignored.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

MARK = b"ICC_PROFILE\0"
SAME_COLOUR = 2  # most difference of a byte between two profiles that both mean sRGB


def find_profile(data: bytes) -> bytes | None:
    """The colour profile inside a JPEG (its APP2 segments joined in order), or None.

    Source: ICC.1:2022, annex B.4.
    """
    if data.find(MARK, 0, 1 << 20) < 0:
        return None
    parts: dict[int, bytes] = {}
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:  # up to the start of the first scan
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xE2 and body.startswith(MARK) and len(body) > len(MARK) + 2:
            parts.setdefault(body[len(MARK)], body[len(MARK) + 2 :])
        at += 2 + max(length, 2)
    return b"".join(parts[number] for number in sorted(parts)) or None


def apply_profile(pixels: Pixels, profile: bytes) -> Pixels:
    """uint8 [height, width, 3] BGR in a profile's colours -> the same in sRGB's."""
    transform = _transform(profile)
    return pixels if transform is None else _converted(pixels, transform)


def changes_colours(profile: bytes) -> bool:
    """Whether a profile is one to apply."""
    return _transform(profile) is not None


def _converted(pixels: Pixels, transform: Any) -> Pixels:
    from PIL import Image, ImageCms

    height, width = pixels.shape[:2]
    image = Image.frombytes("RGB", (width, height), pixels.tobytes(), "raw", "BGR")
    ImageCms.applyTransform(image, transform, inPlace=True)
    return np.frombuffer(image.tobytes("raw", "BGR"), np.uint8).reshape(height, width, 3)


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> Any:
    """LittleCMS' transform to sRGB; None for a profile that is not applied."""
    try:
        from PIL import ImageCms

        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB":
            return None
        intent = ImageCms.Intent(source.profile.rendering_intent)
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, "RGB", "RGB", intent)
    except Exception:  # Java ignores a profile it cannot use, too
        return None
    steps = np.linspace(0, 255, 12).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    change = np.abs(_converted(cube, transform).astype(np.int16) - cube)
    return transform if change.max() > SAME_COLOUR else None
