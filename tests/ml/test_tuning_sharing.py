"""What a search computes once, what it says when a candidate fails, and how it is stopped."""

import io
import signal
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from ml.tuning_data import MeanError, Offset, Widen, folds_of, plain_metrics, problem

from pydeepl.frame import adopt
from pydeepl.frame.lineage import column_origin, keeps_rows
from pydeepl.linalg import vector_array
from pydeepl.ml import (
    CrossValidator,
    Estimator,
    LogisticRegression,
    Model,
    MulticlassClassificationEvaluator,
    ParamGridBuilder,
    Pipeline,
    StandardScaler,
    StringIndexer,
    TrainValidationSplit,
    Transformer,
    VectorAssembler,
    classification,
)
from pydeepl.ml.columns import read_numbers
from pydeepl.ml.tuning.candidates import take_apart

LOSS = MulticlassClassificationEvaluator(metricName="logLoss")


@pytest.fixture
def table():
    return problem()


@pytest.fixture
def reads(monkeypatch):
    """The numbers of rows of the training sets that are read."""
    counts = []
    read = classification.read_training_set

    def counted(*args):
        data = read(*args)
        counts.append(len(data.labels))
        return data

    monkeypatch.setattr(classification, "read_training_set", counted)
    return counts


def widened(**params):
    widen = Widen(inputCol="features", outputCol="wide")
    lr = LogisticRegression(featuresCol="wide", maxIter=20, **params)
    return widen, lr, Pipeline(stages=[widen, lr])


# ---- once


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_leading_transformer_computes_each_row_once_for_the_whole_search(table, reads, parallelism):
    widen, lr, pipeline = widened()
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1, 1.0]).addGrid(lr.maxIter, [1, 5]).build()
    cv = CrossValidator(
        estimator=pipeline,
        estimatorParamMaps=grid,
        evaluator=LOSS,
        foldCol="fold",
        parallelism=parallelism,
        collectSubModels=True,
    )
    model = cv.fit(table)
    assert Widen.rows[widen.uid] == table.num_rows
    assert reads == [table.num_rows]
    assert model.bestModel.stages[-1].summary.accuracy > 0  # the summary's predictions use the same features
    assert model.subModels[0][0].stages[-1].summary.predictions.count() == 80
    assert Widen.rows[widen.uid] == table.num_rows
    expected = plain_metrics(pipeline, grid, LOSS, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)


def test_a_leading_transformers_own_param_costs_one_run_for_each_value(table, reads):
    widen, lr, pipeline = widened()
    grid = ParamGridBuilder().addGrid(widen.factor, [1.0, 4.0]).addGrid(lr.regParam, [0.1, 1.0, 2.0]).build()
    cv = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS)
    cv.fit(table)
    assert Widen.rows[widen.uid] == 2 * table.num_rows
    assert reads == [table.num_rows] * 2
    TrainValidationSplit(estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS).fit(table)
    assert Widen.rows[widen.uid] == 4 * table.num_rows


def test_candidates_with_other_columns_read_their_own_data(table, reads):
    lr = LogisticRegression(maxIter=5)
    grid = [{}, {lr.weightCol: "weight"}, {lr.regParam: 1.0}]
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold")
    model = cv.fit(table)
    assert len(reads) == 2
    expected = plain_metrics(lr, grid, LOSS, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)


def test_estimators_before_the_last_are_fitted_once_a_fold_to_its_rows(table):
    first = Offset()
    lr = LogisticRegression(maxIter=10, predictionCol="class")
    pipeline = Pipeline(stages=[first, lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.1, 1.0]).build()
    folds = folds_of(table)
    expected = plain_metrics(pipeline, grid, LOSS, folds)
    Offset.fits.clear()
    cv = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold", collectSubModels=True
    )
    model = cv.fit(table)
    rows = [labels for _, labels, _ in Offset.fits]
    assert rows == [
        *(sorted(training["label"].to_pylist()) for training, _ in folds),
        sorted(table["label"].to_pylist()),
    ]
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)
    means = [models[0].stages[0].mean for models in model.subModels]
    assert means == pytest.approx([training["label"].to_numpy().mean() for training, _ in folds])
    assert model.bestModel.stages[0].mean == pytest.approx(table["label"].to_numpy().mean())


def named(table):
    """The table with labels as names in place of numbers, and a second column of features."""
    names = pa.array([f"class {label:g}" for label in table["label"].to_pylist()])
    return table.drop(["label"]).append_column("name", names).append_column("extra", table["weight"])


