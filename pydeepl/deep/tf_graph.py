"""TFInputGraph: a TensorFlow graph for TFTransformer and TFImageTransformer, and where one may come from.

frozen graph (bytes, file, GraphDef)  ──────────────────────────► TFInputGraph ──► model on the C core
variables (session, checkpoint, SavedModel) ──TensorFlow freezes──►
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from pydeepl.keras.model import KerasModel
from pydeepl.keras.tensorflow import GraphDef, MetaGraph, Signature, graph_model, read_graph, read_saved_model

__all__ = ["TFInputGraph", "imageInputPlaceholder", "tensor_name"]

IMAGE_INPUT = "sparkdl_image_input"


class TFInputGraph:
    """A TensorFlow graph whose weights are constants.

    Parameters
    ----------
    graph_def : a serialized GraphDef as bytes, the path of a file of one (.pb), a GraphDef, or a tf.Graph
        without variables.
    input_tensor_name_from_signature, output_tensor_name_from_signature : the tensors that a signature names.

    TensorFlow is needed only where variables have to be frozen: fromGraph with a session, fromCheckpoint,
    and fromSavedModel of a model with variables. Raises WeightsError for what is no graph.

    Source: sparkdl.graph.input.
    """

    def __init__(
        self,
        graph_def: Any,
        input_tensor_name_from_signature: Mapping[str, str] | None = None,
        output_tensor_name_from_signature: Mapping[str, str] | None = None,
    ) -> None:
        self.data, name = _serialized(graph_def)
        self.graph: GraphDef = read_graph(self.data, name)
        self.input_tensor_name_from_signature = input_tensor_name_from_signature
        self.output_tensor_name_from_signature = output_tensor_name_from_signature
        self._models: dict[tuple[Any, ...], KerasModel] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"TFInputGraph({self.graph.name}: {len(self.graph.nodes)} operations)"

    def __reduce__(self) -> Any:
        signature = self.input_tensor_name_from_signature, self.output_tensor_name_from_signature
        return TFInputGraph, (self.data, *signature)

    def model(self, feed: str, fetch: str, shape: Sequence[int] | None = None) -> KerasModel:
        """The model from one tensor to another; kept. Raises WeightsError (see graph_model)."""
        key = (feed, fetch, None if shape is None else tuple(shape))
        with self._lock:
            if key not in self._models:
                self._models[key] = graph_model(self.graph, feed, fetch, shape)
            return self._models[key]

    def translateInputMapping(self, input_mapping: Mapping[str, str]) -> dict[str, str]:
        """{column: tensor} for {column: key of the signature}. Raises ValueError for an unknown key."""
        return {
            column: _tensor_of(self.input_tensor_name_from_signature, key)
            for column, key in input_mapping.items()
        }

    def translateOutputMapping(self, output_mapping: Mapping[str, str]) -> dict[str, str]:
        """{tensor: column} for {key of the signature: column}. Raises ValueError for an unknown key."""
        return {
            _tensor_of(self.output_tensor_name_from_signature, key): column
            for key, column in output_mapping.items()
        }

    @classmethod
    def fromGraphDef(
        cls, graph_def: Any, feed_names: Sequence[str], fetch_names: Sequence[str]
    ) -> TFInputGraph:
        """A graph of a GraphDef (or its bytes, or a file's path) without variables.

        Raises ValueError for tensors that are not in it.
        """
        return _checked(cls(graph_def), [*feed_names, *fetch_names])

    @classmethod
    def fromGraph(
        cls, graph: Any, sess: Any, feed_names: Sequence[str], fetch_names: Sequence[str]
    ) -> TFInputGraph:
        """A graph of a tf.Graph. Parameters: sess, the session of its variables; None where it has none."""
        if sess is None:
            return cls.fromGraphDef(graph, feed_names, fetch_names)
        return _checked(cls(_frozen(sess, graph, fetch_names)), [*feed_names, *fetch_names])

    @classmethod
    def fromCheckpoint(
        cls, checkpoint_dir: str, feed_names: Sequence[str], fetch_names: Sequence[str]
    ) -> TFInputGraph:
        """A graph of TensorFlow 1's training checkpoint; TensorFlow reads it."""
        data, _ = _from_checkpoint(checkpoint_dir, None, fetch_names)
        return _checked(cls(data), [*feed_names, *fetch_names])

    @classmethod
    def fromCheckpointWithSignature(cls, checkpoint_dir: str, signature_def_key: str) -> TFInputGraph:
        """The same, with the tensors that a signature of its meta graph names."""
        data, signature = _from_checkpoint(checkpoint_dir, signature_def_key, [])
        return cls(data, signature.inputs, signature.outputs)

    @classmethod
    def fromSavedModel(
        cls, saved_model_dir: str, tag_set: str, feed_names: Sequence[str], fetch_names: Sequence[str]
    ) -> TFInputGraph:
        """A graph of a SavedModel's folder. Parameters: tag_set, its tags, with commas between them.

        Raises ValueError for tags that it does not have.
        """
        meta = _meta_graph(saved_model_dir, tag_set)
        if meta.graph.functions:
            raise ValueError(
                f"{saved_model_dir}: TensorFlow 2 saved it, with a function for each signature: "
                f"use fromSavedModelWithSignature, with one of {', '.join(sorted(meta.signatures))}"
            )
        if not _has_variables(meta.graph):
            return _checked(_of_parts(cls, meta, None), [*feed_names, *fetch_names])
        data = _freeze_saved_model(saved_model_dir, tag_set, fetch_names)
        return _checked(cls(data), [*feed_names, *fetch_names])

    @classmethod
    def fromSavedModelWithSignature(
        cls, saved_model_dir: str, tag_set: str, signature_def_key: str
    ) -> TFInputGraph:
        """The same, with the tensors that a signature names. Raises ValueError for an unknown one."""
        meta = _meta_graph(saved_model_dir, tag_set)
        if signature_def_key not in meta.signatures:
            known = ", ".join(sorted(meta.signatures)) or "none"
            raise ValueError(f"{saved_model_dir}: no signature {signature_def_key!r}; there are: {known}")
        signature = meta.signatures[signature_def_key]
        if meta.graph.functions:
            return cls(*_freeze_function(saved_model_dir, signature_def_key))
        if not _has_variables(meta.graph):
            return _of_parts(cls, meta, signature)
        data = _freeze_saved_model(saved_model_dir, tag_set, list(signature.outputs.values()))
        return cls(data, signature.inputs, signature.outputs)


def tensor_name(value: Any) -> str:
    """The name of a tensor, "operation:0", of a name or a tf.Tensor. Raises TypeError for anything else."""
    name = value if isinstance(value, str) else getattr(value, "name", None)
    parts = name.split(":") if isinstance(name, str) else []
    if len(parts) != 2 or not parts[1].isdigit():
        raise TypeError(
            f"Could not convert [type {type(value)}] {value} to tf.Tensor name: expected <op_name>:<index>"
        )
    return str(name)


def imageInputPlaceholder(nChannels: int | None = None) -> Any:
    """TensorFlow's placeholder for images [n, height, width, nChannels], under sparkdl's name."""
    tf = _tensorflow("imageInputPlaceholder")
    return tf.compat.v1.placeholder(tf.float32, [None, None, None, nChannels], name=IMAGE_INPUT)


def _serialized(graph: Any) -> tuple[bytes, str]:
    """A graph's bytes, and what to call it."""
    if isinstance(graph, TFInputGraph):
        return graph.data, graph.graph.name
    if isinstance(graph, bytes | bytearray | memoryview):
        return bytes(graph), "graph"
    if isinstance(graph, str | os.PathLike):
        with open(graph, "rb") as file:
            return file.read(), os.fspath(graph)
    if hasattr(graph, "as_graph_def"):
        graph = graph.as_graph_def()
    if not hasattr(graph, "SerializeToString"):
        raise TypeError(f"Could not convert {type(graph)} to tf.Graph: expected a graph, its bytes or a file")
    data: bytes = graph.SerializeToString()
    return data, "graph"


def _tensor_of(names: Mapping[str, str] | None, key: str) -> str:
    if names is None:
        raise ValueError("the graph was made without a signature: give the tensors' own names")
    if key not in names:
        raise ValueError(f"the signature has no {key!r}; it has: {', '.join(sorted(names))}")
    return names[key]


def _checked(graph: TFInputGraph, tensors: Sequence[str]) -> TFInputGraph:
    for each in tensors:
        if tensor_name(each).split(":")[0] not in graph.graph.nodes:
            raise ValueError(f"requested tensor {each} but found none in graph {graph!r}")
    return graph


def _has_variables(graph: GraphDef) -> bool:
    return any(node.op in ("VarHandleOp", "Variable", "VariableV2") for node in graph.nodes.values())


def _of_parts(cls: type[TFInputGraph], meta: MetaGraph, signature: Signature | None) -> TFInputGraph:
    names = (None, None) if signature is None else (signature.inputs, signature.outputs)
    return cls(meta.data, *names)


def _meta_graph(folder: str, tag_set: str) -> MetaGraph:
    found = read_saved_model(folder)
    tags = frozenset(tag_set.split(","))
    for meta in found:
        if meta.tags == tags:
            return meta
    known = " | ".join(",".join(sorted(meta.tags)) for meta in found)
    raise ValueError(f"{folder}: no graph with the tags {tag_set!r}; there are: {known}")


# ---- what TensorFlow does


def _tensorflow(what: str) -> Any:
    try:
        return import_module("tensorflow")
    except ImportError as error:
        raise ImportError(
            f"{what}: variables are frozen by TensorFlow, which could not be imported ({error}): "
            "pip install tensorflow-cpu, or save the model as .keras or ONNX"
        ) from error


def _frozen(session: Any, graph: Any, fetches: Sequence[str]) -> bytes:
    tf = _tensorflow("TFInputGraph")
    names = [tensor_name(each).split(":")[0] for each in fetches]
    freeze = tf.compat.v1.graph_util.convert_variables_to_constants
    data: bytes = freeze(session, graph.as_graph_def(), names).SerializeToString()
    return data


def _freeze_saved_model(folder: str, tag_set: str, fetches: Sequence[str]) -> bytes:
    tf = _tensorflow(folder)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.compat.v1.saved_model.loader.load(session, tag_set.split(","), folder)
        return _frozen(session, graph, fetches)


def _freeze_function(folder: str, key: str) -> tuple[bytes, dict[str, str], dict[str, str]]:
    """The graph of a signature of TensorFlow 2, and the tensors that it names."""
    tf = _tensorflow(folder)
    freeze = import_module(
        "tensorflow.python.framework.convert_to_constants"
    ).convert_variables_to_constants_v2
    loaded = tf.saved_model.load(folder)  # which has to live as long as its functions
    function = loaded.signatures[key]
    frozen = freeze(function)
    feeds = sorted(function.structured_input_signature[1])
    inputs = {name: tensor.name for name, tensor in zip(feeds, frozen.inputs, strict=True)}
    fetches = sorted(function.structured_outputs)
    outputs = {name: tensor.name for name, tensor in zip(fetches, frozen.outputs, strict=True)}
    return frozen.graph.as_graph_def().SerializeToString(), inputs, outputs


def _from_checkpoint(folder: str, key: str | None, fetches: Sequence[str]) -> tuple[bytes, Signature]:
    tf = _tensorflow(folder)
    path = tf.train.latest_checkpoint(folder)
    if path is None:
        raise FileNotFoundError(f"{folder}: no checkpoint of TensorFlow 1 in it")
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        saver = tf.compat.v1.train.import_meta_graph(f"{path}.meta", clear_devices=True)
        saver.restore(session, path)
        signature = Signature({}, {})
        if key is not None:
            signature = _signature_of(f"{path}.meta", key)
            fetches = list(signature.outputs.values())
        return _frozen(session, graph, fetches), signature


def _signature_of(path: str, key: str) -> Signature:
    proto = import_module("tensorflow.core.protobuf.meta_graph_pb2").MetaGraphDef()
    with open(path, "rb") as file:
        proto.ParseFromString(file.read())
    if key not in proto.signature_def:
        raise ValueError(f"{path}: no signature {key!r}; there are: {', '.join(sorted(proto.signature_def))}")
    found = proto.signature_def[key]
    return Signature(
        {name: info.name for name, info in found.inputs.items()},
        {name: info.name for name, info in found.outputs.items()},
    )
