"""Reads TensorFlow graphs whose weights are constants, without TensorFlow.

    bytes ──wire──► messages ──graphdef──► nodes and arrays ──translate──► Keras' layers ──build──► core graph

Every operation becomes the Keras layer that computes the same: what the core can do for Keras' files it does
for these. An operation that none stands for is refused by name. Nothing of a graph is executed.
"""

from pydeepl.keras.tensorflow.graphdef import (
    GraphDef,
    MetaGraph,
    Signature,
    read_graph,
    read_saved_model,
)
from pydeepl.keras.tensorflow.translate import graph_model, placeholder_shape, placeholders

__all__ = [
    "GraphDef",
    "MetaGraph",
    "Signature",
    "graph_model",
    "placeholder_shape",
    "placeholders",
    "read_graph",
    "read_saved_model",
]
