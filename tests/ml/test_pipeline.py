"""Stages on datasets: transform, fit and evaluate, param maps, kinds of datasets, pipelines, columns."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from ml.stages import Center, CenterModel, Shift

from pydeepl.frame import DataFrame, adopt
from pydeepl.linalg import vector_array
from pydeepl.ml import (
    BinaryClassificationEvaluator,
    Estimator,
    Evaluator,
    LogisticRegression,
    Pipeline,
    PipelineModel,
    Transformer,
)
from pydeepl.ml.columns import read_numbers, to_numbers

VALUES = [1.0, 2.0, 6.0]


@pytest.fixture
def table():
    return pa.table({"x": VALUES, "name": ["a", "b", "c"]})


def column(dataset, name):
    return np.asarray(dataset[name]).tolist()


# ---- transform, fit, evaluate


@pytest.mark.parametrize("kind", [pa.table, pd.DataFrame, pl.DataFrame])
def test_transform_gives_back_the_kind_it_was_given(kind):
    dataset = kind({"x": VALUES})
    found = Shift(inputCol="x", outputCol="y").transform(dataset)
    assert type(found) is type(dataset)
    assert column(found, "y") == [2.0, 3.0, 7.0]
    assert column(found, "x") == VALUES


def test_transform_of_a_reader_and_of_a_frame(table):
    shift = Shift(inputCol="x", outputCol="y")
    found = shift.transform(table.to_reader())
    assert isinstance(found, pa.RecordBatchReader)
    assert found.read_all()["y"].to_pylist() == [2.0, 3.0, 7.0]
    frame = shift.transform(adopt(table)[0])
    assert isinstance(frame, DataFrame)
    assert frame.columns == ["x", "name", "y"]


def test_transform_is_lazy(table):
    class Never(Shift):
        def _transform(self, dataset):
            def fail(batches):
                raise AssertionError("computed, though nobody asked for it")

            return dataset._with_stage(fail, ["x"], [pa.field("y", pa.float64())])

    frame = Never().transform(adopt(table)[0])
    assert frame.columns == ["x", "name", "y"]
    assert frame.select("x").count() == 3


@pytest.mark.parametrize("dataset", [None, [1, 2], {"x": [1]}, "x"])
@pytest.mark.parametrize("call", ["transform", "fit", "fitMultiple", "evaluate"])
def test_other_datasets_are_refused(call, dataset):
    stage = {"transform": Shift(), "evaluate": Mean()}.get(call, Center())
    arguments = [dataset, [{}]] if call == "fitMultiple" else [dataset]
    with pytest.raises(TypeError, match="expected a pydeepl, pandas or polars DataFrame"):
        getattr(stage, call)(*arguments)


def test_a_param_map_goes_before_the_stages_values_for_one_call(table):
    shift = Shift(inputCol="x", outputCol="y", amount=10)
    assert column(shift.transform(table, {shift.amount: 1}), "y") == [2.0, 3.0, 7.0]
    assert column(shift.transform(table, {}), "y") == [11.0, 12.0, 16.0]
    assert column(shift.transform(table, {Shift().amount: 1}), "y") == [11.0, 12.0, 16.0]


class Mean(Evaluator):
    def __init__(self):
        super().__init__()

    def _evaluate(self, dataset):
        return float(np.mean(read_numbers(dataset, ["x"])[0]))


@pytest.mark.parametrize("params", [["a"], 3, "a"])
def test_params_must_be_a_param_map(table, params):
    for call in (Shift(inputCol="x").transform, Mean().evaluate):
        with pytest.raises(TypeError, match="Params must be a param map but got"):
            call(table, params)


@pytest.mark.parametrize("params", [3, "a", {1}])
def test_params_of_fit_must_be_param_maps(table, params):
    with pytest.raises(TypeError, match="either a param map or a list/tuple of param maps, but got"):
        Center(inputCol="x").fit(table, params)


def test_fit_gives_a_model_with_the_estimators_uid_and_values(table):
    center = Center(inputCol="x", outputCol="y")
    model = center.fit(table)
    assert isinstance(model, CenterModel)
    assert model.uid == center.uid
    assert column(model.transform(table), "y") == [-2.0, -1.0, 3.0]
    assert column(model.transform(table, {center.outputCol: "z"}), "z") == [-2.0, -1.0, 3.0]


@pytest.mark.parametrize("sequence", [list, tuple])
def test_fit_with_several_param_maps(table, sequence):
    center = Center(inputCol="x")
    maps = sequence([{center.outputCol: "a"}, {}, {center.outputCol: "b"}])
    models = center.fit(table, maps)
    assert [model.getOutputCol() for model in models] == ["a", f"{center.uid}__output", "b"]
    assert center.fit(table, sequence([])) == []


def test_fit_multiple_fits_as_it_is_drawn_from(table):
    center = Center(inputCol="x")
    maps = [{center.outputCol: name} for name in "abc"]
    before = Center.fits
    models = center.fitMultiple(table, maps)
    center.setInputCol("changed after the call")
    assert Center.fits == before
    index, model = next(models)
    assert (Center.fits, model.getOutputCol()) == (before + 1, "abc"[index])
    assert sorted(index for index, _ in models) == [1, 2]


def test_fit_multiple_from_several_threads(table):
    from concurrent.futures import ThreadPoolExecutor

    center = Center(inputCol="x")
    models = center.fitMultiple(table, [{center.outputCol: str(index)} for index in range(20)])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: next(models), range(20)))
    assert sorted(index for index, _ in found) == list(range(20))
    assert all(model.getOutputCol() == str(index) for index, model in found)
    with pytest.raises(StopIteration):
        next(models)


# ---- pipelines


def test_a_pipeline_fits_and_transforms_in_order(table):
    stages = [
        Shift(inputCol="x", outputCol="a", amount=1),
        Center(inputCol="a", outputCol="b"),
        Shift(inputCol="b", outputCol="c", amount=100),
    ]
    pipeline = Pipeline(stages=stages)
    model = pipeline.fit(table)
    assert isinstance(model, PipelineModel)
    assert model.uid == pipeline.uid
    assert model.stages[0] is stages[0]
    assert isinstance(model.stages[1], CenterModel)
    found = model.transform(table)
    assert found.column_names == ["x", "name", "a", "b", "c"]
    assert column(found, "c") == [98.0, 99.0, 103.0]


def test_fit_transforms_no_further_than_the_last_estimator(table):
    """The transformer after the last estimator is not applied: its input does not exist yet."""
    stages = [Center(inputCol="x", outputCol="y"), Shift(inputCol="only in transform", outputCol="z")]
    model = Pipeline(stages=stages).fit(table)
    with pytest.raises(ValueError, match="inputCol 'only in transform' does not exist"):
        model.transform(table)


def test_the_last_estimators_model_is_not_applied_in_fit(table):
    class Once(Center):
        def _fit(self, dataset):
            model = super()._fit(dataset)
            model._transform = None
            return model

    Pipeline(stages=[Shift(inputCol="x", outputCol="a"), Once(inputCol="a")]).fit(table)


def test_an_estimator_sees_what_earlier_stages_made(table):
    first, second = Center(inputCol="x", outputCol="a"), Center(inputCol="a", outputCol="b")
    model = Pipeline(stages=[first, second]).fit(table)
    assert [stage.mean.tolist() for stage in model.stages] == [[3.0], [0.0]]


def test_param_maps_reach_the_stages(table):
    shift, center = Shift(inputCol="x", outputCol="a"), Center(inputCol="a", outputCol="b")
    pipeline = Pipeline(stages=[shift, center])
    model = pipeline.fit(table, {shift.amount: 5, center.outputCol: "c"})
    assert model.stages[1].mean.tolist() == [8.0]
    assert model.transform(table).column_names == ["x", "name", "a", "c"]
    assert model.transform(table, {center.outputCol: "d"}).column_names == ["x", "name", "a", "d"]
    assert not shift.isSet("amount")
    models = pipeline.fit(table, [{shift.amount: 1}, {shift.amount: 2}])
    assert [model.stages[1].mean.tolist() for model in models] == [[4.0], [5.0]]
    replaced = pipeline.fit(table, {pipeline.stages: [Center(inputCol="x")]})
    assert len(replaced.stages) == 1


def test_copies_are_deep(table):
    pipeline = Pipeline(stages=[Shift(inputCol="x", outputCol="a"), Pipeline(stages=[Center(inputCol="a")])])
    that = pipeline.copy()
    assert that.uid == pipeline.uid
    assert [stage.uid for stage in that.getStages()] == [stage.uid for stage in pipeline.getStages()]
    that.getStages()[0].setInputCol("other")
    that.getStages()[1].getStages()[0].setInputCol("other")
    assert pipeline.getStages()[0].getInputCol() == "x"
    assert pipeline.getStages()[1].getStages()[0].getInputCol() == "a"
    model = pipeline.fit(table)
    twin = model.copy()
    assert twin.uid == model.uid
    twin.stages[0].setInputCol("other")
    assert model.stages[0].getInputCol() == "x"


def test_nested_pipelines(table):
    inner = Pipeline(stages=[Center(inputCol="x", outputCol="a"), Shift(inputCol="a", outputCol="b")])
    model = Pipeline(stages=[inner, Center(inputCol="b", outputCol="c")]).fit(table)
    assert isinstance(model.stages[0], PipelineModel)
    assert column(model.transform(table), "c") == [-2.0, -1.0, 3.0]


def test_no_stages_is_the_identity(table):
    model = Pipeline(stages=[]).fit(table)
    assert model.stages == []
    assert model.transform(table).equals(table)


def test_a_loaded_pipeline_computes_the_same(table, tmp_path):
    pipeline = Pipeline(stages=[Shift(inputCol="x", outputCol="a"), Center(inputCol="a", outputCol="b")])
    pipeline.save(tmp_path / "pipeline")
    model = pipeline.fit(table)
    model.save(tmp_path / "model")
    expected = model.transform(table)
    assert PipelineModel.load(tmp_path / "model").transform(table).equals(expected)
    assert Pipeline.load(tmp_path / "pipeline").fit(table).transform(table).equals(expected)


@pytest.fixture(scope="module")
def classified():
    """2,600 rows of two classes, and the fitted pipeline of a logistic regression."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2600, 3)).astype(np.float32)
    table = pa.table({"features": vector_array(x), "label": (x[:, 0] + rng.normal(size=2600) > 0) * 1.0})
    return table, Pipeline(stages=[LogisticRegression(maxIter=3)]).fit(table)


