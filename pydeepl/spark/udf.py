"""registerKerasImageUDF and makeGraphUDF on real Spark: Arrow UDFs, or before PySpark 4.1 pandas UDFs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import cloudpickle
from pyspark.sql import SparkSession, functions
from pyspark.sql.pandas.types import from_arrow_type

from pydeepl.spark.calls import in_worker

if TYPE_CHECKING:
    from pydeepl.deep.graph_udf import GraphUDF
    from pydeepl.deep.image_udf import KerasImageUDF

__all__ = ["makeGraphUDF", "registerKerasImageUDF"]

_kept: dict[bytes, KerasImageUDF | GraphUDF] = {}  # of this worker; the last one


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

    session = _active(udf_name, session)
    path = model_path(keras_model_or_file_path)
    if path is None:
        raise TypeError(
            f"{udf_name}: workers need the model's file: give its path in place of what load_model gave"
        )
    shared_model(path)  # what is wrong with it is said here
    content = file_content(path).tobytes()
    function = _udf(udf_name, pa.list_(pa.float32()), _keras_function, content, str(path), preprocessor)
    return session.udf.register(udf_name, function)


def makeGraphUDF(
    graph: Any,
    udf_name: str,
    fetches: Sequence[Any],
    feeds_to_fields_map: Mapping[str, str] | None = None,
    blocked: bool = False,
    register: bool = True,
    session: Any = None,
) -> Any:
    """Makes a TensorFlow graph a function of a column of arrays, for Spark's SQL too.

    Parameters and what is raised: as pydeepl.deep.makeGraphUDF; session: a PySpark session, by default the
    active one. Returns the function for columns.
    """
    from pydeepl.deep.graph_udf import GraphUDF
    from pydeepl.deep.model_columns import array_type
    from pydeepl.deep.tf_graph import TFInputGraph, tensor_name

    source = graph if isinstance(graph, TFInputGraph) else TFInputGraph(graph)
    names = [tensor_name(each) for each in fetches]
    kind = array_type(GraphUDF(udf_name, source, names).model)
    function = _udf(udf_name, kind, _graph_function, source, names)
    return _active(udf_name, session).udf.register(udf_name, function) if register else function


def _active(udf_name: str, session: Any) -> Any:
    session = session or SparkSession.getActiveSession()
    if session is None:
        raise RuntimeError(f"{udf_name}: there is no active Spark session; give session=")
    return session


def _udf(name: str, kind: pa.DataType, make: Callable[..., Any], *arguments: Any) -> Any:
    """A UDF of what make(name, *arguments) gives in a worker. Parameters: kind, of its values."""
    run = in_worker(__name__, "outputs", cloudpickle.dumps((make, name, arguments)), name=name)
    run.__name__ = run.__qualname__ = name  # what Python calls it that is given two columns
    returned = from_arrow_type(kind)
    if hasattr(functions, "arrow_udf"):
        run.__annotations__.update({"given": pa.Array, "return": pa.Array})
        return functions.arrow_udf(run, returned)
    return functions.pandas_udf(run, returned, functions.PandasUDFType.SCALAR)


# ---- in the workers


def outputs(column: Any, packed: bytes) -> Any:
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


def _checked(function: KerasImageUDF | GraphUDF, column: pa.Array) -> pa.Array:
    if pa.types.is_null(column.type):  # what pandas' cells have become where all of them are null
        return pa.nulls(len(column), pa.list_(pa.float32()))
    function.check(pa.field("", column.type), "its argument")
    return function.outputs(column)


def _function(packed: bytes) -> KerasImageUDF | GraphUDF:
    """The function, made unless an earlier batch of this worker has done it."""
    if packed not in _kept:
        make, name, arguments = cloudpickle.loads(packed)
        made = make(name, *arguments)
        _kept.clear()
        _kept[packed] = made
    return _kept[packed]


def _keras_function(
    name: str, content: bytes, path: str, preprocessor: Callable[[str], NDArray[Any]] | None
) -> KerasImageUDF:
    from pydeepl.deep.image_udf import KerasImageUDF
    from pydeepl.deep.model_files import kept_file
    from pydeepl.deep.networks import shared_model
    from pydeepl.spark.shipping import keep_files_with_sparks

    keep_files_with_sparks()
    return KerasImageUDF(name, shared_model(kept_file(np.frombuffer(content, np.uint8), path)), preprocessor)


def _graph_function(name: str, graph: Any, fetches: list[str]) -> GraphUDF:
    from pydeepl.deep.graph_udf import GraphUDF

    return GraphUDF(name, graph, fetches)
