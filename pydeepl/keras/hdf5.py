"""HDF5 files from strangers: only plain groups and arrays that lie in the file itself are followed."""

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
_MAX_LINKS = 100 * MAX_LAYERS
_AS_IT_IS = np.dtype(np.float32)  # in this machine's order of bytes
_MAX_EXPANSION = 1000  # bytes in memory per byte on disk, beyond which compression is taken for an attack


# What h5py raises, at any access, for a damaged file.
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError)


@contextmanager
def open_hdf5(path: str, file: IO[bytes] | None = None) -> Iterator["Group"]:
    """The root group of the HDF5 file at `path`, or of the open `file` that `path` names in messages."""
    import h5py

    with reading(path):
        # Reading needs no lock, and shared folders often have none.
        root = h5py.File(path if file is None else file, "r", locking=False if file is None else None)
    with root:
        yield Group(_Tree(root), "/", 0)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns whatever h5py raises for a damaged file into a WeightsError."""
    try:
        yield
    except WeightsError:
        raise
    except _DAMAGE as error:
        raise WeightsError(f"{path}: not a readable HDF5 file (damaged or cut short?): {error}") from error


class _Tree:
    """All links of an open file, from one walk: to ask for each of a network's thousand takes far longer."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self._members: dict[int, dict[str, tuple[int, int]]] | None = None

    def members(self, address: int) -> dict[str, tuple[int, int]]:
        """The links of the group at an address, by name: their kinds, and the addresses of ordinary ones.

        The root's address is 0 here. Nothing for an array.
        """
        if self._members is None:
            self._members = self._walk()
        return self._members.get(address, {})

    def _walk(self) -> dict[int, dict[str, tuple[int, int]]]:
        import h5py

        root = h5py.h5o.get_info(self.file.id).addr
        addresses, members = {b"": 0}, dict[int, dict[str, tuple[int, int]]]()

        def note(path: bytes, link: Any) -> bool | None:
            address = link.u if link.type == h5py.h5l.TYPE_HARD else 0
            address = 0 if address == root else address
            above, _, name = path.rpartition(b"/")
            names = members.setdefault(addresses[above], {})
            names[name.decode(errors="surrogateescape")] = link.type, address
            addresses[path] = address
            return True if len(addresses) > _MAX_LINKS else None  # ends the walk

        top = h5py.h5g.open(self.file.id, b"/")
        if top.links.visit(note, info=True):
            raise ValueError(f"it holds more than {_MAX_LINKS} objects")
        return members


class Group:
    """A group of an open file."""

    def __init__(self, tree: _Tree, name: str, address: int) -> None:
        self.tree = tree
        self.name = name
        """Its full path in the file."""
        self._address = address
        self._opened: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.tree.members(self._address)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tree.members(self._address))

    def __len__(self) -> int:
        return len(self.tree.members(self._address))

    @property
    def id(self) -> Any:
        """h5py's own object."""
        import h5py

        return h5py.h5o.open(self.tree.file.id, _bytes(self.name))

    @property
    def attrs(self) -> Any:
        """The group's attributes."""
        import h5py

        return h5py.Group(self.id).attrs

    def full_name(self, name: str) -> str:
        """The full path of what is at `name` below."""
        return f"{self.name.rstrip('/')}/{name}"

    def is_empty(self, name: str) -> bool:
        """Whether `name` is a group, or anything else, without members."""
        import h5py

        kind, address = self.tree.members(self._address).get(name, (h5py.h5l.TYPE_HARD, -1))
        return kind == h5py.h5l.TYPE_HARD and not self.tree.members(address)

    def find(self, path: str, name: str) -> int:
        """The address of `name` ("a/b/c") below; every step must be an ordinary link.

        Raises WeightsError where it is missing, or where a soft or external link leads elsewhere.
        """
        import h5py

        h5l, address, where = h5py.h5l, self._address, self.name.rstrip("/")
        for part in name.split("/"):
            where = f"{where}/{part}"
            kind, address = self.tree.members(address).get(part, (None, 0))
            if kind is None:
                raise WeightsError(f"{path}: {where} is missing")
            if kind != h5l.TYPE_HARD:
                names = {h5l.TYPE_SOFT: "SoftLink", h5l.TYPE_EXTERNAL: "ExternalLink"}
                found = names.get(kind, "link of a user's kind")
                raise WeightsError(f"{path}: {where} is a {found}; links to elsewhere are refused")
        return address

    def open(self, path: str, name: str) -> Any:
        """h5py's own object for what `find` finds; kept, since some are asked for twice."""
        import h5py

        found = self._opened.get(name)
        if found is None:
            self.find(path, name)
            where = _bytes(self.full_name(name))
            # The low-level interface, here and below: the wrappers take several times as long.
            found = self._opened[name] = h5py.h5o.open(self.tree.file.id, where)
        return found


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def group_at(path: str, group: Group, name: str) -> Group:
    """The group `name` below a group."""
    import h5py

    address = group.find(path, name)
    if not group.tree.members(address) and not isinstance(group.open(path, name), h5py.h5g.GroupID):
        raise WeightsError(f"{path}: {group.full_name(name)} is not a group")
    return Group(group.tree, group.full_name(name), address)


