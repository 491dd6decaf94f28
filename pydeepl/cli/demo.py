"""`pydeepl demo`: a folder of images becomes a trained, evaluated classifier.

The job of the article "Transfer Learning With PySpark", with its hyperparameters: an 80/20 split (seed 42),
features of a pretrained network, multinomial logistic regression (maxIter 5, regParam 0.03, elasticNetParam
0.5), four metrics.
"""

import argparse
import os
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pydeepl.cli.choose import choose_featurizer
from pydeepl.cli.digits import write_digits
from pydeepl.cli.steps import Steps
from pydeepl.deep.plan import check_model_name
from pydeepl.ml.report import report

if TYPE_CHECKING:
    from pydeepl import DataFrame, DeepImageFeaturizer

IMAGES_PER_DIGIT = 50
METRICS = {"F1": "f1", "precision": "weightedPrecision", "recall": "weightedRecall", "accuracy": "accuracy"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--images, --model, --weights, --output, --limit."""
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="your images, a folder a class (else digits)"
    )
    parser.add_argument("--model", metavar="NAME", help="the network (else InceptionV3 or VGG16)")
    parser.add_argument("--weights", metavar="PATH", help="its weights (else ImageNet's)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where results go (%(default)s)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="use at most N images of a class")
    parser.set_defaults(output=Path("pydeepl-demo"))


def run(arguments: argparse.Namespace) -> int:
    """Does the job; prints what it did, how long each step took, and how good the classifier is."""
    if arguments.model is not None:
        check_model_name(arguments.model)
    steps = Steps()
    output = _output_folder(arguments.output)
    with steps.step("images") as line:
        frame, classes, line.text = _read_images(arguments, output)
    with steps.step("network") as line:
        featurizer, line.text = choose_featurizer(arguments.model, arguments.weights, say=steps.say)
    labels, predictions, metrics = _classify(frame, featurizer, steps)
    text = report(labels, predictions, labels=range(len(classes)), target_names=classes, digits=3)
    steps.note("", *text.splitlines(), "")
    steps.note("  ".join(f"{name} {value:.3f}" for name, value in metrics.items()), "")
    with steps.step("plot") as line:
        line.text = _plot(labels, predictions, classes, output)
    steps.total()
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text!r}")
    return int(text)


def _output_folder(folder: Path) -> Path:
    """The folder, made where it is missing, found to be writable before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot make the folder {folder} ({error.strerror}): choose another with --output"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write into {folder}: choose another folder with --output")
    return folder


def _read_images(arguments: argparse.Namespace, output: Path) -> "tuple[DataFrame, list[str], str]":
    """The frame (image, label), the classes' names and a line that tells what was read."""
    from pydeepl import ImageSchema, lit

    if arguments.images is None:
        folder = output / "digits"
        write_digits(folder, arguments.limit or IMAGES_PER_DIGIT)
        what = "handwritten digits of scikit-learn"
    else:
        folder, what = arguments.images, f"images in {arguments.images}"
    classes = _classes(folder)
    frames = [ImageSchema.readImages(str(folder / name), dropImageFailures=True) for name in classes]
    if arguments.limit is not None:
        frames = [frame.limit(arguments.limit) for frame in frames]
    labelled = [frame.withColumn("label", lit(label)) for label, frame in enumerate(frames)]
    frame = reduce(lambda first, second: first.union(second), labelled)
    count = frame.count()
    if count == 0:
        raise ValueError(f"{folder}: no readable image in its folders {', '.join(classes)}")
    return frame, classes, f"{count} {what}, {len(classes)} classes"


def _classes(folder: Path) -> list[str]:
    """The names of a folder's subfolders, numbers by their value."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    names = [path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
    if len(names) < 2:
        raise ValueError(f"{folder}: expected a folder for each of two or more classes, found {len(names)}")
    return sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))


def _classify(
    frame: "DataFrame", featurizer: "DeepImageFeaturizer", steps: Steps
) -> tuple[Any, Any, dict[str, float]]:
    """Trains on four fifths, predicts the rest: labels, predictions and metrics of the rest."""
    from pydeepl import LogisticRegression, MulticlassClassificationEvaluator

    train, test = (featurizer.transform(part) for part in frame.randomSplit([0.8, 0.2], 42))
    for name, part in (("train", train), ("test", test)):
        with steps.step("features") as line:
            line.text = f"{name}: {_compute_features(part)}"
    regression = LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5, labelCol="label")
    with steps.step("training", "multinomial logistic regression, 5 iterations"):
        model = regression.fit(train)
    with steps.step("metrics", "of the predictions for the test images"):
        predictions = model.transform(test)
        evaluator = MulticlassClassificationEvaluator()
        metrics = {
            name: evaluator.evaluate(predictions, {evaluator.metricName: metric})
            for name, metric in METRICS.items()
        }
        table = predictions.select("label", "prediction").toArrow()
    return np.asarray(table["label"]), np.asarray(table["prediction"]), metrics


def _compute_features(frame: "DataFrame") -> str:
    """Computes the features, which the frame keeps; tells their number and size."""
    rows, size = 0, 0
    for batch in frame._arrow(["features"]):
        rows, size = rows + batch.num_rows, batch.schema.field("features").type.size
    return f"{rows} images, {size} numbers each"


def _plot(labels: Any, predictions: Any, classes: list[str], output: Path) -> str:
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":  # there, but not whole: its own words say what is wrong
            raise
        return "none: matplotlib is not installed (`pip install 'pydeepl[plot]'`)"
    from pydeepl.plot import confusion_matrix

    matplotlib.use("Agg")  # a file is all that is wanted: no window, no screen
    path = output / "confusion_matrix.png"
    axes: Any = confusion_matrix(labels, predictions, labels=range(len(classes)), target_names=classes)
    axes.figure.savefig(path)
    return f"confusion matrix in {path}"
