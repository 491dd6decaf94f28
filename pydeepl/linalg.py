"""Vectors: the values (as pyspark.ml.linalg spells them) and their Arrow columns.

A column of vectors is an Arrow extension array of type "pydeepl.vector" over one of two storages:

    dense, all of one size d      fixed_size_list<float | double>[d]: a [n, d] matrix, never copied
    sparse, or of mixed sizes     struct<type: int8, size: int32, indices: list<int32>, values: list<double>>,
                                  Spark's own: type 0 is sparse, 1 is dense (size and indices are then null);
                                  with values: list<float> where they came as float32 (sparse_vector_array)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
Vector: TypeAlias = "DenseVector | SparseVector"

SPARSE, DENSE = 0, 1


def _mixed_storage(number: pa.DataType) -> pa.DataType:
    return pa.struct(
        [
            pa.field("type", pa.int8(), nullable=False),
            pa.field("size", pa.int32()),
            pa.field("indices", pa.list_(pa.field("element", pa.int32(), nullable=False))),
            pa.field("values", pa.list_(pa.field("element", number, nullable=False))),
        ]
    )


MIXED_STORAGE = _mixed_storage(pa.float64())
MIXED_STORAGE_FLOAT32 = _mixed_storage(pa.float32())
_MIXED_STORAGES = (MIXED_STORAGE, MIXED_STORAGE_FLOAT32)


class DenseVector:
    """A vector stored as one float array.

    Parameters: ar, the values: an array or any sequence of numbers. A float32 array is kept as it is (a
    column of float32 features is shown without a copy); everything else becomes float64.
    Source: pyspark.ml.linalg.DenseVector.
    """

    __slots__ = ("array",)
    array: FloatArray

    def __init__(self, ar: Any) -> None:
        values = np.asarray(list(ar) if isinstance(ar, Iterator) else ar)
        if values.dtype != np.float32:
            values = values.astype(np.float64, copy=False)
        if values.ndim != 1:
            raise ValueError(
                f"DenseVector: expected a sequence of numbers, got an array of shape {values.shape}"
            )
        self.array = values

    @property
    def values(self) -> FloatArray:
        """The values, [size]."""
        return self.array

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.array)

    def toArray(self) -> FloatArray:
        """The values as a numpy array, [size] (not a copy)."""
        return self.array

    def dot(self, other: Any) -> float:
        """The inner product with a vector or array of the same size."""
        return float(self.array @ _same_size(self, other))

    def norm(self, p: float | str) -> float:
        """The p-norm (numpy.linalg.norm's orders)."""
        return float(np.linalg.norm(self.array, float(p)))

    def squared_distance(self, other: Any) -> float:
        """The squared Euclidean distance to a vector or array of the same size."""
        difference = self.array - _same_size(self, other)
        return float(difference @ difference)

    def numNonzeros(self) -> int:
        """The number of values that are not 0."""
        return int(np.count_nonzero(self.array))

    @overload
    def __getitem__(self, item: int) -> float: ...
    @overload
    def __getitem__(self, item: slice) -> FloatArray: ...
    def __getitem__(self, item: int | slice) -> float | FloatArray:
        value = self.array[item]
        return value if isinstance(item, slice) else float(value)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[float]:
        return iter(self.array.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    # ---- arithmetic, element by element, with a number, an array or a vector of the same size

    def __getattr__(self, name: str) -> Any:
        """Other names are the array's: v.sum(), v.max(), v.shape."""
        if name.startswith("_") or name == "array":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.array, name)

    def __neg__(self) -> DenseVector:
        return DenseVector(-self.array)

    def __add__(self, other: Any) -> DenseVector:
        return DenseVector(self.array + _operand(other))

    def __radd__(self, other: Any) -> DenseVector:
        return DenseVector(_operand(other) + self.array)

    def __sub__(self, other: Any) -> DenseVector:
        return DenseVector(self.array - _operand(other))

    def __rsub__(self, other: Any) -> DenseVector:
        return DenseVector(_operand(other) - self.array)

    def __mul__(self, other: Any) -> DenseVector:
        return DenseVector(self.array * _operand(other))

    def __rmul__(self, other: Any) -> DenseVector:
        return DenseVector(_operand(other) * self.array)

    def __truediv__(self, other: Any) -> DenseVector:
        return DenseVector(self.array / _operand(other))

    def __rtruediv__(self, other: Any) -> DenseVector:
        return DenseVector(_operand(other) / self.array)

    def __mod__(self, other: Any) -> DenseVector:
        return DenseVector(self.array % _operand(other))

    def __rmod__(self, other: Any) -> DenseVector:
        return DenseVector(_operand(other) % self.array)

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    def __hash__(self) -> int:
        return _hash(self)

    def __str__(self) -> str:
        return "[" + ",".join(map(str, self.array.tolist())) + "]"

    def __repr__(self) -> str:
        return "DenseVector([" + ", ".join(map(_short, self.array.tolist())) + "])"


class SparseVector:
    """A vector stored as its size and the indices and values that are not 0.

    Parameters: size; then either a dict or pairs {index: value}, or two sequences: indices (strictly
    ascending) and values. Raises ValueError where they are of different lengths, out of range or not
    ascending. Source: pyspark.ml.linalg.SparseVector.
    """

    __slots__ = ("indices", "size", "values")
    size: int
    indices: npt.NDArray[np.int32]
    values: FloatArray

    def __init__(self, size: int, *args: Any) -> None:
        if len(args) == 1:
            pairs = sorted(args[0].items() if isinstance(args[0], Mapping) else args[0])
            args = [index for index, _ in pairs], [value for _, value in pairs]
        if len(args) != 2:
            raise TypeError(
                f"SparseVector(size, pairs) or (size, indices, values): got {len(args) + 1} arguments"
            )
        self.size = int(size)
        self.indices = np.asarray(args[0], np.int32)
        self.values = np.asarray(args[1], np.float64)
        if self.indices.shape != self.values.shape or self.indices.ndim != 1:
            raise ValueError(
                f"SparseVector: {self.indices.size} indices but {self.values.size} values; expected as many"
            )
        if self.indices.size and (self.indices[0] < 0 or self.indices[-1] >= self.size):
            raise ValueError(
                f"SparseVector: an index is outside 0 ... {self.size - 1}: {self.indices.tolist()}"
            )
        if np.any(np.diff(self.indices) <= 0):
            raise ValueError(f"SparseVector: indices must be strictly ascending, got {self.indices.tolist()}")

    def toArray(self) -> FloatArray:
        """All values as a float64 numpy array, [size]."""
        values = np.zeros(self.size)
        values[self.indices] = self.values
        return values

    def dot(self, other: Any) -> float:
        """The inner product with a vector or array of the same size."""
        return float(self.values @ _same_size(self, other)[self.indices])

    def norm(self, p: float | str) -> float:
        """The p-norm (numpy.linalg.norm's orders)."""
        return float(np.linalg.norm(self.toArray(), float(p)))

    def squared_distance(self, other: Any) -> float:
        """The squared Euclidean distance to a vector or array of the same size."""
        difference = self.toArray() - _same_size(self, other)
        return float(difference @ difference)

    def numNonzeros(self) -> int:
        """The number of values that are not 0."""
        return int(np.count_nonzero(self.values))

    def __getitem__(self, index: int) -> float:
        if not -self.size <= index < self.size:
            raise IndexError(f"SparseVector: index {index} is outside 0 ... {self.size - 1}")
        place = int(np.searchsorted(self.indices, index % self.size))
        found = place < len(self.indices) and self.indices[place] == index % self.size
        return float(self.values[place]) if found else 0.0

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[float]:
        return iter(self.toArray().tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.toArray(), dtype=dtype)

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    def __hash__(self) -> int:
        return _hash(self)

    def __str__(self) -> str:
        return "({},{},{})".format(
            self.size,
            "[" + ",".join(map(str, self.indices.tolist())) + "]",
            "[" + ",".join(map(str, self.values.tolist())) + "]",
        )

    def __repr__(self) -> str:
        pairs = zip(self.indices.tolist(), self.values.tolist(), strict=True)
        return f"SparseVector({self.size}, {{{', '.join(f'{i}: {_short(v)}' for i, v in pairs)}}})"


def _short(value: float) -> str:
    """At most four decimals, as PySpark prints vectors; unlike there, an exponent is never cut."""
    text = str(round(value, 4))
    return text[: text.index(".") + 5] if "." in text and "e" not in text else text


def _operand(other: Any) -> Any:
    return other.toArray() if isinstance(other, DenseVector | SparseVector) else other


def _same_size(vector: Vector, other: Any) -> FloatArray:
    values = np.asarray(other.toArray() if isinstance(other, SparseVector) else other)
    if values.shape != (len(vector),):
        raise ValueError(f"vectors of different sizes: {len(vector)} and {values.shape}")
    return values


def _equal(a: Vector, b: object) -> bool:
    if not isinstance(b, DenseVector | SparseVector):
        return False
    return len(a) == len(b) and bool(np.array_equal(a.toArray(), b.toArray()))


def _hash(vector: Vector) -> int:
    """Equal for equal vectors, dense or sparse, float32 or float64: of the size and the first values that are
    not 0."""
    values = vector.toArray()
    places = np.flatnonzero(values)[:16]
    return hash((len(values), tuple(places.tolist()), tuple(values[places].tolist())))


class Vectors:
    """Makes vectors, as pyspark.ml.linalg.Vectors does."""

    @staticmethod
    def dense(*elements: Any) -> DenseVector:
        """A DenseVector of the numbers given, or of one sequence of numbers."""
        whole = len(elements) == 1 and not isinstance(elements[0], float | int | np.number)
        return DenseVector(elements[0] if whole else elements)

    @staticmethod
    def sparse(size: int, *args: Any) -> SparseVector:
        """A SparseVector: Vectors.sparse(4, {1: 1.0, 3: 5.5}), (4, [(1, 1.0), (3, 5.5)]) or (4, [1, 3], [1.0,
        5.5])."""
        return SparseVector(size, *args)

    @staticmethod
    def zeros(size: int) -> DenseVector:
        """A DenseVector of zeros."""
        return DenseVector(np.zeros(size))

    @staticmethod
    def norm(vector: Vector, p: float | str) -> float:
        """The vector's p-norm."""
        return vector.norm(p)

    @staticmethod
    def squared_distance(v1: Vector, v2: Vector) -> float:
        """The squared Euclidean distance between two vectors of the same size."""
        return v1.squared_distance(v2)


class VectorUDT:
    """The type of a vector column in a schema (PySpark's VectorUDT)."""

    def simpleString(self) -> str:
        """The type's name in `dtypes`."""
        return "vector"

    def typeName(self) -> str:
        """The type's name in printSchema()."""
        return "vector"

    def jsonValue(self) -> dict[str, Any]:
        """The type in a schema's JSON."""
        fields = (("type", "byte", False), ("size", "integer", True))
        lists = (("indices", "integer"), ("values", "double"))
        parts: list[dict[str, Any]] = [
            {"name": name, "type": kind, "nullable": null, "metadata": {}} for name, kind, null in fields
        ]
        for name, kind in lists:
            array = {"type": "array", "elementType": kind, "containsNull": False}
            parts.append({"name": name, "type": array, "nullable": True, "metadata": {}})
        return {
            "type": "udt",
            "class": "org.apache.spark.ml.linalg.VectorUDT",
            "pyClass": "pyspark.ml.linalg.VectorUDT",
            "sqlType": {"type": "struct", "fields": parts},
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VectorUDT)

    def __hash__(self) -> int:
        return hash(VectorUDT)

    def __repr__(self) -> str:
        return "VectorUDT()"


def is_dense_storage(storage: pa.DataType) -> bool:
    """Whether vectors stored so are the rows of a float32 or float64 matrix."""
    return pa.types.is_fixed_size_list(storage) and storage.value_type in (pa.float32(), pa.float64())


class VectorType(pa.ExtensionType):  # type: ignore[misc]
    """The Arrow type "pydeepl.vector"; its storage says how the vectors lie (see the head of this file)."""

    def __init__(self, storage: pa.DataType) -> None:
        if not (is_dense_storage(storage) or storage in _MIXED_STORAGES):
            raise TypeError(f"pydeepl.vector: {storage} cannot hold vectors")
        super().__init__(storage, "pydeepl.vector")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> VectorType:
        return cls(storage_type)

    def __hash__(self) -> int:
        return hash((VectorType, self.storage_type))

    def __arrow_ext_scalar_class__(self) -> type[pa.ExtensionScalar]:
        return VectorScalar

    @property
    def size(self) -> int | None:
        """The vectors' size where all have the same, else None."""
        return self.storage_type.list_size if is_dense_storage(self.storage_type) else None


class VectorScalar(pa.ExtensionScalar):  # type: ignore[misc]
    """One cell of a vector column."""

    def as_py(self, **_: Any) -> Vector | None:
        if self.value is None:
            return None
        if isinstance(self.value, pa.FixedSizeListScalar):
            return DenseVector(self.value.values.to_numpy())
        return _mixed_value(self.value.as_py())


MIXED = VectorType(MIXED_STORAGE)
with contextlib.suppress(pa.ArrowKeyError):  # loaded a second time: the first registration serves
    pa.register_extension_type(MIXED)


def dense_type(size: int, dtype: Any = np.float32) -> VectorType:
    """The Arrow type of dense vectors of one size, of float32 or float64."""
    return VectorType(pa.list_(pa.from_numpy_dtype(np.dtype(dtype)), size))


def is_vector(arrow_type: pa.DataType) -> bool:
    """Whether an Arrow type is pydeepl.vector."""
    return isinstance(arrow_type, VectorType)


def vector_array(values: npt.NDArray[Any]) -> pa.ExtensionArray:
    """A vector column of a matrix's rows, without a copy.

    Parameters: values [n, d], C-contiguous float32 or float64. Returns the Arrow array of n vectors.
    Raises ValueError where the shape or dtype is another.
    """
    if values.ndim != 2 or values.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"vector_array: expected float32 or float64 [n, d], got {values.dtype} {values.shape}"
        )
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    arrow_type = dense_type(values.shape[1], values.dtype)
    # Built from buffers: FixedSizeListArray.from_arrays loses the row count where d = 0.
    buffers = pa.Array.from_buffers(arrow_type.storage_type, len(values), [None], children=[flat])
    return pa.ExtensionArray.from_storage(arrow_type, buffers)


