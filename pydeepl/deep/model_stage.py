"""What the stages of a user's own Keras model share: the model, and what is saved with a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydeepl.deep.model_files import file_content, kept_file
from pydeepl.deep.model_params import CanLoadImage, HasKerasModel
from pydeepl.deep.networks import shared_model
from pydeepl.deep.uris import Loader
from pydeepl.keras.model import KerasModel
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState

if TYPE_CHECKING:
    from typing_extensions import Self


class KeepsModel(HasKerasModel, MLReadable, MLWritable):
    """A stage that is saved with the content of its modelFile, and comes back with a copy of its own."""

    _input_kwargs: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self._model: KerasModel | None = None

    def model(self) -> KerasModel:
        """The model of modelFile, kept, so that one stage loads it once. Raises what load_model raises."""
        self._model = shared_model(self.getModelFile())
        return self._model

    def _state(self) -> StageState:
        state = StageState(unsaved_params=frozenset({"modelFile"}))
        path = self._optional(self.modelFile)
        if path is not None:
            state.values["modelName"] = Path(path).name
            state.arrays["modelFile"] = file_content(path)
        return state

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        stage = cls()
        if "modelFile" in state.arrays:
            content = state.array("modelFile", ndim=1, dtype="uint8")
            stage._set(modelFile=kept_file(content, state.value("modelName", str)))
        return stage


class KeepsModelNotLoader(KeepsModel, CanLoadImage):
    """A stage with an imageLoader, which as a function is not saved: its name is, to say what is missing."""

    def __init__(self) -> None:
        super().__init__()
        self._loader_name: str | None = None

    def _loader(self) -> Loader:
        """The function of imageLoader. Raises ValueError where it did not come back with a saved stage."""
        if not self.isDefined(self.imageLoader) and self._loader_name is not None:
            raise ValueError(
                f"{self.uid}: imageLoader is not set: a function is not saved with its stage; "
                f"it was {self._loader_name}: call setImageLoader"
            )
        return self.getImageLoader()

    def _state(self) -> StageState:
        state = super()._state()
        loader = self._optional(self.imageLoader)
        state.values["imageLoader"] = self._loader_name if loader is None else _named(loader)
        state.unsaved_params |= {"imageLoader"}
        return state

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        stage = super()._from_state(state)
        known = state.values["imageLoader"] is not None
        stage._loader_name = state.value("imageLoader", str) if known else None
        return stage


def _named(function: Any) -> str:
    return (
        f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"
    )
