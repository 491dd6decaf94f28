"""Pipeline: stages that are fitted and applied one after the other.

Source: the behaviour of pyspark.ml.Pipeline (Spark 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydeepl.ml.base import Estimator, Model, Transformer, keyword_only
from pydeepl.ml.param import Param, ParamMap, Params, TypeConverters
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["Pipeline", "PipelineModel"]


class Pipeline(Estimator["PipelineModel"], MLWritable, MLReadable):
    """An estimator made of stages, each a Transformer or an Estimator.

    `fit` goes through the stages in order: an estimator is fitted to the dataset as the stages before it have
    transformed it, and its model stands in its place in the resulting PipelineModel. With no stages the model
    gives datasets back as they are.

    Parameters
    ----------
    stages: list of stages.
    """

    stages: Param[list[Any]] = Param(
        Params._dummy(), "stages", "the stages, transformers and estimators, in order", TypeConverters.toList
    )

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(self, *, stages: Sequence[Any] | None = None) -> None:
        super().__init__()
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(self, *, stages: Sequence[Any] | None = None) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def setStages(self, value: Sequence[Any]) -> Self:
        """Sets the list of stages."""
        return self._set(stages=value)

    def getStages(self) -> list[Any]:
        """The list of stages."""
        return self.getOrDefault(self.stages)

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the stages; each takes its own params from `extra`."""
        that = super().copy(extra)
        if that._optional("stages") is not None:
            that.setStages([stage.copy(extra) for stage in that._checked_stages()])
        return that

    def _checked_stages(self) -> list[Any]:
        stages = self._optional("stages")
        if stages is None:
            raise ValueError(f"{self.uid}: stages are not set; give Pipeline(stages=[...])")
        for stage in stages:
            if not isinstance(stage, (Estimator, Transformer)):
                raise TypeError(
                    f"{self.uid}: Cannot recognize a pipeline stage of type {type(stage)}; "
                    "expected a Transformer or an Estimator"
                )
        return list(stages)

    def _fit(self, dataset: DataFrame) -> PipelineModel:
        stages = self._checked_stages()
        last = max((index for index, stage in enumerate(stages) if isinstance(stage, Estimator)), default=-1)
        transformers: list[Transformer] = []
        for index, stage in enumerate(stages):
            transformers.append(stage.fit(dataset) if isinstance(stage, Estimator) else stage)
            if index < last:  # beyond the last estimator nobody needs the transformed dataset
                dataset = transformers[-1].transform(dataset)
        return PipelineModel(transformers)._resetUid(self.uid)

    _fit_spark = _fit  # each stage knows what to do with such a frame

    def _state(self) -> StageState:
        return StageState(stages=self._checked_stages(), unsaved_params=frozenset({"stages"}))

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(stages=state.stages)


class PipelineModel(Model, MLWritable, MLReadable):
    """A fitted pipeline: transformers applied one after the other.

    Parameters
    ----------
    stages: list of transformers.
    """

    def __init__(self, stages: Sequence[Transformer]) -> None:
        super().__init__()
        for stage in stages:
            if not isinstance(stage, Transformer):
                raise TypeError(f"{self.uid}: expected Transformers as stages, got {type(stage)}")
        self.stages = list(stages)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        for stage in self.stages:
            dataset = stage.transform(dataset)
        return dataset

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the stages; each takes its own params from `extra`."""
        that = super().copy(extra)
        that.stages = [stage.copy(extra) for stage in self.stages]
        return that

    def _state(self) -> StageState:
        return StageState(stages=list(self.stages))

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(state.stages)
