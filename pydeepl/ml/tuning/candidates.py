"""Candidates: an estimator with one param map's values, taken apart into stages.

Pipelines in pipelines are one row of stages to a search:

    leading ...   middle ...   final   trailing ...
    transformers  from the first estimator on  the last estimator  transformers after it

A transformer after an estimator is taken for a leading one where it surely does not read what that makes, as
a featurizer of images after a StringIndexer of labels. Equal settings tell which candidates give stages the
same params, and so can share what they make.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydeepl.ml.base import Estimator, Transformer
from pydeepl.ml.param import ParamMap, Params
from pydeepl.ml.pipeline import Pipeline, PipelineModel

__all__ = ["Candidate", "assemble", "nested_stages", "take_apart"]

Settings = tuple[Any, ...]


@dataclass(frozen=True)
class Candidate:
    """An estimator with a param map's values; its stages are copies that have them."""

    index: int
    params: ParamMap
    estimator: Estimator[Any]
    leading: list[Transformer]
    middle: list[Any]
    final: Estimator[Any] | None
    trailing: list[Transformer]
    leading_settings: Settings
    middle_settings: Settings
    places: list[int]  # of the leading and middle stages, in that order, in the pipeline

    def model(self, middle: Sequence[Transformer], final: Transformer | None) -> Transformer:
        """The estimator's model, of the models of its middle stages and of its last estimator."""
        before = dict(zip(self.places, [*self.leading, *middle], strict=True))
        models = [before[place] for place in sorted(before)]
        return assemble(self.estimator, iter([*models, *([] if final is None else [final]), *self.trailing]))


def take_apart(index: int, estimator: Estimator[Any], params: ParamMap, columns: Sequence[str]) -> Candidate:
    """The candidate that a param map makes of an estimator, for a dataset of these columns."""
    owned = estimator.copy(params)
    stages = _flat_stages(owned)
    estimators = [place for place, stage in enumerate(stages) if isinstance(stage, Estimator)]
    first, last = (estimators[0], estimators[-1]) if estimators else (len(stages), len(stages))
    ahead = [*range(first), *_movable(stages[:last], first, columns)]
    behind = [place for place in range(last) if place not in ahead]
    leading, middle = [stages[place] for place in ahead], [stages[place] for place in behind]
    return Candidate(
        index,
        params,
        owned,
        leading,
        middle,
        stages[last] if estimators else None,
        stages[last + 1 :],
        _settings(leading, stages, params),
        _settings(stages[:last], stages, params) if middle else (),
        [*ahead, *behind],
    )


def _movable(stages: Sequence[Any], first: int, columns: Sequence[str]) -> list[int]:
    """Places of the transformers from `first` on that can run before the estimators ahead of them.

    pydeepl's own stages read the columns that they name, and append others. A transformer whose inputs are
    there before the first estimator gives the same output before it as after it.
    """
    known, places = set(columns), []
    for place, stage in enumerate(stages):
        inputs, outputs = _named(stage, "input"), _named(stage, "output")
        skips = stage.hasParam("handleInvalid") and stage._optional("handleInvalid") == "skip"
        if not type(stage).__module__.startswith("pydeepl.") or not inputs or not outputs or skips:
            break
        if place < first:
            known.update(outputs)
        elif isinstance(stage, Transformer) and known.issuperset(inputs):
            known.update(outputs)
            places.append(place)
    return places


def _named(stage: Params, role: str) -> list[str]:
    """The columns that a stage's params inputCol and inputCols (or outputCol and outputCols) name."""
    single, several = (
        stage._optional(name) if stage.hasParam(name) else None for name in (f"{role}Col", f"{role}Cols")
    )
    return several or ([single] if single else [])


def _flat_stages(estimator: Any) -> list[Any]:
    """The stages of a pipeline and of those in it. A subclass may fit in its own way: it is one stage."""
    if type(estimator) is not Pipeline:
        return [estimator]
    return [flat for stage in estimator._checked_stages() for flat in _flat_stages(stage)]


def assemble(estimator: Any, models: Iterator[Transformer]) -> Transformer:
    """The model of an estimator, of its flat stages' models in order."""
    if type(estimator) is not Pipeline:
        return next(models)
    stages = [assemble(stage, models) for stage in estimator._checked_stages()]
    return PipelineModel(stages)._resetUid(estimator.uid)


def nested_stages(stage: Params) -> list[Params]:
    """A stage, and all stages that it holds: in a pipeline, in a param, in a param's list."""
    held = [value for value in stage.extractParamMap().values() if isinstance(value, (Params, list, tuple))]
    if isinstance(stage, PipelineModel):
        held.append(stage.stages)
    inner = [each for value in held for each in (value if isinstance(value, (list, tuple)) else [value])]
    return [stage, *(found for each in inner if isinstance(each, Params) for found in nested_stages(each))]


def _uids(stages: Sequence[Params]) -> frozenset[str]:
    return frozenset(nested.uid for stage in stages for nested in nested_stages(stage))


def _settings(stages: Sequence[Params], everything: Sequence[Params], params: ParamMap) -> Settings:
    """What tells a param map's `stages` from another's: their uids, and all values that may concern them.

    A value whose owner is none of the pipeline's other stages (the pipeline itself, or a stage that a user's
    class hides) may concern any.
    """
    others = _uids([stage for stage in everything if not any(stage is own for own in stages)]) - _uids(stages)
    values = {str(param): _comparable(value) for param, value in params.items() if param.parent not in others}
    return (*(stage.uid for stage in stages), *sorted(values.items(), key=lambda item: item[0]))


def _comparable(value: Any) -> Any:
    """Something hashable that is equal where values surely are: plain values by value, others by identity."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return type(value).__name__, value
    if isinstance(value, (list, tuple)):
        return tuple(_comparable(item) for item in value)
    return "object", id(value)
