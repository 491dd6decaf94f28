"""Which Keras layer computes what an ONNX operation does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pydeepl.keras.errors import Unsupported
from pydeepl.keras.onnx import parts, shapes, windows
from pydeepl.keras.onnx.curves import NONNEGATIVE, POINTS, activation_of, curve_of, line_of
from pydeepl.keras.onnx.operands import Array, Operands, key_of, with_axes
from pydeepl.keras.onnx.shapes import as_vector
from pydeepl.keras.onnx.values import VECTOR, Value, text

# Operations of two values of one shape (or broadcast ones) that are Keras layers.
_MERGES = {
    "Add": "Add",
    "Sum": "Add",
    "Sub": "Subtract",
    "Mul": "Multiply",
    "Max": "Maximum",
    "Min": "Minimum",
    "Mean": "Average",
}


# ---- number by number ----


def elementwise(o: Operands) -> Value:
    """An activation, whichever way it is written; an affine function; a merge of two values."""
    base, curve = _followed(o)
    if base is not None and curve is not None:
        made = _known(o, base, curve)
        if made is not None:
            return made
    if all(value.key is not None for value in o.inputs if isinstance(value, Value)):
        made = _directly(o)
        if made is not None:
            return replace(made, base=base, curve=curve) if curve is not None else made
    if base is None or curve is None:
        raise Unsupported("no layer here computes it")
    return replace(base, key=None, base=base, curve=curve, nonnegative=False)


def _followed(o: Operands) -> tuple[Value | None, Any]:
    """What all the inputs are functions of, and the function of it that the result is; None for none."""
    base: Value | None = None
    operands: list[Any] = []
    for value in o.inputs:
        if isinstance(value, Value):
            origin = value.base or value
            if base is not None and (base.key, base.axes, base.shape) != (
                origin.key,
                origin.axes,
                origin.shape,
            ):
                return None, None
            base = base or origin
            operands.append(POINTS if value.curve is None else value.curve)
        elif value is None or value.size == 1:
            operands.append(None if value is None else float(value.ravel()[0]))
        else:
            return None, None
    return base, curve_of(o.node.op, o.node.attributes, operands)


def _known(o: Operands, base: Value, curve: Any) -> Value | None:
    """The layer of a curve: an activation of Keras', or a straight line."""
    name = activation_of(curve)
    if name is not None:
        made = _activation(o, base, name)
    elif (line := line_of(curve)) is not None:
        if line == (1.0, 0.0):
            return base
        slope, start = line
        key = o.sketch.affine(o.name, key_of(base), slope, start, base.channels)
        made = base.after(key, base.nonnegative and slope > 0 and start >= 0)
    else:
        return None
    return replace(made, base=base, curve=curve)


def _activation(o: Operands, x: Value, name: str) -> Value:
    if name == "gelu_tanh":  # which Keras has as an operation
        return x.after(o.sketch.add(o.name, "Gelu", [key_of(x)], {"approximate": True}))
    key = o.sketch.add(o.name, "Activation", [key_of(x)], {"activation": name})
    return x.after(key, name in NONNEGATIVE)


def _directly(o: Operands) -> Value | None:
    """The layer of an operation by itself; None where there is none."""
    if o.node.op in _UNARY:
        return _UNARY[o.node.op](o)
    values = [value for value in o.inputs if isinstance(value, Value)]
    if len(values) == len(o.inputs) and o.node.op in _MERGES:
        return _merged(o, values)
    if len(values) == 1 and len(o.inputs) == 2 and o.node.op in ("Add", "Sub", "Mul", "Div"):
        return _affine(o)
    return None


def _affine(o: Operands) -> Value:
    """A value and an array with a number for each channel."""
    first = isinstance(o.input(1), Value)  # the array comes first
    x = o.value(1 if first else 0)
    numbers = _by_channel(x, o.array(0 if first else 1))
    if o.node.op == "Div" and first:
        raise Unsupported("a division by a value that is computed")
    lines: dict[str, tuple[Any, Any]] = {
        "Add": (1.0, numbers),
        "Sub": (-1.0, numbers) if first else (1.0, -numbers),
        "Mul": (numbers, 0.0),
        "Div": (1.0 / numbers, 0.0),
    }
    scale, shift = lines[o.node.op]
    key = o.sketch.affine(o.name, key_of(x), scale, shift, x.channels)
    return x.after(key, bool(x.nonnegative and np.min(scale) >= 0 and np.min(shift) >= 0))


