"""What the stages that run a user's own Keras model share: the model, and how it is saved with a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydeepl.deep.model_files import file_content, kept_file
from pydeepl.deep.model_params import HasKerasModel
from pydeepl.deep.networks import shared_model
from pydeepl.keras import KerasModel
from pydeepl.ml.base import Transformer
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState

if TYPE_CHECKING:
    from typing_extensions import Self

# Rows that go through a model at a time: their outputs can be large, their inputs too.
ROWS = 64


class KerasModelStage(Transformer, HasInputCol, HasOutputCol, HasKerasModel, MLReadable, MLWritable):
    """A transformer whose work is a model of modelFile.

    It is saved with the file's content, and comes back with a copy of its own: the first file may go.
    """

    _input_kwargs: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self._model: KerasModel | None = None

    def model(self) -> KerasModel:
        """The model of modelFile, kept, so that one stage loads it once. Raises what load_model raises."""
        self._model = shared_model(self.getModelFile())
        return self._model

    def _state(self) -> StageState:
        path = self._optional(self.modelFile)
        if path is None:
            return StageState()
        content = {"modelFile": file_content(path)}
        return StageState(values={"modelName": Path(path).name}, arrays=content)

    def _restore_model(self, state: StageState) -> Self:
        """Takes the content of a saved state as modelFile."""
        if "modelFile" in state.arrays:
            content = state.array("modelFile", ndim=1, dtype="uint8")
            self._set(modelFile=kept_file(content, state.value("modelName", str)))
        return self
