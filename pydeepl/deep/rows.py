"""Image rows of a frame as arrays: views of an Arrow column's bytes."""

import os
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.images.files import file_uri

# OpenCV mode -> channels, of the 8-bit images that sparkdl featurizes.
_MODES = {0: 1, 16: 3, 24: 4}
_FIELDS = {
    "height": pa.types.is_integer,
    "width": pa.types.is_integer,
    "nChannels": pa.types.is_integer,
    "mode": pa.types.is_integer,
    "data": lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
}


def check_image_field(field: pa.Field, what: str | None = None) -> None:
    """Raises ValueError where a column is no column of images (Spark's struct; other fields are let be).

    what: to call it in the message; None for the column by its name.
    """
    kinds = {each.name: each.type for each in field.type} if pa.types.is_struct(field.type) else {}
    wrong = [name for name, fits in _FIELDS.items() if name not in kinds or not fits(kinds[name])]
    if wrong:
        expected = "struct<origin: string, height, width, nChannels, mode: int, data: binary>"
        what = what or f"column {field.name!r}"
        raise ValueError(f"{what} holds no images: expected {expected}, got {field.type}")


def image_rows(column: pa.StructArray, name: str, first_row: int) -> list[tuple[str, NDArray[np.uint8]]]:
    """(text for messages, uint8 [height, width, channels] view with channels B, G, R (A)) of each row.

    Parameters: the column, its name, and the number of its first row in the frame (both for messages).
    Raises ValueError naming the row and the image's origin where a row holds no image.
    """
    has_origin = column.type.get_field_index("origin") >= 0
    origins = column.field("origin").to_pylist() if has_origin else [None] * len(column)
    shapes = [column.field(part).to_pylist() for part in ("height", "width", "nChannels", "mode")]
    texts = [_row_text(first_row + row, name, origin) for row, origin in enumerate(origins)]
    valid = column.is_valid().to_pylist()
    cells = column.field("data")
    return [
        (text, _pixels(text, valid[row], cells[row], *(part[row] for part in shapes)))
        for row, text in enumerate(texts)
    ]


def file_rows(column: pa.BinaryArray, name: str, first_row: int) -> list[tuple[str, str]]:
    """(text for messages, path) of each row of a column of files' paths: image_rows before it is read."""
    paths = [os.fsdecode(path) for path in column.to_pylist()]
    return [(_row_text(first_row + row, name, file_uri(path)), path) for row, path in enumerate(paths)]


def unreadable(text: str, reason: str | None = None) -> str:
    """The message for a row whose file is no readable image."""
    why = "" if reason is None else f" ({reason})"
    return f"{text}: the file could not be read as an image{why}; dropImageFailures leaves such rows out"


def _row_text(row: int, name: str, origin: str | None) -> str:
    return f"row {row} of column {name!r}" + ("" if origin is None else f" ({origin})")


def _pixels(
    text: str, valid: bool, cell: Any, height: int, width: int, channels: int, mode: int
) -> NDArray[np.uint8]:
    if not valid or not cell.is_valid:
        raise ValueError(f"{text}: the image is null; dropna(subset=[...]) leaves such rows out")
    if height == -1 and width == -1:
        raise ValueError(unreadable(text))
    data = np.frombuffer(cell.as_buffer(), np.uint8)
    if height < 1 or width < 1 or _MODES.get(mode) != channels or data.size != height * width * channels:
        found = (
            f"height {height}, width {width}, nChannels {channels}, mode {mode}, {data.size} bytes of data"
        )
        raise ValueError(
            f"{text}: expected 8-bit pixels in 1, 3 or 4 channels (modes 0, 16, 24), got {found}"
        )
    return data.reshape(height, width, channels)
