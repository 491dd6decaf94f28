"""Encoded bytes to pixels, with the channels that Spark's image source gives.

JPEG is the C core's; the other formats are Pillow's. What Spark does (docs: the `image` data source, whose
decoder is Java's ImageIO) and this follows: gray with 8 bits is 1 channel, even with alpha (which is
dropped); gray with fewer bits is a palette, 3 channels; palettes are 3 channels, 4 where a colour is
transparent; RGB is 3 channels, 4 with a transparent colour key or alpha; 16-bit samples become (v + 128) /
257; a BMP's alpha is ignored; a GIF is its first frame; EXIF orientation and gamma are ignored, as are colour
profiles but those of RGB JPEGs.

What differs: 16-bit gray is scaled like colours (Spark cuts it to its low byte), WebP is read (Spark gives a
failed image), and a truncated JPEG is a failed image (Spark fills the missing part with gray).
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydeepl import _core
from pydeepl.images.errors import ImageError
from pydeepl.images.limits import check_size, resolve_max_pixels
from pydeepl.images.profiles import apply_profile, find_profile

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = npt.NDArray[np.uint8]

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG_GRAY, PNG_RGB, PNG_PALETTE, PNG_GRAY_ALPHA, PNG_RGBA = 0, 2, 3, 4, 6


def decode(data: bytes, max_pixels: int | None = None) -> Pixels:
    """Decodes an image file.

    Parameters
    ----------
    data: the file's bytes: JPEG, PNG, GIF, BMP, TIFF or WebP, told by content.
    max_pixels: most height * width that the header may claim; None for the default (see limits).

    Returns: uint8 [height, width, channels], 1 channel (gray), 3 (B, G, R) or 4 (B, G, R, straight alpha).
    Raises ImageError, which says why the bytes are no image.
    """
    limit = resolve_max_pixels(max_pixels)
    return decode_jpeg(data, limit) if is_jpeg(data) else decode_with_pillow(data, limit)


def is_jpeg(data: bytes) -> bool:
    """Whether the bytes begin like a JPEG."""
    return data[:2] == b"\xff\xd8"


def decode_jpeg(data: bytes, limit: int) -> Pixels:
    """A JPEG by the C core, its colour profile applied."""
    try:
        pixels = _core.jpeg_decode(data, limit)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        raise ImageError(str(error)) from None
    profile = find_profile(data) if pixels.shape[2] == 3 else None
    return pixels if profile is None else apply_profile(pixels, profile)


def decode_with_pillow(data: bytes, limit: int) -> Pixels:
    """Any other format."""
    try:
        image = _open(data, limit)
        check_size(image.height, image.width, limit)
        pixels = _png(image, data, limit) if image.format == "PNG" else _other(image)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise whatever damaged data makes them
        raise ImageError(f"damaged image: {error}") from error
    check_size(pixels.shape[0], pixels.shape[1], limit)
    return pixels


def _open(data: bytes, limit: int) -> ImageFile:
    """The format's plugin on the data, header read.

    Image.open is not used: it has a limit of its own, process-wide. TIFF, WebP and GIF keep to it, too.
    """
    file = io.BytesIO(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        from PIL.PngImagePlugin import PngImageFile

        if PNG_END not in data[-64:] and data.rfind(PNG_END) < 0:
            raise ImageError(f"truncated PNG: its {len(data)} bytes hold no IEND chunk")
        return PngImageFile(file)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        from PIL.GifImagePlugin import GifImageFile

        return GifImageFile(file)
    if data[:2] == b"BM":
        from PIL.BmpImagePlugin import BmpImageFile

        return BmpImageFile(file)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        from PIL.TiffImagePlugin import TiffImageFile

        return TiffImageFile(file)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        from PIL.WebPImagePlugin import WebPImageFile

        check_size(*_webp_size(data), limit)  # the plugin makes its buffers when it opens
        return WebPImageFile(file)
    if not data:
        raise ImageError("the file is empty")
    raise ImageError(f"no JPEG, PNG, GIF, BMP, TIFF or WebP: the file begins with {data[:8]!r}")


def _webp_size(data: bytes) -> tuple[int, int]:
    """(height, width) in a WebP's first chunk. Source: the WebP container specification, RFC 9649."""
    kind, at = data[12:16], data[20:]
    if len(at) < 10:
        raise ImageError(f"truncated WebP: {len(data)} bytes")
    if kind == b"VP8X":
        width, height = int.from_bytes(at[4:7], "little") + 1, int.from_bytes(at[7:10], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(at[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(at[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    return height, width


def _png(image: Any, data: bytes, limit: int) -> Pixels:
    if data[12:16] != b"IHDR":
        raise ImageError("damaged PNG: it does not begin with IHDR")
    depth, kind = data[24], data[25]
    key = image.info.get("transparency")
    if depth == 16 and kind != PNG_GRAY:
        return _png_16_bit(image, data, kind, key, limit)
    if kind == PNG_GRAY:
        gray = _gray(image)
        return gray if depth >= 8 else np.repeat(gray, 3, axis=2)
    if kind == PNG_GRAY_ALPHA:
        return _gray(image.getchannel(0))
    if kind == PNG_PALETTE:
        if not (transparent := _has_transparent_colour(key)):
            image.info.pop("transparency", None)  # a table of opaque colours only
        return _colours(image, alpha=transparent)
    pixels = _colours(image, alpha=kind == PNG_RGBA)
    return _with_key(pixels, pixels, key) if kind == PNG_RGB and key is not None else pixels


def _png_16_bit(image: Any, data: bytes, kind: int, key: Any, limit: int) -> Pixels:
    """16-bit samples, of which Pillow keeps the high bytes only.

    Gray and alpha lie like an 8-bit RGBA's bytes, so the file is read as one. Colours are read twice, the
    second time as if their bytes were in the other order, which gives the low bytes.
    """
    if kind == PNG_GRAY_ALPHA:
        header = b"IHDR" + data[16:24] + bytes([8, PNG_RGBA]) + data[26:29]
        relabelled = data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]
        four: Pixels = np.asarray(_open(relabelled, limit))
        return _scaled(four[..., :1].astype(np.uint16) << 8 | four[..., 1:2])
    swapped: Any = _open(data, limit)
    decoder, extents, offset, _ = swapped.tile[0]
    swapped.tile = [(decoder, extents, offset, f"{image.mode};16L")]
    wide = _colours(image, alpha=kind == PNG_RGBA).astype(np.uint16) << 8
    wide |= _colours(swapped, alpha=kind == PNG_RGBA)
    pixels = _scaled(wide)
    return _with_key(pixels, wide, key) if kind == PNG_RGB and key is not None else pixels


def _other(image: Any) -> Pixels:
    """GIF, BMP, TIFF, WebP: by Pillow's mode."""
    if image.format == "GIF":
        return _gif_frame(image)
    if image.mode in ("L", "LA") or image.mode.startswith("I;16"):
        return _gray(image.getchannel(0) if image.mode == "LA" else image)
    if image.mode in ("I", "F"):
        raise ImageError(f"{image.format} with {image.mode!r} samples of 32 bits, expected 8 or 16 bits")
    return _colours(image, alpha=image.mode in ("RGBA", "PA") and image.format != "BMP")


def _gif_frame(image: Any) -> Pixels:
    """The first frame in its own size, without the screen around it."""
    left, top, right, bottom = image.tile[0][1]
    pixels = _colours(image, alpha="transparency" in image.info)
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _gray(image: Any) -> Pixels:
    """One channel; 16-bit samples are scaled, 1-bit ones become 0 and 255."""
    values = np.asarray(image.convert("L") if image.mode == "1" else image)[..., np.newaxis]
    return np.ascontiguousarray(values if values.dtype == np.uint8 else _scaled(values))


def _colours(image: Any, alpha: bool) -> Pixels:
    """BGR, or BGRA with straight alpha."""
    mode, layout = ("RGBA", "BGRA") if alpha else ("RGB", "BGR")
    if image.mode != mode:
        image = image.convert(mode)
    pixels = np.frombuffer(image.tobytes("raw", layout), np.uint8)
    return pixels.reshape(image.height, image.width, len(layout))


def _scaled(wide: npt.NDArray[Any]) -> Pixels:
    """16-bit samples in 8 bits, as Java rounds: 65535 becomes 255."""
    scaled: Pixels = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return scaled


def _with_key(pixels: Pixels, samples: npt.NDArray[Any], key: tuple[int, int, int]) -> Pixels:
    """An alpha channel that is 0 where the samples have the transparent colour (R, G, B), else 255."""
    colour = np.asarray(key[::-1]).astype(samples.dtype)
    opaque = (samples != colour).any(axis=2, keepdims=True)
    return np.concatenate([pixels, np.where(opaque, np.uint8(255), np.uint8(0))], axis=2)


def _has_transparent_colour(key: int | bytes | None) -> bool:
    return key is not None and (isinstance(key, int) or any(alpha < 255 for alpha in key))