@dataclass(frozen=True)
class SparseRows:
    """Sparse vectors of one size as compressed rows.

    Row i holds values[k] at indices[k] for indptr[i] <= k < indptr[i + 1]: indptr int64 [n + 1], indices
    int32 [count], values float32 or float64 [count]; size: numbers of a vector.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: FloatArray
    size: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def toArray(self) -> FloatArray:
        """The rows in full, [n, size]."""
        matrix = np.zeros((len(self), self.size), self.values.dtype)
        used = slice(self.indptr[0], self.indptr[-1])
        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        matrix[rows, self.indices[used]] = self.values[used]
        return matrix


def sparse_vector_array(rows: Any) -> pa.ExtensionArray:
    """A vector column of a sparse matrix's rows, without a copy of its int32 indices and its float values.

    Parameters: rows, a SciPy sparse matrix or array [n, d] (of another format than CSR, or with indices that
    are unsorted or there twice: a tidy copy is made), or (indptr, indices, values, size) of compressed rows
    with indices that rise within a row. Values of float32 stay so; all others become float64.
    Returns the Arrow array of n vectors. Raises ValueError where the parts do not fit together; TypeError for
    something else.
    """
    if hasattr(rows, "tocsr"):
        csr = rows.tocsr()
        if not csr.has_canonical_format:
            csr = csr.copy() if csr is rows else csr
            csr.sum_duplicates()
        rows = csr.indptr, csr.indices, csr.data, csr.shape[1]
    if not (isinstance(rows, tuple) and len(rows) == 4):
        raise TypeError(
            "sparse_vector_array: expected a SciPy sparse matrix or (indptr, indices, values, size), "
            f"got {type(rows).__name__}"
        )
    indptr, indices, values, size = map(np.asarray, rows)
    return _sparse_array(indptr, indices, values, size)


def _sparse_array(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], values: npt.NDArray[Any], sizes: npt.NDArray[Any]
) -> pa.ExtensionArray:
    """sizes: of each row [n], or one for all of them."""
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    shaped = indptr.ndim == indices.ndim == values.ndim == 1 and len(indptr) > 0
    if not shaped or len(indices) != len(values) or indptr[0] < 0 or (np.diff(indptr) < 0).any():
        raise ValueError(
            "sparse_vector_array: expected indptr [n + 1] that never falls, and as many indices as values; "
            f"got indptr {indptr.shape}, indices {indices.shape} and values {values.shape}"
        )
    if indptr[-1] > len(values) or len(values) >= 2**31:
        raise ValueError(
            f"sparse_vector_array: {indptr[-1]} values in the rows; expected at most the {len(values)} "
            "given, and fewer than 2**31 (make a column of several chunks)"
        )
    size = int(sizes.max(initial=0))
    used = indices[indptr[0] : indptr[-1]]
    if size >= 2**31 or (used.size and (used.min() < 0 or used.max() >= size)):
        raise ValueError(f"sparse_vector_array: an index is outside 0 ... {size - 1}")
    storage = MIXED_STORAGE_FLOAT32 if values.dtype == np.float32 else MIXED_STORAGE
    rows, offsets = len(indptr) - 1, pa.array(indptr.astype(np.int32, copy=False))
    parts = [
        pa.array(np.full(rows, SPARSE, np.int8)),
        pa.array(np.broadcast_to(sizes, rows).astype(np.int32)),
    ]
    for name, numbers in (("indices", indices.astype(np.int32, copy=False)), ("values", values)):
        kind = storage.field(name).type
        flat = pa.array(np.ascontiguousarray(numbers))
        parts.append(pa.ListArray.from_arrays(offsets, flat, type=kind))
    made = pa.StructArray.from_arrays(parts, fields=list(storage))
    return pa.ExtensionArray.from_storage(VectorType(storage), made)


def vectors_array(items: Iterable[Any], arrow_type: VectorType | None = None) -> pa.ExtensionArray:
    """A vector column of single vectors (DenseVector, SparseVector, sequences of numbers, None).

    All dense and of one size: a matrix (null rows allowed); else Spark's struct. arrow_type forces the type.
    """
    cells = [_vector(item) for item in items]
    sizes = {len(cell) for cell in cells if cell is not None}
    sparse = any(isinstance(cell, SparseVector) for cell in cells)
    if arrow_type is None and not sparse and len(sizes) == 1:
        float32 = all(cell is None or cell.values.dtype == np.float32 for cell in cells)
        arrow_type = dense_type(sizes.pop(), np.float32 if float32 else np.float64)
    if arrow_type in (None, MIXED) and cells and all(isinstance(cell, SparseVector) for cell in cells):
        return _sparse_cells(cells)
    if arrow_type is None or arrow_type.size is None:
        storage = pa.array([_mixed_cell(cell) for cell in cells], MIXED_STORAGE)
        return pa.ExtensionArray.from_storage(MIXED, storage)
    size, dtype = arrow_type.size, arrow_type.storage_type.value_type.to_pandas_dtype()
    matrix = np.zeros((len(cells), size), dtype)
    missing = np.zeros(len(cells), bool)
    for row, cell in enumerate(cells):
        if cell is None:
            missing[row] = True
        elif len(cell) != size:
            raise ValueError(f"row {row}: expected a vector of size {size}, got size {len(cell)}")
        else:
            matrix[row] = cell.toArray()
    if not missing.any():
        return vector_array(matrix)
    mask = pa.array(missing)
    storage = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), size, mask=mask)
    return pa.ExtensionArray.from_storage(arrow_type, storage)


def _sparse_cells(cells: Sequence[Any]) -> pa.ExtensionArray:
    counts = [len(cell.values) for cell in cells]
    return _sparse_array(
        np.cumsum([0, *counts]),
        np.concatenate([cell.indices for cell in cells]),
        np.concatenate([cell.values for cell in cells]),
        np.array([cell.size for cell in cells]),
    )


def _vector(item: Any) -> Vector | None:
    if item is None or isinstance(item, DenseVector | SparseVector):
        return item
    if hasattr(item, "tocsr"):  # a row of a SciPy matrix, [1, d] or [d]
        return _scipy_vector(item)
    if hasattr(item, "toArray") and hasattr(item, "indices"):  # PySpark's own sparse vector
        return SparseVector(item.size, item.indices, item.values)
    return DenseVector(item.toArray() if hasattr(item, "toArray") else item)


def _scipy_vector(item: Any) -> SparseVector:
    if item.ndim == 2 and item.shape[0] != 1:
        raise ValueError(f"expected one row of a sparse matrix, [1, d], got shape {item.shape}")
    row = item.tocoo()
    if row.ndim == 1:
        row = row.reshape(1, -1)
    row = row.tocsr()
    row.sum_duplicates()
    return SparseVector(row.shape[1], row.indices, row.data)


def _mixed_cell(cell: Vector | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    if isinstance(cell, SparseVector):
        return {"type": SPARSE, "size": cell.size, "indices": cell.indices, "values": cell.values}
    return {"type": DENSE, "size": None, "indices": None, "values": cell.values.astype(np.float64)}


def _mixed_value(cell: dict[str, Any]) -> Vector:
    if cell["type"] == SPARSE:
        return SparseVector(cell["size"], cell["indices"], cell["values"])
    return DenseVector(cell["values"])


def _chunks(column: Any) -> list[pa.Array]:
    """The storage arrays of a vector (or number list) column."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return [chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in chunks]


