"""Pretrained weights: where they are, how they come here, and how they become a network's parameters.

Looked for in this order: `weights="path"`; the folder PYDEEPL_WEIGHTS (official file names, NET.safetensors
or NET.h5); pydeepl's cache (PYDEEPL_HOME); Keras' cache (~/.keras/models, KERAS_HOME). What is nowhere is
downloaded, unless PYDEEPL_OFFLINE is set.
"""

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.reader import read_weights
from pydeepl.weights.errors import WeightsUnavailable
from pydeepl.weights.inventory import (
    WeightsCheck,
    WeightsEntry,
    fetch_weights,
    list_weights,
    verify_weights,
)
from pydeepl.weights.network import NetworkParams, convert_weights, network_params

__all__ = [
    "NetworkParams",
    "WeightsCheck",
    "WeightsEntry",
    "WeightsError",
    "WeightsUnavailable",
    "convert_weights",
    "fetch_weights",
    "list_weights",
    "network_params",
    "read_weights",
    "verify_weights",
]
