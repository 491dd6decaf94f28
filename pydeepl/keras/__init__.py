"""Reads Keras models and their weights, in every format that Keras has written them in.

    file ──open_weights──► layers and shapes ──match──► which is which ──load_params──► float32 arrays

Nothing of a file is believed: only what lies in the file itself is read, shapes and types are checked against
the network before an array is made, and a file that does not fit is answered with all that is wrong with it.

The names load on first use: networks of the core's own wait for no layers of Keras.
"""

from pydeepl.lazy import lazy_names

# Public name -> module of this package that defines it.
_EXPORTS = {
    "KerasModel": "model",
    "Layer": "order",
    "WeightsError": "errors",
    "graph_layers": "reader",
    "keras_order": "order",
    "load_model": "model",
    "load_params": "reader",
    "open_weights": "reader",
    "read_weights": "reader",
    "save_tensors": "tensors",
}

__all__ = sorted(_EXPORTS)

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)
