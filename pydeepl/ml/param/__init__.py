"""Params: the named, documented, type-checked settings of every stage, with PySpark's semantics.

A stage class declares its params once, as class attributes with a placeholder parent:

    class Shift(Transformer):
        amount: Param[float] = Param(Params._dummy(), "amount", "what is added", TypeConverters.toFloat)

Each instance gets copies of its own, whose parent is the instance's uid, so that a param map such as
`{shift.amount: 2.0}` says whose setting it is, also where a pipeline holds several stages of one kind.

Source: the behaviour of pyspark.ml.param (Spark 4).
"""

from __future__ import annotations

import array
import copy
import difflib
import numbers
import uuid
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast, overload

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Param", "ParamMap", "Params", "TypeConverters", "UndefinedParamError", "checked"]

T = TypeVar("T")

_PLACEHOLDER = "undefined"


class Identifiable:
    """An object with a unique id, `ClassName_` and 12 hexadecimal digits."""

    def __init__(self) -> None:
        self.uid = self._randomUID()

    def __repr__(self) -> str:
        return self.uid

    @classmethod
    def _randomUID(cls) -> str:
        return f"{cls.__name__}_{uuid.uuid4().hex[-12:]}"


class Param(Generic[T]):
    """A named setting of a stage.

    Parameters
    ----------
    parent: the stage that owns it; `Params._dummy()` in a class body.
    name: the attribute's name.
    doc: one sentence for `explainParams`.
    typeConverter: turns a given value into the param's type, or raises TypeError or ValueError.
    """

    def __init__(
        self, parent: Identifiable, name: str, doc: str, typeConverter: Callable[[Any], T] | None = None
    ) -> None:
        if not isinstance(parent, Identifiable):
            raise TypeError(f"Param {name}: expected a stage as parent, got {type(parent).__name__}")
        self.parent = parent.uid
        self.name = str(name)
        self.doc = str(doc)
        self.typeConverter = cast("Callable[[Any], T]", typeConverter or TypeConverters.identity)

    def _copy_new_parent(self, parent: Identifiable) -> Param[T]:
        """This class-level param as a param of `parent`."""
        if self.parent != _PLACEHOLDER:
            raise ValueError(
                f"Param {self.name}: expected a class-level param, got one that {self.parent} owns"
            )
        return self._with_parent(parent.uid)

    def _with_parent(self, uid: str) -> Param[T]:
        other = copy.copy(self)
        other.parent = uid
        return other

    def __str__(self) -> str:
        return f"{self.parent}__{self.name}"

    def __repr__(self) -> str:
        return f"Param(parent={self.parent!r}, name={self.name!r}, doc={self.doc!r})"

    def __hash__(self) -> int:
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Param) and (self.parent, self.name) == (other.parent, other.name)


ParamMap: TypeAlias = "Mapping[Param[Any], Any]"


class UndefinedParamError(KeyError):
    """A param was asked for that has neither a value nor a default."""

    def __str__(self) -> str:
        return str(self.args[0])


class TypeConverters:
    """Conversions for `Param.typeConverter`; each raises TypeError for what it cannot convert.

    As in PySpark, but every NumPy number is taken, not float64 and int64 alone.
    """

    @staticmethod
    def _is_numeric(value: Any) -> bool:
        return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))

    @staticmethod
    def _is_integer(value: Any) -> bool:
        return TypeConverters._is_numeric(value) and float(value).is_integer()

    @staticmethod
    def _can_convert_to_list(value: Any) -> bool:
        return isinstance(value, (list, np.ndarray, tuple, range, array.array)) or _is_vector(value)

    @staticmethod
    def identity(value: T) -> T:
        """The value as it is."""
        return value

    @staticmethod
    def toList(value: Any) -> list[Any]:
        """A list, tuple, range, array or vector as a list."""
        if isinstance(value, list):
            return value
        if not TypeConverters._can_convert_to_list(value):
            raise TypeError(f"Could not convert {value} to list")
        return list(value.toArray() if _is_vector(value) else value)

    @staticmethod
    def _to_list_of(value: Any, convert: Callable[[Any], T], kind: str) -> list[T]:
        try:
            return [convert(item) for item in TypeConverters.toList(value)]
        except TypeError:
            raise TypeError(f"Could not convert {value} to list of {kind}") from None

    @staticmethod
    def toListFloat(value: Any) -> list[float]:
        """A sequence of numbers as a list of floats."""
        return TypeConverters._to_list_of(value, TypeConverters.toFloat, "floats")

    @staticmethod
    def toListListFloat(value: Any) -> list[list[float]]:
        """A sequence of sequences of numbers as a list of lists of floats."""
        return TypeConverters._to_list_of(value, TypeConverters.toListFloat, "list of floats")

    @staticmethod
    def toListInt(value: Any) -> list[int]:
        """A sequence of whole numbers as a list of ints."""
        return TypeConverters._to_list_of(value, TypeConverters.toInt, "ints")

    @staticmethod
    def toListString(value: Any) -> list[str]:
        """A sequence of strings as a list of strings."""
        return TypeConverters._to_list_of(value, TypeConverters.toString, "strings")

    @staticmethod
    def toVector(value: Any) -> Any:
        """A vector as it is, a sequence of numbers as a DenseVector."""
        if _is_vector(value):
            return value
        from pydeepl.linalg import DenseVector

        return DenseVector(TypeConverters._to_list_of(value, TypeConverters.toFloat, "vector"))

    @staticmethod
    def toFloat(value: Any) -> float:
        """A number as a float."""
        if TypeConverters._is_numeric(value):
            return float(value)
        raise TypeError(f"Could not convert {value} to float")

    @staticmethod
    def toInt(value: Any) -> int:
        """A whole number as an int."""
        if TypeConverters._is_integer(value):
            return int(value)
        raise TypeError(f"Could not convert {value} to int")

    @staticmethod
    def toString(value: Any) -> str:
        """A string as str."""
        if isinstance(value, str):
            return str(value)
        if isinstance(value, np.bytes_):
            return value.decode()
        raise TypeError(f"Could not convert {type(value)} to string type")

    @staticmethod
    def toBoolean(value: Any) -> bool:
        """A bool as it is."""
        if isinstance(value, bool):
            return value
        raise TypeError(f"Boolean Param requires value of type bool. Found {type(value)}.")


