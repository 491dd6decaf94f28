"""plot.py: what is drawn, read back from the axes; and the ROC numbers beside scikit-learn's."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics
from sklearn.preprocessing import label_binarize

from pydeepl import plot
from pydeepl.images import image_array
from pydeepl.ml.roc import roc


@pytest.fixture(autouse=True)
def draw_for_files():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    yield
    plt.close("all")


def cells(axes):
    """The numbers in a drawn matrix, by row and column."""
    return {
        (int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axes.texts
    }


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


# ---- confusion matrix


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrix_shows_sklearns_numbers(normalize):
    rng = np.random.default_rng(1)
    true, predicted = rng.integers(0, 5, 60), rng.integers(0, 6, 60)
    axes = plot.confusion_matrix(true, predicted, labels=range(7), normalize=normalize)
    expected = sklearn.metrics.confusion_matrix(true, predicted, labels=range(7), normalize=normalize)
    np.testing.assert_allclose(axes.images[0].get_array(), expected, atol=1e-12)
    form = "{:.0f}" if normalize is None else "{:.2f}"
    assert cells(axes) == {place: form.format(value) for place, value in np.ndenumerate(expected)}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert ticks(axes.xaxis) == ticks(axes.yaxis) == [str(i) for i in range(7)]


def test_confusion_matrix_of_names_in_given_axes(tmp_path):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    axes = plot.confusion_matrix(["b", "a", "a"], ["b", "b", "a"], labels=["b", "a"], title=None, ax=ax)
    assert axes is ax
    assert cells(axes) == {(0, 0): "1", (0, 1): "0", (1, 0): "1", (1, 1): "1"}
    assert axes.get_title() == ""
    figure.savefig(tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").stat().st_size > 1000


def test_confusion_matrix_of_many_classes_has_no_numbers():
    axes = plot.confusion_matrix(np.arange(40), np.arange(40))
    assert not axes.texts
    axes.figure.canvas.draw()


def test_numbers_stand_out_from_their_cells():
    """White on dark cells, dark on light ones."""
    axes = plot.confusion_matrix([0] * 9 + [1], [0] * 9 + [0])
    colors = {text.get_text(): text.get_color() for text in axes.texts}
    assert (colors["9"], colors["1"]) == ("white", "#222222")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalize": "rows"}, "normalize: expected None or one of true, pred, all, got 'rows'"),
        ({"target_names": ["a"]}, "expected 2 target_names"),
        ({"labels": [1, 1]}, "distinct classes"),
    ],
)
def test_confusion_matrix_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        plot.confusion_matrix([0, 1], [0, 1], **options)


# ---- ROC


@pytest.fixture(params=[3, 10])
def scored(request):
    rng = np.random.default_rng(request.param)
    true = rng.integers(0, request.param, 300)
    scores = rng.normal(size=(300, request.param)) + 1.5 * (true[:, None] == np.arange(request.param))
    scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return true, scores.round(2)


def test_roc_agrees_with_sklearn(scored):
    true, scores = scored
    found = roc(true, scores)
    hits = label_binarize(true, classes=range(scores.shape[1]))
    np.testing.assert_allclose(
        found.areas, sklearn.metrics.roc_auc_score(hits, scores, average=None), rtol=1e-10
    )
    assert found.macro_area == pytest.approx(
        sklearn.metrics.roc_auc_score(hits, scores, average="macro"), rel=1e-10
    )
    assert found.micro_area == pytest.approx(
        sklearn.metrics.roc_auc_score(hits, scores, average="micro"), rel=1e-10
    )
    for place, (x, y) in enumerate(found.curves):
        false, recall, _ = sklearn.metrics.roc_curve(
            hits[:, place], scores[:, place], drop_intermediate=False
        )
        np.testing.assert_allclose(x[:-1], false, atol=1e-12)
        np.testing.assert_allclose(y[:-1], recall, atol=1e-12)


def test_the_macro_curve_is_the_mean_of_the_curves(scored):
    found = roc(*scored)
    x, y = found.macro
    at = np.linspace(0.013, 0.987, 50)
    expected = np.mean([np.interp(at, *curve) for curve in found.curves], axis=0)
    np.testing.assert_allclose(np.interp(at, x, y), expected, atol=1e-12)
    assert np.trapezoid(y, x) == pytest.approx(found.macro_area, rel=1e-10)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)


def test_roc_of_predicted_classes_as_the_article_takes_it():
    """Areas over label-binarized labels and predictions."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 10, 110)
    predicted = np.where(rng.random(110) < 0.8, true, rng.integers(0, 10, 110)).astype(float)
    found = roc(true, predicted)
    expected = sklearn.metrics.roc_auc_score(
        label_binarize(true, classes=range(10)), label_binarize(predicted, classes=range(10)), average="macro"
    )
    assert found.macro_area == pytest.approx(expected, rel=1e-12)


def test_classes_without_rows_have_no_area():
    found = roc([0, 1, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.3, 0.6, 0.1]])
    np.testing.assert_array_equal(found.areas, [1.0, 1.0, np.nan])
    assert found.macro_area == 1.0
    assert np.isnan(roc([0, 0], [[1.0], [0.5]]).macro_area)