def names_attribute(path: str, group: Group, name: str) -> list[str] | None:
    """The names kept as attribute `name`, or in pieces as `name0`, `name1`, ...; None if absent."""
    import h5py

    opened = group.id

    def there(attribute: str) -> bool:
        return bool(h5py.h5a.exists(opened, attribute.encode()))

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


def _names(path: str, group: Group, name: str) -> list[str]:
    import h5py

    attribute = h5py.h5a.open(group.id, name.encode())
    shape = attribute.shape
    if len(shape) != 1 or shape[0] > _MAX_NAMES:
        raise WeightsError(f"{path}: attribute {name} of {group.name} has shape {shape}, not a list of names")
    names = np.empty(shape, attribute.dtype)
    if names.size:
        attribute.read(names)
    return [item.decode() if isinstance(item, bytes) else str(item) for item in names]


def array_at(path: str, group: Group, name: str) -> StoredArray:
    """The array `name` below a group, checked from what the file says of it; no value is read."""
    import h5py

    h5d, dataset, where = h5py.h5d, group.open(path, name), group.full_name(name)
    if not isinstance(dataset, h5d.DatasetID):
        raise WeightsError(f"{path}: {where} is not an array")
    shape, dtype = dataset.shape, dataset.dtype  # each access asks the library anew
    if shape is None or dtype.names is not None:
        raise WeightsError(f"{path}: {where} holds no numbers")
    storage = dataset.get_create_plist()
    layout = storage.get_layout()
    if layout == h5d.VIRTUAL or storage.get_external_count() > 0:
        raise WeightsError(f"{path}: {where} keeps its values in other files, which is refused")
    check_array(path, where, shape, dtype)
    chunk = storage.get_chunk() if layout == h5d.CHUNKED else None
    _check_storage(f"{path}: {where}", dataset.get_storage_size(), shape, chunk, dtype)
    offset = dataset.get_offset() if dtype == _AS_IT_IS else None
    file = group.tree.file

    def fill(values: NDArray[np.float32]) -> None:
        if values.size:
            again = h5py.h5o.open(file.id, _bytes(where))  # a thousand that stay open take long to close
            again.read(h5py.h5s.ALL, h5py.h5s.ALL, values)

    return StoredArray(name, shape, dtype, fill, offset)


def text_attribute(group: Group, name: str) -> str | None:
    """The text kept as attribute `name`; None where there is none."""
    import h5py

    opened, key = group.id, name.encode()
    if not h5py.h5a.exists(opened, key):
        return None
    attribute = h5py.h5a.open(opened, key)
    if attribute.shape != ():
        return None
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    found = value[()]
    return found.decode() if isinstance(found, bytes) else found if isinstance(found, str) else None


def is_counter(path: str, group: Group, name: str) -> bool:
    """Whether the array is one whole number: how many samples a Normalization's weights come from."""
    dataset = group.open(path, name)
    return getattr(dataset, "shape", None) == () and dataset.dtype.kind in "iu"


def handle_of(root: Group) -> int | None:
    """The descriptor of an open file that lies as it is on a disk; None for any other."""
    file = root.tree.file
    return file.id.get_vfd_handle() if file.driver == "sec2" else None


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
