"""Arrow tables for pydeepl: the columns features and label."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def sparse_column(x: NDArray[np.float32]) -> pa.Array:
    """The rows as sparse vectors, laid out as Spark lays them out."""
    import scipy.sparse

    from pydeepl.linalg import MIXED, MIXED_STORAGE, SPARSE

    sparse = scipy.sparse.csr_array(x)
    offsets = pa.array(sparse.indptr, pa.int32())
    kinds = [
        pa.array(np.full(len(x), value), kind)
        for value, kind in ((SPARSE, pa.int8()), (x.shape[1], pa.int32()))
    ]
    lists = [
        pa.ListArray.from_arrays(offsets, pa.array(values, kind.value_type), type=kind)
        for values, kind in (
            (sparse.indices, MIXED_STORAGE.field("indices").type),
            (sparse.data, MIXED_STORAGE.field("values").type),
        )
    ]
    storage = pa.StructArray.from_arrays([*kinds, *lists], fields=list(MIXED_STORAGE))
    return pa.ExtensionArray.from_storage(MIXED, storage)


def training_table(x: NDArray[np.float32], labels: NDArray[Any], sparse: bool) -> pa.Table:
    """The rows as dense vectors, without a copy, or as sparse ones."""
    from pydeepl.linalg import vector_array

    return pa.table({"features": sparse_column(x) if sparse else vector_array(x), "label": labels})
