"""What a folder of cached features holds, by network, and clearing it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from pydeepl.deep.cache.folder import ABOUT, TAG, entries, networks, remove, remove_network


class CachedNetwork(NamedTuple):
    """The features of one network (with one layer, pooling, file of weights and so on) in a cache."""

    folder: str
    model: str
    about: dict[str, Any]
    """The network's key by its fields (see NetworkKey); empty where the description is gone."""
    entries: int
    bytes: int
    """On the disk, in blocks of 4 KiB."""
    used: float | None
    """When it was last used, in seconds since 1970; noted every ten minutes at most."""


def cached_networks(folder: Path) -> list[CachedNetwork]:
    """The networks of a cache, by name; none where there is no cache."""
    found = []
    for network in networks(folder):
        files = list(entries(folder, network))
        found.append(
            CachedNetwork(
                network,
                network.partition("-")[0],
                _about(folder / network / ABOUT),
                len(files),
                sum(file.size for file in files),
                max((file.used for file in files), default=None),
            )
        )
    return found


def clear_cache(folder: Path, model: str | None = None) -> list[CachedNetwork]:
    """Removes the features of a model, or all; returns what there was.

    Only what pydeepl has put there is removed, and the folder itself stays. Raises OSError.
    """
    removed = [each for each in cached_networks(folder) if model in (None, each.model)]
    for each in removed:
        remove_network(folder, each.folder)
    if model is None:
        remove(folder / TAG)
    return removed


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