def test_roc_curves_draws_every_curve_with_its_area(scored, tmp_path):
    true, scores = scored
    names = [f"kind {i}" for i in range(scores.shape[1])]
    axes = plot.roc_curves(true, scores, target_names=names)
    found = roc(true, scores)
    expected = [f"{name}  {area:.3f}" for name, area in zip(names, found.areas, strict=True)]
    expected += [f"micro average  {found.micro_area:.3f}", f"macro average  {found.macro_area:.3f}"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == expected
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), found.curves[0][0])
    axes.figure.savefig(tmp_path / "roc.png")


@pytest.mark.parametrize(
    ("true", "scores", "labels", "message"),
    [
        ([], np.empty((0, 2)), None, "at least one row"),
        ([0, 1], [[0.5, 0.5]], None, r"expected scores of shape \[2 rows, 2 classes\].*got \(1, 2\)"),
        ([0, 1], [[0.5, 0.5]] * 2, [0, 1, 2], "3 classes"),
        ([0, 2], [[0.5, 0.5]] * 2, None, r"class 2 in row 1 is not among the labels \[0, 1\]"),
        ([0, 1], [[0.5, 0.5], [0.5, np.nan]], None, "found NaN in row 1"),
    ],
)
def test_roc_refuses(true, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        roc(true, scores, labels)


def test_roc_curves_refuses_other_numbers_of_names():
    with pytest.raises(ValueError, match="expected 2 target_names, one a class, got 1"):
        plot.roc_curves([0, 1], [[0.9, 0.1], [0.1, 0.9]], target_names=["a"])


# ---- image grid


def pictures(count, channels=3):
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (count, 6, 5, channels), np.uint8)


def drawn(axes):
    """(title, colour, pixels) of each cell."""
    return [
        (
            cell.get_title(),
            cell.title.get_color(),
            np.asarray(cell.images[0].get_array()) if cell.images else None,
        )
        for cell in axes.child_axes
    ]


def test_a_grid_of_arrays(tmp_path):
    images = pictures(7)
    axes = plot.image_grid(images, [0.0, 1.0, 2.0] * 3, [0, 1, 0] * 3, limit=6, columns=4)
    found = drawn(axes)
    assert [title for title, _, _ in found] == ["0", "1", "2 (is 0)"] * 2
    assert [color for _, color, _ in found] == ["#1a7f37", "#1a7f37", "#c62828"] * 2
    for (_, _, pixels), image in zip(found, images, strict=False):
        np.testing.assert_array_equal(pixels, image)
    axes.figure.savefig(tmp_path / "grid.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channel_order(channels):
    images = list(pictures(2, channels))
    (_, color, pixels), _ = drawn(plot.image_grid(images, channelOrder="BGR"))
    expected = images[0][:, :, 0] if channels == 1 else images[0][:, :, [2, 1, 0, 3][:channels]]
    np.testing.assert_array_equal(pixels, expected)
    assert color == "#222222"


def test_names_and_missing_labels():
    images = pictures(2)
    names = ["zero", "one"]
    captions = [title for title, _, _ in drawn(plot.image_grid(images, [1.0, 0.0], target_names=names))]
    assert captions == ["one", "zero"]
    captions = [title for title, _, _ in drawn(plot.image_grid(images, labels=["cat", "dog"]))]
    assert captions == ["cat", "dog"]


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_a_grid_of_a_frame(kind):
    images = pictures(3)
    column = image_array(["a", "b", "c"], [images[0], None, images[2]])
    dataset = pa.table({"image": column, "label": [0, 1, 2], "prediction": [0.0, 1.0, 1.0]})
    if kind == "pandas":
        dataset = dataset.to_pandas()
    found = drawn(plot.image_grid(dataset))
    assert [title for title, _, _ in found] == ["0", "1", "1 (is 2)"]
    np.testing.assert_array_equal(found[0][2], images[0][:, :, ::-1])
    assert found[1][2] is None
    assert [title for title, _, _ in drawn(plot.image_grid(dataset, limit=1, labels=[5]))] == ["0 (is 5)"]


def test_a_grid_in_given_axes():
    import matplotlib.pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    assert plot.image_grid(pictures(3), ax=right) is right
    assert len(right.child_axes) == 3
    assert not left.child_axes
    right.figure.canvas.draw()


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        ([], {}, "expected images to draw, found none"),
        (pictures(2), {"limit": 0}, "limit and columns"),
        (pictures(2), {"channelOrder": "GBR"}, "expected RGB or BGR"),
        (pictures(2), {"predictions": [1]}, "predictions: expected 2, one an image, got 1"),
        (pictures(2, 2), {}, r"expected uint8 .* got uint8 of shape \(6, 5, 2\)"),
        (pictures(2) / 255, {}, "got float64"),
        (pa.table({"label": [1]}), {}, "imageCol 'image' does not exist; the columns are label"),
    ],
)
def test_image_grid_refuses(images, options, message):
    with pytest.raises(ValueError, match=message):
        plot.image_grid(images, **options)


# ---- the extra


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pydeepl.plot needs matplotlib: pip install 'pydeepl\[plot\]'"):
        plot.confusion_matrix([0, 1], [0, 1])


def test_importing_plot_imports_no_matplotlib():
    code = "import sys, pydeepl.plot; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_figure_is_written_without_a_screen(tmp_path):
    """In a process of its own with no display and no backend named."""
    code = (
        "from pydeepl import plot\n"
        f"plot.confusion_matrix([0, 1], [1, 1]).figure.savefig({str(tmp_path / 'matrix.png')!r})"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (tmp_path / "matrix.png").stat().st_size > 1000
