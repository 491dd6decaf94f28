"""Saved and loaded: validators, their models, param maps with stages as values, sub-models."""

import json

import numpy as np
import pytest
from ml.tuning_data import MeanError, Offset, OffsetModel, Widen, problem

from pydeepl.ml import (
    CrossValidator,
    CrossValidatorModel,
    Estimator,
    LogisticRegression,
    MLReadable,
    MLWritable,
    MulticlassClassificationEvaluator,
    Param,
    ParamGridBuilder,
    Params,
    Pipeline,
    TrainValidationSplit,
    TrainValidationSplitModel,
    load_stage,
)
from pydeepl.ml.persistence import DamagedStageError

LOSS = MulticlassClassificationEvaluator(metricName="logLoss")


@pytest.fixture(scope="module")
def table():
    return problem()


@pytest.fixture(scope="module")
def pipeline():
    widen = Widen(inputCol="features", outputCol="wide")
    return Pipeline(stages=[widen, Pipeline(stages=[LogisticRegression(featuresCol="wide", maxIter=5)])])


@pytest.fixture(scope="module")
def grid(pipeline):
    widen, inner = pipeline.getStages()
    (lr,) = inner.getStages()
    return (
        ParamGridBuilder()
        .addGrid(widen.factor, [1, 2.5])
        .addGrid(lr.thresholds, [None, [0.2, 0.3, 0.5]])
        .build()
    )


def validators(pipeline, grid, **params):
    common = {"estimator": pipeline, "estimatorParamMaps": grid, "evaluator": LOSS, **params}
    return [
        CrossValidator(**common, numFolds=2, seed=3, foldCol=""),
        TrainValidationSplit(**common, trainRatio=0.6, seed=3),
    ]


def settings(stage):
    skipped = ("estimator", "evaluator", "estimatorParamMaps")
    return stage.uid, {
        param.name: stage._optional(param) for param in stage.params if param.name not in skipped
    }


def assert_same_search(first, second):
    assert settings(first) == settings(second)
    assert first.getEstimator().uid == second.getEstimator().uid
    assert settings(first.getEvaluator()) == settings(second.getEvaluator())
    assert first.getEstimatorParamMaps() == second.getEstimatorParamMaps()


@pytest.mark.parametrize("which", [0, 1])
def test_a_validator_comes_back_and_finds_the_same(pipeline, grid, table, tmp_path, which):
    validator = validators(pipeline, grid, parallelism=2, collectSubModels=True)[which]
    validator.write().save(tmp_path / "validator")
    loaded = type(validator).load(tmp_path / "validator")
    assert_same_search(validator, loaded)
    assert type(load_stage(tmp_path / "validator")) is type(validator)
    first, second = validator.fit(table), loaded.fit(table)
    assert first.transform(table)["probability"] == second.transform(table)["probability"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_model_comes_back_with_metrics_and_sub_models(pipeline, grid, table, tmp_path, which):
    model = validators(pipeline, grid, collectSubModels=True)[which].fit(table)
    model.save(tmp_path / "model")
    loaded = type(model).load(tmp_path / "model")
    assert_same_search(model, loaded)
    assert loaded.bestModel.uid == model.bestModel.uid
    assert loaded.transform(table)["probability"] == model.transform(table)["probability"]
    for name in ("avgMetrics", "stdMetrics") if which == 0 else ("validationMetrics",):
        assert getattr(loaded, name) == getattr(model, name) and len(getattr(model, name)) == len(grid)
    pairs = zip(*(np.ravel(each.subModels) for each in (model, loaded)), strict=True)
    assert np.shape(loaded.subModels) == ((2, len(grid)) if which == 0 else (len(grid),))
    for ours, theirs in pairs:
        assert ours.transform(table)["probability"] == theirs.transform(table)["probability"]


@pytest.mark.parametrize("which", [0, 1])
def test_sub_models_are_left_out_where_that_is_asked(pipeline, grid, table, tmp_path, which):
    model = validators(pipeline, grid, collectSubModels=True)[which].fit(table)
    model.write().option("persistSubModels", "False").save(tmp_path / "without")
    assert type(model).load(tmp_path / "without").subModels is None
    assert model.subModels is not None
    model.write().option("PERSISTSUBMODELS", True).overwrite().save(tmp_path / "without")
    assert type(model).load(tmp_path / "without").subModels is not None
    with pytest.raises(ValueError, match="persistSubModels option value maybe is invalid"):
        model.write().option("persistSubModels", "maybe").save(tmp_path / "other")
    model.subModels = None
    model.save(tmp_path / "none")
    assert type(model).load(tmp_path / "none").subModels is None
    with pytest.raises(ValueError, match="no sub-models to persist"):
        model.write().option("persistSubModels", "true").save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


class Choice(Estimator, MLWritable, MLReadable):
    """Fits the estimator in its param, as OneVsRest fits its classifier."""

    inner: Param = Param(Params._dummy(), "inner", "what is fitted")

    def _fit(self, dataset):
        return self.getOrDefault("inner").fit(dataset)

    def copy(self, extra=None):
        that = super().copy(extra)
        if that._optional("inner") is not None:
            that._set(inner=that.getOrDefault("inner").copy(extra))
        return that

    def _state(self):
        from pydeepl.ml.persistence import StageState

        return StageState(stages=[self.getOrDefault("inner")], unsaved_params=frozenset({"inner"}))

    @classmethod
    def _from_state(cls, state):
        return cls()._set(inner=state.stages[0])


def test_stages_as_values_and_params_of_nested_stages_come_back(table, tmp_path):
    first, second = Offset(), Offset()
    choice = Choice()._set(inner=first)
    grid = [{choice.inner: first, first.amount: 2.0}, {choice.inner: second}]
    cv = CrossValidator(
        estimator=choice, estimatorParamMaps=grid, evaluator=MeanError(), collectSubModels=True
    )
    model = cv.fit(table)
    amounts = [[sub.getOrDefault("amount") for sub in models] for models in model.subModels]
    assert amounts == [[2.0, 0.0]] * 3
    model.save(tmp_path / "model")
    loaded = CrossValidatorModel.load(tmp_path / "model")
    maps = loaded.getEstimatorParamMaps()
    assert [list(map(str, params)) for params in maps] == [list(map(str, params)) for params in grid]
    assert [params[choice.inner].uid for params in maps] == [first.uid, second.uid]
    assert maps[0][first.amount] == 2.0 and isinstance(loaded.bestModel, OffsetModel)


def test_a_search_in_a_search_comes_back(table, tmp_path):
    estimator = Offset()
    grid = ParamGridBuilder().addGrid(estimator.amount, [0.0, 3.0]).build()
    split = TrainValidationSplit(estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError())
    outer = ParamGridBuilder().addGrid(split.trainRatio, [0.5, 0.8]).build()
    cv = CrossValidator(estimator=split, estimatorParamMaps=outer, evaluator=MeanError())
    cv.save(tmp_path / "cv")
    loaded = CrossValidator.load(tmp_path / "cv")
    assert_same_search(cv, loaded)
    assert_same_search(split, loaded.getEstimator())


def test_metrics_that_are_no_numbers_come_back(table, tmp_path):
    model = TrainValidationSplitModel(OffsetModel(), [float("nan"), float("-inf"), 1.0])
    model._set(estimator=Offset(), evaluator=MeanError(), estimatorParamMaps=[{}])
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        TrainValidationSplitModel.load(tmp_path / "model").validationMetrics, [np.nan, -np.inf, 1.0]
    )


