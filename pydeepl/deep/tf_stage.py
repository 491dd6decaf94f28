"""What TFTransformer and TFImageTransformer share: a graph as a param's value, saved with the stage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pydeepl.deep.tf_graph import TFInputGraph
from pydeepl.ml.param import Params
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState

if TYPE_CHECKING:
    from typing_extensions import Self


class KeepsGraph(Params, MLReadable, MLWritable):
    """A stage that is saved with its graph, the value of the param that _graph_param names."""

    _graph_param: str
    _input_kwargs: dict[str, Any]

    def _state(self) -> StageState:
        state = StageState(unsaved_params=frozenset({self._graph_param}))
        graph: TFInputGraph | None = self._optional(self._graph_param)
        if graph is not None:
            signature = graph.input_tensor_name_from_signature, graph.output_tensor_name_from_signature
            state.values["signature"] = json.dumps(
                [None if each is None else dict(each) for each in signature]
            )
            state.arrays["graph"] = np.frombuffer(graph.data, np.uint8)
        return state

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        stage = cls()
        if "graph" in state.arrays:
            data = state.array("graph", ndim=1, dtype="uint8").tobytes()
            inputs, outputs = json.loads(state.value("signature", str))
            stage._set(**{cls._graph_param: TFInputGraph(data, inputs, outputs)})
        return stage
