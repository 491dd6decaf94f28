"""Frames of plain files, and of images that a user's own function decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pydeepl import _core
from pydeepl.frame.plan import ROW
from pydeepl.images.files import PathLike, file_uri, list_files
from pydeepl.images.schema import IMAGE_FIELDS, IMAGE_TYPE
from pydeepl.images.source import Ordinals
from pydeepl.images.streams import ahead, grouped

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

FILE_SCHEMA = pa.schema([pa.field("filePath", pa.string()), pa.field("fileData", pa.binary())])


class FileSource:
    """The rows of a list of files, made by a function of a path; a row's ordinal is the file's place in the
    list."""

    def __init__(
        self, files: list[str], schema: pa.Schema, make: Callable[[str, Sequence[str]], dict[str, Any]]
    ):
        self._files, self._schema, self._make = files, schema, make

    def batches(
        self, columns: Sequence[str], rows: Iterable[Ordinals] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The columns asked for, of the files with the ordinals in `rows` (None: of all)."""
        ordinals = (
            iter(range(len(self._files))) if rows is None else (int(row) for chunk in rows for row in chunk)
        )

        def row_of(row: int) -> dict[str, Any]:
            return {ROW: row, **self._make(self._files[row], columns)}

        for group in grouped(ahead(row_of, ordinals, _core.default_threads()), _size):
            yield self._batch(group, columns)

    def _batch(self, rows: list[dict[str, Any]], columns: Sequence[str]) -> pa.RecordBatch:
        arrays = [
            pa.array(np.array([row[ROW] for row in rows], np.int64))
            if name == ROW
            else pa.array([row[name] for row in rows], self._schema.field(name).type)
            for name in columns
        ]
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _size(row: dict[str, Any]) -> int:
    """Bytes of the cells that can be large."""
    image = row.get("image")
    return len(image["data"]) if image else len(row.get("fileData") or b"")


def file_frame(path: PathLike | Iterable[PathLike], partitions: int | None) -> DataFrame:
    """imageIO.filesToDF, where the parameters are described."""

    def make(file: str, columns: Sequence[str]) -> dict[str, Any]:
        data = _bytes(file) if "fileData" in columns else None
        return {"filePath": file_uri(file), "fileData": data}

    return _frame(path, FILE_SCHEMA, make, "files", partitions)


def decoded_frame(
    path: PathLike | Iterable[PathLike], decode: Callable[[bytes], Any], partitions: int | None
) -> DataFrame:
    """imageIO.readImagesWithCustomFn, where the parameters are described."""

    def make(file: str, columns: Sequence[str]) -> dict[str, Any]:
        if "image" not in columns:
            return {}
        return {"image": decoded_image(lambda: decode(_bytes(file)), file_uri(file))}

    return _frame(path, pa.schema([pa.field("image", IMAGE_TYPE)]), make, "images", partitions)


def decoded_image(decode: Callable[[], Any], uri: str) -> dict[str, Any] | None:
    """The array that a user's function makes of a file, as an image's fields; None where it makes none."""
    from pydeepl.images.imageIO import imageArrayToStruct

    try:
        array = decode()
        image = None if array is None else imageArrayToStruct(array, uri)
    except Exception:  # whatever the user's function finds wrong with a file makes a null, as in sparkdl
        return None
    return None if image is None else dict(zip(IMAGE_FIELDS, image, strict=True))


def _bytes(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def _frame(
    path: PathLike | Iterable[PathLike],
    schema: pa.Schema,
    make: Callable[[str, Sequence[str]], dict[str, Any]],
    name: str,
    partitions: int | None,
) -> DataFrame:
    from pydeepl.frame import scan

    files = list_files(path).files
    source = FileSource(files, schema, make)
    return scan(schema, source.batches, name=name, slots=len(files), partitions=partitions or 1)