def _by_channel(x: Value, array: Array) -> Array:
    """An array that is broadcast to a value as float64 [channels], in the core's order."""
    rank, at = len(x.shape), x.channel_axis
    spread = array.reshape((1,) * (rank - array.ndim) + array.shape)
    if spread.ndim != rank or spread.size not in (1, x.channels) or spread.shape[at] != spread.size:
        raise Unsupported(
            f"an array {list(array.shape)} for {text(x.shape)}: expected a number for each channel"
        )
    return _in_core_order(x, np.broadcast_to(spread.ravel(), (x.channels,)).astype(np.float64))


def _in_core_order(x: Value, rows: Array) -> Array:
    """An array whose first axis goes with a vector's elements, put from the file's order into the core's."""
    if x.order is None:
        return rows
    ordered = np.empty_like(rows)
    ordered[x.order.places()] = rows
    return ordered


def _merged(o: Operands, values: list[Value]) -> Value:
    alike = [(value.shape, value.axes, value.order) for value in values]
    if alike.count(alike[0]) < len(values):
        values = [as_vector(o.sketch, f"{o.name}/{at}", value) for at, value in enumerate(values)]
        values = _with_one_rank(o, values)
    if o.node.op == "Sub" and len(values) != 2:
        raise Unsupported("expected two inputs")
    x = values[0]
    shape = np.broadcast_shapes(*(value.shape for value in values))
    key = o.sketch.add(o.name, _MERGES[o.node.op], [key_of(value) for value in values])
    nonnegative = o.node.op != "Sub" and all(value.nonnegative for value in values)
    return Value(key, tuple(shape), x.axes, x.order, nonnegative)


def _with_one_rank(o: Operands, values: list[Value]) -> list[Value]:
    """Gives vectors the two axes of length 1 that a map they are broadcast to has."""
    widest = max(values, key=lambda value: value.rank)
    lifted = []
    for at, value in enumerate(values):
        alike = len(value.shape) == len(widest.shape) and value.channel_axis == widest.channel_axis
        if value.rank == 2 and widest.rank == 4 and alike:
            config = {"target_shape": [1, 1, value.channels]}
            key = o.sketch.add(f"{o.name}/{at}", "Reshape", [key_of(value)], config)
            value = Value(key, value.shape, widest.axes, None, value.nonnegative)
        lifted.append(value)
    lifted = [
        with_axes(o.sketch, f"{o.name}/{at}/axes", value, widest.axes) for at, value in enumerate(lifted)
    ]
    if any(value.axes != widest.axes for value in lifted):
        shapes_text = " and ".join(text(value.shape) for value in values)
        raise Unsupported(f"inputs {shapes_text} that do not have the same axes")
    return lifted


def _named(name: str) -> Callable[[Operands], Value]:
    return lambda o: _activation(o, o.value(), name)


def _layer(o: Operands, kind: str, config: dict[str, Any], nonnegative: bool = False) -> Value:
    x = o.value()
    return x.after(o.sketch.add(o.name, kind, [o.key()], config), nonnegative)


def _leaky_relu(o: Operands) -> Value:
    return _layer(o, "LeakyReLU", {"negative_slope": o.attribute("alpha", 0.01)})


def _elu(o: Operands) -> Value:
    return _layer(o, "ELU", {"alpha": o.attribute("alpha", 1.0)})


def _celu(o: Operands) -> Value:
    if o.attribute("alpha", 1.0) != 1:
        raise Unsupported(f"alpha {o.attribute('alpha')}: expected 1")
    return _activation(o, o.value(), "celu")


def _selu(o: Operands) -> Value:
    alpha, gamma = o.attribute("alpha", 1.67326324), o.attribute("gamma", 1.05070098)
    if not np.allclose([alpha, gamma], [1.67326324, 1.05070098]):
        raise Unsupported(f"alpha {alpha}, gamma {gamma}: expected SELU's own")
    return _activation(o, o.value(), "selu")