def vector_rows(column: pa.Array | pa.ChunkedArray, name: str = "features") -> list[FloatArray | SparseRows]:
    """The vectors as matrices, one a chunk, sparse where sparse vectors are in it: nothing is densified.

    Parameters: column, of vectors, or of plain (fixed-size) lists of numbers; name, for messages.
    Returns [r, d] arrays or SparseRows whose r add up to the column's length: views of the column where it is
    dense float32 or float64 (read-only then) or sparse, float64 copies otherwise. Empty chunks are left out.
    Raises ValueError for a null, or for vectors of different sizes; TypeError for a column of another type.
    """
    blocks: list[FloatArray | SparseRows] = []
    for chunk in _chunks(column):
        if chunk.null_count:
            raise ValueError(
                f"{name}: {chunk.null_count} of {len(chunk)} vectors are null; drop or fill them first"
            )
        if len(chunk):
            blocks.append(_mixed_rows(chunk, name) if chunk.type in _MIXED_STORAGES else _block(chunk, name))
    sizes = sorted({block.size if isinstance(block, SparseRows) else block.shape[1] for block in blocks})
    if len(sizes) > 1:
        raise ValueError(f"{name}: vectors of different sizes: {sizes}")
    return blocks


def vector_blocks(column: pa.Array | pa.ChunkedArray, name: str = "features") -> list[FloatArray]:
    """The vectors as dense matrices: vector_rows with sparse vectors in full, which may take much memory."""
    return [
        block.toArray() if isinstance(block, SparseRows) else block for block in vector_rows(column, name)
    ]


