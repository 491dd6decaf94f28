"""Keras' legacy HDF5 layout: official weight files, `save_weights("x.h5")` of Keras 1 and 2, whole models.

    /  or  /model_weights      attribute layer_names
    |-- conv2d_1               attribute weight_names: a list of paths below the layer's group
    |   `-- conv2d_1/kernel:0
    `-- top_level_model_weights (ignored: no layer)

Keras loads it by the order of the layers that have weights, whatever their names; so does `match.py`.
"""

from collections.abc import Collection, Iterator

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.hdf5 import Group, array_at, group_at, handle_of, is_counter, names_attribute
from pydeepl.keras.stored import MAX_LAYERS, Naming, StoredLayer, StoredWeights


def is_legacy(root: Group) -> bool:
    """Whether an open HDF5 file has this layout."""
    return _has_layers(root) or "model_weights" in root


def _has_layers(group: Group) -> bool:
    return "layer_names" in group.attrs or "layer_names0" in group.attrs


def read_legacy(path: str, root: Group, models: Collection[str] | None = None) -> StoredWeights:
    """The layers with weights of an open file.

    models: the layers that are models themselves, whose layers are then named "model/layer"; None where that
    is not known: the layers of the largest model are taken.
    """
    whole = not _has_layers(root)
    group = group_at(path, root, "model_weights") if whole else root
    names = names_attribute(path, group, "layer_names")
    if names is None:
        raise WeightsError(f"{path}: {group.name} has no attribute layer_names")
    if len(names) > MAX_LAYERS:
        raise WeightsError(f"{path}: {group.name} lists {len(names)} layers, more than {MAX_LAYERS}")
    members = [list(_layers(path, group, name, name in (models or ()))) for name in names]
    if models is None:
        layers = _largest(members)
    else:
        layers = [layer for member in members for layer in member]
    kind = "Keras whole-model HDF5 file" if whole else "Keras legacy HDF5 weights"
    return StoredWeights(path, kind, Naming.ANY, layers, handle=handle_of(root))


def _largest(members: list[list[StoredLayer]]) -> list[StoredLayer]:
    """Of the layers that each member of a model holds, those of one model.

    A layer that is a model itself holds many. The largest model is the network; the others, in it or around
    it, are a preprocessing or a head.
    """
    models = [[layers[0] for layers in members if len(layers) == 1]]
    models += [layers for layers in members if len(layers) > 1]
    return max(models, key=len)


def _layers(path: str, group: Group, name: str, model: bool) -> Iterator[StoredLayer]:
    """The layer `name` if it has weights; for a nested model, each of its layers that has."""
    layer = group_at(path, group, name)
    weights = names_attribute(path, layer, "weight_names") or []
    arrays: dict[str, list[str]] = {}
    for weight in weights:
        if weight.rpartition("/")[2] in ("count", "count:0") and is_counter(path, layer, weight):
            continue
        arrays.setdefault(weight.rpartition("/")[0], []).append(weight)
    for inner, stored in arrays.items():
        title = inner.rpartition("/")[2]
        full = f"{name}/{title}" if model else title if len(arrays) > 1 else name
        yield StoredLayer(full, [array_at(path, layer, weight) for weight in stored])