def _clip(o: Operands) -> Value:
    low, high = (
        o.attribute(name) if o.input(at) is None else float(o.array(at).ravel()[0])
        for at, name in ((1, "min"), (2, "max"))
    )
    if low is None or high is None:
        raise Unsupported(f"from {low} to {high}: expected two limits, or 0 as the lower one")
    if low != 0:
        return _layer(o, "Clip", {"x_min": float(low), "x_max": float(high)}, nonnegative=low > 0)
    return _layer(o, "ReLU", {"max_value": high, "negative_slope": 0.0, "threshold": 0.0}, nonnegative=True)


def _gelu(o: Operands) -> Value:
    approximate = o.attribute("approximate", "none") == "tanh"
    return _activation(o, o.value(), "gelu_tanh" if approximate else "gelu")


_UNARY: dict[str, Callable[[Operands], Value]] = {
    "LeakyRelu": _leaky_relu,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "Clip": _clip,
    "Gelu": _gelu,
    "Mish": _named("mish"),
    "Softsign": _named("softsign"),
    "Exp": _named("exponential"),
}
# Known by their curves alone, or parts of activations.
_CURVES = (
    "Relu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Tanh",
    "Softplus",
    "Erf",
    "Sqrt",
    "Neg",
    "Abs",
    "Pow",
)


def prelu(o: Operands) -> Value:
    """PReLU with a slope for each channel."""
    x = o.value()
    slope = _by_channel(x, o.array(1))
    if x.rank == 4:
        config: dict[str, Any] = {"shared_axes": [1, 2]}
        slope = slope.reshape(1, 1, -1)
    else:
        config = {"shared_axes": None}
    return x.after(o.sketch.add(o.name, "PReLU", [o.key()], config, slope))


def softmax(name: str) -> Callable[[Operands], Value]:
    """Softmax over the core's last axis."""

    def make(o: Operands) -> Value:
        x = o.value()
        axis = o.attribute("axis", -1 if o.opset >= 13 else 1) % len(x.shape)
        after = x.axes[axis + 1 :] if o.opset < 13 else ()  # older ones: over all the axes from this one on
        if x.axes[axis] != x.rank - 1 or any(each is not None for each in after):
            raise Unsupported(f"axis {axis} of {text(x.shape)}: expected the channels")
        return _activation(o, x, name)

    return make


# ---- with weights ----


def batch_norm(o: Operands) -> Value:
    """BatchNormalization, as it was trained."""
    x = o.value()
    if o.attribute("training_mode", 0):
        raise Unsupported("training_mode: export the model for inference")
    if x.channel_axis != 1:
        raise Unsupported(
            f"the channels of {text(x.shape)} are axis {x.channel_axis} in the file: expected 1"
        )
    gamma, beta, mean, variance = (_in_core_order(x, o.array(at)) for at in range(1, 5))
    config = {"axis": -1, "epsilon": o.attribute("epsilon", 1e-5), "scale": True, "center": True}
    return x.after(o.sketch.add(o.name, "BatchNormalization", [o.key()], config, gamma, beta, mean, variance))


def layer_norm(o: Operands) -> Value:
    """LayerNormalization over the core's last axis."""
    x = o.value()
    axis = o.attribute("axis", -1) % len(x.shape)
    if x.axes[axis] != x.rank - 1 or axis != len(x.shape) - 1:
        raise Unsupported(f"axis {axis} of {text(x.shape)}: expected the channels alone")
    gamma = _in_core_order(x, o.array(1))
    beta = [] if o.input(2) is None else [_in_core_order(x, o.array(2))]
    config = {"axis": [-1], "epsilon": o.attribute("epsilon", 1e-5), "scale": True, "center": bool(beta)}
    return x.after(o.sketch.add(o.name, "LayerNormalization", [o.key()], config, gamma, *beta))


def gemm(o: Operands) -> Value:
    """Dense."""
    x, weight = o.value(), o.array(1) * np.float32(o.attribute("alpha", 1.0))
    if o.attribute("transA", 0) or x.axes != VECTOR:
        raise Unsupported(f"its first input {text(x.shape)} transposed, or no vector")
    if o.attribute("transB", 0):
        weight = weight.T
    bias = [] if o.input(2) is None else [o.array(2) * np.float32(o.attribute("beta", 1.0))]
    return _dense(o, x, weight, [np.broadcast_to(each.ravel(), weight.shape[1:]) for each in bias])


