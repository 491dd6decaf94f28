"""HDF5 files from strangers: only plain groups and arrays that lie in the file itself are followed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.stored import MAX_LAYERS, StoredArray, check_array

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_NAMES = 20 * MAX_LAYERS
_AS_IT_IS = np.dtype(np.float32)  # in this machine's order of bytes
_MAX_EXPANSION = 1000  # bytes in memory per byte on disk, beyond which compression is taken for an attack


# What h5py raises, at any access, for a damaged file.
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError)


@contextmanager
def open_hdf5(path: str, file: IO[bytes] | None = None) -> Iterator[Any]:
    """The root group of the HDF5 file at `path`, or of the open `file` that `path` names in messages."""
    import h5py

    with reading(path):
        # Reading needs no lock, and shared folders often have none.
        root = h5py.File(path if file is None else file, "r", locking=False if file is None else None)
    with root:
        yield root


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns whatever h5py raises for a damaged file into a WeightsError."""
    try:
        yield
    except WeightsError:
        raise
    except _DAMAGE as error:
        raise WeightsError(f"{path}: not a readable HDF5 file (damaged or cut short?): {error}") from error


def _open(path: str, group: Any, name: str) -> Any:
    """The object `name` ("a/b/c") below a group; every step must be an ordinary link.

    Raises WeightsError where it is missing, or where a soft or external link leads elsewhere.
    """
    import h5py

    # The low-level interface, here and below: a network has a thousand objects, and the wrappers cost more
    # than its work.
    place = group.id
    for part in name.split("/"):
        step = part.encode()
        _check_link(path, place, step)
        place = h5py.h5o.open(place, step)
    return place


def _check_link(path: str, place: Any, step: bytes) -> None:
    """Raises WeightsError unless `step` is an ordinary link of the group `place`."""
    from h5py import h5g, h5i, h5l

    usable = isinstance(place, h5g.GroupID) and step not in (b"", b".") and place.links.exists(step)
    kind = place.links.get_info(step).type if usable else None
    if kind == h5l.TYPE_HARD:
        return
    above = (h5i.get_name(place) or b"?").decode(errors="replace")
    where = f"{path}: {above.rstrip('/')}/{step.decode(errors='replace')}"
    if kind is None:
        raise WeightsError(f"{where} is missing")
    name = {h5l.TYPE_SOFT: "SoftLink", h5l.TYPE_EXTERNAL: "ExternalLink"}.get(kind, "link of a user's kind")
    raise WeightsError(f"{where} is a {name}; links to elsewhere are refused")


def group_at(path: str, group: Any, name: str) -> Any:
    """The group `name` below a group."""
    import h5py

    found = _open(path, group, name)
    if not isinstance(found, h5py.h5g.GroupID):
        raise WeightsError(f"{path}: {_full_name(group, name)} is not a group")
    return h5py.Group(found)


def _full_name(group: Any, name: str) -> str:
    """For messages."""
    return f"{group.name.rstrip('/')}/{name}"


def names_attribute(path: str, group: Any, name: str) -> list[str] | None:
    """The names kept as attribute `name`, or in pieces as `name0`, `name1`, ...; None if absent."""
    import h5py

    def there(attribute: str) -> bool:
        return bool(h5py.h5a.exists(group.id, attribute.encode()))

    if there(name):
        return _names(path, group, name)
    pieces: list[str] = []
    count = 0
    while there(f"{name}{count}"):
        pieces += _names(path, group, f"{name}{count}")
        if len(pieces) > _MAX_NAMES:
            raise WeightsError(f"{path}: {group.name} lists more than {_MAX_NAMES} {name}")
        count += 1
    return pieces if count else None


def _names(path: str, group: Any, name: str) -> list[str]:
    import h5py

    attribute = h5py.h5a.open(group.id, name.encode())
    shape = attribute.shape
    if len(shape) != 1 or shape[0] > _MAX_NAMES:
        raise WeightsError(f"{path}: attribute {name} of {group.name} has shape {shape}, not a list of names")
    names = np.empty(shape, attribute.dtype)
    if names.size:
        attribute.read(names)
    return [item.decode() if isinstance(item, bytes) else str(item) for item in names]


def array_at(path: str, group: Any, name: str, handle: int | None = None) -> StoredArray:
    """The array `name` below a group, checked from what the file says of it; no value is read.

    handle: the open file's, as handle_of gives it: values that lie there in one piece are read from it.
    """
    from h5py import h5d, h5s

    dataset, where = _open(path, group, name), _full_name(group, name)
    if not isinstance(dataset, h5d.DatasetID):
        raise WeightsError(f"{path}: {where} is not an array")
    shape, dtype = dataset.shape, dataset.dtype  # each access asks the library anew
    if shape is None or dtype.names is not None:
        raise WeightsError(f"{path}: {where} holds no numbers")
    storage = dataset.get_create_plist()
    if storage.get_layout() == h5d.VIRTUAL or storage.get_external_count() > 0:
        raise WeightsError(f"{path}: {where} keeps its values in other files, which is refused")
    check_array(path, where, shape, dtype)
    chunk = storage.get_chunk() if storage.get_layout() == h5d.CHUNKED else None
    _check_storage(f"{path}: {where}", dataset.get_storage_size(), shape, chunk, dtype)
    offset = dataset.get_offset() if dtype == _AS_IT_IS else None

    def fill(values: NDArray[np.float32]) -> None:
        if values.size == 0:
            return
        if handle is None or offset is None:
            dataset.read(h5s.ALL, h5s.ALL, values)
        else:
            _read_at(handle, offset, values)

    return StoredArray(name, shape, dtype, fill)


def is_counter(path: str, group: Any, name: str) -> bool:
    """Whether the array is one whole number: how many samples a Normalization's weights come from."""
    dataset = _open(path, group, name)
    return getattr(dataset, "shape", None) == () and dataset.dtype.kind in "iu"


def handle_of(root: Any) -> int | None:
    """The descriptor of an open file that lies as it is on a disk, for array_at; None for any other."""
    return root.file.id.get_vfd_handle() if root.file.driver == "sec2" and hasattr(os, "preadv") else None


def _read_at(handle: int, offset: int, values: NDArray[np.float32]) -> None:
    """Reads values that lie in one piece: for small arrays, which most are, the library takes far longer."""
    left = values.reshape(-1).data.cast("B")
    while left:
        count = os.preadv(handle, [left], offset)
        if count == 0:
            raise OSError("the file ends before its values do")
        offset, left = offset + count, left[count:]


def _check_storage(
    where: str, stored: int, shape: tuple[int, ...], chunk: tuple[int, ...] | None, dtype: np.dtype[Any]
) -> None:
    """The bytes on disk must be able to give the shape: a short file must not ask for gigabytes."""
    size = prod(shape) * dtype.itemsize
    if chunk is None:
        plausible = stored >= size
    else:
        plausible = max(size, prod(chunk) * dtype.itemsize) <= _MAX_EXPANSION * stored or size == 0
    if not plausible:
        raise WeightsError(
            f"{where} has shape {list(shape)} ({size} bytes), but only {stored} bytes are stored"
        )
