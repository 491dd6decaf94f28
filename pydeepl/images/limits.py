"""The largest image that is decoded, and the largest file that is read for it."""

from __future__ import annotations

import os

from pydeepl.images.errors import ImageError

# Spark's bound, height * width * channels < 1e9, taken for four channels.
DEFAULT_MAX_PIXELS = 249_999_999
FILE_SLACK = 64 << 20  # bytes for metadata and further pictures in a file


def resolve_max_pixels(max_pixels: int | None = None) -> int:
    """The most pixels (height * width) an image may have.

    Parameters: max_pixels, a positive number, or None for the environment variable PYDEEPL_MAX_PIXELS, or
    else 249,999,999. Raises ValueError for anything else.
    """
    if max_pixels is None:
        text = os.environ.get("PYDEEPL_MAX_PIXELS")
        if not text:
            return DEFAULT_MAX_PIXELS
        if not text.isdecimal() or int(text) == 0:
            raise ValueError(f"PYDEEPL_MAX_PIXELS is {text!r}, expected a positive number of pixels")
        return int(text)
    if isinstance(max_pixels, bool) or max_pixels < 1:
        raise ValueError(f"max_pixels is {max_pixels!r}, expected a positive number of pixels")
    return max_pixels


def read_file(path: str, max_pixels: int) -> bytes:
    """A file's bytes. Raises OSError, and ImageError for a file too long for an image within the limit."""
    most = 8 * max_pixels + FILE_SLACK  # 8 bytes a pixel: 16 bits a channel
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ImageError(
                f"the file has {size} bytes, more than an image of {max_pixels} pixels takes "
                "(PYDEEPL_MAX_PIXELS raises the limit)"
            )
        return file.read()


def read_soon(path: str) -> None:
    """Tells the system that a file is going to be read. Never waits, never fails."""
    if not hasattr(os, "posix_fadvise"):  # macOS
        return
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # whoever reads it tells why
        return
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
    except OSError:  # a pipe, or a file system that does not care
        pass
    finally:
        os.close(file)


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Raises ImageError for an empty image or one beyond the limit."""
    if height < 1 or width < 1:
        raise ImageError(f"the image is empty: {height} x {width} pixels (height x width)")
    if height * width > max_pixels:
        raise ImageError(
            f"image of {height} x {width} pixels (height x width) exceeds the limit of {max_pixels} pixels "
            "(PYDEEPL_MAX_PIXELS raises it)"
        )
