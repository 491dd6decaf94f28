"""What to compute with a model of the user's: its graph, from its file, and the layer of the features."""

import os
from collections.abc import Sequence
from functools import lru_cache

from pydeepl import _core
from pydeepl.deep.families import FAMILIES, PREPROCESSINGS, family_size, is_model_path
from pydeepl.deep.weights_file import WeightsFile
from pydeepl.keras.build import build
from pydeepl.keras.config import check_model_file
from pydeepl.keras.ends import is_open
from pydeepl.keras.order import Layer
from pydeepl.keras.reader import graph_layers
from pydeepl.keras.saved import SavedModel, open_model


def open_user_model(modelName: str, weights: str | None) -> tuple[SavedModel, WeightsFile]:
    """The model of a family's name or of a path, its graph new, and its file as it is now.

    Raises ValueError where no file is named; FileNotFoundError; what open_model raises.
    """
    path = weights if weights not in (None, "imagenet") else modelName if is_model_path(modelName) else None
    if path is None:
        raise ValueError(
            f"{modelName} needs weights=, the path of a whole model that Keras saved (.keras or .h5): "
            "its own weights are not fetched"
        )
    path = os.path.expanduser(path)
    check_model_file(path)
    file = WeightsFile.at(path)
    model = _opened(file, family_size(modelName) if modelName in FAMILIES else None)
    if is_open(model.shapes):
        shapes = " and ".join(str(list(shape)) for shape in model.shapes.values())
        raise ValueError(f"{path}: its input's size {shapes} is open: save the model with a fixed input size")
    others = tuple(WeightsFile.at(other) for other in model.files if os.path.realpath(other) != file.path)
    return model._replace(built=build(model.path, model.topology, model.shapes)), WeightsFile(
        file.path, file.size, file.changed, others
    )


@lru_cache(maxsize=8)
def _opened(file: WeightsFile, side: int | None) -> SavedModel:
    """Read once, though a pipeline asks often; without the weights, which are read when they are wanted.

    side: height and width of images where the model leaves them open.
    """
    model = open_model(file.path)
    shapes = list(model.shapes.values())
    if side is not None and [len(shape) for shape in shapes] == [3] and None in shapes[0][:2]:
        height, width, channels = shapes[0]
        if channels is not None:
            model = open_model(file.path, inputShape=(height or side, width or side, channels))
    return model._replace(arrays=None)


def preprocessing_of(modelName: str, preprocessing: str | None) -> int:
    """The core's number of a preprocessing: the family's, or the one given. Raises ValueError for neither."""
    mode = preprocessing or FAMILIES.get(modelName)
    if mode is None:
        expected = ", ".join(repr(name) for name in PREPROCESSINGS)
        raise ValueError(
            f"{modelName}: say how pixels become the model's input: preprocessing= one of {expected} "
            "('none' for a model that scales pixels from 0 to 255 itself)"
        )
    return PREPROCESSINGS[mode]


def feature_node(graph: _core.Graph, output: int) -> int:
    """The node of the features: what the classifier at the end sees, as sparkdl takes it of its networks.

    It is the last global pooling that all the ways to the output lead through (inside a block they do not);
    else the map before the last Flatten that they do; else the output itself.
    """
    layers = graph_layers(graph)
    trunk = _trunk(layers, output)
    for node in reversed(trunk):
        if layers[node].kind.startswith("Global"):
            return node
    for node in reversed(trunk):
        if layers[node].kind == "Flatten":
            return layers[node].inputs[0]
    return output


def _trunk(layers: Sequence[Layer], output: int) -> list[int]:
    """The nodes that every way from the input to the output leads through, in order."""
    wanted = {output}
    for node in range(output, -1, -1):
        if node in wanted:
            wanted.update(layers[node].inputs)
    trunk, open_until = [], -1  # the furthest node that takes an earlier one's output
    reach: dict[int, int] = {}
    for node in sorted(wanted):
        for source in layers[node].inputs:
            reach[source] = node
    for node in sorted(wanted):
        if open_until <= node:
            trunk.append(node)
        open_until = max(open_until, reach.get(node, node))
    return trunk
