"""Our own files of weights: safetensors with one tensor a parameter, named "layer/param"."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.stored import MAX_LAYERS, Naming, StoredArray, StoredLayer, StoredWeights, check_array

_DTYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("float16"),
    "F32": np.dtype("float32"),
    "F64": np.dtype("float64"),
}


@contextmanager
def open_tensors(path: str) -> Iterator[StoredWeights]:
    """The layers of a safetensors file, open until the context ends."""
    from safetensors import SafetensorError, safe_open

    try:
        file: Any = safe_open(path, "numpy")
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file (damaged or cut short?): {error}"
        ) from error
    with file:
        layers: dict[str, StoredLayer] = {}
        names: list[str] = file.keys()
        for name in names:
            layer, separator, param = name.rpartition("/")
            if not separator:
                raise WeightsError(f'{path}: tensor "{name}" is not named "layer/param"')
            layers.setdefault(layer, StoredLayer(layer, [])).arrays.append(_array(path, file, name, param))
            if len(layers) > MAX_LAYERS:
                raise WeightsError(f"{path}: more than {MAX_LAYERS} layers")
        metadata = dict(file.metadata() or {})
        yield StoredWeights(path, "pydeepl safetensors", Naming.OWN, list(layers.values()), metadata)


def _array(path: str, file: Any, name: str, param: str) -> StoredArray:
    values = file.get_slice(name)
    dtype = _DTYPES.get(values.get_dtype())
    if dtype is None:
        raise WeightsError(
            f"{path}: {name} has values of type {values.get_dtype()}; expected {', '.join(_DTYPES)}"
        )
    shape = tuple(values.get_shape())
    check_array(path, name, shape, dtype)

    def fill(values: NDArray[np.float32]) -> None:
        with np.errstate(over="ignore"):  # what does not fit is found by whoever reads
            values[...] = file.get_tensor(name)

    return StoredArray(param, shape, dtype, fill)


def save_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Writes arrays named "layer/param" and what is to be said of them; the file appears whole or not at all.

    Raises OSError where the folder cannot be written.
    """
    from safetensors.numpy import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        contiguous = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
        save_file(contiguous, temporary, metadata=dict(metadata))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
