"""The article's script, unchanged, from folders of images to its last line.

The oracle of the numbers is scikit-learn, on the labels and predictions that the script itself collects.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

SCRIPT = Path(__file__).with_name("script.py")
RUN = ("-m", "pydeepl", "run", SCRIPT)
SCHEMA = """root
 |-- image: struct (nullable = true)
 |    |-- origin: string (nullable = true)
 |    |-- height: integer (nullable = false)
 |    |-- width: integer (nullable = false)
 |    |-- nChannels: integer (nullable = false)
 |    |-- mode: integer (nullable = false)
 |    |-- data: binary (nullable = false)
 |-- label: integer (nullable = false)
"""


def write_digits(folder, per_class):
    scans, labels = load_digits(return_X_y=True)
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
        for index, scan in enumerate(scans[labels == digit][:per_class]):
            image = Image.fromarray((255 - scan * 15.9).astype(np.uint8).reshape(8, 8))
            image.resize((64, 64), Image.Resampling.BILINEAR).save(folder / str(digit) / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def run_script(environment):
    """run_script(folder, weights, *command): Python in the folder of the images."""

    def run(folder, weights, *command):
        variables = environment | {
            "PYDEEPL_WEIGHTS": str(weights),
            "PYDEEPL_OFFLINE": "1",
            "MPLBACKEND": "Agg",
        }
        command = [sys.executable, *map(str, command)]
        return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)

    return run


def metrics_of(output):
    found = re.findall(r"^(F1-Score|Precision|Recall|Accuracy|ROC AUC score:) +(\S+)$", output, re.MULTILINE)
    return {name: float(value) for name, value in found}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits(
        tmp_path_factory.mktemp("article") / "digits", 9
    )  # with seed 42, every digit is among the test images


@pytest.fixture(scope="module")
def done(run_script, digits, random_weights):
    return run_script(digits, random_weights("InceptionV3").parent, *RUN)


def test_it_runs(done):
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(SCHEMA)


def test_its_columns(done):
    columns = re.search(r"^\['image'.*\]$", done.stdout, re.MULTILINE)
    expected = ["image", "label", "features", "rawPrediction", "probability", "prediction"]
    assert ast.literal_eval(columns[0]) == expected


def test_its_metrics_are_scikit_learns(done):
    """The last row of classification_report has the weighted averages, its accuracy line the accuracy."""
    metrics = metrics_of(done.stdout)
    assert len(metrics) == 5
    average = re.search(r"weighted avg +(\S+) +(\S+) +(\S+) +(\d+)", done.stdout)
    accuracy = re.search(r"^ +accuracy +(\S+) +(\d+)", done.stdout, re.MULTILINE)
    named = [metrics[name] for name in ("Precision", "Recall", "F1-Score", "Accuracy")]
    shown = [float(value) for value in (*average.groups()[:3], accuracy[1])]
    np.testing.assert_allclose(named, shown, atol=0.00501)
    assert metrics["Recall"] == metrics["Accuracy"]


def test_it_learns_something(done):
    """Random features of the right pixels with the right labels still tell digits apart; chance is 0.1."""
    assert metrics_of(done.stdout)["Accuracy"] > 0.4


def test_its_table(done):
    table = done.stdout[done.stdout.rindex("+--") :] if "+--" in done.stdout else ""
    assert table
    header = next(line for line in done.stdout.splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["image", "prediction", "label"]


def test_with_pydeepls_own_imports(done, run_script, digits, random_weights, tmp_path):
    """The other promise: the imports are replaced, nothing else, and plain Python gives the same output."""
    imports = re.compile(r"^from (?:pyspark|sparkdl)[\w.]* import (\w+)$", re.MULTILINE)
    script = tmp_path / "own.py"
    script.write_text(imports.sub(r"from pydeepl import \1", SCRIPT.read_text()))
    assert "pyspark" not in script.read_text()
    again = run_script(digits, random_weights("InceptionV3").parent, script)
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
