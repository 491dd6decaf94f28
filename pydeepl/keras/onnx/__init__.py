"""Reads convolutional networks from ONNX files: the same door as Keras' files, pydeepl.keras.load_model.

    file ──open_graph──► nodes and arrays ──read_onnx──► Keras' layers and weights ──build──► core graph

Every node becomes the Keras layer that computes the same, so that whatever the core can do for Keras' files
it does for these. Exporters store maps as [n, channels, height, width]; the core has channels last. No data
is moved for that: of each value it is known which of its axes is which (see values), and kernels are put into
the core's order once, when they are read. Nothing of a file is executed.

The names load on first use: who reads Keras' files waits for none of this.
"""

from pydeepl.lazy import lazy_names

# Public name -> module of this package that defines it.
_EXPORTS = {"OnnxModel": "translate", "read_onnx": "translate", "whole_content": "file"}

__all__ = ["is_onnx", *sorted(_EXPORTS)]

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)


def is_onnx(path: str) -> bool:
    """Whether a file is to be read as ONNX: by its name, since protobuf begins with nothing of its own."""
    return path.lower().endswith(".onnx")
