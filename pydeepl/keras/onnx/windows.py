"""Convolutions and pools: layers with a window that slides over a map."""

from typing import Any, NamedTuple

import numpy as np

from pydeepl.keras.errors import Unsupported
from pydeepl.keras.onnx.operands import Array, Operands
from pydeepl.keras.onnx.values import Value, text
from pydeepl.keras.topology import Key


class _Axis(NamedTuple):
    """A window's way along one axis."""

    extent: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def reach(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def places(self) -> int:
        room = self.extent + self.before + self.after - self.reach
        if room < 0:
            raise Unsupported(f"its window of {self.reach} does not fit in {self.extent}")
        return room // self.stride + 1

    @property
    def left_over(self) -> int:
        """What one more place lacks, which ceil_mode counts where it does not begin in the padding after."""
        rest = (self.extent + self.before + self.after - self.reach) % self.stride
        begins_inside = self.places * self.stride < self.extent + self.before
        return self.stride - rest if rest and begins_inside else 0

    @property
    def same(self) -> tuple[int, int]:
        """Padding before and after by Keras' rule "same"."""
        places = -(-self.extent // self.stride)
        total = max(0, (places - 1) * self.stride + self.reach - self.extent)
        return total // 2, total - total // 2


class _Window(NamedTuple):
    """A window with its padding worked out."""

    rows: _Axis
    columns: _Axis

    @property
    def strides(self) -> list[int]:
        return [self.rows.stride, self.columns.stride]

    @property
    def dilation(self) -> list[int]:
        return [self.rows.dilation, self.columns.dilation]

    @property
    def padding(self) -> list[int]:
        """Top, bottom, left, right."""
        return [self.rows.before, self.rows.after, self.columns.before, self.columns.after]

    @property
    def is_same(self) -> bool:
        return all((axis.before, axis.after) == axis.same for axis in self)

    def extended(self) -> "_Window":
        """With what ceil_mode adds after the last row and column."""
        return _Window(*(axis._replace(after=axis.after + axis.left_over) for axis in self))


def _window(o: Operands, x: Value, kernel: list[int]) -> _Window:
    if len(kernel) != 2:
        raise Unsupported(f"a window of {len(kernel)} dimensions: expected 2")
    strides = o.ints("strides") or [1, 1]
    dilation = o.ints("dilations") or [1, 1]
    pads = o.ints("pads") or [0, 0, 0, 0]
    auto = o.attribute("auto_pad", "NOTSET")
    axes = []
    for at in range(2):
        axis = _Axis(x.shape[2 + at], kernel[at], strides[at], dilation[at], 0, 0)
        if auto == "SAME_UPPER":
            before, after = axis.same
        elif auto == "SAME_LOWER":
            after, before = axis.same
        else:
            before, after = (pads[at], pads[2 + at]) if auto == "NOTSET" else (0, 0)
        if before < 0 or after < 0:
            raise Unsupported(f"negative padding {pads}")
        axes.append(axis._replace(before=before, after=after))
    return _Window(*axes)


def _placed(o: Operands, x: Value, window: _Window) -> tuple[Key, dict[str, Any]]:
    """Where the layer takes its input, and its padding; a ZeroPadding2D first where Keras has no word."""
    config: dict[str, Any] = {"strides": window.strides}
    if window.is_same and any(window.padding):
        return o.key(), config | {"padding": "same"}
    return zero_padded(o, window.padding), config | {"padding": "valid"}


def zero_padded(o: Operands, padding: list[int]) -> Key:
    """The first input with zeros around it: top, bottom, left, right."""
    if not any(padding):
        return o.key()
    top, bottom, left, right = padding
    config = {"padding": [[top, bottom], [left, right]]}
    return o.sketch.add(f"{o.name}/padding", "ZeroPadding2D", [o.key()], config)


def conv(o: Operands) -> Value:
    """Conv2D, DepthwiseConv2D, or Dense where there is one pixel of a vector."""
    x, weight = o.value(), o.array(1)
    bias = [] if o.input(2) is None else [o.array(2)]
    groups = o.attribute("group", 1)
    if x.rank == 2 and len(x.shape) == 4 and weight.shape[2:] == (1, 1) and groups == 1:
        return _one_pixel(o, x, weight, bias)
    x = o.map()
    filters, inputs, *kernel = weight.shape
    if inputs * groups != x.channels or filters % groups:
        raise Unsupported(f"{x.channels} channels in {groups} groups for kernels {list(weight.shape)}")
    window = _window(o, x, kernel)
    key, config = _placed(o, x, window)
    config |= {"kernel_size": kernel, "dilation_rate": window.dilation}
    config |= {"use_bias": bool(bias), "activation": "linear"}
    if groups == x.channels and groups > 1:
        multiplier = filters // groups
        weight = weight.transpose(2, 3, 0, 1).reshape(*kernel, groups, multiplier)
        made = o.sketch.add(
            o.name, "DepthwiseConv2D", [key], config | {"depth_multiplier": multiplier}, weight, *bias
        )
    else:
        weight = weight.transpose(2, 3, 1, 0)
        config |= {"filters": filters, "groups": groups}
        made = o.sketch.add(o.name, "Conv2D", [key], config, weight, *bias)
    return x.resized(made, (x.shape[0], window.rows.places, window.columns.places, filters))


def _one_pixel(o: Operands, x: Value, weight: Array, bias: list[Array]) -> Value:
    if o.ints("pads") not in (None, [0, 0, 0, 0]):
        raise Unsupported("padding around one pixel")
    config = {"units": len(weight), "use_bias": bool(bias), "activation": "linear"}
    made = o.sketch.add(o.name, "Dense", [o.key()], config, weight[:, :, 0, 0].T, *bias)
    return x.resized(made, (x.shape[0], len(weight)))


def conv_transpose(o: Operands) -> Value:
    """Conv2DTranspose, where Keras' padding can say it."""
    x, weight = o.map(), o.array(1)
    bias = [] if o.input(2) is None else [o.array(2)]
    _, filters, *kernel = weight.shape
    if o.attribute("group", 1) != 1 or o.ints("dilations") not in (None, [1, 1]) or len(kernel) != 2:
        raise Unsupported("groups or dilations")
    if o.attribute("auto_pad", "NOTSET") != "NOTSET" or o.ints("output_shape"):
        raise Unsupported("auto_pad or output_shape")
    strides = o.ints("strides") or [1, 1]
    pads, more = o.ints("pads") or [0, 0, 0, 0], o.ints("output_padding") or [0, 0]
    cut = [(pads[at], pads[2 + at] - more[at]) for at in range(2)]
    over = [max(0, kernel[at] - strides[at]) for at in range(2)]
    if cut == [(0, 0), (0, 0)] and all(kernel[at] >= strides[at] for at in range(2)):
        padding = "valid"
    elif cut == [(each // 2, each - each // 2) for each in over]:
        padding = "same"
    else:
        raise Unsupported(f"pads {pads} with output_padding {more}: neither Keras' valid nor its same")
    config = {"filters": filters, "kernel_size": kernel, "strides": strides, "padding": padding}
    config |= {
        "use_bias": bool(bias),
        "activation": "linear",
        "output_padding": None,
        "dilation_rate": [1, 1],
    }
    made = o.sketch.add(o.name, "Conv2DTranspose", [o.key()], config, weight.transpose(2, 3, 1, 0), *bias)
    height, width = ((x.shape[2 + at] - 1) * strides[at] + kernel[at] - sum(cut[at]) for at in range(2))
    return x.resized(made, (x.shape[0], height, width, filters))


def max_pool(o: Operands) -> Value:
    """MaxPooling2D. Outside of the map nothing counts, as zeros do not where no value is below zero."""
    x, window = _pool(o)
    if o.attribute("ceil_mode", 0):
        window = window.extended()
    if window.dilation != [1, 1]:
        raise Unsupported(f"dilations {window.dilation}")
    key, config = _placed(o, x, window)
    if config["padding"] == "valid" and any(window.padding) and not x.nonnegative:
        raise Unsupported(
            f"padding {window.padding} around values that may be negative: expected Keras' same"
        )
    config |= {"pool_size": [window.rows.kernel, window.columns.kernel]}
    made = o.sketch.add(o.name, "MaxPooling2D", [key], config)
    return x.resized(made, _pooled(x, window), x.nonnegative)


def average_pool(o: Operands) -> Value:
    """AveragePooling2D; Keras' "same" leaves padding out of the mean, a ZeroPadding2D counts it."""
    x, window = _pool(o)
    if o.attribute("ceil_mode", 0) and (window.rows.left_over or window.columns.left_over):
        raise Unsupported("ceil_mode where the last window is not whole")
    if window.dilation != [1, 1]:
        raise Unsupported(f"dilations {window.dilation}")
    if o.attribute("count_include_pad", 0) or not any(window.padding):
        key = zero_padded(o, window.padding)
        config: dict[str, Any] = {"strides": window.strides, "padding": "valid"}
    else:
        key, config = _placed(o, x, window)
        if config["padding"] == "valid":
            raise Unsupported(f"padding {window.padding} that does not count: expected Keras' same")
    config |= {"pool_size": [window.rows.kernel, window.columns.kernel]}
    made = o.sketch.add(o.name, "AveragePooling2D", [key], config)
    return x.resized(made, _pooled(x, window), x.nonnegative)


def _pool(o: Operands) -> tuple[Value, _Window]:
    x = o.map()
    return x, _window(o, x, o.ints("kernel_shape") or [])


def _pooled(x: Value, window: _Window) -> tuple[int, ...]:
    return x.shape[0], window.rows.places, window.columns.places, x.channels


def global_pool(kind: str) -> Any:
    """GlobalAveragePooling2D or GlobalMaxPooling2D."""

    def pool(o: Operands) -> Value:
        return over_space(o, o.map(), kind, keep=True)

    return pool


def over_space(o: Operands, x: Value, kind: str, keep: bool) -> Value:
    """The mean or the maximum of a map's height and width; axes of length 1 are kept in the file alone."""
    made = o.sketch.add(o.name, f"Global{kind}Pooling2D", [o.key()], {"keepdims": False})
    places: list[int | None] = [{0: 0, 3: 1}.get(axis if axis is not None else -1) for axis in x.axes]
    kept = [at for at, axis in enumerate(places) if keep or axis is not None or x.axes[at] is None]
    shape = tuple(1 if places[at] is None else x.shape[at] for at in kept)
    return Value(made, shape, tuple(places[at] for at in kept), None, x.nonnegative)


def reduce_over_space(kind: str) -> Any:
    """ReduceMean or ReduceMax over height and width."""

    def reduce(o: Operands) -> Value:
        x = o.value()
        axes = o.ints("axes", 1, list(range(len(x.shape)))) or []
        keep = bool(o.attribute("keepdims", 1))
        axes = [axis % len(x.shape) for axis in axes]
        wanted = {x.axes[axis] for axis in axes} - {None}
        if x.rank == 2 and not wanted:  # the axes are of length 1 already
            if keep:
                return x
            rest = [at for at in range(len(x.shape)) if at not in axes]
            return Value(x.key, tuple(x.shape[a] for a in rest), tuple(x.axes[a] for a in rest), x.order)
        if x.rank != 4 or wanted != {1, 2}:
            raise Unsupported(f"axes {axes} of {text(x.shape)}: expected height and width")
        return over_space(o, x, kind, keep)

    return reduce


def pad(o: Operands) -> Value:
    """ZeroPadding2D."""
    x = o.value()
    pads = o.ints("pads", 1) or o.ints("paddings") or []
    axes = o.ints("axes", 3, list(range(len(x.shape)))) or []
    constant = o.attribute("value", 0.0) if o.input(2) is None else float(np.asarray(o.array(2)).ravel()[0])
    mode = o.attribute("mode", "constant")
    if mode != "constant" or constant != 0:
        raise Unsupported(f"mode {mode!r} with value {constant}: expected zeros")
    sides = {x.axes[axis]: (pads[at], pads[len(axes) + at]) for at, axis in enumerate(axes)}
    if any(side != (0, 0) and axis not in (1, 2) for axis, side in sides.items()) or x.rank != 4:
        if not any(pads):
            return x
        raise Unsupported(f"pads {pads}: expected padding of height and width")
    (top, bottom), (left, right) = sides.get(1, (0, 0)), sides.get(2, (0, 0))
    if min(top, bottom, left, right) < 0:
        raise Unsupported(f"negative pads {pads}")
    key = (
        o.key()
        if not any(pads)
        else o.sketch.add(o.name, "ZeroPadding2D", [o.key()], {"padding": [[top, bottom], [left, right]]})
    )
    n, height, width, channels = x.core_shape
    return x.resized(key, (n, height + top + bottom, width + left + right, channels), x.nonnegative)
