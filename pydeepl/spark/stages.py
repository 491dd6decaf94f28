"""pydeepl's stages as pyspark.ml stages, with the params of pydeepl's own."""

from __future__ import annotations

import inspect
from typing import Any

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params

from pydeepl import deep
from pydeepl.ml.param import Param as OwnParam
from pydeepl.spark.partitions import transform_partitions
from pydeepl.spark.persistence import SavedParams

__all__ = ["DeepImageFeaturizer", "DeepImagePredictor", "OwnParams", "spark_param"]


class OwnParams(Params):  # type: ignore[misc]
    """pyspark's Params for those of a pydeepl stage, which does the work.

    Class arguments: kind, the pydeepl stage, whose constructor has the params; doc: whether its docstring
    follows the class'.
    """

    _kind: Any
    _names: tuple[str, ...]
    __signature__: inspect.Signature

    def __init_subclass__(cls, kind: Any = None, doc: bool = True) -> None:
        """Gives the class params, getters and setters: names, docs and converters are those of `kind`."""
        if kind is None:
            return
        cls._kind = kind
        signature = inspect.signature(kind)  # what help() shows of the constructor
        names = [name for name in signature.parameters if isinstance(getattr(kind, name, None), OwnParam)]
        cls._names = tuple(names)
        cls.__signature__ = signature.replace(parameters=[signature.parameters[name] for name in names])
        if doc:
            cls.__doc__ = f"{cls.__doc__}\n\n    {kind.__doc__}"
        for name in names:
            setattr(cls, name, spark_param(getattr(kind, name)))
            _add_accessors(cls, name)

    def __init__(self, **params: Any) -> None:
        super().__init__()
        own = self._kind()
        values = {name: own.getOrDefault(name) for name in self._names if own.hasDefault(name)}
        self._setDefault(**{name: value for name, value in values.items() if value is not None})
        self.setParams(**params)

    def setParams(self, **params: Any) -> Any:
        """Sets params by keyword; None leaves one as it is. Raises TypeError for a name that is no param."""
        known = [param.name for param in self.params]
        unknown = sorted(params.keys() - set(known))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no param {', '.join(unknown)}: {known}")
        return self._set(**{name: value for name, value in params.items() if value is not None})

    def _own_values(self) -> dict[str, Any]:
        """The values that were set: pydeepl's stage has the same defaults."""
        return {name: self.getOrDefault(name) for name in self._names if self.isSet(name)}


def spark_param(own: OwnParam[Any]) -> Any:
    """A param of pydeepl's as pyspark's, of a class."""
    return Param(Params._dummy(), own.name, own.doc, typeConverter=own.typeConverter)


def _add_accessors(cls: type[OwnParams], name: str) -> None:
    def get(self: Any) -> Any:
        return self.getOrDefault(name)

    def set(self: Any, value: Any) -> Any:
        return self._set(**{name: value})

    title = next((each[3:] for each in dir(cls._kind) if each.lower() == f"get{name.lower()}"), name)
    title = title[0].upper() + title[1:]  # as the own stage spells it: getTFInputGraph
    for function, method, text in (
        (get, f"get{title}", f"The value of {name}."),
        (set, f"set{title}", f"Sets {name}."),
    ):
        function.__name__, function.__qualname__ = method, f"{cls.__qualname__}.{method}"
        function.__doc__ = text
        setattr(cls, method, function)


class _Transformer(OwnParams, Transformer, SavedParams):  # type: ignore[misc]
    def _transform(self, dataset: Any) -> Any:
        return transform_partitions(self._kind(**self._own_values())._resetUid(self.uid), dataset)


class DeepImageFeaturizer(_Transformer, kind=deep.DeepImageFeaturizer):
    """pydeepl.DeepImageFeaturizer as a stage of pyspark.ml: the features are MLlib's dense vectors."""


class DeepImagePredictor(_Transformer, kind=deep.DeepImagePredictor):
    """pydeepl.DeepImagePredictor as a stage of pyspark.ml."""
