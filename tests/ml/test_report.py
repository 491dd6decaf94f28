"""report() against sklearn.metrics.classification_report, character for character."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from pydeepl.ml.report import report


def sklearns(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zero denominators
        return classification_report(*arguments, **options)


def columns(pairs, hit):
    """y_true and y_pred, with one right row more.

    Where no prediction at all is right, scikit-learn writes the counts as 3.0: not copied.
    """
    return map(np.array, zip(*pairs, (hit, hit), strict=True))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=60),
    st.one_of(st.none(), st.lists(st.integers(0, 13), min_size=1, max_size=8, unique=True)),
    st.integers(0, 6),
)
def test_numbers(pairs, labels, digits):
    true, predicted = columns(pairs, labels[0] if labels else 3)
    expected = sklearns(true, predicted, labels=labels, digits=digits)
    assert report(true, predicted, labels=labels, digits=digits) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc é"), st.sampled_from("abcd")), min_size=1))
def test_strings(pairs):
    true, predicted = columns(pairs, "a")
    assert report(true, predicted) == sklearns(true, predicted)


@pytest.mark.parametrize("true", [[0, 1, 2], [0.0, 1.0, 2.0]])
@pytest.mark.parametrize("predicted", [[0, 1, 1], [0.0, 1.0, 1.0], [0.0, 1.0, 3.0]])
def test_mixed_types_are_named_as_sklearn_names_them(true, predicted):
    true, predicted = np.array(true), np.array(predicted)
    assert report(true, predicted) == sklearns(true, predicted)


@pytest.mark.parametrize(("hits", "support", "predicted"), [(3, 5, 11), (3, 6, 10), (1, 5, 11), (5, 7, 9)])
def test_halves_are_rounded_as_sklearn_rounds_them(hits, support, predicted):
    """An F1 of 0.375, say, which 2 p r / (p + r) misses by a bit."""
    true = np.array(["a"] * support + ["b"] * (predicted - hits))
    guess = np.array(["a"] * hits + ["b"] * (support - hits) + ["a"] * (predicted - hits))
    assert report(true, guess) == sklearns(true, guess)


def test_the_articles_call():
    rng = np.random.default_rng(5)
    true = pd.DataFrame({"label": rng.integers(0, 10, 110)})
    predicted = pd.DataFrame({"prediction": rng.integers(0, 10, 110).astype(float)})
    names = [f"Class {i}" for i in range(10)]
    assert report(true, predicted, target_names=names) == sklearns(true, predicted, target_names=names)


def test_long_names_widen_the_table():
    options = {"target_names": ["a" * 30, "b"], "digits": 4}
    assert report([0, 1, 1], [0, 1, 0], **options) == sklearns([0, 1, 1], [0, 1, 0], **options)


@pytest.mark.parametrize(
    ("true", "predicted", "options", "message"),
    [
        ([], [], {}, "at least one"),
        ([0, 1], [0], {}, "got 1 and 2"),
        ([0, 1], [0, 1], {"target_names": ["a"]}, "expected 2 target_names"),
        ([0, 1], [0, 1], {"labels": [0, 0]}, "distinct"),
        ([0, 1], [0, 1], {"labels": []}, "at least one"),
        ([0, 1], ["a", "b"], {}, "classes of one kind"),
        ([0, np.nan], [0, 1], {}, "NaN in row 1"),
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]], {}, "one class a row"),
        ([0, None], [0, 1], {}, "one class a row"),
    ],
)
def test_bad_input_is_refused(true, predicted, options, message):
    with pytest.raises(ValueError, match=message):
        report(true, predicted, **options)


def test_nothing_right_keeps_whole_counts():
    text = report([0, 1], [1, 0])
    assert text.splitlines()[2].split() == ["0", "0.00", "0.00", "0.00", "1"]
