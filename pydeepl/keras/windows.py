"""Builders of the layers that slide a window over feature maps [h, w, c] or along lines [length, c].

On a line the core slides a window of one row, so a layer and its one-dimensional kin are built alike.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from pydeepl.keras.activations import Builder, Config, finish
from pydeepl.keras.errors import Unsupported

Pair = tuple[int, int]


def pair(value: Any, axes: int = 2) -> Pair:
    """A number for each of one or two axes, as (rows, columns)."""
    numbers = [value] * axes if isinstance(value, int) else list(value)
    if len(numbers) != axes or not all(isinstance(number, int) for number in numbers):
        raise ValueError(f"expected {axes} numbers, found {value!r}")
    return (1, numbers[0]) if axes == 1 else (numbers[0], numbers[1])


def _window(config: Config, axes: int) -> dict[str, Any]:
    return {
        "stride": pair(config["strides"], axes),
        "dilation": pair(config.get("dilation_rate", 1), axes),
        "padding": config["padding"],
        "use_bias": config["use_bias"],
    }


def _conv(axes: int) -> Builder:
    def conv(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        window = _window(config, axes) | {"groups": config.get("groups", 1)}
        size = pair(config["kernel_size"], axes)

        def build(name: str, activation: str | None) -> int:
            return int(
                graph.conv2d(name, inputs[0], config["filters"], size, activation=activation, **window)
            )

        return finish(graph, name, config["activation"], build)

    return conv


def _depthwise(axes: int) -> Builder:
    def depthwise(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        window = _window(config, axes) | {"multiplier": config["depth_multiplier"]}
        size = pair(config["kernel_size"], axes)

        def build(name: str, activation: str | None) -> int:
            return int(graph.depthwise_conv2d(name, inputs[0], size, activation=activation, **window))

        return finish(graph, name, config["activation"], build)

    return depthwise


def _separable(axes: int) -> Builder:
    def separable(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        window = _window(config, axes) | {"multiplier": config["depth_multiplier"]}
        filters, size = config["filters"], pair(config["kernel_size"], axes)

        def build(name: str, activation: str | None) -> int:
            return int(
                graph.separable_conv2d(name, inputs[0], filters, size, activation=activation, **window)
            )

        return finish(graph, name, config["activation"], build)

    return separable


def _transpose(axes: int) -> Builder:
    def transpose(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        added = config.get("output_padding")
        # Across a line of one row nothing is added: the least output is that row.
        padding = None if added is None else pair(added, axes)
        if padding is not None and axes == 1:
            padding = (0, padding[1])
        window = _window(config, axes) | {"output_padding": padding}
        filters, size = config["filters"], pair(config["kernel_size"], axes)

        def build(name: str, activation: str | None) -> int:
            return int(
                graph.conv2d_transpose(name, inputs[0], filters, size, activation=activation, **window)
            )

        return finish(graph, name, config["activation"], build)

    return transpose


def _pool(kind: str, axes: int) -> Builder:
    def pool(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        make: Callable[..., int] = graph.max_pool2d if kind == "max" else graph.avg_pool2d
        size = pair(config["pool_size"], axes)
        stride = size if config["strides"] is None else pair(config["strides"], axes)
        return int(make(name, inputs[0], size, stride=stride, padding=config["padding"]))

    return pool


def _adaptive(kind: str, axes: int) -> Builder:
    """Pooling to an output of this size, by windows of one size alone."""

    def pool(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        make: Callable[..., int] = graph.max_pool2d if kind == "max" else graph.avg_pool2d
        wanted = pair(config["output_size"], axes)[2 - axes :]
        extents = graph.shape(inputs[0])[:axes]
        if any(most < 1 or extent % most for extent, most in zip(extents, wanted, strict=True)):
            raise Unsupported(f"from {list(extents)} to {list(wanted)}: expected divisors of the extents")
        size = pair([extent // most for extent, most in zip(extents, wanted, strict=True)], axes)
        return int(make(name, inputs[0], size, stride=size, padding="valid"))

    return pool


def global_pool(kind: str) -> Builder:
    """Over all places of a map or a line."""

    def pool(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        make = graph.global_max_pool if kind == "max" else graph.global_avg_pool
        return int(make(name, inputs[0], keepdims=bool(config.get("keepdims"))))

    return pool


def _reduce(kind: str) -> Builder:
    """The operations keras.ops.mean and max, over all places."""

    def reduce(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        rank, axis = len(graph.shape(inputs[0])), config["axis"]
        axes = sorted(each % (rank + 1) for each in (axis if isinstance(axis, list) else [axis]))
        if rank < 2 or axes != list(range(1, rank)):
            raise Unsupported(f"over axes {axis} of {rank + 1}: expected all but the first and the last")
        if config.get("initial") is not None:
            raise Unsupported(f"initial {config['initial']}: expected none")
        return global_pool(kind)(graph, name, config, inputs)

    return reduce


def _zero_padding(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    rows, columns = (pair(side) for side in config["padding"])
    return int(graph.zero_pad(name, inputs[0], *rows, *columns))


def _zero_padding_1d(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.zero_pad(name, inputs[0], 0, 0, *pair(config["padding"])))


def _upsampling(axes: int) -> Builder:
    def upsampling(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        factor, how = pair(config["size"], axes), config.get("interpolation", "nearest")
        if how == "nearest":
            return int(graph.upsample(name, inputs[0], factor))
        if how != "bilinear":
            refuse_interpolation(how)
        height, width, *_ = graph.shape(inputs[0])
        return int(graph.resize(name, inputs[0], (height * factor[0], width * factor[1]), how))

    return upsampling


def refuse_interpolation(how: Any) -> NoReturn:
    """Raises Unsupported for a way of resizing."""
    raise Unsupported(f"interpolation {how!r}: expected nearest or bilinear")


_KINDS = (("Max", "max"), ("Average", "avg"))

BUILDERS: dict[str, Builder] = {
    "Conv1D": _conv(1),
    "Conv2D": _conv(2),
    "DepthwiseConv1D": _depthwise(1),
    "DepthwiseConv2D": _depthwise(2),
    "SeparableConv1D": _separable(1),
    "SeparableConv2D": _separable(2),
    "Conv1DTranspose": _transpose(1),
    "Conv2DTranspose": _transpose(2),
    "MaxPooling1D": _pool("max", 1),
    "MaxPooling2D": _pool("max", 2),
    "AveragePooling1D": _pool("avg", 1),
    "AveragePooling2D": _pool("avg", 2),
    **{f"Adaptive{word}Pooling{axes}D": _adaptive(kind, axes) for word, kind in _KINDS for axes in (1, 2)},
    **{f"Global{word}Pooling{axes}D": global_pool(kind) for word, kind in _KINDS for axes in (1, 2)},
    "Mean": _reduce("avg"),
    "Max": _reduce("max"),
    "ZeroPadding1D": _zero_padding_1d,
    "ZeroPadding2D": _zero_padding,
    "UpSampling1D": _upsampling(1),
    "UpSampling2D": _upsampling(2),
}
