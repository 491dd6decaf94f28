"""Reads convolutional networks from ONNX files: the same door as Keras' files, pydeepl.keras.load_model.

    file ──open_graph──► nodes and arrays ──read_onnx──► Keras' layers and weights ──build──► core graph

Every node becomes the Keras layer that computes the same, so that whatever the core can do for Keras' files
it does for these. Exporters store maps as [n, channels, height, width]; the core has channels last. No data
is moved for that: of each value it is known which of its axes is which (see values), and kernels are put into
the core's order once, when they are read. Nothing of a file is executed.
"""

from pydeepl.keras.onnx.file import is_onnx, whole_content
from pydeepl.keras.onnx.translate import OnnxModel, read_onnx

__all__ = ["OnnxModel", "is_onnx", "read_onnx", "whole_content"]