def _is_vector(value: Any) -> bool:
    """Whether value is a DenseVector or SparseVector, pydeepl's or PySpark's."""
    return hasattr(value, "toArray") and hasattr(value, "size")


def checked(convert: Callable[[Any], T], accepts: Callable[[T], bool], expected: str) -> Callable[[Any], T]:
    """A type converter that also refuses values outside the param's domain, when they are set.

    Parameters
    ----------
    convert: the conversion to the param's type.
    accepts: whether a converted value is in the domain.
    expected: the domain in words, for the message, such as "a number in [0, 1]".
    """

    def convert_checked(value: Any) -> T:
        converted = convert(value)
        if not accepts(converted):
            raise ValueError(f"expected {expected}, got {converted!r}")
        return converted

    return convert_checked


class Params(Identifiable, metaclass=ABCMeta):
    """An object with params: it holds the values that were set, and defaults beneath them."""

    def __init__(self) -> None:
        super().__init__()
        self._paramMap: dict[Param[Any], Any] = {}
        self._defaultParamMap: dict[Param[Any], Any] = {}
        self._adopt_params({name: param._copy_new_parent(self) for name, param in _class_params(type(self))})

    def _adopt_params(self, params: Mapping[str, Param[Any]]) -> None:
        self._params = dict(sorted(params.items()))
        for name, param in params.items():
            setattr(self, name, param)

    @staticmethod
    def _dummy() -> Params:
        """The placeholder parent of params declared in a class body."""
        dummy = Params()
        dummy.uid = _PLACEHOLDER
        return dummy

    @property
    def params(self) -> list[Param[Any]]:
        """All params, ordered by name."""
        return list(self._params.values())

    # ---- asking

    def explainParam(self, param: str | Param[Any]) -> str:
        """One param's name, doc, default and current value in a line."""
        param = self._resolveParam(param)
        values = []
        if param in self._defaultParamMap:
            values.append(f"default: {self._defaultParamMap[param]}")
        if param in self._paramMap:
            values.append(f"current: {self._paramMap[param]}")
        return f"{param.name}: {param.doc} ({', '.join(values) or 'undefined'})"

    def explainParams(self) -> str:
        """A line for each param: name, doc, default and current value."""
        return "\n".join(self.explainParam(param) for param in self.params)

    def getParam(self, paramName: str) -> Param[Any]:
        """The param of that name. Raises AttributeError (with the nearest name) where there is none."""
        if paramName in self._params:
            return self._params[paramName]
        if hasattr(self, paramName):
            raise ValueError(f"Cannot find param with name {paramName}.")
        near = difflib.get_close_matches(paramName, self._params, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; its params are {', '.join(self._params)}"
        raise AttributeError(f"{type(self).__name__} has no param {paramName!r}{hint}")

    def hasParam(self, paramName: str) -> bool:
        """Whether there is a param of that name."""
        if not isinstance(paramName, str):
            raise TypeError(f"hasParam(): expected a param's name, got {type(paramName).__name__}")
        return paramName in self._params

    def isSet(self, param: str | Param[Any]) -> bool:
        """Whether a value was set, beside any default."""
        return self._resolveParam(param) in self._paramMap

    def hasDefault(self, param: str | Param[Any]) -> bool:
        """Whether the param has a default."""
        return self._resolveParam(param) in self._defaultParamMap

    def isDefined(self, param: str | Param[Any]) -> bool:
        """Whether the param has a value or a default."""
        return self.isSet(param) or self.hasDefault(param)

    @overload
    def getOrDefault(self, param: str) -> Any: ...

    @overload
    def getOrDefault(self, param: Param[T]) -> T: ...

    def getOrDefault(self, param: str | Param[T]) -> Any:
        """The param's value, else its default.

        Raises UndefinedParamError, a KeyError, where there is neither.
        """
        resolved = self._resolveParam(param)
        if resolved in self._paramMap:
            return self._paramMap[resolved]
        if resolved in self._defaultParamMap:
            return self._defaultParamMap[resolved]
        raise UndefinedParamError(
            f"{self.uid}: param {resolved.name} ({resolved.doc}) has no value and no default; set it first"
        )

    def _optional(self, param: str | Param[Any]) -> Any:
        """The param's value or default; None where it is undefined."""
        return self.getOrDefault(param) if self.isDefined(param) else None

    def extractParamMap(self, extra: ParamMap | None = None) -> dict[Param[Any], Any]:
        """Defaults, overlaid with the values that were set, overlaid with `extra`."""
        return {**self._defaultParamMap, **self._paramMap, **(extra or {})}

    # ---- setting

    def set(self, param: Param[Any], value: Any) -> None:
        """Sets a param of this instance. Raises ValueError or TypeError for a value outside its domain."""
        self._shouldOwn(param)
        self._paramMap[param] = _convert(self, param, value, "param value")

    def clear(self, param: Param[Any]) -> None:
        """Takes back a value that was set; a default stays."""
        self._paramMap.pop(self._resolveParam(param), None)

    def _set(self, **values: Any) -> Self:
        """Sets params by name. None is kept as it is: the param is set, to nothing."""
        for name, value in values.items():
            param = self.getParam(name)
            self._paramMap[param] = _convert(self, param, value, "param value")
        return self

    def _setDefault(self, **values: Any) -> Self:
        """Sets defaults by name."""
        for name, value in values.items():
            param = self.getParam(name)
            self._defaultParamMap[param] = _convert(self, param, value, "default param value")
        return self

    # ---- copying

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with the same uid and the values of `extra` set.

        Params of other stages in `extra` are passed over. A subclass that holds other stages overrides this
        and copies them too.
        """
        that = copy.copy(self)
        that._paramMap = {}
        that._defaultParamMap = {}
        return self._copyValues(that, extra)

    def _copyValues(self, to: P, extra: ParamMap | None = None) -> P:
        """Copies defaults, values and `extra` to `to`, for the params that it has by name too."""
        values = {**self._paramMap, **_param_map(extra)}
        for name, param in self._params.items():
            if not to.hasParam(name):
                continue
            if param in self._defaultParamMap:
                to._defaultParamMap[to.getParam(name)] = self._defaultParamMap[param]
            if param in values:
                to._set(**{name: values[param]})
        return to

    def _resetUid(self, uid: str) -> Self:
        """Gives this instance another uid, and its params another parent.

        A fitted model takes its estimator's uid, `estimator._copyValues(model._resetUid(estimator.uid))`,
        so that param maps made with the estimator's params reach the model.
        """
        self.uid = str(uid)
        old, values, defaults = self._params, self._paramMap, self._defaultParamMap
        self._adopt_params({name: param._with_parent(self.uid) for name, param in old.items()})
        self._paramMap = {self._params[param.name]: value for param, value in values.items()}
        self._defaultParamMap = {self._params[param.name]: value for param, value in defaults.items()}
        return self

    # ---- ownership

    def _testOwnParam(self, parent: str, name: str) -> bool:
        return self.uid == parent and self.hasParam(name)

    def _shouldOwn(self, param: Param[Any]) -> None:
        if not self._testOwnParam(param.parent, param.name):
            raise ValueError(f"Param {param!r} does not belong to {self!r}.")

    def _resolveParam(self, param: str | Param[Any]) -> Param[Any]:
        """The param of this instance that a name, or the param itself, stands for."""
        if isinstance(param, Param):
            self._shouldOwn(param)
            return param
        if isinstance(param, str):
            return self.getParam(param)
        raise TypeError(f"Cannot resolve {param!r} as a param.")


P = TypeVar("P", bound=Params)


def _class_params(cls: type) -> list[tuple[str, Param[Any]]]:
    attributes = ((name, getattr(cls, name, None)) for name in dir(cls))
    params = [(name, value) for name, value in attributes if isinstance(value, Param)]
    for name, param in params:
        if name != param.name:
            raise ValueError(
                f"{cls.__name__}.{name}: expected a param of that name, got one named {param.name!r}"
            )
    return params


def _convert(owner: Params, param: Param[T], value: Any, what: str) -> T | None:
    if value is None:
        return None
    try:
        return param.typeConverter(value)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f'{owner.uid}: Invalid {what} given for param "{param.name}". {error}') from None


def _param_map(extra: ParamMap | None) -> ParamMap:
    """Checks that extra is a param map: a dict with Params as keys."""
    if extra is None:
        return {}
    if not isinstance(extra, Mapping):
        raise TypeError(f"Expecting a dict of params, but received an object of type {type(extra)}.")
    for param in extra:
        if not isinstance(param, Param):
            raise TypeError(
                f"Expecting a valid instance of Param, but received: {param}; "
                "write {stage.name: value}, not {'name': value}"
            )
    return extra
