"""CrossValidator, TrainValidationSplit, ParamGridBuilder: PySpark's behaviour, and metrics of plain fits."""

import numpy as np
import pyarrow as pa
import pytest
from ml.tuning_data import MeanError, Offset, Widen, folds_of, plain_metrics, problem

from pydeepl.frame import adopt
from pydeepl.linalg import vector_matrix
from pydeepl.ml import (
    BinaryClassificationEvaluator,
    LogisticRegression,
    LogisticRegressionModel,
    MulticlassClassificationEvaluator,
    Pipeline,
    PipelineModel,
)
from pydeepl.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    ParamGridBuilder,
    TrainValidationSplit,
    TrainValidationSplitModel,
)

LOSS = MulticlassClassificationEvaluator(metricName="logLoss")


@pytest.fixture
def table():
    return problem()


@pytest.fixture
def lr():
    return LogisticRegression(maxIter=40)


@pytest.fixture
def grid(lr):
    builder = ParamGridBuilder().addGrid(lr.regParam, [0.02, 0.3])
    return builder.addGrid(lr.elasticNetParam, [0.0, 0.7]).build()


def offsets(amounts=(100.0, 0.0, -5.0)):
    estimator = Offset()
    return estimator, ParamGridBuilder().addGrid(estimator.amount, amounts).build()


# ---- ParamGridBuilder


def test_a_grid_holds_every_combination_and_the_last_param_varies_fastest(lr):
    grid = (
        ParamGridBuilder()
        .baseOn({lr.labelCol: "l"})
        .baseOn([lr.predictionCol, "p"], (lr.tol, 0))
        .addGrid(lr.regParam, [1.0, 2])
        .addGrid(lr.maxIter, (1, 5.0))
        .build()
    )
    base = {lr.labelCol: "l", lr.predictionCol: "p", lr.tol: 0.0}
    assert grid == [base | {lr.regParam: r, lr.maxIter: m} for r in (1.0, 2.0) for m in (1, 5)]
    assert [type(value) for value in grid[0].values()] == [str, str, float, float, int]


def test_a_grid_without_params_is_one_empty_map():
    assert ParamGridBuilder().build() == [{}]


def test_a_param_added_again_gets_the_new_values(lr):
    grid = ParamGridBuilder().addGrid(lr.regParam, [1, 2]).addGrid(lr.regParam, [3]).build()
    assert grid == [{lr.regParam: 3.0}]


def test_a_grid_refuses_names_and_values_outside_the_domain(lr):
    with pytest.raises(TypeError, match="param must be an instance of Param, got 'regParam'"):
        ParamGridBuilder().addGrid("regParam", [1])
    with pytest.raises(ValueError, match=r"regParam: expected a finite number >= 0, got -1\.0"):
        ParamGridBuilder().addGrid(lr.regParam, [0, -1]).build()


# ---- params


def test_defaults_are_pysparks():
    cv, split = CrossValidator(), TrainValidationSplit()
    assert (cv.getNumFolds(), cv.getFoldCol(), cv.getParallelism(), cv.getCollectSubModels()) == (
        3,
        "",
        1,
        False,
    )
    assert (split.getTrainRatio(), split.getParallelism(), split.getCollectSubModels()) == (0.75, 1, False)
    assert cv.getSeed() == CrossValidator().getSeed() != split.getSeed()


def test_setters_and_getters(lr, grid):
    cv = CrossValidator().setEstimator(lr).setEstimatorParamMaps(grid).setEvaluator(LOSS).setNumFolds(4)
    cv.setFoldCol("f").setSeed(7).setParallelism(2).setCollectSubModels(True)
    assert (cv.getEstimator(), cv.getEstimatorParamMaps(), cv.getEvaluator()) == (lr, grid, LOSS)
    assert (cv.getNumFolds(), cv.getFoldCol(), cv.getSeed(), cv.getParallelism()) == (4, "f", 7, 2)
    assert TrainValidationSplit(seed=None).setTrainRatio(0.5).setParams(seed=3).getTrainRatio() == 0.5


