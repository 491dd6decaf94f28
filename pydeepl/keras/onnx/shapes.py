"""Flatten, Reshape, Transpose and their like: most change what is known of a value, and no data."""

from dataclasses import replace
from math import prod

from pydeepl.keras.ends import OpenShape, fixed
from pydeepl.keras.errors import Unsupported
from pydeepl.keras.onnx.file import OnnxGraph, OnnxNode
from pydeepl.keras.onnx.operands import Operands, key_of
from pydeepl.keras.onnx.sketch import Sketch
from pydeepl.keras.onnx.values import ANY_BATCH, MAP, VECTOR, Order, Value, text

_CHANNELS_LAST = (0, 1, 2, 3)
_MAX_NUMBERS = 1 << 28  # in a row of an input
# What an exporter may put between the input and the transposition to its own order.
_BEFORE_TRANSPOSE = {"Add", "Sub", "Mul", "Div", "Pad", "Cast", "Identity", "Clip", "Neg"}


def input_shape(graph: OnnxGraph, name: str, shape: list[int | None] | None) -> OpenShape:
    """One row of a graph's input in the core, with None for an extent that is open."""
    if shape is None or len(shape) < 2:
        raise Unsupported(f"expected an input [n, channels, height, width], found {shape}")
    axes = _input_axes(graph, name, len(shape))
    core = tuple(shape[axes.index(axis)] for axis in range(1, len(axes)))
    if core[-1] is None:
        raise Unsupported(f"its channels in {shape} are open: expected a number of them")
    return core


def input_value(sketch: Sketch, graph: OnnxGraph, name: str, batch: int | None, core: OpenShape) -> Value:
    """A graph's input as a layer, with NOMINAL for what is open."""
    axes = _input_axes(graph, name, 1 + len(core))
    extents = fixed(core)
    if min(extents) < 1 or prod(extents) > _MAX_NUMBERS:
        raise Unsupported(f"a row of the size {list(extents)}")
    sketch.channels_last = sketch.channels_last or axes == _CHANNELS_LAST
    whole = (ANY_BATCH if batch is None else batch, *extents)
    key = sketch.add(name, "InputLayer", [], {"batch_shape": [None, *core]})
    return Value(key, tuple(whole[axis] for axis in axes), axes)


def _input_axes(graph: OnnxGraph, name: str, rank: int) -> tuple[int, ...]:
    """Images are [n, channels, height, width], unless the graph begins with their transposition to that."""
    if rank != 4:
        return tuple(range(rank))
    readers: dict[str, list[OnnxNode]] = {}
    for node in graph.nodes:
        for each in node.inputs:
            readers.setdefault(each, []).append(node)
    waiting, seen = [name], {name}
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op == "Transpose" and node.attributes.get("perm") == list(MAP):
                return _CHANNELS_LAST
            if node.op in _BEFORE_TRANSPOSE and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                waiting.append(node.outputs[0])
    return MAP


def as_vector(sketch: Sketch, name: str, x: Value) -> Value:
    """The value; a flattened map in the file's order."""
    if x.order is None:
        return x
    key = sketch.add(f"{name}/map", "Reshape", [key_of(x)], {"target_shape": list(x.order.shape)})
    dims = [axis + 1 for axis in x.order.axes]
    key = sketch.add(f"{name}/permute", "Permute", [key], {"dims": dims})
    key = sketch.add(name, "Flatten", [key])
    return replace(x, key=key, order=None, base=None, curve=None)


def identity(o: Operands) -> Value:
    """The input itself."""
    value = o.input(0)
    if not isinstance(value, Value):
        raise Unsupported("its input is constant")
    return value


def cast(o: Operands) -> Value:
    """Between types of floats, all of which are float32 here."""
    if o.attribute("to") not in (1, 10, 11, 16):  # FLOAT, FLOAT16, DOUBLE, BFLOAT16
        raise Unsupported("expected a type of floats")
    return identity(o)


def transpose(o: Operands) -> Value:
    """Other axes of the same data."""
    x = o.value()
    perm = o.ints("perm") or list(range(len(x.shape)))[::-1]
    if sorted(perm) != list(range(len(x.shape))) or perm[0] != 0:
        raise Unsupported(f"perm {perm}: expected the batch to stay the first axis")
    axes = tuple(x.axes[axis] for axis in perm)
    return Value(x.key, tuple(x.shape[axis] for axis in perm), axes, x.order, x.nonnegative)


def flatten(o: Operands) -> Value:
    """A vector of all but the batch."""
    x = o.value()
    if o.attribute("axis", 1) % len(x.shape) != 1:
        raise Unsupported(f"axis {o.attribute('axis')}: expected 1")
    return _flat(o, x)


def _flat(o: Operands, x: Value) -> Value:
    shape = (x.shape[0], prod(x.shape[1:]))
    if x.rank == 2:
        return Value(x.key, shape, VECTOR, x.order, x.nonnegative)
    order = Order(x.core_shape[1:], tuple(axis - 1 for axis in x.axes[1:] if axis is not None))
    key = o.sketch.add(o.name, "Flatten", [o.key()])
    return Value(key, shape, VECTOR, None if order.is_the_cores else order, x.nonnegative)


def reshape(o: Operands) -> Value:
    """Another shape of the same data."""
    x = o.value()
    shape = o.ints("shape", 1) or []
    if not o.attribute("allowzero", 0):
        shape = [x.shape[at] if extent == 0 else extent for at, extent in enumerate(shape)]
    if shape.count(-1) == 1:
        shape[shape.index(-1)] = prod(x.shape) // -prod(shape)
    return reshaped(o, x, shape)


