"""What `pydeepl weights list | fetch | verify` do."""

from pathlib import Path
from typing import NamedTuple

from pydeepl import _core
from pydeepl.weights import registry, second_source
from pydeepl.weights.acquire import fetch
from pydeepl.weights.find import find_weights
from pydeepl.weights.hashes import md5_of
from pydeepl.weights.network import fits
from pydeepl.weights.places import Found, cache_folder, keras_folder, weights_folder
from pydeepl.weights.registry import OfficialFile


class WeightsEntry(NamedTuple):
    """An official file, and the file of this machine that would be used for it (None: it must be fetched)."""

    network: str
    include_top: bool
    name: str
    url: str
    md5: str
    path: Path | None
    source: str


class WeightsCheck(NamedTuple):
    """A file of weights on this machine; state: "official" (its sum is right), "fits" or "unusable"."""

    network: str
    include_top: bool
    path: Path
    state: str
    detail: str


def list_weights() -> list[WeightsEntry]:
    """The official files, with and without tops, and which file of this machine serves each."""
    entries = []
    for file in registry.OFFICIAL_FILES:
        found = find_weights(file.network, file.include_top)
        path, source = found or (None, "not on this machine")
        entries.append(
            WeightsEntry(file.network, file.include_top, file.name, file.url, file.md5, path, source)
        )
    return entries


def fetch_weights(modelName: str, include_top: bool = False, progress: bool = True) -> Found:
    """A known network's official weights, downloaded into the cache unless they are on this machine.

    Returns (path, source). Raises ValueError for an unknown network, WeightsUnavailable.
    """
    _core.zoo_spec(modelName)
    return find_weights(modelName, include_top) or fetch(modelName, include_top, progress)


def verify_weights() -> list[WeightsCheck]:
    """Checks the known networks' files in PYDEEPL_WEIGHTS and the caches: by MD5, else by loading them."""
    checks = []
    folders = [folder for folder in (weights_folder(), cache_folder(), keras_folder()) if folder is not None]
    for folder in dict.fromkeys(folders):
        for file in registry.OFFICIAL_FILES:
            names = [file.name]
            if not file.include_top:
                names += [f"{file.network}.safetensors", f"{file.network}.h5"]
                names += [second_source.FILE_NAME] if file.network == second_source.NETWORK else []
            checks += [_check(folder / name, file) for name in names if (folder / name).is_file()]
    return checks


def _check(path: Path, file: OfficialFile) -> WeightsCheck:
    try:
        md5 = md5_of(path)
    except OSError as error:
        return WeightsCheck(file.network, file.include_top, path, "unusable", str(error))
    if path.name == file.name and md5 == file.md5:
        return WeightsCheck(file.network, file.include_top, path, "official", f"MD5 {md5}")
    if path.name == second_source.FILE_NAME and second_source.intact(path):
        detail = f"the arrays of {second_source.PACKAGE}, SHA-256 as pinned"
        return WeightsCheck(file.network, file.include_top, path, "official", detail)
    problem = fits(path, file.network, file.include_top)
    state = "fits" if problem is None else "unusable"
    return WeightsCheck(file.network, file.include_top, path, state, problem or f"MD5 {md5}, not official")