def test_a_loaded_classifier_predicts_the_same_bits(classified, tmp_path):
    table, model = classified
    model.save(tmp_path / "model")
    assert PipelineModel.load(tmp_path / "model").transform(table).equals(model.transform(table))


def test_a_summarys_curves_are_thinned_as_the_evaluators(classified):
    """Spark 4 makes 1,300 points of 2,600 distinct scores, in both."""
    table, model = classified
    summary = model.stages[0].summary
    assert (summary.roc.count(), summary.pr.count(), summary.recallByThreshold.count()) == (1302, 1301, 1300)
    evaluator = BinaryClassificationEvaluator(rawPredictionCol="probability")
    assert summary.areaUnderROC == evaluator.evaluate(model.transform(table))


def test_bad_stages_are_named(table):
    with pytest.raises(TypeError, match=r"Cannot recognize a pipeline stage of type <class 'int'>"):
        Pipeline(stages=[Shift(inputCol="x"), 3]).fit(table)
    with pytest.raises(TypeError, match="Could not convert 3 to list"):
        Pipeline(stages=3)
    with pytest.raises(ValueError, match=r"Pipeline_\w+: stages are not set"):
        Pipeline().fit(table)
    with pytest.raises(TypeError, match="expected Transformers as stages"):
        PipelineModel([Center()])
    assert Pipeline().setStages((Shift(),)).getStages()[0].hasParam("amount")
    assert Pipeline().setParams(stages=[]).getStages() == []


