"""ImageNet's classes: Keras' own index file, found or downloaded, checked by its MD5."""

import json
from functools import cache
from pathlib import Path

from pydeepl.weights.acquire import reason_of
from pydeepl.weights.download import download
from pydeepl.weights.errors import WeightsUnavailable
from pydeepl.weights.find import is_official
from pydeepl.weights.places import cache_folder, keras_folder, offline, weights_folder
from pydeepl.weights.registry import CLASS_INDEX


def class_index() -> list[tuple[str, str]]:
    """(WordNet id, description) of each of the 1000 classes, in the order of the networks' outputs.

    The file is looked for in PYDEEPL_WEIGHTS, pydeepl's cache and Keras' cache, else downloaded. Raises
    WeightsUnavailable.
    """
    return _read(_find() or _fetch())


@cache
def _read(path: Path) -> list[tuple[str, str]]:
    index = json.loads(path.read_text())
    return [(index[str(i)][0], index[str(i)][1]) for i in range(len(index))]


def _find() -> Path | None:
    own = weights_folder()
    folders = [*([own] if own is not None else []), cache_folder(), keras_folder()]
    paths = (folder / CLASS_INDEX.name for folder in folders)
    return next((path for path in paths if path.is_file() and is_official(path, CLASS_INDEX)), None)


def _fetch() -> Path:
    if offline():
        raise _unavailable("no download, since PYDEEPL_OFFLINE is set")
    try:
        return download(CLASS_INDEX)
    except (OSError, ValueError) as error:
        raise _unavailable(f"{CLASS_INDEX.url} ({reason_of(error)})") from error


def _unavailable(failure: str) -> WeightsUnavailable:
    own = weights_folder()
    places = [f"PYDEEPL_WEIGHTS ({own or 'not set'})", str(cache_folder()), str(keras_folder())]
    return WeightsUnavailable(
        f"No ImageNet class names: tried {', '.join(places)}; {failure}.\n"
        f"Put the file {CLASS_INDEX.name} ({CLASS_INDEX.url}, MD5 {CLASS_INDEX.md5}) into {cache_folder()},\n"
        "or leave decodePredictions off: predictions are then the 1000 probabilities."
    )
