"""metrics.py against Spark's golden numbers, scikit-learn and counting by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from golden.ml import make_evaluation
from numpy.testing import assert_allclose

from pydeepl.ml.metrics import BinaryMetrics, MulticlassMetrics, log_loss

GOLDEN = json.loads(Path(make_evaluation.__file__).with_name("evaluation.json").read_text())
# Sums of a few hundred terms in another order: 1e-12 leaves room for nothing else.
CLOSE = {"rtol": 1e-12, "atol": 1e-15}


def value(metrics, name, label, beta):
    """A Spark metric by its name."""
    if name == "f1":
        return metrics.weightedFMeasure()
    found = getattr(metrics, name)
    found = found(beta) if callable(found) else found
    return found[metrics.labels == label][0] if name.endswith("ByLabel") else found


@pytest.mark.parametrize("case", make_evaluation.MULTICLASS_CASES)
def test_multiclass_gives_sparks_numbers(case):
    arguments, params = make_evaluation.MULTICLASS_CASES[case]
    data = make_evaluation.multiclass(*arguments)
    weights = data.get(params.get("weightCol"))
    metrics = MulticlassMetrics(data["label"], data["prediction"], weights)
    for name, expected in GOLDEN["multiclass"][case].items():
        if name == "logLoss":
            found = log_loss(data["label"], data["probability"], weights, eps=params.get("eps", 1e-15))
        else:
            found = value(metrics, name, params.get("metricLabel", 0.0), params.get("beta", 1.0))
        assert_allclose(found, float(expected), **CLOSE, err_msg=name)


@pytest.mark.parametrize("case", make_evaluation.BINARY_CASES)
def test_binary_gives_sparks_numbers(case):
    arguments, params = make_evaluation.BINARY_CASES[case]
    data = make_evaluation.binary(*arguments)
    weights = data.get(params.get("weightCol"))
    metrics = BinaryMetrics(
        data["rawPrediction"], data["label"], weights, numBins=params.get("numBins", 1000)
    )
    for name, expected in GOLDEN["binary"][case].items():
        assert_allclose(getattr(metrics, name), expected, **CLOSE, err_msg=name)


@pytest.fixture(params=range(6))
def random_classes(request):
    """labels, predictions, weights; with few rows some classes are missing on one side or both."""
    rng = np.random.default_rng(request.param)
    rows = [3, 8, 20, 100, 1000, 1000][request.param]
    classes = [5, 4, 9, 3, 10, 2][request.param]
    return rng.integers(0, classes, rows), rng.integers(0, classes, rows), rng.random(rows) + 0.01


@pytest.mark.parametrize("weighted", [False, True])
def test_multiclass_agrees_with_sklearn(random_classes, weighted):
    labels, predictions, weights = random_classes
    weights = weights if weighted else None
    metrics = MulticlassMetrics(labels, predictions, weights)
    options = {"labels": metrics.labels, "sample_weight": weights, "zero_division": 0}
    for beta in (0.5, 1.0, 2.0):
        precision, recall, f, support = sklearn.metrics.precision_recall_fscore_support(
            labels, predictions, beta=beta, **options
        )
        assert_allclose(metrics.fMeasureByLabel(beta), f, **CLOSE)
    assert_allclose(metrics.precisionByLabel, precision, **CLOSE)
    assert_allclose(metrics.recallByLabel, recall, **CLOSE)
    assert_allclose(metrics.support, support, **CLOSE)
    accuracy = sklearn.metrics.accuracy_score(labels, predictions, sample_weight=weights)
    assert_allclose([metrics.accuracy, 1 - metrics.hammingLoss], accuracy, **CLOSE)
    averages = sklearn.metrics.precision_recall_fscore_support(
        labels, predictions, average="weighted", **options
    )
    found = metrics.weightedPrecision, metrics.weightedRecall, metrics.weightedFMeasure()
    assert_allclose(found, averages[:3], **CLOSE)
    micro = sklearn.metrics.precision_recall_fscore_support(labels, predictions, average="micro", **options)
    assert_allclose(metrics.micro_average(), micro[:3], **CLOSE)
    matrix = sklearn.metrics.confusion_matrix(
        labels, predictions, labels=metrics.labels, sample_weight=weights
    )
    assert_allclose(metrics.confusionMatrix(), matrix, **CLOSE)


def test_false_positive_rate_by_counting(random_classes):
    labels, predictions, weights = random_classes
    metrics = MulticlassMetrics(labels, predictions, weights)
    for label, rate in zip(metrics.labels, metrics.falsePositiveRateByLabel, strict=True):
        others = labels != label
        expected = weights[others & (predictions == label)].sum() / weights[others].sum()
        assert_allclose(rate, expected, **CLOSE)


def test_chosen_classes_count_all_others_as_false():
    metrics = MulticlassMetrics([0, 1, 2, 7, 7], [0, 2, 2, 7, 9], classes=[0, 2, 5])
    assert metrics.support.tolist() == [1, 1, 0]
    assert metrics.precisionByLabel.tolist() == [1, 0.5, 0]
    assert_allclose(metrics.recallByLabel, [1, 1, np.nan])
    assert metrics.confusionMatrix().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert metrics.accuracy == 0.6


def test_classes_need_not_be_whole_numbers():
    metrics = MulticlassMetrics([-1.0, 0.5, 0.5], [-1.0, 0.25, 0.5])
    assert metrics.labels.tolist() == [-1.0, 0.5]
    assert metrics.recallByLabel.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_binary_agrees_with_sklearn(weighted, ties):
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 12, 400) / 4 if ties else rng.normal(size=400)
    labels = (rng.random(400) < 1 / (1 + np.exp(-scores))).astype(float)
    weights = rng.random(400) if weighted else None
    metrics = BinaryMetrics(scores, labels, weights)
    assert_allclose(
        metrics.areaUnderROC, sklearn.metrics.roc_auc_score(labels, scores, sample_weight=weights), rtol=1e-10
    )
    false, true, thresholds = sklearn.metrics.roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    assert_allclose(metrics.roc()[0][:-1], false, atol=1e-12)
    assert_allclose(metrics.roc()[1][:-1], true, atol=1e-12)
    assert_allclose(metrics.thresholds, thresholds[1:])
    precision, recall, cuts = sklearn.metrics.precision_recall_curve(labels, scores, sample_weight=weights)
    order = np.argsort(-cuts)
    assert_allclose(metrics.thresholds, cuts[order])
    assert_allclose(metrics.precisionByThreshold, precision[:-1][order], atol=1e-12)
    assert_allclose(metrics.recallByThreshold, recall[:-1][order], atol=1e-12)
    found = metrics.fMeasureByThreshold(2.0)
    for threshold, f in list(zip(metrics.thresholds, found, strict=True))[:20]:
        expected = sklearn.metrics.fbeta_score(
            labels, scores >= threshold, beta=2.0, sample_weight=weights, zero_division=0
        )
        assert_allclose(f, expected, rtol=1e-10)


def test_curves_have_sparks_ends():
    metrics = BinaryMetrics([0.9, 0.6, 0.6, 0.1], [1, 0, 1, 0])
    assert [points.tolist() for points in metrics.roc()] == [[0, 0, 0.5, 1, 1], [0, 0.5, 1, 1, 1]]
    assert metrics.pr()[0].tolist() == [0, 0.5, 1, 1]
    assert_allclose(metrics.pr()[1], [1, 1, 2 / 3, 0.5])


@pytest.mark.parametrize(("label", "roc", "pr"), [(1, 1.0, 1.0), (0, 0.0, 0.0)])
def test_labels_of_one_class(label, roc, pr):
    """Spark's numbers for scores 0.1 and 0.7 with both labels equal."""
    metrics = BinaryMetrics([0.1, 0.7], [label, label])
    assert (metrics.areaUnderROC, metrics.areaUnderPR) == (roc, pr)