def test_own_transformers_run_before_estimators_that_they_do_not_read_from(table):
    indexer = StringIndexer(inputCol="name", outputCol="label")
    joined = VectorAssembler(inputCols=["features", "extra"], outputCol="joined")
    scaler = StandardScaler(inputCol="joined", outputCol="scaled")
    late = VectorAssembler(inputCols=["scaled", "extra"], outputCol="all")
    lr = LogisticRegression(featuresCol="all", maxIter=10)
    pipeline = Pipeline(stages=[indexer, joined, scaler, late, lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.1, 1.0]).addGrid(scaler.withMean, [False, True]).build()
    data = named(table)
    one = take_apart(0, pipeline, grid[0], data.column_names)
    assert [each.uid for each in one.leading] == [joined.uid]
    assert [each.uid for each in one.middle] == [indexer.uid, scaler.uid, late.uid]
    model = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=LOSS, foldCol="fold", collectSubModels=True
    ).fit(data)
    order = [each.uid for each in pipeline.getStages()]
    for fitted in (model.bestModel, *model.subModels[2]):
        assert [each.uid for each in fitted.stages] == order
    expected = plain_metrics(pipeline, grid, LOSS, folds_of(data))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-9)


def test_transformers_stay_behind_what_may_drop_rows_or_is_not_known(table):
    joined = VectorAssembler(inputCols=["features", "extra"], outputCol="joined")
    lr = LogisticRegression(featuresCol="joined")
    skipping = StringIndexer(inputCol="name", outputCol="label", handleInvalid="skip")
    for first in (skipping, Offset()):
        one = take_apart(0, Pipeline(stages=[first, joined, lr]), {}, named(table).column_names)
        assert one.leading == [] and [each.uid for each in one.middle] == [first.uid, joined.uid]


class Smallest(Transformer):
    """Keeps the half of the rows with the smallest labels: looks at other rows than its own."""

    def _transform(self, dataset):
        return dataset.orderBy("label").limit(dataset.count() // 2)


class Ends(Transformer):
    """Drops the rows of class 2, and all columns but features and label."""

    def _transform(self, dataset):
        return dataset.filter("label < 2").select("features", "label")


@pytest.mark.parametrize("stage", [Smallest, Ends])
def test_transformers_that_drop_rows_see_what_plain_fits_show_them(table, stage):
    lr = LogisticRegression(maxIter=10)
    pipeline = Pipeline(stages=[stage(), lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.1, 1.0]).build()
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    model = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=accuracy, foldCol="fold", collectSubModels=True
    ).fit(table)
    for fold, (training, _) in enumerate(folds_of(table)):
        for params, sub in zip(grid, model.subModels[fold], strict=True):
            plain = pipeline.fit(training, params).stages[-1]
            np.testing.assert_allclose(
                sub.stages[-1].coefficientMatrix.toArray(), plain.coefficientMatrix.toArray(), atol=1e-9
            )
    expected = plain_metrics(pipeline, grid, accuracy, folds_of(table))
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-12)


def test_stages_and_evaluators_see_no_column_of_folds(table):
    seen = []

    class Watching(MeanError):
        def _evaluate(self, dataset):
            seen.append(dataset.columns)
            return super()._evaluate(dataset)

    class Looking(Transformer):
        def _transform(self, dataset):
            seen.append(dataset.columns)
            return dataset

    estimator = Pipeline(stages=[Looking(), Offset()])
    CrossValidator(estimator=estimator, estimatorParamMaps=[{}], evaluator=Watching()).fit(table)
    assert {tuple(columns) for columns in seen} == {
        ("features", "label", "weight", "fold"),
        ("features", "label", "weight", "fold", "prediction"),
    }


def test_nothing_that_was_kept_outlives_the_model(table):
    import gc

    from pydeepl.frame.keep import LEDGER

    gc.collect()
    before = LEDGER.used
    widen, lr, pipeline = widened()
    model = CrossValidator(estimator=pipeline, estimatorParamMaps=[{lr.regParam: 0.1}], evaluator=LOSS).fit(
        table
    )
    assert LEDGER.used > before
    del model, pipeline, widen, lr
    gc.collect()
    assert LEDGER.used == before


# ---- what is made row by row


def test_lineage_tells_what_keeps_rows_and_where_columns_come_from(table):
    frame = adopt(table)[0]
    made = frame._with_stage(
        lambda batches: ([b.column(0)] for b in batches), ["label"], [pa.field("made", pa.float64())]
    )
    kept = made._with_stage(
        lambda batches: ([b.column(0)] for b in batches),
        ["label"],
        [pa.field("kept", pa.float64())],
        keep=True,
    )
    changed = (
        kept.withColumnRenamed("label", "class").withColumn("twice", kept["kept"] * 2).filter("class > 0")
    )
    origins = {name: column_origin(changed, frame, name) for name in changed.columns}
    assert origins == {
        "features": "source", "class": "source", "weight": "source", "fold": "source", "made": "made",
        "kept": "kept", "twice": "made",
    }  # fmt: skip
    assert keeps_rows(changed.repartition(3), frame) and keeps_rows(frame, frame)
    for other in (
        frame.limit(3),
        frame.orderBy("label"),
        frame.sample(0.5),
        frame.union(frame),
        adopt(table)[0],
    ):
        assert not keeps_rows(other, frame)