@pytest.mark.parametrize(
    "values", [{"numFolds": 1}, {"parallelism": 0}, {"numFolds": 2.5}, {"collectSubModels": 1}]
)
def test_values_outside_the_domain_are_refused(values):
    with pytest.raises((TypeError, ValueError), match=next(iter(values))):
        CrossValidator(**values)
    with pytest.raises(ValueError, match="trainRatio"):
        TrainValidationSplit(trainRatio=1.5)


def test_what_is_missing_is_said(table, lr, grid):
    with pytest.raises(KeyError, match=r"estimator .* has no value"):
        CrossValidator().fit(table)
    with pytest.raises(TypeError, match="evaluator: expected an Evaluator, got str"):
        CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator="f1").fit(table)
    with pytest.raises(ValueError, match="estimatorParamMaps is empty"):
        CrossValidator(estimator=lr, estimatorParamMaps=[], evaluator=LOSS).fit(table)


def test_params_of_strangers_are_warned_of(table, lr):
    grid = [{LogisticRegression().regParam: 0.5}]
    with pytest.warns(UserWarning, match=r"no effect: LogisticRegression_\w+__regParam") as caught:
        TrainValidationSplit(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS).fit(table)
    assert caught[0].filename == __file__


# ---- metrics


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("weight", [None, "weight"])
def test_metrics_are_those_of_plain_fits_on_given_folds(table, lr, grid, parallelism, weight):
    lr._set(weightCol=weight)
    cv = CrossValidator(
        estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold", parallelism=parallelism
    )
    model = cv.fit(table)
    expected = plain_metrics(lr, grid, LOSS, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)
    np.testing.assert_allclose(model.stdMetrics, np.std(expected, axis=0), rtol=1e-7)
    best = lr.fit(table, grid[int(np.argmin(model.avgMetrics))])
    assert model.bestModel.coefficientMatrix == best.coefficientMatrix
    assert model.bestModel.getRegParam() == best.getRegParam()
    assert [type(value) for value in model.avgMetrics] == [float] * len(grid)


def test_random_folds_are_those_of_randomSplit(table, lr, grid):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, numFolds=4, seed=5)
    parts = adopt(table)[0].randomSplit([1.0] * 4, seed=5)
    tables = [part.toArrow() for part in parts]
    assert all(part.num_rows for part in tables) and sum(part.num_rows for part in tables) == table.num_rows
    folds = [
        (pa.concat_tables([part for other, part in enumerate(tables) if other != fold]), tables[fold])
        for fold in range(4)
    ]
    expected = plain_metrics(lr, grid, LOSS, folds)
    np.testing.assert_allclose(cv.fit(table).avgMetrics, np.mean(expected, axis=0), rtol=1e-8)
    cv.setSeed(6)
    assert not np.allclose(cv.fit(table).avgMetrics, np.mean(expected, axis=0), rtol=1e-4)


def test_a_train_validation_split_holds_out_the_second_part(table, lr, grid):
    split = TrainValidationSplit(
        estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, trainRatio=0.6, seed=1, parallelism=2
    )
    model = split.fit(table)
    training, held_out = (part.toArrow() for part in adopt(table)[0].randomSplit([0.6, 0.4], seed=1))
    expected = plain_metrics(lr, grid, LOSS, [(training, held_out)])[0]
    np.testing.assert_allclose(model.validationMetrics, expected, rtol=1e-8)
    assert isinstance(model, TrainValidationSplitModel) and isinstance(
        model.bestModel, LogisticRegressionModel
    )
    assert (model.getTrainRatio(), model.getSeed(), model.subModels) == (0.6, 1, None)


def test_parallel_searches_give_the_same_bits(table, lr, grid):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS)
    serial, parallel = cv.fit(table), cv.setParallelism(4).fit(table)
    assert (serial.avgMetrics, serial.stdMetrics) == (parallel.avgMetrics, parallel.stdMetrics)


