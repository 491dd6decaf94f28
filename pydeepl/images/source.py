"""A frame's source of images: files decoded on threads, a few images ahead of the reader."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pydeepl import _core
from pydeepl.frame.plan import ROW, file_of
from pydeepl.images.decode import Pixels, decode
from pydeepl.images.errors import ImageError
from pydeepl.images.files import Listing, file_uri
from pydeepl.images.limits import read_file, resolve_max_pixels
from pydeepl.images.schema import IMAGE_TYPE, image_array
from pydeepl.images.streams import ahead, grouped

IMAGE_SCHEMA = pa.schema([pa.field("image", IMAGE_TYPE)])
IMAGE_FILE = file_of("image")
FILES_AT_ONCE = 64  # rows of a batch of files, whose images somebody else is going to read

Ordinals = npt.NDArray[np.int64]


class ImageSource:
    """The rows of a list of files: one column `image`, a row a file, its ordinal the file's place in the
    list. In its place, the files' paths can be had (IMAGE_FILE).

    Parameters
    ----------
    listing: the files.
    drop_invalid: leave out files that are no readable image (else their rows hold -1).
    threads: files decoded at a time; None for as many as the machine has CPUs.
    max_pixels: most height * width of an image; None for the default.
    """

    def __init__(
        self, listing: Listing, drop_invalid: bool, threads: int | None = None, max_pixels: int | None = None
    ) -> None:
        self._listing, self._drop_invalid = listing, drop_invalid
        self._threads = threads or _core.default_threads()
        self._max_pixels = resolve_max_pixels(max_pixels)
        self._readable: dict[int, bool] = {}
        self._reasons: dict[int, str] = {}

    @property
    def slots(self) -> int:
        """The number of ordinals."""
        return len(self._listing.files)

    def batches(
        self, columns: Sequence[str], rows: Iterable[Ordinals] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The columns asked for, of the files with the ordinals in `rows` (ascending; None: of all)."""
        ordinals = iter(range(self.slots)) if rows is None else (int(row) for chunk in rows for row in chunk)
        if self._drop_invalid:
            ordinals = (row for row in ordinals if self._readable.get(row, True))
        if "image" in columns:
            yield from self._decoded(columns, ordinals)
        else:
            yield from self._counted(columns, ordinals)

    def failures(self) -> list[tuple[str, str]]:
        """(origin, reason) of every file that gives no image; files not read so far are read now."""
        for _ in ahead(self._is_readable, range(self.slots), self._threads):
            pass
        failed = {self._listing.files[row]: reason for row, reason in self._reasons.items()}
        failed |= dict.fromkeys(self._listing.empty, "the file is empty")
        return [(file_uri(file), reason) for file, reason in sorted(failed.items())]

    def _counted(self, columns: Sequence[str], ordinals: Iterator[int]) -> Iterator[pa.RecordBatch]:
        """Rows without their images: files are decoded only where it is not known whether they can be."""
        if self._drop_invalid:
            known = ahead(self._is_readable_row, ordinals, self._threads)
            ordinals = (row for row, readable in known if readable)
        most = FILES_AT_ONCE if IMAGE_FILE in columns else 4096
        while chunk := [row for _, row in zip(range(most), ordinals, strict=False)]:
            yield self._batch(columns, chunk, None)

    def _decoded(self, columns: Sequence[str], ordinals: Iterator[int]) -> Iterator[pa.RecordBatch]:
        read = ahead(self._read_row, ordinals, self._threads)
        kept = (pair for pair in read if pair[1] is not None or not self._drop_invalid)
        for group in grouped(kept, lambda pair: 0 if pair[1] is None else pair[1].nbytes):
            rows, images = [row for row, _ in group], [image for _, image in group]
            origins = [file_uri(self._listing.files[row]) for row in rows]
            yield self._batch(columns, rows, image_array(origins, images))

    def _batch(self, columns: Sequence[str], rows: list[int], images: pa.Array | None) -> pa.RecordBatch:
        made = {ROW: pa.array(np.asarray(rows, np.int64)), "image": images}
        if IMAGE_FILE in columns:
            made[IMAGE_FILE] = pa.array([os.fsencode(self._listing.files[row]) for row in rows], pa.binary())
        return pa.RecordBatch.from_arrays([made[name] for name in columns], names=list(columns))

    def _is_readable_row(self, row: int) -> tuple[int, bool]:
        return row, self._is_readable(row)

    def _is_readable(self, row: int) -> bool:
        if row not in self._readable:
            self._read_row(row)
        return self._readable[row]

    def _read_row(self, row: int) -> tuple[int, Pixels | None]:
        """A file's pixels, None where it fails; what is found out the first time holds."""
        if self._readable.get(row) is False:
            return row, None
        try:
            image = read_image(self._listing.files[row], self._max_pixels)
        except ImageError as error:
            if self._readable.get(row) and self._drop_invalid:  # rows were counted with it
                raise ImageError(
                    f"{self._listing.files[row]} was readable and is no more: {error}"
                ) from error
            self._reasons[row] = str(error)
            self._readable[row] = False
            return row, None
        self._readable[row] = True
        return row, image


def read_image(path: str, max_pixels: int) -> Pixels:
    """Reads and decodes a file: uint8 [height, width, 1 | 3 | 4]. Raises ImageError with the reason."""
    try:
        data = read_file(path, max_pixels)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    pixels = decode(data, max_pixels)
    if pixels.nbytes > np.iinfo(np.int32).max:
        raise ImageError(f"{pixels.nbytes} bytes of pixels do not fit in a row (2 GiB)")
    return pixels