def test_abstract_stages_cannot_be_made():
    for abstract in (Transformer, Estimator, Evaluator):
        with pytest.raises(TypeError, match="abstract"):
            abstract()


# ---- columns


def test_a_missing_input_column(table):
    message = r"Shift_\w+: inputCol 'nam' does not exist \(did you mean 'name'\?\); the columns are x, name"
    with pytest.raises(ValueError, match=message):
        Shift(inputCol="nam").transform(table)


def test_an_output_column_that_is_there(table):
    message = r"Shift_\w+: Column name already exists; give another outputCol.*the columns are x, name"
    with pytest.raises(ValueError, match=message):
        Shift(inputCol="x", outputCol="name").transform(table)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 6], pa.int8()),
        pa.array([1, 2, 6], pa.uint64()),
        pa.array([1, 2, 6], pa.float32()),
        pa.array([1, 2, 6], pa.int64()).cast(pa.decimal128(25, 2)),
        pa.chunked_array([[1.0], [], [2.0, 6.0]]),
    ],
)
def test_numbers_of_every_type(values):
    found = to_numbers(values, "x")
    assert found.dtype == np.float64
    assert found.tolist() == VALUES


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (["1", "2"], TypeError, "column 'x': expected numbers, found string"),
        ([True, False], TypeError, "column 'x': expected numbers, found bool"),
        ([[1.0], [2.0]], TypeError, "column 'x': expected numbers, found list"),
        (vector_array(np.ones((1, 2))), TypeError, "column 'x': expected numbers, found vectors"),
        ([1.0, None], ValueError, "column 'x': expected numbers, found null in row 1"),
        ([1.0, np.nan], ValueError, "column 'x': expected numbers, found NaN in row 1"),
    ],
)
def test_other_values_are_named_with_their_row(values, kind, message):
    with pytest.raises(kind, match=message):
        to_numbers(pa.array(values), "x")