def test_thinning_keeps_whole_runs_and_the_rest():
    """11 distinct scores in 5 bins: runs of 2, the last score alone."""
    scores = np.arange(11.0)
    metrics = BinaryMetrics(scores, scores > 5, numBins=5)
    assert metrics.thresholds.tolist() == [9, 7, 5, 3, 1, 0]
    assert BinaryMetrics(scores, scores > 5, numBins=6).thresholds.tolist() == scores[::-1].tolist()


@pytest.mark.parametrize("weighted", [False, True])
def test_log_loss_agrees_with_sklearn(weighted):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 50)
    labels, weights = rng.integers(0, 4, 50), rng.random(50) if weighted else None
    expected = sklearn.metrics.log_loss(labels, probabilities, sample_weight=weights, labels=range(4))
    assert_allclose(log_loss(labels, probabilities, weights), expected, rtol=1e-12)


def test_log_loss_clips():
    """Spark's numbers for sure predictions, right and wrong."""
    assert log_loss([0], [[1.0, 0.0]]) == pytest.approx(1e-15, rel=1e-12)
    assert log_loss([1], [[1.0, 0.0]]) == pytest.approx(34.538776394910684, rel=1e-15)
    assert log_loss([1], [[1.0, 0.0]], eps=0.01) == pytest.approx(4.605170185988091, rel=1e-15)


@pytest.mark.parametrize("label", [2, -1, 0.5, np.nan])
def test_log_loss_refuses_labels_without_probability(label):
    with pytest.raises(ValueError, match=r"row 1: expected a whole number from 0 to 1 .*found"):
        log_loss([0, label], [[0.5, 0.5]] * 2)


@pytest.mark.parametrize("make", [lambda *a: MulticlassMetrics(*a), lambda *a: BinaryMetrics(*a)])
@pytest.mark.parametrize(
    ("first", "second", "weights", "message"),
    [
        ([], [], None, "empty dataset"),
        ([0, 1], [0], None, "as many"),
        ([0, 1], [0, 1], [1], "expected 2 weights"),
        ([0, 1], [0, 1], [1, -2], r"found -2.0 in row 1"),
        ([0, 1], [0, 1], [np.nan, 1], "found nan in row 0"),
        ([0, 1], [0, 1], [np.inf, 1], "found inf in row 0"),
        ([0, 1], [0, 1], [0, 0], "expected a weight > 0, found 2 weights of 0"),
    ],
)
def test_bad_input_is_refused(make, first, second, weights, message):
    with pytest.raises(ValueError, match=message):
        make(first, second, weights)