# ---- refusals


def test_params_of_strangers_are_not_saved(tmp_path):
    stranger = LogisticRegression()
    cv = CrossValidator(
        estimator=LogisticRegression(), estimatorParamMaps=[{stranger.tol: 0.1}], evaluator=LOSS
    )
    with pytest.raises(ValueError, match=r"an extraneous param was found: .*tol"):
        cv.save(tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_what_cannot_be_saved_is_named(tmp_path):
    class Plain(Estimator):
        def _fit(self, dataset):
            raise AssertionError

    cv = CrossValidator(estimator=Plain(), estimatorParamMaps=[{}], evaluator=LOSS)
    with pytest.raises(TypeError, match=r"Plain_\w+ of type Plain cannot be saved"):
        cv.save(tmp_path / "cv")
    with pytest.raises(KeyError, match="estimator"):
        CrossValidator().save(tmp_path / "cv")


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved["values"].update(estimatorParamMaps=[[["Nobody_1", "tol", "value", 1]]]),
        lambda saved: saved["values"].update(estimatorParamMaps=[[["x"]]]),
        lambda saved: saved["values"].pop("estimatorParamMaps"),
        lambda saved: saved["values"]["estimatorParamMaps"][0][0].__setitem__(slice(2, 4), ["stage", 99]),
        lambda saved: saved["values"]["estimatorParamMaps"][0][0].__setitem__(slice(2, 4), ["stage", -1]),
        lambda saved: saved["values"].update(avgMetrics="high"),
        lambda saved: saved["values"].update(subModels=[7]),
        lambda saved: saved["values"].update(subModels=["many"]),
        lambda saved: saved["stages"].reverse(),
        lambda saved: saved["stages"].clear(),
        lambda saved: saved.update(stages=saved["stages"][:2]),
    ],
)
def test_damaged_files_are_refused(table, tmp_path, change):
    from pydeepl.ml import persistence

    lr = LogisticRegression(maxIter=1)
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{lr.tol: 0.5}], evaluator=LOSS)
    cv.fit(table).save(tmp_path / "model")
    path = tmp_path / "model" / "metadata.json"
    saved = json.loads(path.read_bytes())
    change(saved)
    saved["sha256"] = persistence._metadata_hash(saved)
    path.write_text(json.dumps(saved))
    with pytest.raises(DamagedStageError, match="model"):
        CrossValidatorModel.load(tmp_path / "model")