# ---- failures


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_failing_candidate_is_named_with_fold_and_params(table, parallelism):
    estimator = Offset()
    grid = ParamGridBuilder().addGrid(estimator.amount, [1.0, 13.0]).build()
    cv = CrossValidator(
        estimator=estimator, estimatorParamMaps=grid, evaluator=MeanError(), parallelism=parallelism
    )
    message = rf"{cv.uid}, fold 0, params \{{{estimator.uid}\.amount=13\.0\}}: thirteen is refused"
    with pytest.raises(ValueError, match=message) as caught:
        cv.fit(table)
    assert str(caught.value.__cause__) == "thirteen is refused"


def test_bad_values_are_said_with_their_column(table):
    labels = table["label"].to_numpy().copy()
    labels[7] = 0.5
    lr = LogisticRegression()
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS)
    with pytest.raises(ValueError, match=r"fold 0, .*column 'label': .* found 0\.5 in row 7"):
        cv.fit(table.set_column(1, "label", pa.array(labels)))


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


class Raising(Estimator):
    def _fit(self, dataset):
        raise Odd(1, 2)


def test_an_exception_of_another_kind_is_the_cause(table):
    cv = CrossValidator(estimator=Raising(), estimatorParamMaps=[{}], evaluator=LOSS)
    with pytest.raises(RuntimeError, match="fold 0") as caught:
        cv.fit(table)
    assert isinstance(caught.value.__cause__, Odd)


def test_training_rows_without_weight_are_refused(table):
    weights = np.where(table["fold"].to_numpy() == 1, 1.0, 0.0)
    lr = LogisticRegression(weightCol="weight")
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}], evaluator=LOSS, foldCol="fold")
    with pytest.raises(ValueError, match=r"fold 1, .*expected a row with a weight > 0"):
        cv.fit(table.set_column(2, "weight", pa.array(weights)))


# ---- progress and Ctrl-C


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_one_bar_counts_fits(table, monkeypatch):
    lr = LogisticRegression(maxIter=3)
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.1, 1.0]).build()
    bars = []

    class Bar:
        def __init__(self, total, desc, **options):
            self.total, self.desc, self.done = total, desc, 0
            bars.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def update(self, n=1):
            self.done += n

        close = __exit__

    from pydeepl.ml.tuning import search

    monkeypatch.setenv("PYDEEPL_PROGRESS", "1")
    monkeypatch.setattr(search, "progress_bar", Bar)
    monkeypatch.setattr(classification, "progress_bar", Bar)
    CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=LOSS, parallelism=2).fit(table)
    assert [(bar.desc, bar.total, bar.done) for bar in bars[:1]] == [("CrossValidator", 6, 6)]
    assert [bar.desc for bar in bars[1:]] == ["LogisticRegression"]  # of the best, after the search


def test_bars_within_a_silenced_thread_stay_silent(monkeypatch):
    from pydeepl.progress import progress_wanted, silent_bars

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.delenv("PYDEEPL_PROGRESS", raising=False)
    with silent_bars():
        assert not progress_wanted()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(progress_wanted()))
        thread.start()
        thread.join()
        assert answers == [True]
    assert progress_wanted()


def ctrl_c_after(seconds):
    """Sends the signal to the main thread, as a terminal does: one that waits for a lock wakes up."""
    return threading.Timer(seconds, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])


class Waiting(Model):
    def _transform(self, dataset):
        raise AssertionError("no transform was asked for")


class Endless(Estimator):
    """Waits for the end of the test, in the search's threads."""

    release = threading.Event()

    def _fit(self, dataset):
        read_numbers(dataset, ["label"])
        Endless.release.wait(60)
        return Waiting()


@pytest.mark.parametrize("parallelism", [1, 2])
def test_ctrl_c_ends_a_search_of_any_estimator(table, parallelism):
    cv = CrossValidator(
        estimator=Endless(), estimatorParamMaps=[{}, {}], evaluator=LOSS, parallelism=parallelism
    )
    timer = ctrl_c_after(0.3)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            cv.fit(table)
        assert not Endless.release.is_set()
    finally:
        timer.join()
        Endless.release.set()
        Endless.release.clear()


def test_ctrl_c_ends_the_logistic_regressions_of_other_threads(monkeypatch):
    """No fit goes on behind the caller's back: they end at their next iteration."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20_000, 500)).astype(np.float32)  # seconds to the optimum
    table = pa.table({"features": vector_array(x), "label": rng.integers(0, 10, len(x)).astype(float)})
    lr = LogisticRegression(tol=0.0, maxIter=10**6)
    running, ended = [], []
    train = LogisticRegression._train

    def watched(self, *args, **kwargs):
        running.append(1)
        try:
            return train(self, *args, **kwargs)
        finally:
            ended.append(1)

    monkeypatch.setattr(LogisticRegression, "_train", watched)
    cv = CrossValidator(estimator=lr, estimatorParamMaps=[{}, {}], evaluator=LOSS, parallelism=2)
    timer = ctrl_c_after(0.5)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        cv.fit(table)
    timer.join()
    end = time.monotonic() + 60
    while len(ended) < len(running) and time.monotonic() < end:
        time.sleep(0.01)
    assert len(ended) == len(running) >= 1
