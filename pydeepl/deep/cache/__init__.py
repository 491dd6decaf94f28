"""Computed features kept on disk, so that the same image never goes through the same network twice."""

from pydeepl.deep.cache.inventory import CachedNetwork, cached_networks, clear_cache
from pydeepl.deep.cache.keys import NetworkKey, image_key
from pydeepl.deep.cache.settings import (
    CacheSetting,
    check_cache,
    default_folder,
    feature_folder,
    size_limit,
)
from pydeepl.deep.cache.store import FeatureStore

__all__ = [
    "CacheSetting",
    "CachedNetwork",
    "FeatureStore",
    "NetworkKey",
    "cached_networks",
    "check_cache",
    "clear_cache",
    "default_folder",
    "feature_folder",
    "image_key",
    "size_limit",
]
