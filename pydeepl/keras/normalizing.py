"""Builders of layers that scale and normalize."""

import math
from typing import Any

from pydeepl.keras.activations import Builder, Config
from pydeepl.keras.errors import Unsupported


def check_last(graph: Any, x: int, axis: Any) -> None:
    """Raises Unsupported where an axis, counted with the rows' one, is not the last of x."""
    axes = axis if isinstance(axis, list) else [axis]
    if axes != [-1] and (len(axes) != 1 or axes != [len(graph.shape(x))]):
        raise Unsupported(f"axis {axis}: expected the last")


def _rescaling(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    scale, offset = _numbers(config["scale"]), _numbers(config.get("offset", 0.0))
    if not scale or not offset:
        raise Unsupported(f"scale {scale} and offset {offset}: expected numbers")
    count = max(len(scale), len(offset))
    return int(graph.rescale(name, inputs[0], scale * (count // len(scale)), offset * (count // len(offset))))


def _numbers(value: Any) -> list[float]:
    """A number, or nested lists of one a channel, as Keras keeps arrays."""
    while isinstance(value, list | dict):
        if isinstance(value, dict):
            value = value["config"]["value"]
        elif len(value) == 1:
            value = value[0]
        else:
            return [float(each) for each in value]
    return [float(value)]


def _normalization(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    invert, given = bool(config.get("invert")), config.get("mean") is not None
    mean, variance = (_numbers(config["mean"]), _numbers(config["variance"])) if given else ([], [])
    if len(mean) != 1 or len(variance) != 1:  # one number each is the same for every axis
        check_last(graph, inputs[0], config.get("axis", -1))
    if not given:
        return int(graph.normalization(name, inputs[0], invert=invert))
    spread = [max(math.sqrt(each), 1e-7) for each in variance]
    if invert:
        return int(graph.rescale(name, inputs[0], spread, mean))
    offset = [-m / s for m, s in zip(mean, spread, strict=True)]
    return int(graph.rescale(name, inputs[0], [1 / s for s in spread], offset))


def _layer_norm(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    check_last(graph, inputs[0], config["axis"])
    rms = bool(config.get("rms_scaling"))  # which has no mean and no beta
    parts = {"scale": config["scale"], "center": config["center"] and not rms}
    norm = "variance" if rms else "layer"
    return int(graph.layer_norm(name, inputs[0], norm=norm, epsilon=config["epsilon"], **parts))


def _rms_norm(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    check_last(graph, inputs[0], config["axis"])
    return int(graph.layer_norm(name, inputs[0], norm="rms", epsilon=config["epsilon"], center=False))


def _unit_norm(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    check_last(graph, inputs[0], config["axis"])
    least = 1e-24  # Keras': the square of that of the norm
    return int(graph.layer_norm(name, inputs[0], norm="unit", epsilon=least, scale=False, center=False))


def _group_norm(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """Rows of all that belongs to a group are normalized: [pixels, groups, c] -> [groups, pixels c]."""
    x, groups = inputs[0], config["groups"]
    check_last(graph, x, config["axis"])
    *outer, channels = shape = graph.shape(x)
    groups = channels if groups == -1 else groups
    if not 0 < groups <= channels or channels % groups:
        raise ValueError(f"{channels} channels in {groups} groups")
    pixels, each = math.prod(outer), channels // groups
    split = graph.reshape(f"{name}/split", x, (pixels, groups, each))
    rows = graph.reshape(
        f"{name}/rows", graph.permute(f"{name}/grouped", split, (1, 0, 2)), (groups, pixels * each)
    )
    made = graph.layer_norm(f"{name}/norm", rows, epsilon=config["epsilon"], scale=False, center=False)
    split = graph.reshape(f"{name}/made", made, (groups, pixels, each))
    whole = graph.reshape(f"{name}/whole", graph.permute(f"{name}/pixels", split, (1, 0, 2)), tuple(shape))
    if not (config["scale"] or config["center"]):
        return int(whole)
    return int(graph.layer_scale(name, whole, scale=config["scale"], center=config["center"]))


def _layer_scale(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.layer_scale(name, inputs[0]))


BUILDERS: dict[str, Builder] = {
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "UnitNormalization": _unit_norm,
    "GroupNormalization": _group_norm,
    "LayerScale": _layer_scale,
}
