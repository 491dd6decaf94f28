"""Pictures of a classifier's work: confusion matrix, ROC curves, image grid (matplotlib, an extra).

Each function draws into the axes that it is given, or into a new figure's, and returns the axes;
`axes.figure.savefig("matrix.png")` writes a file. Matplotlib's backend is left to the caller's settings:
without a screen matplotlib chooses one that draws for files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pydeepl.ml.metrics import MulticlassMetrics
from pydeepl.ml.report import class_codes, report
from pydeepl.ml.roc import roc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion_matrix", "image_grid", "report", "roc_curves"]

# Beyond so many classes the cells are too small for numbers.
_MOST_NUMBERED_CLASSES = 30
_NORMALIZE = {"true": 1, "pred": 0, "all": None}
_RIGHT, _WRONG, _PLAIN = "#1a7f37", "#c62828", "#222222"


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError("pydeepl.plot needs matplotlib: pip install 'pydeepl[plot]'") from error
    return matplotlib.pyplot


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The given axes, or those of a new figure of that size in inches."""
    if ax is not None:
        return ax
    axes: Axes = _pyplot().subplots(figsize=(width, height), layout="constrained")[1]
    return axes


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    labels: Sequence[Any] | None = None,
    normalize: str | None = None,
    target_names: Sequence[str] | None = None,
    title: str | None = "Confusion matrix",
    ax: Axes | None = None,
) -> Axes:
    """Draws how often each class was predicted as each class.

    Parameters
    ----------
    y_true, y_pred: classes [rows], numbers or strings; a data frame of one column will do.
    labels: the classes to show, in that order; by default all that occur. Rows of other classes are left out.
    normalize: None shows counts; "true", "pred" and "all" show shares of each row, of each column, of all.
    target_names: a name for each class shown.
    title: the text above, or None.
    ax: matplotlib axes to draw into.

    Returns
    -------
    The axes.
    """
    if normalize is not None and normalize not in _NORMALIZE:
        raise ValueError(f"normalize: expected None or one of {', '.join(_NORMALIZE)}, got {normalize!r}")
    classes, true, predicted = class_codes(y_true, y_pred, labels)
    names = [str(name) for name in (classes if target_names is None else target_names)]
    if len(names) != len(classes):
        raise ValueError(f"expected {len(classes)} target_names, one a class, got {len(names)}")
    matrix = MulticlassMetrics(true, predicted, classes=np.arange(len(classes))).confusionMatrix()
    if normalize is not None:
        sums = matrix.sum(axis=_NORMALIZE[normalize], keepdims=True)
        matrix = np.divide(matrix, sums, out=np.zeros_like(matrix), where=sums != 0)
    side = np.clip(1.6 + 0.52 * len(classes), 3.6, 16)
    axes = _axes(ax, side + 1.2, side)
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1 if normalize else None)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
    bar.outline.set_visible(False)
    _name_classes(axes, names)
    axes.set(xlabel="predicted class", ylabel="true class")
    if title is not None:
        axes.set_title(title)
    if len(classes) <= _MOST_NUMBERED_CLASSES:
        _write_numbers(axes, matrix, "{:.2f}" if normalize else "{:.0f}")
    return axes


def _name_classes(axes: Axes, names: list[str]) -> None:
    places = range(len(names))
    many = len(names) > 20
    slanted = not many and max(map(len, names)) > 3
    size = 7 if many else None
    angle = 90 if many else 45 if slanted else 0
    axes.set_xticks(places, names, rotation=angle, ha="right" if slanted else "center", fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    # White lines between the cells, where there is room for them.
    if len(names) <= _MOST_NUMBERED_CLASSES:
        axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="minor", length=0)


def _write_numbers(axes: Axes, matrix: NDArray[np.float64], form: str) -> None:
    """Writes each cell's number, white on dark cells; zeros are left faint so that errors stand out."""
    dark = matrix.max() / 2
    size = 10 if len(matrix) <= 12 else 7
    for row, column in np.ndindex(*matrix.shape):
        value = matrix[row, column]
        color = "white" if value > dark else ("#b0b8c4" if value == 0 else _PLAIN)
        axes.text(column, row, form.format(value), ha="center", va="center", color=color, fontsize=size)


