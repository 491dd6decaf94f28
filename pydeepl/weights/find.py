"""Looks for a network's weights on this machine."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pydeepl.weights import second_source
from pydeepl.weights.hashes import md5_of
from pydeepl.weights.places import Found, cache_folder, keras_folder, weights_folder, what_is_there
from pydeepl.weights.registry import OfficialFile, PublishedFile, official_file

_log = logging.getLogger("pydeepl.weights")
_noticed: set[Path] = set()


def find_weights(network: str, include_top: bool) -> Found | None:
    """The weights of a known network in PYDEEPL_WEIGHTS, our cache or Keras' cache; None if absent.

    A file with the top serves a network without it. In PYDEEPL_WEIGHTS any file of the right name is taken,
    with a notice if its MD5 is not the official one; in the caches only official files are.
    """
    files = [official_file(network, top) for top in ((True,) if include_top else (False, True))]
    folder = weights_folder()
    if folder is not None:
        _check_folder(folder)
        for path in _own_files(folder, network, files):
            return Found(path, _describe_own(path, network))
    for place, words in ((cache_folder(), "pydeepl's cache"), (keras_folder(), "Keras' cache")):
        for file in files:
            path = place / file.name
            if path.is_file() and is_official(path, file):
                return Found(path, f"official {network} ImageNet weights, {path} ({words}; MD5 verified)")
    if second_source.serves(network, include_top):
        return second_source.find()
    return None


def _check_folder(folder: Path) -> None:
    """A notice, once, where PYDEEPL_WEIGHTS leads to no folder: the weights come from elsewhere then."""
    if not folder.is_dir() and folder not in _noticed:
        _noticed.add(folder)
        _log.warning("PYDEEPL_WEIGHTS is passed over: %s: %s", folder, what_is_there(folder))


def describe_file(path: Path, network: str) -> str:
    """What a file is that the user pointed at; its sum is taken only where its name claims to be official."""
    official = [file for file in _files_of(network) if file.name == path.name]
    if not official:
        return f"{network} weights of the user, {path}"
    if md5_of(path) == official[0].md5:
        return f"official {network} ImageNet weights, {path} (MD5 verified)"
    return f"{network} weights, {path} (not the official file of this name: its MD5 differs)"


def _files_of(network: str) -> list[OfficialFile]:
    return [official_file(network, False), official_file(network, True)]


def _own_files(folder: Path, network: str, files: list[OfficialFile]) -> Iterator[Path]:
    names = [*(file.name for file in files), f"{network}.safetensors", f"{network}.h5"]
    return (folder / name for name in names if (folder / name).is_file())


def _describe_own(path: Path, network: str) -> str:
    md5 = md5_of(path)
    if md5 in [file.md5 for file in _files_of(network)]:
        return f"official {network} ImageNet weights, {path} (PYDEEPL_WEIGHTS; MD5 verified)"
    if path not in _noticed:
        _noticed.add(path)
        _log.warning("using %s, which is not an official file of Keras (MD5 %s)", path, md5)
    return f"{network} weights, {path} (PYDEEPL_WEIGHTS; not an official file, MD5 {md5})"


def is_official(path: Path, file: PublishedFile) -> bool:
    """Whether a file has the published one's sum; a warning where it has not."""
    try:
        md5 = md5_of(path)
    except OSError as error:
        _log.warning("%s cannot be read and is passed over: %s", path, error)
        return False
    if md5 != file.md5:
        text = "%s is damaged or of another version and is passed over (MD5 %s, expected %s)"
        _log.warning(text, path, md5, file.md5)
    return md5 == file.md5
