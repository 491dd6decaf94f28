"""What people see of a frame: Spark's table, cell by cell as Spark writes values, and the notebook's with
thumbnails."""

from __future__ import annotations

import base64
import html
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from pydeepl.frame.values import python_values
from pydeepl.linalg import DenseVector, SparseVector, is_vector

ESCAPES = str.maketrans(
    {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", "\v": "\\v", "\a": "\\a"}
)
THUMBNAIL = 96  # pixels of the longer side
NO_LIMIT = 2**62


def java_number(value: float, shortest: str | None = None) -> str:
    """A floating-point number as Java's Double.toString writes it: 1.0, 1.0E10, 2.5E-7."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    text = shortest or repr(abs(float(value)))
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if not digits:
        return sign + "0.0"
    if -2 <= point <= 7:  # 10^-3 <= |value| < 10^7
        digits = digits.rjust(len(digits) - min(point - 1, 0), "0")
        point = max(point, 1)
        digits = digits.ljust(point + 1, "0")
        return f"{sign}{digits[:point]}.{digits[point:]}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{point - 1}"


def cell_text(value: Any, arrow: pa.DataType, most: int = NO_LIMIT) -> str:
    """A value as Spark shows it; the text may be cut anywhere behind `most` letters."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if pa.types.is_float32(arrow):
        return java_number(
            value, str(np.format_float_scientific(np.float32(abs(value)), unique=True, trim="0"))
        )
    if isinstance(value, float):
        return java_number(value)
    if isinstance(value, bytes | bytearray):
        return "[" + " ".join(f"{byte:02X}" for byte in islice(value, most)) + "]"
    if is_vector(arrow):
        return vector_text(value, most)
    if pa.types.is_timestamp(arrow):
        return (
            str(value.replace(tzinfo=None)).rstrip("0").rstrip(".") if value.microsecond else str(value)[:19]
        )
    if pa.types.is_map(arrow):
        pairs = (
            f"{cell_text(key, arrow.key_type, most)} -> {cell_text(item, arrow.item_type, most)}"
            for key, item in value.items()
        )
        return "{" + ", ".join(islice(pairs, most)) + "}"
    if pa.types.is_struct(arrow):
        types = [arrow.field(place).type for place in range(arrow.num_fields)]
        return (
            "{"
            + _joined((cell_text(v, t, most) for v, t in zip(value, types, strict=True)), ", ", most)
            + "}"
        )
    if isinstance(value, list):
        return "[" + _joined((cell_text(item, arrow.value_type, most) for item in value), ", ", most) + "]"
    return str(value)


def vector_text(value: DenseVector | SparseVector, most: int = NO_LIMIT) -> str:
    """A vector as Spark shows it: [1.0,2.5] or (size,[indices],[values])."""
    if isinstance(value, DenseVector):
        return "[" + ",".join(java_number(number) for number in value.array[:most].tolist()) + "]"
    indices = ",".join(map(str, value.indices[:most].tolist()))
    numbers = ",".join(java_number(number) for number in value.values[:most].tolist())
    return f"({value.size},[{indices}],[{numbers}])"


def _joined(parts: Iterable[str], separator: str, most: int) -> str:
    """The parts joined, until there are more than `most` letters."""
    text, first = "", True
    for part in parts:
        text += part if first else separator + part
        first = False
        if len(text) > most:
            break
    return text


def shown_cells(batches: Sequence[pa.RecordBatch], schema: pa.Schema, truncate: int) -> list[list[str]]:
    """The rows' cells as text, each cut to `truncate` letters (0: not cut)."""
    most = truncate if truncate > 0 else NO_LIMIT
    rows: list[list[str]] = []
    for batch in batches:
        columns = []
        for column, field in zip(batch.columns, schema, strict=True):
            texts = (cell_text(value, field.type, most).translate(ESCAPES) for value in python_values(column))
            columns.append([_cut(text, truncate) for text in texts])
        rows += [list(row) for row in zip(*columns, strict=True)] if columns else [[]] * batch.num_rows
    return rows


def _cut(text: str, truncate: int) -> str:
    if truncate <= 0 or len(text) <= truncate:
        return text
    return text[:truncate] if truncate < 4 else text[: truncate - 3] + "..."


def _width(text: str) -> int:
    """The text's width on a terminal: East Asian wide letters take two places."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def table_text(rows: list[list[str]], names: Sequence[str], more: bool, truncate: int) -> str:
    """Spark's table. Parameters: rows of cells; column names; more, whether further rows exist; truncate, as
    given."""
    titles = [name.translate(ESCAPES) for name in names]
    widths = [max(3, *map(_width, column)) for column in zip(titles, *rows, strict=True)]
    rule = "+" + "+".join("-" * width for width in widths) + "+\n"

    def line(cells: Sequence[str]) -> str:
        padded = []
        for cell, width in zip(cells, widths, strict=True):
            space = " " * (width - _width(cell))
            padded.append(space + cell if truncate > 0 else cell + space)
        return "|" + "|".join(padded) + "|\n"

    text = rule + line(titles) + rule + "".join(map(line, rows)) + rule
    return text + _footer(len(rows), more)


def _footer(count: int, more: bool) -> str:
    return f"only showing top {count} row{'' if count == 1 else 's'}" if more else ""


def vertical_text(rows: list[list[str]], names: Sequence[str], more: bool) -> str:
    """Spark's vertical form: a line for each cell."""
    if not rows:
        return "(0 rows)\n"
    titles = [name.translate(ESCAPES) for name in names]
    left = max(3, *map(_width, titles))
    right = max([3, *(_width(cell) for row in rows for cell in row)])
    text = ""
    for place, row in enumerate(rows):
        text += f"-RECORD {place}".ljust(left + right + 5, "-") + "\n"
        for title, cell in zip(titles, row, strict=True):
            text += f" {title}{' ' * (left - _width(title))} | {cell}{' ' * (right - _width(cell))} \n"
    return text + _footer(len(rows), more)


def html_table(batches: Sequence[pa.RecordBatch], schema: pa.Schema, more: bool) -> str:
    """The frame's first rows as an HTML table; image structs are thumbnails."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in schema.names)
    body, count = "", 0
    for batch in batches:
        columns = [
            _html_cells(column, field.type) for column, field in zip(batch.columns, schema, strict=True)
        ]
        body += "".join(
            f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>\n" for row in zip(*columns, strict=True)
        )
        count += batch.num_rows
    note = f"<p>{_footer(count, more)}</p>\n" if more else ""
    return f"<table>\n<tr>{head}</tr>\n{body}</table>\n{note}"


def _html_cells(column: pa.Array, arrow: pa.DataType) -> list[str]:
    values = python_values(column)
    if is_image(arrow):
        return [thumbnail(value) or html.escape(_cut(cell_text(value, arrow, 40), 40)) for value in values]
    return [html.escape(_cut(cell_text(value, arrow, 40), 40)) for value in values]


def is_image(arrow: pa.DataType) -> bool:
    """Whether a type is Spark's struct of an image."""
    names = (
        [arrow.field(place).name for place in range(arrow.num_fields)] if pa.types.is_struct(arrow) else []
    )
    return names == ["origin", "height", "width", "nChannels", "mode", "data"]


def thumbnail(image: Any) -> str | None:
    """An image struct as an HTML image with the PNG inside; None where there are no pixels to show."""
    if image is None or image.height <= 0 or image.nChannels not in (1, 3, 4):
        return None
    if len(image.data) != image.height * image.width * image.nChannels:
        return None
    from PIL import Image

    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, image.nChannels)
    step = max(
        1, max(pixels.shape[:2]) // (2 * THUMBNAIL)
    )  # large images are thinned before the fine scaling
    pixels = pixels[::step, ::step]
    if image.nChannels == 1:
        pixels = pixels[:, :, 0]
    else:
        pixels = pixels[:, :, [2, 1, 0, 3][: image.nChannels]]  # BGR(A) -> RGB(A)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    data = base64.b64encode(packed.getvalue()).decode()
    title = html.escape(f"{image.origin} ({image.width} x {image.height})", quote=True)
    return f'<img src="data:image/png;base64,{data}" title="{title}">'