def roc_curves(
    y_true: ArrayLike,
    scores: ArrayLike,
    labels: Sequence[Any] | None = None,
    target_names: Sequence[str] | None = None,
    title: str | None = "ROC, each class against the rest",
    ax: Axes | None = None,
) -> Axes:
    """Draws each class' ROC curve against the rest, their micro and macro averages, and the areas under them.

    Parameters
    ----------
    y_true: classes [rows].
    scores: numbers [rows, classes], such as probabilities; or predicted classes [rows].
    labels: the class of each column of scores; by default 0, 1, ...
    target_names: a name for each class.
    title: the text above, or None.
    ax: matplotlib axes to draw into.

    Returns
    -------
    The axes. The numbers alone are given by pydeepl.ml.roc.roc.
    """
    found = roc(y_true, scores, labels)
    names = [str(name) for name in (found.classes if target_names is None else target_names)]
    if len(names) != len(found.classes):
        raise ValueError(f"expected {len(found.classes)} target_names, one a class, got {len(names)}")
    plt = _pyplot()
    axes = _axes(ax, 7.4, 5.2)
    colors = plt.get_cmap("tab10" if len(names) <= 10 else "turbo")(
        np.arange(len(names)) if len(names) <= 10 else np.linspace(0.05, 0.95, len(names))
    )
    for name, (x, y), area, color in zip(names, found.curves, found.areas, colors, strict=True):
        if not np.isnan(area):
            axes.plot(x, y, color=color, linewidth=1.3, alpha=0.85, label=f"{name}  {area:.3f}")
    for name, (x, y), area, style in (
        ("micro average", found.micro, found.micro_area, "-"),
        ("macro average", found.macro, found.macro_area, "--"),
    ):
        axes.plot(x, y, style, color=_PLAIN, linewidth=2.2, label=f"{name}  {area:.3f}")
    axes.plot([0, 1], [0, 1], ":", color="#999999", linewidth=1)
    axes.set(
        xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02)
    )
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        title="area under curve", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9,
        ncols=1 + (len(names) + 2) // 22,
    )  # fmt: skip
    if title is not None:
        axes.set_title(title)
    return axes


def image_grid(
    images: Any,
    predictions: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None,
    target_names: Sequence[str] | None = None,
    limit: int = 25,
    columns: int = 5,
    imageCol: str = "image",
    predictionCol: str = "prediction",
    labelCol: str = "label",
    channelOrder: str = "RGB",
    ax: Axes | None = None,
) -> Axes:
    """Draws images with the predicted class above each, green where it is the label, else red with the label.

    Parameters
    ----------
    images: a data frame with a column of images (pydeepl, pandas, polars, pyarrow), or a list or array of
        uint8 arrays [height, width] or [height, width, 1 | 3 | 4].
    predictions, labels: classes [images]; from a data frame's columns where they are not given and are there.
    target_names: the name of class 0, 1, ...
    limit: the greatest number of images.
    columns: images in a row.
    imageCol, predictionCol, labelCol: a data frame's columns.
    channelOrder: the order of the arrays' channels, "RGB" or "BGR".
    ax: matplotlib axes whose place the grid takes.

    Returns
    -------
    The axes; each image has axes of its own within them (`child_axes`).
    """
    if limit < 1 or columns < 1:
        raise ValueError(f"limit and columns: expected whole numbers >= 1, got {limit} and {columns}")
    if channelOrder not in ("RGB", "BGR"):
        raise ValueError(f"channelOrder: expected RGB or BGR, got {channelOrder!r}")
    given = {"predictions": predictions, "labels": labels}
    found = {name: values for name, values in given.items() if values is not None}
    if isinstance(images, (list, tuple, np.ndarray)):
        pictures: list[NDArray[np.uint8] | None] = [
            _displayable(image, channelOrder) for image in images[:limit]
        ]
    else:
        pictures, held = _from_frame(
            images, limit, imageCol, {"predictions": predictionCol, "labels": labelCol}
        )
        found = {**held, **found}
    if not pictures:
        raise ValueError("expected images to draw, found none")
    for name, values in found.items():
        if len(values) < len(pictures):
            raise ValueError(f"{name}: expected {len(pictures)}, one an image, got {len(values)}")
    titles = [_caption(place, found, target_names) for place in range(len(pictures))]
    return _draw_grid(pictures, titles, min(columns, len(pictures)), ax)


