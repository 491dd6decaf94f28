"""Builders of the layers that move values: reshaping, cropping, joining, resizing."""

from typing import Any

from pydeepl.keras.activations import Builder, Config
from pydeepl.keras.errors import Unsupported
from pydeepl.keras.windows import pair, refuse_interpolation


def _flatten(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.flatten(name, inputs[0]))


def _reshape(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    if "newshape" in config:  # the operation, which counts the rows' axis, too
        rows, *target = (int(extent) for extent in config["newshape"])
        if rows != -1 or -1 in target:
            raise Unsupported(f"newshape {[rows, *target]}: expected -1 for the rows, and nothing else open")
    else:
        target = [int(extent) for extent in config["target_shape"]]
    if not 1 <= len(target) <= 4:
        raise Unsupported(f"target_shape {target}: expected 1 to 4 extents")
    if target.count(-1) > 1:
        raise ValueError(f"target_shape {target} leaves more than one extent open")
    if -1 in target:
        known = 1
        for extent in target:
            known *= extent if extent != -1 else 1
        total = 1
        for extent in graph.shape(inputs[0]):
            total *= extent
        target[target.index(-1)] = total // known if known > 0 else 0
    return int(graph.reshape(name, inputs[0], tuple(target)))


def _permute(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.permute(name, inputs[0], tuple(axis - 1 for axis in config["dims"])))


def _repeat_vector(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.repeat(name, inputs[0], config["n"]))


def _concatenate(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    axis, rank = config["axis"], len(graph.shape(inputs[0]))
    if isinstance(axis, list):
        (axis,) = axis
    if axis < 0:
        axis += rank + 1
    if axis == 0:
        raise Unsupported("axis 0, which is the rows'")
    return int(graph.concat(name, inputs, axis=axis - 1)) if len(inputs) > 1 else inputs[0]


# ---- cropping, resizing ----


def _crop(graph: Any, name: str, x: int, sides: list[tuple[int, int]]) -> int:
    """Without so many elements at the beginning and the end of the first axes."""
    shape = graph.shape(x)
    sides = sides + [(0, 0)] * (len(shape) - len(sides))
    extents = [extent - before - after for extent, (before, after) in zip(shape, sides, strict=True)]
    if min(extents) < 1 or min(min(side) for side in sides) < 0:
        raise ValueError(f"cropping {sides} leaves nothing of {list(shape)}")
    return int(graph.crop(name, x, tuple(before for before, _ in sides), tuple(extents)))


def _part(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """Of every axis a range: no layer of Keras, but what ONNX's Split and Slice ask for."""
    return int(graph.crop(name, inputs[0], tuple(config["first"]), tuple(config["extents"])))


def _cropping_1d(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return _crop(graph, name, inputs[0], [pair(config["cropping"])])


def _cropping_2d(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return _crop(graph, name, inputs[0], [pair(side) for side in config["cropping"]])


def _resizing(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    how = config.get("interpolation", "bilinear")
    for option in ("pad_to_aspect_ratio", "antialias"):
        if config.get(option):
            raise Unsupported(option)
    if how not in ("nearest", "bilinear"):
        refuse_interpolation(how)
    size, x = (int(config["height"]), int(config["width"])), inputs[0]
    if config.get("crop_to_aspect_ratio"):
        return resize_in_ratio(graph, name, x, size, how)
    return int(graph.resize(name, x, size, how))


def resize_in_ratio(graph: Any, name: str, x: int, size: tuple[int, int], how: str) -> int:
    """The largest part in the middle with the ratio of `size`, rounded as Keras does, resized."""
    height, width, *_ = graph.shape(x)
    rows = max(min(height, int(width * size[0] / size[1])), 1)
    columns = max(min(width, int(height * size[1] / size[0])), 1)
    part = x if (rows, columns) == (height, width) else crop_middle(graph, f"{name}/crop", x, (rows, columns))
    return int(graph.resize(name, part, size, how))


def crop_middle(graph: Any, name: str, x: int, size: tuple[int, int]) -> int:
    """A part of this size."""
    height, width, *_ = graph.shape(x)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return _crop(graph, name, x, [(top, height - size[0] - top), (left, width - size[1] - left)])


BUILDERS: dict[str, Builder] = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat_vector,
    "Concatenate": _concatenate,
    "Crop": _part,
    "Cropping1D": _cropping_1d,
    "Cropping2D": _cropping_2d,
    "Resizing": _resizing,
}
