"""OneVsRest: its models are those of each class against the rest; features are computed once."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pydeepl.frame import adopt
from pydeepl.linalg import vector_array, vector_matrix
from pydeepl.ml import (
    Estimator,
    LogisticRegression,
    Model,
    OneVsRest,
    OneVsRestModel,
    Pipeline,
    PipelineModel,
)
from pydeepl.ml.classification import OneVsRest as from_classification
from pydeepl.ml.param.shared import (
    HasFeaturesCol,
    HasLabelCol,
    HasPredictionCol,
    HasRawPredictionCol,
    HasWeightCol,
)

LR = {"maxIter": 20, "regParam": 0.05}


def problem(classes=3, n=90, d=5, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.standard_normal((n, d)) + 1.5 * np.eye(max(classes, d))[y, :d]
    return pa.table(
        {"features": vector_array(x.astype(np.float32)), "label": y, "weight": rng.uniform(0, 2, n)}
    )


def binary(table, index):
    place = table.column_names.index("label")
    return table.set_column(place, "label", pa.array((table["label"].to_numpy() == index).astype(float)))


class Plain(Estimator, HasFeaturesCol, HasLabelCol, HasPredictionCol, HasRawPredictionCol, HasWeightCol):
    """A classifier that reads its data by itself."""

    def __init__(self, **params):
        super().__init__()
        self.inner = LogisticRegression(**params)

    def _fit(self, dataset):
        return self._copyValues(self.inner.copy())._fit(dataset)


@pytest.mark.parametrize("kind", [LogisticRegression, Plain])
@pytest.mark.parametrize("params", [{}, {"parallelism": 3}, {"weightCol": "weight"}])
def test_the_models_are_those_of_each_class_against_the_rest(kind, params):
    table = problem()
    model = OneVsRest(classifier=kind(**LR), **params).fit(table)
    assert len(model.models) == model.numClasses == 3
    assert model.numFeatures == 5
    weights = {name: value for name, value in params.items() if name == "weightCol"}
    raw = []
    for index, one in enumerate(model.models):
        twin = LogisticRegression(**LR, **weights).fit(binary(table, index))
        np.testing.assert_array_equal(one.coefficients.toArray(), twin.coefficients.toArray())
        assert one.intercept == twin.intercept
        raw.append(vector_matrix(twin.transform(table)["rawPrediction"])[:, 1])
    made = model.transform(table)
    assert made.column_names == [*table.column_names, "rawPrediction", "prediction"]
    np.testing.assert_array_equal(vector_matrix(made["rawPrediction"]), np.stack(raw, axis=1))
    assert made["prediction"].to_pylist() == np.argmax(raw, axis=0).tolist()


def test_columns_go_by_the_params():
    table = problem().rename_columns(["x", "y", "w"])
    names = {"featuresCol": "x", "labelCol": "y", "predictionCol": "p", "rawPredictionCol": ""}
    model = OneVsRest(classifier=LogisticRegression(**LR), **names).fit(table)
    assert model.transform(table).column_names == ["x", "y", "w", "p"]
    renamed = table.rename_columns(["z", "y", "w"])
    assert model.setFeaturesCol("z").transform(renamed)["p"].to_pylist() == (
        model.setFeaturesCol("x").transform(table)["p"].to_pylist()
    )
    raw = model.copy({model.predictionCol: "", model.rawPredictionCol: "r"}).transform(table)
    assert raw.column_names == ["x", "y", "w", "r"]
    with pytest.warns(UserWarning, match="transform does nothing"):
        model.setPredictionCol("").transform(table)


@pytest.mark.parametrize("kind", [LogisticRegression, Plain])
def test_features_are_computed_once_for_all_classes(kind):
    table, computed = problem(), []

    def features(batches):
        for batch in batches:
            computed.append(batch.num_rows)
            yield [batch.column(0)]

    frame = adopt(table)[0]
    made = frame._with_stage(features, ["features"], [frame.column_field("features").with_name("made")])
    classifier = kind(**LR)
    model = OneVsRest(featuresCol="made", classifier=classifier, parallelism=2).fit(made)
    assert sum(computed) == table.num_rows
    computed.clear()
    model.transform(made).select("prediction").toArrow()
    assert sum(computed) == table.num_rows


def test_a_class_without_rows_is_never_predicted():
    table = problem(classes=2)
    gap = table.set_column(1, "label", pa.array(table["label"].to_numpy() * 2.0))  # classes 0 and 2
    for family in ("auto", "multinomial"):
        two = OneVsRest(classifier=LogisticRegression(family=family, **LR)).fit(table)
        with pytest.warns(UserWarning, match="all labels"):
            model = OneVsRest(classifier=LogisticRegression(family=family, **LR)).fit(gap)
        assert model.numClasses == 3
        expected = 2 * two.transform(table)["prediction"].to_numpy()
        assert model.transform(gap)["prediction"].to_pylist() == expected.tolist()


def test_the_dataset_keeps_its_kind():
    table = problem()
    model = OneVsRest(classifier=LogisticRegression(**LR)).fit(table)
    expected = model.transform(table)["prediction"].to_pylist()
    rows = pd.DataFrame({"features": list(vector_matrix(table["features"]))})
    assert model.transform(rows)["prediction"].tolist() == expected
    rows = pl.DataFrame({"features": vector_matrix(table["features"])})
    assert model.transform(rows)["prediction"].to_list() == expected


def test_it_is_saved_and_loaded_with_its_models(tmp_path):
    table = problem()
    estimator = OneVsRest(classifier=LogisticRegression(**LR), parallelism=2)
    pipeline = Pipeline(stages=[estimator])
    pipeline.save(tmp_path / "pipeline")
    (loaded,) = Pipeline.load(tmp_path / "pipeline").getStages()
    assert loaded.getClassifier().getRegParam() == 0.05
    assert (loaded.getParallelism(), loaded.uid) == (2, estimator.uid)
    OneVsRest().save(tmp_path / "empty")
    assert not OneVsRest.load(tmp_path / "empty").isSet("classifier")

    model = pipeline.fit(table)
    model.save(tmp_path / "model")
    (again,) = PipelineModel.load(tmp_path / "model").stages
    assert isinstance(again, OneVsRestModel)
    assert again.getClassifier().getMaxIter() == 20
    assert again.transform(table).equals(model.transform(table))


def test_a_copy_has_models_and_classifier_of_its_own():
    estimator = OneVsRest(classifier=LogisticRegression(**LR))
    classifier = estimator.getClassifier()
    copied = estimator.copy({classifier.regParam: 0.5})
    assert copied.getClassifier().getRegParam() == 0.5
    assert classifier.getRegParam() == 0.05
    model = estimator.fit(problem())
    assert model.copy().models[0] is not model.models[0]
    refitted = estimator.fit(problem(), {classifier.regParam: 5.0})
    assert (
        abs(refitted.models[0].coefficients.toArray()).max()
        < abs(model.models[0].coefficients.toArray()).max()
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0.5], "whole numbers in .*, found 0.5 in row 1"),
        ([0, -1], "found -1 in row 1"),
        ([0, 1e6], "found 1e\\+06 in row 1"),
        ([0, None], "found null in row 1"),
        ([], "found an empty dataset"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels, message):
    table = pa.table(
        {"features": vector_array(np.zeros((len(labels), 2))), "label": pa.array(labels, pa.float64())}
    )
    with pytest.raises(ValueError, match=message):
        OneVsRest(classifier=LogisticRegression()).fit(table)


def test_what_is_no_classifier_is_refused():
    with pytest.raises(TypeError, match=r"expected a classifier with featuresCol, .*, got Pipeline"):
        OneVsRest(classifier=Pipeline(stages=[]))
    with pytest.raises(KeyError, match="classifier"):
        OneVsRest().fit(problem())


class Nearest(LogisticRegression):
    """A classifier that takes no weights."""

    def hasParam(self, paramName):
        return paramName != "weightCol" and super().hasParam(paramName)


def test_weights_that_the_classifier_does_not_take_are_ignored_with_a_warning():
    table = problem()
    with pytest.warns(UserWarning, match="weightCol is ignored: Nearest takes no weights"):
        model = OneVsRest(classifier=Nearest(**LR), weightCol="weight").fit(table)
    plain = OneVsRest(classifier=LogisticRegression(**LR)).fit(table)
    assert model.models[0].coefficients == plain.models[0].coefficients


def test_the_names_are_those_of_pyspark():
    assert from_classification is OneVsRest
    assert issubclass(OneVsRestModel, Model)
    assert issubclass(OneVsRest, (HasFeaturesCol, HasLabelCol, HasPredictionCol, HasRawPredictionCol))
    model = OneVsRest(classifier=LogisticRegression(**LR)).fit(problem())
    assert repr(model) == f"OneVsRestModel: uid={model.uid}, numClasses=3, numFeatures=5"