def _displayable(image: Any, order: str) -> NDArray[np.uint8]:
    """An array as matplotlib shows it: gray [height, width] or RGB(A) [height, width, 3 | 4]."""
    array = np.asarray(image)
    gray = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if array.dtype != np.uint8 or not (gray or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            "image: expected uint8 [height, width] or [height, width, 1 | 3 | 4], "
            f"got {array.dtype} of shape {array.shape}"
        )
    if gray:
        return array.reshape(array.shape[:2])
    return array[:, :, [2, 1, 0, 3][: array.shape[2]]] if order == "BGR" else array


def _from_frame(
    dataset: Any, limit: int, image: str, classes: dict[str, str]
) -> tuple[list[NDArray[np.uint8] | None], dict[str, Sequence[Any]]]:
    """The first images of a dataset (None for a failed one), and its classes by role, where it has them."""
    from pydeepl.frame import adopt
    from pydeepl.images.imageIO import imageStructToPIL

    frame = adopt(dataset)[0]
    if image not in frame.columns:
        raise ValueError(f"imageCol {image!r} does not exist; the columns are {', '.join(frame.columns)}")
    held = {role: column for role, column in classes.items() if column in frame.columns}
    rows = frame.select(image, *held.values()).take(limit)
    pictures = [
        None if row[image] is None or row[image]["height"] < 0 else np.asarray(imageStructToPIL(row[image]))
        for row in rows
    ]
    return pictures, {role: [row[column] for row in rows] for role, column in held.items()}


def _caption(place: int, found: dict[str, Sequence[Any]], names: Sequence[str] | None) -> tuple[str, str]:
    """The text above an image, and its colour."""

    def name(value: Any) -> str:
        whole = isinstance(value, (int, float, np.number)) and float(value).is_integer()
        if whole and names is not None and 0 <= value < len(names):
            return str(names[int(value)])
        return str(int(value)) if whole else str(value)

    if "predictions" not in found:
        return (name(found["labels"][place]) if "labels" in found else ""), _PLAIN
    predicted = found["predictions"][place]
    if "labels" not in found:
        return name(predicted), _PLAIN
    label = found["labels"][place]
    if predicted == label:
        return name(predicted), _RIGHT
    return f"{name(predicted)} (is {name(label)})", _WRONG


def _draw_grid(
    pictures: Sequence[NDArray[np.uint8] | None],
    captions: list[tuple[str, str]],
    columns: int,
    ax: Axes | None,
) -> Axes:
    """Draws each picture into a cell of its own; cells have room above for their text."""
    rows = -(-len(pictures) // columns)
    axes = _axes(ax, 1.6 * columns, 1.85 * rows)
    axes.set_axis_off()
    for place, (picture, (text, color)) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(place, columns)
        left, bottom = (column + 0.04) / columns, 1 - (row + 0.97) / rows
        cell = axes.inset_axes((left, bottom, 0.92 / columns, 0.8 / rows))
        cell.set_xticks([])
        cell.set_yticks([])
        for spine in cell.spines.values():
            spine.set(color=color, linewidth=1.4)
        cell.set_title(text, color=color, fontsize=10, pad=3)
        if picture is None:
            cell.text(0.5, 0.5, "not read", ha="center", va="center", color=_WRONG, transform=cell.transAxes)
        elif picture.ndim == 2:
            cell.imshow(picture, cmap="gray", vmin=0, vmax=255)
        else:
            cell.imshow(picture)
    return axes
