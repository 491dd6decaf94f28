"""Activations that exporters write as several operations: x Sigmoid(x) for SiLU, five nodes for GELU.

A value that is a function of one number of another value is followed as a curve: that function at points
from -1e30 to 1e30. Whichever way a file writes an activation, its curve is that activation's, and one layer
gives it.
"""

from collections.abc import Callable
from functools import cache
from math import erf
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Curve: TypeAlias = NDArray[np.float64]

_FAR = [20.0, 50.0, 1e2, 1e3, 1e4, 1e6, 1e30]
POINTS: Curve = np.unique(np.concatenate([np.linspace(-12, 12, 961), _FAR, np.negative(_FAR)]))
_TOLERANCE = 1e-5  # constants of float32 files

_erf = np.vectorize(erf, otypes=[np.float64])


def _sigmoid(x: Curve) -> Curve:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Curve) -> Curve:
    return np.logaddexp(0, x)


def _hard_sigmoid(x: Curve) -> Curve:
    return np.clip(x / 6 + 0.5, 0, 1)


# By Keras' names; in the order in which they are tried.
_ACTIVATIONS: dict[str, Callable[[Curve], Curve]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "silu": lambda x: x * _sigmoid(x),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
}
NONNEGATIVE = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softmax", "exponential"}

# Operations of one operand, by ONNX's names.
_UNARY: dict[str, Callable[[Curve], Curve]] = {
    "Relu": _ACTIVATIONS["relu"],
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "Softplus": _softplus,
    "Erf": _erf,
    "Exp": np.exp,
    "Sqrt": np.sqrt,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Abs": np.abs,
    "HardSwish": _ACTIVATIONS["hard_silu"],
}
_BINARY: dict[str, Callable[[Any, Any], Curve]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
}


def curve_of(op: str, attributes: dict[str, Any], operands: list[Any]) -> Curve | None:
    """The curve that an operation makes of curves and numbers; None where it is no function of a number."""
    with np.errstate(all="ignore"):
        if op == "Clip":
            return _curve(np.clip(operands[0], *_limits(attributes, operands)))
        if op == "HardSigmoid":
            alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
            return _curve(np.clip(alpha * operands[0] + beta, 0, 1))
        if op in _UNARY and len(operands) == 1:
            return _UNARY[op](operands[0])
        if op in _BINARY and len(operands) == 2:
            return _curve(_BINARY[op](*operands))
    return None


def _curve(values: Any) -> Curve:
    return np.broadcast_to(np.asarray(values, np.float64), POINTS.shape)


def _limits(attributes: dict[str, Any], operands: list[Any]) -> tuple[Any, Any]:
    low, high = [*operands[1:], None, None][:2]
    return (
        attributes.get("min", -np.inf if low is None else low),
        attributes.get("max", np.inf if high is None else high),
    )


@cache
def _known() -> dict[str, Curve]:
    with np.errstate(all="ignore"):
        return {name: activation(POINTS) for name, activation in _ACTIVATIONS.items()}


def activation_of(curve: Curve) -> str | None:
    """The name that Keras has for a curve, or None."""
    for name, known in _known().items():
        if np.allclose(curve, known, _TOLERANCE, _TOLERANCE, equal_nan=True):
            return name
    return None


def line_of(curve: Curve) -> tuple[float, float] | None:
    """(slope, start) where a curve is a straight line that rises or falls, else None."""
    slope = float((curve[-1] - curve[0]) / (POINTS[-1] - POINTS[0]))
    start = float(np.interp(0, POINTS, curve))
    if slope == 0 or not np.allclose(curve, slope * POINTS + start, _TOLERANCE, _TOLERANCE * abs(slope)):
        return None
    return slope, start