def test_rows_are_counted_over_batches():
    table = pa.Table.from_batches([pa.record_batch({"x": [float(i)] * 3}) for i in range(3)])
    broken = pa.concat_tables([table, pa.table({"x": [1.0, np.nan]})])
    with pytest.raises(ValueError, match="found NaN in row 10"):
        read_numbers(adopt(broken)[0], ["x"])
    both = read_numbers(adopt(table)[0], ["x", "x"])
    assert both[0].tolist() == both[1].tolist() == [0.0] * 3 + [1.0] * 3 + [2.0] * 3


def test_no_columns_at_all():
    with pytest.raises(ValueError, match="the columns are none at all"):
        Shift(inputCol="x").transform(pa.table({}))


@pytest.mark.spark
def test_pyspark_behaves_the_same(spark):
    """The order of calls in pipelines, with the same recording stages there and here."""
    import pyspark.ml as theirs

    import pydeepl.ml as ours

    def record(ml, dataset):
        calls = []

        class T(ml.Transformer):
            def _transform(self, data):
                calls.append(re.sub("_.*", "", self.uid) + ".transform")
                return data

        class M(ml.Model):
            def _transform(self, data):
                calls.append("M.transform")
                return data

        class E(ml.Estimator):
            def _fit(self, data):
                calls.append("E.fit")
                return M()

        for stages in (
            [T(), E(), T(), E(), T()],
            [T(), T()],
            [E()],
            [],
            [E(), ml.Pipeline(stages=[T(), E()]), T()],
        ):
            model = ml.Pipeline(stages=stages).fit(dataset)
            calls.append([type(stage).__name__ for stage in model.stages])
            model.transform(dataset)
            calls.append("end")
        return calls

    table = pa.table({"x": VALUES})
    assert record(ours, table) == record(theirs, spark.createDataFrame([(1.0,)], ["x"]))
