"""ParamGridBuilder: the param maps of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydeepl.ml.param import Param

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ParamGridBuilder"]


class ParamGridBuilder:
    """Builds the param maps of a grid: every combination of the values of its params.

    Examples
    --------
    >>> from pydeepl.ml import LogisticRegression
    >>> from pydeepl.ml.tuning import ParamGridBuilder
    >>> lr = LogisticRegression()
    >>> grid = ParamGridBuilder().baseOn({lr.maxIter: 20}).addGrid(lr.regParam, [0, 0.1]).build()
    >>> [[value for value in params.values()] for params in grid]
    [[20, 0.0], [20, 0.1]]
    """

    def __init__(self) -> None:
        self._values: dict[Param[Any], list[Any]] = {}

    def addGrid(self, param: Param[Any], values: Iterable[Any]) -> Self:
        """Adds a param with the values to try; a param that was added before gets these instead.

        Raises TypeError where `param` is no Param.
        """
        if not isinstance(param, Param):
            raise TypeError(f"param must be an instance of Param, got {param!r}")
        self._values[param] = list(values)
        return self

    def baseOn(self, *args: Any) -> Self:
        """Adds params with one value each. Parameters: args, a param map, or (param, value) pairs."""
        if args and isinstance(args[0], Mapping):
            return self.baseOn(*args[0].items())
        for param, value in args:
            self.addGrid(param, [value])
        return self

    def build(self) -> list[dict[Param[Any], Any]]:
        """The param maps, values converted to their params' types; the param added last varies fastest.

        Raises TypeError or ValueError, as setting the param does, for a value outside its domain.
        """
        columns = [[_converted(param, value) for value in values] for param, values in self._values.items()]
        return [dict(zip(self._values, row, strict=True)) for row in itertools.product(*columns)]


def _converted(param: Param[Any], value: Any) -> Any:
    if value is None:
        return None
    try:
        return param.typeConverter(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{param}: {error}") from None