def _block(chunk: pa.Array, name: str) -> FloatArray:
    storage = chunk.type
    if pa.types.is_fixed_size_list(storage):
        size = storage.list_size
        flat = chunk.values[chunk.offset * size : (chunk.offset + len(chunk)) * size]
    elif pa.types.is_list(storage) or pa.types.is_large_list(storage):
        lengths = np.unique(chunk.value_lengths().to_numpy())
        if len(lengths) > 1:
            raise ValueError(f"{name}: vectors of different sizes: {lengths.tolist()}")
        size, flat = int(lengths[0]), chunk.flatten()
    else:
        raise TypeError(f"{name}: expected a column of vectors, found {storage}")
    if not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)):
        raise TypeError(f"{name}: expected vectors of numbers, found {storage}")
    if flat.null_count:
        raise ValueError(f"{name}: {flat.null_count} numbers inside the vectors are null")
    if flat.type not in (pa.float32(), pa.float64()):
        flat = flat.cast(pa.float64())
    matrix: FloatArray = flat.to_numpy(zero_copy_only=True).reshape(len(chunk), size)
    return matrix


def _mixed_rows(chunk: pa.StructArray, name: str) -> SparseRows:
    """Spark's structs as compressed rows; a dense vector among them has every index."""
    kinds, sizes, indices, values = chunk.flatten()
    dense = kinds.to_numpy() == DENSE
    counts = values.value_lengths().fill_null(0).to_numpy()
    widths = np.where(dense, counts, sizes.fill_null(0).to_numpy())
    if (widths != widths[0]).any():
        raise ValueError(f"{name}: vectors of different sizes: {np.unique(widths).tolist()}")
    if (indices.value_lengths().fill_null(0).to_numpy()[~dense] != counts[~dense]).any():
        raise ValueError(f"{name}: a sparse vector has other numbers of indices and of values")
    starts = values.offsets.to_numpy()
    if not dense.any() and np.array_equal(indices.offsets.to_numpy(), starts) and not values.null_count:
        places, numbers = indices.values.to_numpy(), values.values.to_numpy()
        return SparseRows(starts.astype(np.int64), places, numbers, int(widths[0]))
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    every = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    every[~np.repeat(dense, counts)] = indices.filter(pa.array(~dense)).flatten().to_numpy()
    return SparseRows(indptr, every.astype(np.int32), values.flatten().to_numpy(), int(widths[0]))


