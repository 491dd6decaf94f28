"""LogisticRegression and its model on datasets: columns, params, thresholds, messages, files."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from linear.formulas import features, labels, weights

from pydeepl.frame import adopt
from pydeepl.linalg import DenseVector, SparseVector, vector_array, vectors, vectors_array
from pydeepl.ml import LogisticRegression, LogisticRegressionModel


def table(n=60, d=6, classes=3, **columns):
    x = features(n, d).astype(np.float32)
    return pa.table(
        {"features": vector_array(x), "label": labels(n, classes), "weight": weights(n)} | columns
    )


def with_label(row, value):
    data = table().to_pydict()["label"]
    data[row] = value
    return table(label=pa.array(data, pa.float64()))


# ---- params


def test_arguments_are_keywords():
    with pytest.raises(TypeError, match="forces keyword arguments"):
        LogisticRegression("features")


def test_params_have_sparks_names_and_defaults():
    estimator = LogisticRegression()
    defaults = {param.name: value for param, value in estimator.extractParamMap().items()}
    assert defaults.pop("solver") == "l-bfgs"  # ours alone: Spark's path
    assert defaults == {
        "aggregationDepth": 2, "elasticNetParam": 0.0, "family": "auto", "featuresCol": "features",
        "fitIntercept": True, "labelCol": "label", "maxBlockSizeInMB": 0.0, "maxIter": 100,
        "predictionCol": "prediction", "probabilityCol": "probability", "rawPredictionCol": "rawPrediction",
        "regParam": 0.0, "standardization": True, "threshold": 0.5, "tol": 1e-6,
    }  # fmt: skip
    assert {param.name for param in estimator.params} == {*defaults, "solver", "thresholds", "weightCol"}


def test_setters_and_getters():
    estimator = LogisticRegression(maxIter=5).setRegParam(0.1).setFamily("Multinomial").setWeightCol("w")
    assert estimator.getMaxIter() == 5
    assert estimator.getRegParam() == 0.1
    assert estimator.getFamily() == "Multinomial"
    two_classes = table(classes=2, w=np.ones(60))
    assert estimator.fit(two_classes).coefficientMatrix.numRows == 2  # "binomial" would have 1
    assert estimator.getWeightCol() == "w"
    assert estimator.setParams(tol=0.5).getTol() == 0.5


def test_a_model_has_no_setter_of_what_only_training_reads():
    model = LogisticRegression(maxIter=3, regParam=0.5).fit(table())
    assert (model.getMaxIter(), model.getRegParam()) == (3, 0.5)
    names = {name for name in dir(model) if name.startswith("set")}
    assert names == {
        "set", "setFeaturesCol", "setLabelCol", "setPredictionCol", "setProbabilityCol",
        "setRawPredictionCol", "setThreshold", "setThresholds", "setWeightCol",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"family": "poisson"}, "one of auto, binomial, multinomial"),
        ({"maxIter": -1}, "maxIter"),
        ({"elasticNetParam": 1.1}, "elasticNetParam"),
        ({"threshold": 2.0}, "threshold"),
        ({"threshold": 0.2, "thresholds": [0.5, 0.5]}, "do not agree"),
        ({"lowerBoundsOnIntercepts": [0.0]}, "lowerBoundsOnIntercepts is not supported"),
    ],
)
def test_params_outside_their_domain(params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        LogisticRegression(**params)


@pytest.mark.parametrize("what", ["Lower", "Upper"])
@pytest.mark.parametrize("where", ["Coefficients", "Intercepts"])
def test_bounds_are_refused(what, where):
    with pytest.raises(ValueError, match=f"{what.lower()}BoundsOn{where} is not supported"):
        getattr(LogisticRegression(), f"set{what}BoundsOn{where}")([[0.0]])


def test_threshold_and_thresholds_replace_each_other():
    estimator = LogisticRegression(threshold=0.25)
    assert estimator.getThresholds() == [0.75, 0.25]
    estimator.setThresholds([0.4, 0.6])
    assert not estimator.isSet("threshold")
    assert estimator.getThreshold() == pytest.approx(0.6)
    estimator.setThreshold(0.1)
    assert not estimator.isSet("thresholds")
    with pytest.raises(ValueError, match="length != 2"):
        LogisticRegression(thresholds=[0.1, 0.2, 0.7]).getThreshold()
    with pytest.raises(KeyError):
        LogisticRegression().getThresholds()


# ---- fitting


def test_param_maps_give_models():
    estimator = LogisticRegression(maxIter=3)
    one, two = estimator.fit(table(), [{estimator.maxIter: 1}, {estimator.regParam: 0.5}])
    assert one.summary.totalIterations == 1
    assert one.getMaxIter() == 1
    assert two.getRegParam() == 0.5
    assert estimator.getMaxIter() == 3
    assert one.uid == estimator.uid


def test_batches_of_any_size_give_the_same_model():
    whole = table()
    pieces = pa.Table.from_batches(whole.to_batches(max_chunksize=7))
    one, other = (LogisticRegression(regParam=0.1).fit(data) for data in (whole, pieces))
    assert one.coefficientMatrix == other.coefficientMatrix


def test_kinds_of_datasets_and_vectors():
    x, y = features(60, 6), labels(60, 3)
    expected = LogisticRegression(regParam=0.1, maxIter=5).fit(table()).coefficientMatrix
    sparse = [SparseVector(6, [(j, v) for j, v in enumerate(row) if v]) for row in x]
    for data in [
        pd.DataFrame({"features": [DenseVector(row) for row in x], "label": y}),
        pa.table({"features": vector_array(x), "label": y.astype(np.int8)}),
        pa.table({"features": vectors_array(sparse), "label": y}),
        pa.table({"features": x.tolist(), "label": y}),
        pl.DataFrame({"features": x.astype(np.float32), "label": y}),
    ]:
        model = LogisticRegression(regParam=0.1, maxIter=5).fit(data)
        np.testing.assert_allclose(model.coefficientMatrix.toArray(), expected.toArray(), rtol=1e-12)
        assert type(model.transform(data)) is type(data)


def test_metadata_tell_the_number_of_classes():
    def labelled(attribute):
        field = pa.field("label", pa.float64(), metadata={"ml_attr": json.dumps(attribute)})
        schema = pa.schema([table().schema.field("features"), field])
        return table().select(["features", "label"]).cast(schema)

    nominal = {"type": "nominal", "vals": ["a", "b", "c", "d"]}
    assert LogisticRegression(maxIter=2).fit(labelled(nominal)).numClasses == 4
    assert LogisticRegression(maxIter=2).fit(labelled({"type": "numeric"})).numClasses == 3
    with pytest.raises(ValueError, match=r"metadata tell of 2 classes, but row .* has label 2"):
        LogisticRegression().fit(labelled({"type": "nominal", "vals": ["a", "b"]}))


def test_metadata_of_two_classes_and_labels_of_the_first():
    """Spark predicts class 1 here, which has no rows."""
    data = table(label=np.zeros(60))
    field = pa.field("label", pa.float64(), metadata={"ml_attr": json.dumps({"type": "binary"})})
    data = data.set_column(1, field, data["label"])
    with pytest.warns(UserWarning, match="all labels"):
        model = LogisticRegression().fit(data)
    assert (model.numClasses, model.intercept) == (2, -np.inf)
    assert set(model.transform(data)["prediction"].to_pylist()) == {0.0}


def test_one_class_warns_and_predicts_it():
    data = table(label=np.full(60, 2.0))
    with pytest.warns(UserWarning, match="all labels in column 'label' are 2"):
        model = LogisticRegression().fit(data)
    assert model.numClasses == 3
    assert model.interceptVector.toArray().tolist() == [0, 0, np.inf]
    out = model.transform(data)
    assert set(out["prediction"].to_pylist()) == {2.0}
    assert out["probability"][0].as_py().toArray().tolist() == [0, 0, 1]


# ---- bad datasets


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "found -1 in row 7"),
        (1.5, "found 1.5 in row 7"),
        (float("nan"), "found NaN in row 7"),
        (float("inf"), "found inf in row 7"),
        (None, "found null in row 7"),
        (1e9, "stands for 1000000001 classes"),
    ],
)
def test_bad_labels(value, message):
    with pytest.raises(ValueError, match=f"column 'label'.*{message}"):
        LogisticRegression().fit(with_label(7, value))


def test_missing_columns():
    with pytest.raises(ValueError, match=r"labelCol 'lable' does not exist .did you mean 'label'"):
        LogisticRegression(labelCol="lable").fit(table())
    with pytest.raises(ValueError, match="featuresCol 'x' does not exist"):
        LogisticRegression(featuresCol="x").fit(table())
    with pytest.raises(ValueError, match="weightCol 'w' does not exist"):
        LogisticRegression(weightCol="w").fit(table())
    with pytest.raises(TypeError, match="column 'label': expected numbers, found string"):
        LogisticRegression().fit(table(label=["a"] * 60))


@pytest.mark.parametrize(
    ("value", "message"), [(-0.5, "found -0.5 in row 3"), (float("inf"), "found inf in row 3")]
)
def test_bad_weights(value, message):
    w = weights(60)
    w[3] = value
    with pytest.raises(ValueError, match=f"column 'weight': .*{message}"):
        LogisticRegression(weightCol="weight").fit(table(weight=w))


def test_bad_features():
    x = features(60, 6)
    x[31, 4] = np.nan
    broken = table(features=vector_array(x))
    with pytest.raises(ValueError, match="column 'features': row 31: feature 4 is nan"):
        LogisticRegression().fit(broken)
    with pytest.raises(ValueError, match="features must be finite, found NaN or infinity in row 31"):
        LogisticRegression(maxIter=1).fit(table()).transform(broken)
    x[31, 4] = 1e300
    with pytest.raises(ValueError, match="column 'features': row 31: feature 4 is inf"):
        LogisticRegression().fit(table(features=vector_array(x)))


def test_vectors_of_different_sizes():
    ragged = [DenseVector([1.0, 2.0])] * 59 + [DenseVector([1.0, 2.0, 3.0])]
    with pytest.raises(ValueError, match="column 'features': expected 2 features, found 3 in row 59"):
        LogisticRegression().fit(table(features=vectors_array(ragged)))
    with pytest.raises(ValueError, match="column 'features': expected 6 features, found 4 in row 0"):
        LogisticRegression(maxIter=1).fit(table()).transform(table(d=4))
    missing = vectors_array([None if i == 5 else DenseVector([1.0, 2.0]) for i in range(60)])
    with pytest.raises(ValueError, match="column 'features': expected a vector, found null in row 5"):
        LogisticRegression().fit(table(features=missing))


def test_empty_dataset():
    with pytest.raises(ValueError, match="empty dataset"):
        LogisticRegression().fit(table().slice(0, 0))


def test_binomial_refuses_three_classes():
    with pytest.raises(ValueError, match="'binomial' takes 1 or 2 classes, found 3 in column 'label'"):
        LogisticRegression(family="binomial").fit(table())


def test_number_of_thresholds():
    with pytest.raises(ValueError, match="as many thresholds as classes"):
        LogisticRegression(thresholds=[0.5, 0.5]).fit(table())


# ---- the model


def test_columns_are_appended_in_order():
    model = LogisticRegression(maxIter=3).fit(table())
    out = model.transform(table())
    assert out.column_names == ["features", "label", "weight", "rawPrediction", "probability", "prediction"]
    raw, probability = (np.stack(vectors(out[name])) for name in ("rawPrediction", "probability"))
    x = features(60, 6)
    margins = x @ model.coefficientMatrix.toArray().T + model.interceptVector.toArray()
    np.testing.assert_allclose(raw, margins, rtol=1e-12)
    np.testing.assert_allclose(probability, np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True), rtol=1e-12)
    assert out["prediction"].to_pylist() == raw.argmax(axis=1).tolist()


def test_empty_names_leave_columns_out():
    estimator = LogisticRegression(rawPredictionCol="", probabilityCol="", maxIter=2)
    assert estimator.fit(table()).transform(table()).column_names == [
        "features",
        "label",
        "weight",
        "prediction",
    ]
    model = estimator.setPredictionCol("").fit(table())
    with pytest.warns(UserWarning, match="transform does nothing"):
        assert model.transform(table()).column_names == ["features", "label", "weight"]
    assert 0 <= model.summary.accuracy <= 1


def test_existing_columns_are_not_replaced():
    model = LogisticRegression(maxIter=2).fit(table())
    with pytest.raises(ValueError, match="Column prediction already exists"):
        model.transform(table(prediction=np.zeros(60)))


def test_transform_is_lazy():
    model = LogisticRegression(maxIter=2).fit(table())
    broken = table(features=vector_array(np.full((60, 6), np.nan)))
    frame = model.transform(adopt(broken)[0])
    assert frame.select("label").count() == 60
    with pytest.raises(ValueError, match="features must be finite"):
        frame.select("prediction").collect()


def test_a_models_later_settings_do_not_reach_a_frame():
    model = LogisticRegression(regParam=0.1).fit(table(classes=2))
    frame = model.transform(adopt(table(classes=2))[0])
    model.setThreshold(1.0)
    assert any(row.prediction == 1 for row in frame.collect())
    assert not any(row.prediction == 1 for row in model.transform(adopt(table(classes=2))[0]).collect())


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_binary_threshold(threshold):
    model = LogisticRegression(regParam=0.1, threshold=threshold).fit(table(classes=2))
    out = model.transform(table(classes=2))
    probability = np.stack(vectors(out["probability"]))[:, 1]
    assert out["prediction"].to_pylist() == (probability > threshold).tolist()


def test_thresholds_divide_probabilities():
    model = LogisticRegression(regParam=0.1, thresholds=[0.1, 0.6, 0.3]).fit(table())
    out = model.transform(table())
    scaled = np.stack(vectors(out["probability"])) / [0.1, 0.6, 0.3]
    assert out["prediction"].to_pylist() == scaled.argmax(axis=1).tolist()
    model.setThresholds([0.5, 0.0, 0.5])
    assert set(model.transform(table())["prediction"].to_pylist()) == {1.0}


def test_one_vector_at_a_time():
    model = LogisticRegression(regParam=0.1).fit(table())
    out = model.transform(table())
    for row in (0, 17):
        vector = DenseVector(features(60, 6)[row])
        assert model.predict(vector) == out["prediction"][row].as_py()
        np.testing.assert_allclose(model.predictRaw(vector), out["rawPrediction"][row].as_py(), rtol=1e-12)
        np.testing.assert_allclose(
            model.predictProbability(vector), out["probability"][row].as_py(), rtol=1e-12
        )
    with pytest.raises(ValueError, match="expected a vector of 6 features"):
        model.predict(DenseVector([1.0]))


@pytest.mark.parametrize("kind", [list, tuple, np.float32, SparseVector])
def test_one_vector_at_a_time_of_any_kind(kind):
    model = LogisticRegression(regParam=0.1).fit(table())
    row = features(60, 6)[17]
    value = SparseVector(6, range(6), row) if kind is SparseVector else kind(row)
    assert model.predict(value) == model.predict(DenseVector(row))


def test_coefficients_of_binomial_and_multinomial_models():
    model = LogisticRegression(regParam=0.1).fit(table(classes=2))
    assert model.coefficients.toArray().tolist() == model.coefficientMatrix.toArray()[0].tolist()
    assert model.intercept == model.interceptVector[0]
    assert (model.numClasses, model.numFeatures) == (2, 6)
    three = LogisticRegression(regParam=0.1).fit(table())
    with pytest.raises(ValueError, match="coefficientMatrix"):
        _ = three.coefficients
    with pytest.raises(ValueError, match="interceptVector"):
        _ = three.intercept
    assert repr(three) == f"LogisticRegressionModel: uid={three.uid}, numClasses=3, numFeatures=6"


# ---- summaries


@pytest.mark.parametrize("classes", [2, 3])
def test_summary_of_training(classes):
    from sklearn import metrics

    model = LogisticRegression(regParam=0.1, maxIter=5, weightCol="weight").fit(table(classes=classes))
    summary = model.summary
    assert model.hasSummary
    assert summary.totalIterations == len(summary.objectiveHistory) - 1
    rows = summary.predictions.collect()
    truth, guess, w = ([row[name] for row in rows] for name in ("label", "prediction", "weight"))
    assert summary.accuracy == pytest.approx(metrics.accuracy_score(truth, guess, sample_weight=w))
    assert summary.labels == list(range(classes))
    expected = metrics.precision_score(truth, guess, sample_weight=w, average="weighted", zero_division=0)
    assert summary.weightedPrecision == pytest.approx(expected)
    assert hasattr(summary, "areaUnderROC") == (classes == 2)
    if classes == 2:
        score = [row.probability[1] for row in rows]
        assert summary.areaUnderROC == pytest.approx(metrics.roc_auc_score(truth, score, sample_weight=w))
        assert summary.roc.columns == ["FPR", "TPR"]
        assert summary.pr.columns == ["recall", "precision"]
        assert summary.fMeasureByThreshold.columns == ["threshold", "F-Measure"]
        assert summary.scoreCol == "probability"


def test_a_summary_without_weights_names_no_column():
    assert LogisticRegression(maxIter=1).fit(table()).summary.weightCol == ""


def test_evaluate_on_other_data():
    model = LogisticRegression(regParam=0.1).fit(table())
    other = table(n=45)
    guess = model.transform(other)["prediction"].to_numpy()
    assert model.evaluate(other).accuracy == pytest.approx((guess == labels(45, 3)).mean())
    assert not hasattr(model.evaluate(other), "objectiveHistory")
    text = "LogisticRegressionSummary: labels in 'label', predictions in 'prediction'"
    assert repr(model.evaluate(other)) == text
    assert repr(model.summary).startswith(
        f"LogisticRegressionTrainingSummary: {model.summary.totalIterations} it"
    )


# ---- files


@pytest.mark.parametrize("classes", [2, 3])
def test_saved_models_predict_the_same(classes, tmp_path):
    model = LogisticRegression(regParam=0.1, thresholds=[0.3, 0.7, 0.5][:classes]).fit(table(classes=classes))
    model.save(tmp_path / "model")
    loaded = LogisticRegressionModel.load(tmp_path / "model")
    assert loaded.uid == model.uid
    assert loaded.extractParamMap() == model.extractParamMap()
    assert loaded.coefficientMatrix == model.coefficientMatrix
    assert loaded.transform(table())["prediction"].equals(model.transform(table())["prediction"])
    assert not loaded.hasSummary
    with pytest.raises(RuntimeError, match="No training summary"):
        _ = loaded.summary


def test_saved_estimators_have_their_params(tmp_path):
    estimator = LogisticRegression(maxIter=7, family="multinomial", thresholds=[0.1, 0.9])
    estimator.save(tmp_path / "estimator")
    assert LogisticRegression.load(tmp_path / "estimator").extractParamMap() == estimator.extractParamMap()


def test_infinite_intercepts_are_saved(tmp_path):
    with pytest.warns(UserWarning, match="all labels"):
        model = LogisticRegression().fit(table(label=np.ones(60)))
    model.save(tmp_path / "model")
    assert LogisticRegressionModel.load(tmp_path / "model").intercept == np.inf


# ---- progress


def test_progress_is_told_where_somebody_watches(monkeypatch):
    from pydeepl.ml import classification

    class Bar:
        steps, closed = 0, False

        def update(self, count):
            self.steps += count

        def close(self):
            self.closed = True

    bar = Bar()
    monkeypatch.setattr(classification, "progress_bar", lambda total, desc: bar)
    monkeypatch.setenv("PYDEEPL_PROGRESS", "0")
    LogisticRegression(maxIter=3, tol=0.0).fit(table())
    assert (bar.steps, bar.closed) == (0, False)
    monkeypatch.setenv("PYDEEPL_PROGRESS", "1")
    LogisticRegression(maxIter=3, tol=0.0).fit(table())
    assert (bar.steps, bar.closed) == (3, True)
