"""Keras 3's `.keras` archives: a zip with config.json and model.weights.h5."""

import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from pydeepl.keras.errors import WeightsError

SIGNATURE = b"PK\x03\x04"
_MEMBER = "model.weights.h5"
_MAX_BYTES = 1 << 33
_MAX_EXPANSION = 50  # weights hardly compress
_PIECE = 1 << 22
# What zipfile raises for a damaged archive, or one with a password or a compression of its own.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
)


@contextmanager
def open_member(path: str) -> Iterator[IO[bytes]]:
    """The archive's weights as a temporary file, unpacked with its checksum verified.

    Raises WeightsError where they are missing or damaged, or where a small archive would unpack to a huge
    file.
    """
    with tempfile.TemporaryFile(prefix="pydeepl-") as out:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(path, archive, out)
        except WeightsError:
            raise
        except _DAMAGE as error:
            raise WeightsError(
                f"{path}: not a readable .keras archive (damaged or cut short?): {error}"
            ) from error
        out.seek(0)
        yield out


def _unpack(path: str, archive: zipfile.ZipFile, out: IO[bytes]) -> None:
    try:
        info = archive.getinfo(_MEMBER)
    except KeyError:
        inside = ", ".join(archive.namelist()[:8])
        raise WeightsError(f"{path}: no {_MEMBER} in this archive; it holds {inside or 'nothing'}") from None
    allowed = min(_MAX_BYTES, (1 << 20) + _MAX_EXPANSION * info.compress_size)
    if info.file_size > allowed:
        raise WeightsError(
            f"{path}: {_MEMBER} would unpack from {info.compress_size} to {info.file_size} bytes, "
            f"more than the {allowed} that weights of this size can need: refused"
        )
    with archive.open(info) as member:
        # zipfile gives no more than file_size bytes, whatever the stream holds, and checks the sum.
        while piece := member.read(_PIECE):
            out.write(piece)


def read_text(path: str, name: str, most: int) -> str:
    """A small text member. Raises WeightsError where it is missing, damaged or larger than `most` bytes."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            if info.file_size > most:
                raise WeightsError(f"{path}: {name} has {info.file_size} bytes, more than {most}: refused")
            return archive.read(info).decode()
    except WeightsError:
        raise
    except KeyError:
        raise WeightsError(f"{path}: no {name} in this archive") from None
    except _DAMAGE as error:
        raise WeightsError(
            f"{path}: not a readable .keras archive (damaged or cut short?): {error}"
        ) from error