def test_scikit_learn_finds_the_same_scores(table):
    from sklearn.linear_model import LogisticRegression as Peer
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    lr = LogisticRegression(standardization=False, tol=1e-12, maxIter=500)
    penalties = [0.01, 0.1, 1.0]
    grid = ParamGridBuilder().addGrid(lr.regParam, penalties).build()
    model = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold").fit(table)
    # Spark's penalty is on the mean loss, scikit-learn's on the sum over the 80 rows of two folds.
    peer = GridSearchCV(
        Peer(tol=1e-10, max_iter=5000),
        {"C": [1 / (80 * penalty) for penalty in penalties]},
        scoring="neg_log_loss",
        cv=PredefinedSplit(table["fold"].to_numpy()),
    )
    peer.fit(vector_matrix(table["features"], "features").astype(float), table["label"].to_numpy())
    np.testing.assert_allclose(model.avgMetrics, -peer.cv_results_["mean_test_score"], rtol=1e-6)
    np.testing.assert_allclose(model.stdMetrics, peer.cv_results_["std_test_score"], rtol=1e-5)


def test_a_class_that_only_a_fold_has_is_unknown_to_its_models(lr):
    """numClasses comes from the training rows: the other folds' models know three classes, the fold's two."""
    table = problem(classes=2)
    labels = table["label"].to_numpy().copy()
    labels[np.flatnonzero(table["fold"].to_numpy() == 1)[:4]] = 2
    table = table.set_column(1, "label", pa.array(labels))
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    cv = CrossValidator(
        estimator=lr, estimatorParamMaps=[{}], evaluator=accuracy, foldCol="fold", collectSubModels=True
    )
    model = cv.fit(table)
    assert [models[0].numClasses for models in model.subModels] == [3, 2, 3]
    expected = plain_metrics(lr, [{}], accuracy, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-12)


def test_the_first_of_equal_metrics_is_best_in_the_evaluators_direction():
    table = problem()
    estimator, grid = offsets([100.0, 0.0, 0.0, -50.0])
    for larger, sign in ((False, 1), (True, -1)):
        model = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError(larger)).fit(
            table
        )
        assert model.bestModel.getOrDefault("amount") == 0
        assert (
            model.avgMetrics[1]
            == model.avgMetrics[2]
            == pytest.approx(sign * min(map(abs, model.avgMetrics)))
        )
    assert CrossValidator._gen_avg_and_std_metrics([[1.0, 3.0], [3.0, 2.0]]) == ([2.0, 2.5], [1.0, 0.5])


def test_every_fit_sees_its_folds_rows_and_no_other(table):
    estimator, grid = offsets([1.0, 2.0])
    Offset.fits.clear()
    cv = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError(), foldCol="fold")
    cv.setParallelism(2).fit(table)
    folds = [sorted(training["label"].to_pylist()) for training, _ in folds_of(table)]
    seen = sorted((amount, labels) for amount, labels, _ in Offset.fits[:-1])
    assert seen == sorted((amount, labels) for amount in (1.0, 2.0) for labels in folds)
    assert Offset.fits[-1][:2] == (1.0, sorted(table["label"].to_pylist()))


def test_params_of_stages_in_pipelines_vary(table):
    widen = Widen(inputCol="features", outputCol="wide")
    lr = LogisticRegression(featuresCol="wide", maxIter=30)
    pipeline = Pipeline(stages=[Pipeline(stages=[widen]), lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 1]).addGrid(widen.factor, [0.5, 2]).build()
    cv = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold", collectSubModels=True
    )
    model = cv.fit(table)
    expected = plain_metrics(pipeline, grid, LOSS, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)
    best = model.bestModel
    assert isinstance(best, PipelineModel) and best.uid == pipeline.uid
    assert isinstance(best.stages[0], PipelineModel) and best.stages[0].stages[0].uid == widen.uid
    assert best.stages[1].uid == lr.uid
    for params, sub in zip(grid, model.subModels[0], strict=True):
        assert sub.stages[0].stages[0].getOrDefault("factor") == params[widen.factor]
        assert sub.stages[1].getRegParam() == params[lr.regParam]
    peer = pipeline.fit(table, grid[int(np.argmin(model.avgMetrics))])
    assert model.transform(table)["probability"] == peer.transform(table)["probability"]