def squeeze(o: Operands) -> Value:
    """Without axes of length 1."""
    x = o.value()
    axes = o.ints("axes", 1, [at for at, extent in enumerate(x.shape) if extent == 1 and at]) or []
    drop = {axis % len(x.shape) for axis in axes}
    return reshaped(o, x, [extent for at, extent in enumerate(x.shape) if at not in drop])


def unsqueeze(o: Operands) -> Value:
    """With more axes of length 1."""
    x = o.value()
    axes = o.ints("axes", 1) or []
    rank = len(x.shape) + len(axes)
    new, old = {axis % rank for axis in axes}, iter(x.shape)
    return reshaped(o, x, [1 if at in new else next(old) for at in range(rank)])


def reshaped(o: Operands, x: Value, shape: list[int]) -> Value:
    """A value in another shape of the file."""
    if x.shape[0] == 1 and len(shape) == 1 and shape[0] == prod(x.shape):  # a row alone, without its axis
        row = _flat(o, x)
        return Value(row.key, (shape[0],), (1,), row.order, row.nonnegative)
    if prod(shape) != prod(x.shape) or not shape or shape[0] != x.shape[0]:
        raise Unsupported(f"from {text(x.shape)} to {text(shape)}: expected the batch to stay the first axis")
    if tuple(shape) == x.shape:
        return x
    if len(shape) == 2:
        return _flat(o, x)
    if x.rank == 2:  # a vector with axes of length 1
        places = [at for at, extent in enumerate(shape) if at and extent > 1] or [1]
        if len(places) == 1:
            axes = tuple(0 if at == 0 else 1 if at == places[0] else None for at in range(len(shape)))
            return Value(x.key, tuple(shape), axes, x.order, x.nonnegative)
    if (channels := _shuffled(o, x, shape)) is not None:
        return channels
    x = in_file_order(o, x)
    key = o.sketch.add(o.name, "Reshape", [key_of(x)], {"target_shape": shape[1:]})
    made = Value(key, tuple(shape), tuple(range(len(shape))), None, x.nonnegative)
    if o.sketch.channels_last or len(shape) != 4:
        return made
    key = o.sketch.add(f"{o.name}/map", "Permute", [key], {"dims": [2, 3, 1]})
    return Value(key, tuple(shape), MAP, None, x.nonnegative)


def _shuffled(o: Operands, x: Value, shape: list[int]) -> Value | None:
    """A map's channels in groups, or groups of channels as channels again: as a channel shuffle does."""
    if x.axes == MAP and len(shape) == 5 and tuple(shape[3:]) == x.shape[2:]:
        config = {"target_shape": [*shape[3:], *shape[1:3]]}
        key = o.sketch.add(o.name, "Reshape", [key_of(x)], config)
        return Value(key, tuple(shape), (0, 3, 4, 1, 2), None, x.nonnegative)
    if len(x.shape) == 5 and x.axes[3:] == (1, 2) and len(shape) == 4 and x.shape[3:] == tuple(shape[2:]):
        key = key_of(x)
        if x.axes[1:3] == (4, 3):
            key = o.sketch.add(f"{o.name}/permute", "Permute", [key], {"dims": [1, 2, 4, 3]})
        key = o.sketch.add(o.name, "Reshape", [key], {"target_shape": [*shape[2:], shape[1]]})
        return Value(key, tuple(shape), MAP, None, x.nonnegative)
    return None


def in_file_order(o: Operands, x: Value) -> Value:
    """A value whose axes are the core's in the file's order, and none of length 1 beside them."""
    x = as_vector(o.sketch, f"{o.name}/ordered", x)
    axes = [axis for axis in x.axes if axis is not None]
    if axes == sorted(axes):
        return x
    if axes[0] != 0:
        raise Unsupported(f"{text(x.shape)}: expected the batch as the first axis")
    dims = axes[1:]
    key = o.sketch.add(f"{o.name}/permute", "Permute", [key_of(x)], {"dims": dims})
    order = iter(range(len(axes)))
    return Value(
        key, x.shape, tuple(None if axis is None else next(order) for axis in x.axes), None, x.nonnegative
    )


def upsample(o: Operands) -> Value:
    """UpSampling2D by whole factors."""
    x = o.map()
    factors = _factors(o, x)
    if any(factor != int(factor) or factor < 1 for factor in factors) or factors[:2] != [1, 1]:
        raise Unsupported(f"factors {factors}: expected whole ones of height and width")
    mode = o.attribute("mode", "nearest")
    older = o.node.op == "Upsample" or o.opset < 11
    place = "asymmetric" if older else o.attribute("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if older else o.attribute("nearest_mode", "round_prefer_floor")
    repeats = (place == "asymmetric" and rounding == "floor") or (
        place in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round_prefer")
    )
    if mode == "nearest" and repeats:
        interpolation = "nearest"
    elif mode == "linear" and place in ("half_pixel", "pytorch_half_pixel"):
        interpolation = "bilinear"
    else:
        raise Unsupported(f"mode {mode!r} with {place!r}, {rounding!r}")
    size = [int(factor) for factor in factors[2:]]
    config = {"size": size, "interpolation": interpolation}
    key = o.sketch.add(o.name, "UpSampling2D", [o.key()], config)
    n, height, width, channels = x.core_shape
    return x.resized(key, (n, height * size[0], width * size[1], channels), x.nonnegative)


def _factors(o: Operands, x: Value) -> list[float]:
    if "scales" in o.node.attributes:
        return [float(each) for each in o.attribute("scales")]
    scales = 1 if o.node.op == "Upsample" or o.opset < 11 else 2
    if o.input(scales) is not None and o.array(scales).size:
        return [float(each) for each in o.array(scales)]
    sizes = o.ints("sizes", 3) or []
    return [size / extent for size, extent in zip(sizes, x.shape, strict=True)]
