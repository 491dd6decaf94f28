"""Tuned estimators and models in files: param maps by uid and name, stages as child stages.

A param map is a list of [owner's uid, param's name, kind, value]: kind "value" holds a JSON value, kind
"stage" the place of a stage among the child stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydeepl.ml.base import Estimator, Evaluator
from pydeepl.ml.param import ParamMap, Params
from pydeepl.ml.persistence import MLWriter, StageState
from pydeepl.ml.tuning.candidates import nested_stages

__all__ = ["HELD", "TunedModelWriter", "restore_search", "save_search"]

# Params whose values are child stages, or name their params.
HELD = frozenset({"estimator", "evaluator", "estimatorParamMaps"})


def save_search(
    uid: str, estimator: Any, evaluator: Any, maps: Sequence[ParamMap], *held: Any, **values: Any
) -> StageState:
    """The state of a validator or its model: estimator, evaluator, `held` stages, stages in param maps.

    Raises ValueError for a param that belongs to no stage of the estimator.
    """
    owners = {stage.uid for stage in nested_stages(estimator)}
    stages = [estimator, evaluator, *held]
    encoded: list[Any] = []
    for params in maps:
        encoded.append([])
        for param, value in params.items():
            if param.parent not in owners:
                raise ValueError(
                    f"{uid}: save requires all params in estimatorParamMaps to be of the estimator or its "
                    f"stages; an extraneous param was found: {param!r}"
                )
            kind = "stage" if isinstance(value, Params) else "value"
            if kind == "stage":
                stages.append(value)
                value = len(stages) - 1
            encoded[-1].append([param.parent, param.name, kind, value])
    return StageState(values={"estimatorParamMaps": encoded, **values}, stages=stages, unsaved_params=HELD)


def restore_search(state: StageState) -> dict[str, Any]:
    """The params estimator, evaluator and estimatorParamMaps of a saved state. Raises ValueError."""
    if len(state.stages) < 2:
        raise ValueError(f"expected an estimator and an evaluator, found {len(state.stages)} stages")
    estimator, evaluator = state.stages[:2]
    if not isinstance(estimator, Estimator) or not isinstance(evaluator, Evaluator):
        raise ValueError(f"expected an estimator and an evaluator, found {estimator!r} and {evaluator!r}")
    owners = {stage.uid: stage for stage in nested_stages(estimator)}
    maps = []
    for saved in state.value("estimatorParamMaps", list):
        params = {}
        for uid, name, kind, value in saved:
            if uid not in owners:
                raise ValueError(f"estimatorParamMaps: no stage {uid} among {', '.join(owners)}")
            if kind == "stage" and value not in range(2, len(state.stages)):
                raise ValueError(f"estimatorParamMaps: no stage {value!r} among {len(state.stages)}")
            params[owners[uid].getParam(name)] = state.stages[value] if kind == "stage" else value
        maps.append(params)
    return {"estimator": estimator, "evaluator": evaluator, "estimatorParamMaps": maps}


class TunedModelWriter(MLWriter):
    """A writer that knows the option persistSubModels; by default it is true where there are sub-models."""

    def save(self, path: Any) -> None:
        """As MLWriter. Raises ValueError where sub-models are asked for that were not collected."""
        model: Any = self._instance
        wanted = self._options.get("persistsubmodels", str(model.subModels is not None)).lower()
        if wanted not in ("true", "false"):
            raise ValueError(
                f"{model.uid}: persistSubModels option value {wanted} is invalid; it is True or False"
            )
        if wanted == "true" and model.subModels is None:
            raise ValueError(
                f"{model.uid}: there are no sub-models to persist: persistSubModels can be True only for "
                "models of a search with collectSubModels=True"
            )
        if wanted == "false":
            self._instance = model._without_sub_models()
        try:
            super().save(path)
        finally:
            self._instance = model