def test_stages_after_the_last_estimator_are_applied(table):
    from ml.stages import Shift

    estimator = Offset()
    after = Shift(inputCol="prediction", outputCol="shifted", amount=5.0)
    pipeline = Pipeline(stages=[estimator, after])
    evaluator = MulticlassClassificationEvaluator(predictionCol="shifted", metricName="accuracy")
    grid = ParamGridBuilder().addGrid(after.amount, [-100.0, 5.0]).build()
    cv = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, foldCol="fold")
    expected = plain_metrics(pipeline, grid, evaluator, folds_of(table))
    assert cv.fit(table).avgMetrics == np.mean(expected, axis=0).tolist()


def test_a_pipeline_without_estimators_is_measured_too(table):
    from ml.stages import Shift

    shift = Shift(inputCol="label", outputCol="prediction")
    grid = ParamGridBuilder().addGrid(shift.amount, [1.0, 0.25]).build()
    pipeline = Pipeline(stages=[shift])
    model = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=MeanError()).fit(table)
    assert model.avgMetrics == [1.0, 0.25]
    assert model.bestModel.stages[0].getOrDefault("amount") == 0.25


def test_a_list_of_stages_can_be_what_varies(table):
    few, many = LogisticRegression(maxIter=0), LogisticRegression(maxIter=30)
    pipeline = Pipeline()
    grid = ParamGridBuilder().addGrid(pipeline.stages, [[few], [many]]).build()
    cv = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold")
    model = cv.fit(table)
    assert model.avgMetrics[1] < model.avgMetrics[0]
    assert model.bestModel.stages[0].uid == many.uid


def test_an_estimators_own_fitMultiple_is_used(table):
    calls = []

    class Many(Offset):
        def fitMultiple(self, dataset, paramMaps):
            calls.append(len(paramMaps))
            fitted = list(super().fitMultiple(dataset, paramMaps))
            return iter(fitted[::-1])  # in another order, as the index allows

    estimator = Many()
    grid = ParamGridBuilder().addGrid(estimator.amount, [0.0, 1.0, 2.0]).build()
    cv = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError(), foldCol="fold")
    model = cv.fit(table)
    assert calls == [3, 3, 3]
    expected = plain_metrics(estimator, grid, MeanError(), folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-12)


def test_validators_nest(table):
    inner, grid = offsets([0.0, 3.0])
    split = TrainValidationSplit(estimator=inner, estimatorParamMaps=grid, evaluator=MeanError())
    outer = ParamGridBuilder().addGrid(split.trainRatio, [0.5, 0.8]).build()
    cv = CrossValidator(estimator=split, estimatorParamMaps=outer, evaluator=MeanError(), foldCol="fold")
    model = cv.fit(table)
    assert isinstance(model.bestModel, TrainValidationSplitModel)
    assert len(model.avgMetrics) == 2 and model.bestModel.bestModel.getOrDefault("amount") == 0


def test_binary_problems_and_frames_of_other_kinds():
    table = problem(classes=2)
    lr = LogisticRegression()
    cv = CrossValidator(
        estimator=lr,
        estimatorParamMaps=ParamGridBuilder().addGrid(lr.maxIter, [0, 5]).build(),
        evaluator=BinaryClassificationEvaluator(),
    )
    model = cv.fit(table.to_pandas())
    assert model.avgMetrics[0] == pytest.approx(0.5) and model.avgMetrics[1] > 0.6
    assert isinstance(model, CrossValidatorModel) and model.getNumFolds() == 3
    np.testing.assert_allclose(cv.fit(table).avgMetrics, model.avgMetrics, rtol=1e-12)


# ---- fold columns


def with_fold(table, folds):
    return table.set_column(table.schema.get_field_index("fold"), "fold", pa.array(folds))


