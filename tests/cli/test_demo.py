"""`pydeepl demo`: one's own folders, the choice of the network, what is printed and written."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from pydeepl.cli import choose, main
from pydeepl.weights import WeightsUnavailable

COLOURS = {"red": (220, 40, 30), "green": (40, 200, 60), "blue": (30, 60, 210)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three classes that anything can tell apart: noisy red, green and blue pictures."""
    folder = tmp_path_factory.mktemp("own") / "my pictures"
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for index in range(12):
            noise = np.random.default_rng(index).normal(0, 25, (40, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.jpg")
    (folder / "red" / "notes.txt").write_text("not an image")
    (folder / ".hidden").mkdir()
    return folder


@pytest.fixture(scope="module")
def done(folders, random_weights, environment, tmp_path_factory):
    output = tmp_path_factory.mktemp("results") / "new" / "folder"
    command = ["-m", "pydeepl", "demo", "--images", folders, "--model", "ResNet50", "--output", output]
    done = subprocess.run(
        [sys.executable, *map(str, command), "--weights", str(random_weights("ResNet50"))],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done, output


def test_own_folders(done, random_weights):
    run, output = done
    assert (run.returncode, run.stderr) == (0, "")
    text = " ".join(run.stdout.split())  # lines may be broken anywhere
    assert "36 images" in text and "3 classes" in text
    assert re.search(r"ResNet50 weights of the user, \S*ResNet50\.safetensors", " ".join(run.stdout.split()))
    for name in COLOURS:
        assert re.search(rf"^ +{name} ", run.stdout, re.MULTILINE)
    assert output.is_dir()


def test_four_metrics_and_they_are_right(done):
    """Colours that anything tells apart are told apart."""
    line = next(line for line in done[0].stdout.splitlines() if "F1 " in line)
    values = dict(re.findall(r"(F1|precision|recall|accuracy) ([\d.]+)", line))
    assert list(values) == ["F1", "precision", "recall", "accuracy"]
    assert all(float(value) == 1.0 for value in values.values())


def test_every_step_has_its_time(done):
    steps = re.findall(r"^(\w+) +(\d+\.\d) s", done[0].stdout, re.MULTILINE)
    names = ["images", "network", "features", "features", "training", "metrics", "plot", "all"]
    assert [name for name, _ in steps] == names
    assert sum(float(seconds) for _, seconds in steps[:-1]) <= float(steps[-1][1]) + 0.5


def test_the_confusion_matrix_is_a_picture(done):
    image = Image.open(done[1] / "confusion_matrix.png")
    assert image.format == "PNG" and min(image.size) > 300
    assert np.asarray(image.convert("L")).std() > 5


def test_the_next_network_is_taken_where_the_articles_weights_cannot_be_had(monkeypatch):
    class Stage:
        def __init__(self, modelName, **params):
            self.name = modelName

        def featurizer(self):
            return self

        def load(self):
            if self.name == "InceptionV3":
                raise WeightsUnavailable("no route to the host\nput it there\npoint at it")
            return "weights of a package"

    monkeypatch.setattr("pydeepl.DeepImageFeaturizer", Stage, raising=False)
    said = []
    stage, text = choose.choose_featurizer(None, None, said.append)
    assert (stage.name, text) == ("VGG16", "weights of a package")
    assert said == ["InceptionV3 is passed over: its weights cannot be had here. no route to the host"]
    with pytest.raises(WeightsUnavailable):  # asked for by name: no other network
        choose.choose_featurizer("InceptionV3", None, said.append)
    with pytest.raises(WeightsUnavailable):
        choose.choose_featurizer(None, "my.h5", said.append)


@pytest.mark.parametrize("names", [[], ["only one"]])
def test_too_few_classes(tmp_path, capsys, names):
    for name in names:
        (tmp_path / "images" / name).mkdir(parents=True)
    (tmp_path / "images").mkdir(exist_ok=True)
    assert main(["demo", "--images", str(tmp_path / "images"), "--output", str(tmp_path / "out")]) == 1
    assert f"two or more classes, found {len(names)}" in capsys.readouterr().err


def test_folders_without_a_readable_image(tmp_path, capsys):
    for name in ("cats", "dogs"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "notes.jpg").write_text("not an image")
    assert main(["demo", "--images", str(tmp_path / "images"), "--output", str(tmp_path / "out")]) == 1
    assert "images: no readable image in its folders cats, dogs" in capsys.readouterr().err


def test_an_unwritable_output_is_found_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["demo", "--output", str(output)]) == 1
        captured = capsys.readouterr()
        assert captured.out == "" and "--output" in captured.err


def test_an_unknown_model_and_a_wrong_limit(tmp_path, capsys):
    assert main(["demo", "--model", "VGG17", "--limit", "1", "--output", str(tmp_path)]) == 1
    assert "did you mean VGG19 or VGG16" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["demo", "--limit", "0"])


def test_ctrl_c_ends_it_quietly(random_weights, environment, tmp_path):
    command = [
        "-m",
        "pydeepl",
        "demo",
        "--model",
        "ResNet50",
        "--weights",
        str(random_weights("ResNet50")),
    ]
    process = subprocess.Popen(
        [sys.executable, *command, "--output", str(tmp_path)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not process.stdout.readline().startswith("network"):
        assert process.poll() is None
    time.sleep(0.5)  # into the features
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "pydeepl: stopped\n")
    assert "training" not in out
    assert not list(tmp_path.glob("*.png"))
