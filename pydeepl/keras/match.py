"""Which stored layer is which layer of a network, and everything that is wrong where they do not fit."""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.order import Layer, snake_case
from pydeepl.keras.stored import Naming, StoredArray, StoredLayer, StoredWeights, shapes_text

Pair: TypeAlias = tuple[Layer | None, StoredLayer | None]
Shapes: TypeAlias = tuple[tuple[int, ...], ...]

# Lines of a message: the weights of another network than was asked for have hundreds.
_MOST_PROBLEMS = 20


def match(
    stored: StoredWeights,
    wanted: Sequence[Layer],
    top: Sequence[Layer] = (),
    classes: Sequence[str] | None = None,
) -> list[tuple[Layer, StoredLayer]]:
    """Pairs every wanted layer with its stored one; nothing is read.

    wanted: the layers with parameters, in Keras' order; top: layers that the file may hold besides
    (the whole top or nothing of it; its last layer may have any number of classes); classes: what files with
    class names call the wanted layers, where that is known.
    Raises WeightsError with every missing, extra and misshapen layer.
    """
    pairs = pair(stored, wanted, classes)
    problems = _problems(pairs)
    if problems and top:
        with_top = pair(stored, [*wanted, *top])
        other = _problems(with_top, any_classes=top[-1])
        if not other:
            pairs, problems = with_top, other
    if problems:
        raise WeightsError(_report(stored, wanted, problems))
    names = {layer.name for layer in wanted}
    return [(layer, found) for layer, found in pairs if layer and found and layer.name in names]


def pair(stored: StoredWeights, wanted: Sequence[Layer], classes: Sequence[str] | None = None) -> list[Pair]:
    """Layers side by side as the file's naming asks; None stands for what has no partner."""
    names = [layer.name for layer in wanted]
    titles = [layer.title or layer.name for layer in stored.layers]
    # The same names say more than any order does.
    if stored.naming is Naming.OWN or sorted(titles) == sorted(names):
        return _by_key(names, wanted, titles, stored.layers)
    if stored.naming is Naming.CLASS:
        return _by_key(
            classes or _class_names(wanted), wanted, [layer.name for layer in stored.layers], stored.layers
        )
    pairs = _by_order(wanted, stored.layers)
    if len(set(titles) & set(names)) >= len(names) / 2 and _problems(pairs):
        return _by_key(names, wanted, titles, stored.layers)  # it cannot fit: names tell best what is wrong
    return pairs


def _class_names(layers: Sequence[Layer]) -> list[str]:
    """conv2d, batch_normalization, conv2d_1, ...: the layers' names in Keras 3's weight files."""
    counts: Counter[str] = Counter()
    names = []
    for layer in layers:
        kind = snake_case(layer.kind)
        names.append(f"{kind}_{counts[kind]}" if counts[kind] else kind)
        counts[kind] += 1
    return names


def _by_key(
    names: Sequence[str], wanted: Sequence[Layer], keys: Sequence[str], layers: Sequence[StoredLayer]
) -> list[Pair]:
    found = dict(zip(keys, layers, strict=True))
    pairs: list[Pair] = [(layer, found.pop(name, None)) for name, layer in zip(names, wanted, strict=True)]
    return pairs + [(None, layer) for layer in found.values()]


def _by_order(wanted: Sequence[Layer], layers: Sequence[StoredLayer]) -> list[Pair]:
    """The n-th with the n-th, as Keras pairs them; where that fails, the alignment that explains it best."""
    straight: list[Pair] = list(zip(wanted, layers, strict=False))
    if len(wanted) == len(layers) and not _problems(straight):
        return straight
    pairs: list[Pair] = []
    matcher = SequenceMatcher(
        None, [_wanted_shapes(w) for w in wanted], [_stored_shapes(s) for s in layers], False
    )
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        left, right = wanted[i:i_end], layers[j:j_end]
        both = min(len(left), len(right))
        pairs += zip(left[:both], right[:both], strict=True)
        pairs += [(layer, None) for layer in left[both:]]
        pairs += [(None, layer) for layer in right[both:]]
    if len(wanted) == len(layers) and len(_problems(straight)) <= len(_problems(pairs)):
        return straight
    return pairs


def _wanted_shapes(layer: Layer) -> Shapes:
    return tuple(tuple(shape) for _, shape in layer.params)


def _stored_shapes(layer: StoredLayer) -> Shapes:
    return tuple(array.shape for array in layer.arrays)


def _problems(pairs: Sequence[Pair], any_classes: Layer | None = None) -> list[str]:
    """A line for every pair that does not fit; `any_classes` names a layer whose last dimension is free."""
    lines = []
    for layer, found in pairs:
        if layer is None:
            lines.append(f"extra: {found.describe()}" if found else "")
        elif found is None:
            lines.append(f"missing: {layer.name} {shapes_text(_wanted_shapes(layer))}")
        elif not _fits(layer, found, layer is any_classes):
            name = (
                layer.name
                if layer.name == (found.title or found.name)
                else f"{layer.name} (in the file {found.name})"
            )
            expected = ", ".join(f"{param} {list(shape)}" for param, shape in layer.params)
            lines.append(
                f"misshapen: {name}: found {shapes_text(_stored_shapes(found))}, expected {expected}"
            )
    return lines


def _fits(layer: Layer, found: StoredLayer, any_classes: bool) -> bool:
    arrays = arrange(layer, found)
    if len(arrays) != len(layer.params):
        return False
    shapes = [(tuple(shape), array.shape) for (_, shape), array in zip(layer.params, arrays, strict=True)]
    if any_classes:
        return all(len(a) == len(b) and a[:-1] == b[:-1] for a, b in shapes)
    return all(a == b for a, b in shapes)


def arrange(layer: Layer, found: StoredLayer) -> list[StoredArray]:
    """The stored arrays in the order of the layer's parameters: by name where their names are known."""
    names = [param for param, _ in layer.params]
    arrays = {array.name.rpartition("/")[2].partition(":")[0]: array for array in found.arrays}
    if len(arrays) == len(found.arrays) and set(arrays) == set(names):
        return [arrays[name] for name in names]
    return found.arrays


def _report(stored: StoredWeights, wanted: Sequence[Layer], problems: Sequence[str]) -> str:
    head = (
        f"{stored.path}: {stored.kind} that do not fit the network: "
        f"{len(stored.layers)} layers with weights, expected {len(wanted)}"
    )
    more = len(problems) - _MOST_PROBLEMS
    rest = [f"... and {more} more"] if more > 0 else []
    return "\n  ".join([head, *problems[:_MOST_PROBLEMS], *rest])
