"""The demo's report, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from pydeepl.cli.report import class_report, confusion_matrix


@pytest.fixture(params=range(4))
def answers(request):
    rng = np.random.default_rng(request.param)
    labels = rng.integers(0, 5, 60)
    return labels, np.where(rng.random(60) < 0.6, labels, rng.integers(0, 5, 60))


def test_confusion_matrix(answers):
    expected = metrics.confusion_matrix(*answers, labels=range(6))  # class 5 occurs nowhere
    np.testing.assert_array_equal(confusion_matrix(*answers, 6), expected)


def test_class_report(answers):
    names = ["zero", "one", "two", "three", "four", "a long name of a class"]
    counts = confusion_matrix(*answers, 6)
    expected = metrics.classification_report(
        *answers, labels=range(6), target_names=names, zero_division=0, output_dict=True
    )
    lines = [line for line in class_report(counts, names).splitlines()[1:] if line]
    for line, key in zip(lines, [*names, "weighted avg"], strict=True):
        *_, precision, recall, f1, images = line.split()
        row = expected[key]
        shown = [f"{row[name]:.3f}" for name in ("precision", "recall", "f1-score")]
        assert [precision, recall, f1, int(images)] == [*shown, row["support"]]
    assert len({len(line) for line in lines}) == 1  # columns line up


def test_no_images_at_all():
    assert "0.000" in class_report(np.zeros((2, 2), np.int64), ["a", "b"])
