"""Candidates: an estimator with one param map's values, taken apart into stages.

Pipelines in pipelines are one row of stages to a search:

    leading ...   middle ...   final   trailing ...
    transformers  from the first estimator on  the last estimator  transformers after it

`settings` tells which candidates give a stage the same params, and so can share what it makes.
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


def take_apart(index: int, estimator: Estimator[Any], params: ParamMap) -> Candidate:
    """The candidate that a param map makes of an estimator."""
    owned = estimator.copy(params)
    stages = _flat_stages(owned)
    estimators = [place for place, stage in enumerate(stages) if isinstance(stage, Estimator)]
    first, last = (estimators[0], estimators[-1]) if estimators else (len(stages), len(stages))
    leading, middle = stages[:first], stages[first:last]
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
    )


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
