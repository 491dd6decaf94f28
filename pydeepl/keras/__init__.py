"""Reads Keras models and their weights, in every format that Keras has written them in.

    file ──open_weights──► layers and shapes ──match──► which is which ──load_params──► float32 arrays

Nothing of a file is believed: only what lies in the file itself is read, shapes and types are checked against
the network before an array is made, and a file that does not fit is answered with all that is wrong with it.
"""

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.model import KerasModel, load_model
from pydeepl.keras.order import Layer, keras_order
from pydeepl.keras.reader import graph_layers, load_params, open_weights, read_weights
from pydeepl.keras.tensors import save_tensors

__all__ = [
    "KerasModel",
    "Layer",
    "WeightsError",
    "graph_layers",
    "keras_order",
    "load_model",
    "load_params",
    "open_weights",
    "read_weights",
    "save_tensors",
]