def vector_matrix(column: pa.Array | pa.ChunkedArray, name: str = "features") -> FloatArray:
    """The vectors as one matrix [n, d] (a view where the column is one dense chunk); raises as vector_blocks
    does."""
    blocks = vector_blocks(column, name)
    if not blocks:
        size = column.type.size if isinstance(column.type, VectorType) else None
        return np.zeros((0, size or 0))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def vectors(column: pa.Array | pa.ChunkedArray) -> list[Vector | None]:
    """The column's cells as DenseVector (views of dense columns) or SparseVector; None where null."""
    cells: list[Vector | None] = []
    for chunk in _chunks(column):
        if chunk.type in _MIXED_STORAGES:
            cells += [None if cell is None else _mixed_value(cell) for cell in chunk.to_pylist()]
        elif chunk.null_count:
            cells += [None if not cell.is_valid else DenseVector(cell.values.to_numpy()) for cell in chunk]
        elif len(chunk):
            cells += map(DenseVector, _block(chunk, "vector"))
    return cells


def mixed(column: pa.Array) -> pa.ExtensionArray:
    """A vector array over Spark's struct storage, whatever its storage was (unions of unlike vector
    columns)."""
    if column.type == MIXED:
        return column
    if column.type.storage_type == MIXED_STORAGE_FLOAT32:
        return pa.ExtensionArray.from_storage(MIXED, column.storage.cast(MIXED_STORAGE))
    if column.null_count:
        return vectors_array(vectors(column), MIXED)
    matrix = _block(column.storage, "vector")
    count, size = matrix.shape
    values = pa.ListArray.from_arrays(
        pa.array(np.arange(count + 1, dtype=np.int64) * size, pa.int32()),
        pa.array(matrix.reshape(-1).astype(np.float64, copy=False)),
    )
    parts = [
        pa.array(np.full(count, DENSE, np.int8)),
        *(pa.nulls(count, MIXED_STORAGE[i].type) for i in (1, 2)),
    ]
    storage = pa.StructArray.from_arrays(
        [*parts, values.cast(MIXED_STORAGE[3].type)], fields=list(MIXED_STORAGE)
    )
    return pa.ExtensionArray.from_storage(MIXED, storage)


__all__: Sequence[str] = [
    "DenseVector",
    "SparseRows",
    "SparseVector",
    "VectorType",
    "VectorUDT",
    "Vectors",
    "dense_type",
    "is_vector",
    "mixed",
    "sparse_vector_array",
    "vector_array",
    "vector_blocks",
    "vector_matrix",
    "vector_rows",
    "vectors",
    "vectors_array",
]
