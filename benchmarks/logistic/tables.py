"""Arrow tables for pydeepl: the columns features and label."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def training_table(x: NDArray[np.float32], labels: NDArray[Any], sparse: bool) -> pa.Table:
    """The rows as dense vectors, without a copy, or as sparse ones."""
    from pydeepl.linalg import sparse_vector_array, vector_array

    if not sparse:
        return pa.table({"features": vector_array(x), "label": labels})
    import scipy.sparse

    return pa.table({"features": sparse_vector_array(scipy.sparse.csr_array(x)), "label": labels})