@pytest.mark.parametrize(
    "folds, error, message",
    [
        ([0, 1, 2] * 39 + [0, 1, 3], ValueError, r"must be in range \[0, 3\), but got 3 in row 119"),
        ([0, 1, -1] * 40, ValueError, r"must be in range \[0, 3\), but got -1 in row 2"),
        ([0, None, 1] * 40, ValueError, r"must be in range \[0, 3\), but got null in row 1"),
        ([0, 1] * 60, ValueError, "The validation data at fold 2 is empty"),
        ([1] * 120, ValueError, "The validation data at fold 0 is empty"),
        ([0.0, 1.0, 2.0] * 40, TypeError, "foldCol 'fold': expected whole numbers, found double"),
    ],
)
def test_bad_fold_columns_are_refused(table, lr, folds, error, message):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, foldCol="fold")
    with pytest.raises(error, match=message):
        cv.fit(with_fold(table, folds))


def test_a_fold_column_that_is_not_there_is_refused(table, lr):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, foldCol="folds")
    with pytest.raises(ValueError, match="folds"):
        cv.fit(table)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64()])
def test_whole_numbers_of_every_kind_are_folds(table, lr, kind):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, foldCol="fold")
    model = cv.fit(with_fold(table, table["fold"].cast(kind)))
    assert model.avgMetrics == cv.fit(table).avgMetrics and model.getFoldCol() == "fold"


def test_more_folds_than_rows_leave_empty_ones(lr, table):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, numFolds=40)
    with pytest.raises(ValueError, match=r"data at fold \d+ is empty: 9 rows in 40 folds"):
        cv.fit(table.slice(0, 9))
    split = TrainValidationSplit(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, trainRatio=1.0)
    with pytest.raises(ValueError, match="The validation data at fold 1 is empty"):
        split.fit(table)


# ---- copies


def test_a_copy_has_copies_of_estimator_and_evaluator(lr, grid, table):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, numFolds=2, seed=3)
    copied = cv.copy({lr.maxIter: 7, LOSS.eps: 1e-3, cv.numFolds: 5})
    assert copied.uid == cv.uid and copied.getEstimatorParamMaps() is grid
    assert copied.getEstimator() is not lr and copied.getEstimator().uid == lr.uid
    assert copied.getEstimator().getMaxIter() == 7 and lr.getMaxIter() == 40
    assert copied.getEvaluator().getEps() == 1e-3 and LOSS.getEps() == 1e-15
    assert (copied.getNumFolds(), cv.getNumFolds(), copied.getSeed()) == (5, 2, 3)
    assert CrossValidator().copy().uid  # with nothing set


def test_a_models_copy_shares_nothing(table):
    estimator, grid = offsets()
    common = {"estimator": estimator, "estimatorParamMaps": grid, "evaluator": MeanError()}
    cv = CrossValidator(**common, collectSubModels=True, numFolds=2).fit(table)
    copied = cv.copy({estimator.amount: 9.0})
    assert copied.bestModel.getOrDefault("amount") == 9.0 != cv.bestModel.getOrDefault("amount")
    assert copied.subModels[1][0].getOrDefault("amount") == 100.0
    assert (copied.getNumFolds(), copied.getFoldCol(), copied.getSeed()) == (2, "", cv.getSeed())
    copied.avgMetrics[0] = copied.stdMetrics[0] = copied.subModels[0][0] = None
    assert None not in [*cv.avgMetrics, *cv.stdMetrics, *cv.subModels[0]]

    split = TrainValidationSplit(**common, collectSubModels=True).fit(table)
    copied = split.copy()
    copied.validationMetrics[0] = copied.subModels[0] = None
    assert None not in [*split.validationMetrics, *split.subModels] and len(split.subModels) == 3
    assert TrainValidationSplit(**common).fit(table).copy().subModels is None


def test_params_for_one_transform_reach_the_best_model(table):
    estimator, grid = offsets([0.0])
    model = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError()).fit(table)
    mean = table["label"].to_numpy().mean()
    assert model.transform(table)["prediction"][0].as_py() == pytest.approx(mean)
    assert model.transform(table, {estimator.amount: 4.0})["prediction"][0].as_py() == pytest.approx(mean + 4)


def test_params_for_one_fit(table, lr, grid):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS)
    assert cv.fit(table, {cv.numFolds: 2, lr.maxIter: 1}).getNumFolds() == 2 != cv.getNumFolds()
