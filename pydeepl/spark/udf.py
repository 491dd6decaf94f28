"""registerKerasImageUDF on real Spark: an Arrow UDF, or before PySpark 4.1 a pandas UDF."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import cloudpickle
from pyspark.sql import SparkSession, functions
from pyspark.sql.types import ArrayType, FloatType

from pydeepl import __version__

if TYPE_CHECKING:
    from pydeepl.deep.image_udf import KerasImageUDF

__all__ = ["registerKerasImageUDF"]

_kept: dict[bytes, KerasImageUDF] = {}  # of this worker; the last one


def registerKerasImageUDF(
    udf_name: str,
    keras_model_or_file_path: Any,
    preprocessor: Callable[[str], NDArray[Any]] | None = None,
    session: Any = None,
) -> Any:
    """Makes a Keras model a function of Spark's SQL: `spark.sql("SELECT my_udf(image) FROM photos")`.

    Parameters: as pydeepl.registerKerasImageUDF; session: a PySpark session, by default the active one. The
    model goes to the workers by its file's content; the function gives array<float>. Returns the function for
    columns: `frame.select(my_udf("image"))`. Raises FileNotFoundError, WeightsError, TypeError for what is no
    model, RuntimeError without a session. A column of another type fails the job that computes it, with a
    message that names the function.
    """
    from pydeepl.deep.image_udf import model_path
    from pydeepl.deep.model_files import file_content
    from pydeepl.deep.networks import shared_model

    session = session or SparkSession.getActiveSession()
    if session is None:
        raise RuntimeError(f"{udf_name}: there is no active Spark session; give session=")
    path = model_path(keras_model_or_file_path)
    if path is None:
        raise TypeError(
            f"{udf_name}: workers need the model's file: give its path in place of what load_model gave"
        )
    shared_model(path)  # what is wrong with it is said here
    content = file_content(path).tobytes()
    packed = cloudpickle.dumps((udf_name, content, str(path), preprocessor))
    function = _udf(_in_worker(udf_name, packed, __version__))
    return session.udf.register(udf_name, function)


def _udf(run: Callable[[Any], Any]) -> Any:
    kind = ArrayType(FloatType())
    if hasattr(functions, "arrow_udf"):
        run.__annotations__.update({"column": pa.Array, "return": pa.Array})
        return functions.arrow_udf(run, kind)
    return functions.pandas_udf(run, kind, functions.PandasUDFType.SCALAR)


def _in_worker(name: str, packed: bytes, version: str) -> Callable[[Any], Any]:
    # A function of a function travels by its code: it runs where pydeepl is missing, and can say so.
    def run(column):  # type: ignore[no-untyped-def]
        import socket

        node = socket.gethostname()
        try:
            import pydeepl
        except ImportError as error:
            raise RuntimeError(f"{name}: node {node}: Python has no pydeepl {version}") from error
        if pydeepl.__version__ != version:
            raise RuntimeError(
                f"{name}: node {node}: pydeepl is {pydeepl.__version__}, the driver's version is {version}"
            )
        from pydeepl.spark.udf import outputs

        return outputs(packed, column)

    return run


def outputs(packed: bytes, column: Any) -> Any:
    """The function's values for a batch: an Arrow array for one, a pandas Series for a Series or frame."""
    function = _function(packed)
    if isinstance(column, pa.Array):
        return _checked(function, column)
    import pandas as pd

    frame = isinstance(column, pd.DataFrame)  # what a pandas UDF gets of a struct
    cells = column.to_dict("records") if frame else column.tolist()
    return pd.Series(_checked(function, _image_cells(cells) if frame else pa.array(cells)).to_pylist())


def _image_cells(cells: list[dict[str, Any]]) -> pa.Array:
    from pydeepl.images.schema import IMAGE_TYPE

    if cells and cells[0].keys() != {field.name for field in IMAGE_TYPE}:
        return pa.array(cells)  # no images: its type is what the message names
    there = [cell if isinstance(cell["data"], bytes) else None for cell in cells]
    return pa.array(there, IMAGE_TYPE)


def _checked(function: KerasImageUDF, column: pa.Array) -> pa.Array:
    function.check(pa.field("its argument", column.type))
    return function.outputs(column)


def _function(packed: bytes) -> KerasImageUDF:
    """The function, made unless an earlier batch of this worker has done it."""
    from pydeepl.deep.image_udf import KerasImageUDF
    from pydeepl.deep.model_files import kept_file
    from pydeepl.deep.networks import shared_model
    from pydeepl.spark.shipping import keep_files_with_sparks

    if packed not in _kept:
        keep_files_with_sparks()
        name, content, path, preprocessor = cloudpickle.loads(packed)
        model = shared_model(kept_file(np.frombuffer(content, np.uint8), path))
        _kept.clear()
        _kept[packed] = KerasImageUDF(name, model, preprocessor)
    return _kept[packed]