def matmul(o: Operands) -> Value:
    """Dense without a bias."""
    x, weight = o.value(), o.array(1)
    if weight.ndim != 2 or x.channel_axis != len(x.shape) - 1:
        raise Unsupported(f"{text(x.shape)} by {list(weight.shape)}: expected channels by [channels, units]")
    return _dense(o, x, weight, [])


def _dense(o: Operands, x: Value, weight: Array, bias: list[Array]) -> Value:
    if len(weight) != x.channels:
        raise Unsupported(f"{text(x.shape)} by {list(weight.shape)}")
    units = weight.shape[1]
    config = {"units": units, "use_bias": bool(bias), "activation": "linear"}
    key = o.sketch.add(o.name, "Dense", [o.key()], config, _in_core_order(x, weight), *bias)
    return x.resized(key, (*x.core_shape[:-1], units))


def concat(o: Operands) -> Value:
    """Concatenate along the core's last axis."""
    values = [as_vector(o.sketch, f"{o.name}/{at}", o.value(at)) for at in range(len(o.inputs))]
    x = values[0]
    axis = o.attribute("axis", 1) % len(x.shape)
    if any(value.axes != x.axes for value in values) or x.axes[axis] != x.rank - 1:
        raise Unsupported(
            f"axis {axis} of {text(x.shape)}: expected the channels of values with the same axes"
        )
    if len(values) == 1:
        return x
    key = o.sketch.add(o.name, "Concatenate", [key_of(value) for value in values], {"axis": -1})
    channels = sum(value.channels for value in values)
    nonnegative = all(value.nonnegative for value in values)
    return x.resized(key, (*x.core_shape[:-1], channels), nonnegative)


def instance_norm(o: Operands) -> Value:
    """GroupNormalization of every channel, or of as many groups as the node has channels."""
    x = o.map()
    groups = o.attribute("num_groups", -1)
    gamma, beta = o.array(1), o.array(2)
    if groups > 0 and len(gamma) == groups:  # before opset 21: by group
        gamma, beta = (np.repeat(each, x.channels // groups) for each in (gamma, beta))
    if gamma.shape != (x.channels,) or beta.shape != (x.channels,):
        raise Unsupported(f"scale {list(gamma.shape)} and bias {list(beta.shape)} of {x.channels} channels")
    config = {"axis": -1, "groups": groups, "epsilon": o.attribute("epsilon", 1e-5)}
    config |= {"scale": True, "center": True}
    return x.after(o.sketch.add(o.name, "GroupNormalization", [o.key()], config, gamma, beta))


# Those that take a map, whichever way its axes lie before.
OF_MAPS = (
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool",
    "InstanceNormalization", "GroupNormalization", "Upsample", "Resize",
)  # fmt: skip

Layer = Callable[[Operands], Value] | Callable[[Operands], list[Value]]

LAYERS: dict[str, Layer] = {
    **dict.fromkeys([*_CURVES, *_UNARY, *_MERGES, "Div", "Reciprocal"], elementwise),
    "PRelu": prelu,
    "Softmax": softmax("softmax"),
    "LogSoftmax": softmax("log_softmax"),
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "InstanceNormalization": instance_norm,
    "GroupNormalization": instance_norm,
    "Gemm": gemm,
    "MatMul": matmul,
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "GlobalMaxPool": windows.global_pool("Max"),
    "GlobalAveragePool": windows.global_pool("Average"),
    "ReduceMean": windows.reduce_over_space("Average"),
    "ReduceMax": windows.reduce_over_space("Max"),
    "Pad": windows.pad,
    "Concat": concat,
    "Identity": shapes.identity,
    "Dropout": shapes.identity,
    "Cast": shapes.cast,
    "Transpose": shapes.transpose,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Split": parts.split,
    "Slice": parts.slice_,
    "Gather": parts.gather,
    "Upsample": shapes.upsample,
    "Resize": shapes.upsample,
}
