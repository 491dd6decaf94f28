"""Computed features kept on disk, so that the same image never goes through the same network twice.

    image ──► its key ──► known? ──► unpacked ──────────────────────────► features
                            └─ no ─► decoded, resized, run, packed, kept ──┘

Off unless asked for, by a parameter (`cache=` of Featurizer and DeepImageFeaturizer) or the environment
variable PYDEEPL_FEATURE_CACHE (see settings). Features are found by contents: the image's bytes and all that
decides how they become features (see keys), the weights by their file's MD5, which pydeepl.weights.hashes
remembers, so that 90 MB are not read for it each time. Files are read but not decoded, and weights not
loaded, where the features are known. What comes back has the bits that were computed (see codec); batch size,
threads and the CPU round differently and are in no key, as Featurizer's features differ by rounding anyway.

A folder may be shared by threads, processes and users; what is in it is bounded in size, and harm to it costs
time, never a job (see folder and store).
"""

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
