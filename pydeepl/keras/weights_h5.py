"""Keras 3's layout of weights, in `.weights.h5` files and inside `.keras` archives.

    /layers/conv2d/vars/0, 1, ...     class names in snake case, counted over the model's layers of that class
    /layers/conv2d_1/vars             attribute name (newer Keras): the layer's own name
    /layers/functional/layers/...     a model in the model

Keras 2.12 to 2.15 call the outer group `_layer_checkpoint_dependencies`.
"""

from collections.abc import Iterator
from dataclasses import replace

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.hdf5 import Group, array_at, group_at, handle_of, is_counter, text_attribute
from pydeepl.keras.stored import MAX_LAYERS, Naming, StoredLayer, StoredWeights

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
_MAX_DEPTH = 8  # models in models


def is_weights_h5(root: Group) -> bool:
    """Whether an open HDF5 file has this layout."""
    return any(name in root for name in CONTAINERS)


def read_weights_h5(path: str, root: Group, nested: bool = False) -> StoredWeights:
    """The layers with weights of an open file.

    nested: those of all models, named "functional/dense"; else, of models in one another, the largest's.
    """
    models = dict(_models(path, root, _MAX_DEPTH))
    if nested and len(models) > 1:
        layers = [
            replace(layer, name=prefix + layer.name, title=None)
            for prefix, members in models.items()
            for layer in members
        ]
    else:
        layers = max(models.values(), key=len, default=[])
    return StoredWeights(path, "Keras 3 weights", Naming.CLASS, layers, handle=handle_of(root))


def _models(path: str, group: Group, depth: int, prefix: str = "") -> Iterator[tuple[str, list[StoredLayer]]]:
    """The layers with weights of the model at `group`, then those of the models in it, each with its name."""
    name = next((name for name in CONTAINERS if name in group), None)
    if name is None:
        return
    if depth == 0:
        raise WeightsError(f"{path}: {group.name}: models nested more than {_MAX_DEPTH} deep")
    container = group_at(path, group, name)
    if len(container) > MAX_LAYERS:
        raise WeightsError(f"{path}: {container.name} holds {len(container)} layers, more than {MAX_LAYERS}")
    members = {member: group_at(path, container, member) for member in container}
    layers = (_layer(path, member, inner) for member, inner in members.items())
    yield prefix, [layer for layer in layers if layer is not None]
    for member, inner in members.items():
        yield from _models(path, inner, depth - 1, f"{prefix}{member}/")


def _layer(path: str, name: str, group: Group) -> StoredLayer | None:
    if group.is_empty("vars"):
        return None
    variables = group_at(path, group, "vars")
    if set(variables) != {str(index) for index in range(len(variables))}:
        raise WeightsError(
            f"{path}: {variables.name} is not numbered 0, 1, ...: a quantized layer cannot be read"
        )
    title = text_attribute(variables, "name")
    count = len(variables)
    if count == 3 and is_counter(path, variables, "2"):
        count -= 1
    arrays = [array_at(path, variables, str(index)) for index in range(count)]
    return StoredLayer(name, arrays, title)
