"""`pydeepl bench`: its figures belong together."""

import json

import pytest

from pydeepl.cli import main

FAST = ["--batch", "1", "--seconds", "0"]


def test_figures_for_programs(capsys):
    assert main(["bench", "ResNet50", *FAST, "--layers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["batch"], found["streams"]) == ("ResNet50", 1, 1)
    # Keras' ResNet50 takes 3.87 billion multiplications with as many additions; pixels that a stride of 2
    # leaves out right afterwards are not computed here.
    assert 6.5 < found["gflops_per_image"] < 7.75
    seconds = found["seconds_per_batch"]
    assert seconds["runs"] >= 5 and 0 < seconds["least"] <= seconds["median"]
    assert found["images_per_second"] == pytest.approx(1 / seconds["median"])
    assert found["gflops_per_second"] == pytest.approx(found["gflops_per_image"] / seconds["median"])
    assert found["peak_gflops_per_second"] > 1
    layers = found["layers"]
    assert sum(layer["flops"] for layer in layers) == pytest.approx(1e9 * found["gflops_per_image"])
    assert sum(layer["seconds"] for layer in layers) <= 1.01 * seconds["least"]
    assert any("winograd" in layer["implementation"] for layer in layers)


def test_text_for_people(capsys):
    streams = ["--batch", "2", "--threads", "2", "--streams", "2", "--seconds", "0"]
    assert main(["bench", "ResNet50", *streams, "--exact", "--layers"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("ResNet50, float32, batches of 2, 2 streams: ")
    assert "winograd" not in text
    assert "conv5_block3_out" in text and "conv1_relu" in text


def test_all_networks_without_a_name(capsys, monkeypatch):
    monkeypatch.setattr("pydeepl.cli.bench._FEWEST_RUNS", 1)
    assert main(["bench", "--batch", "1", "--seconds", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in found] == ["InceptionV3", "Xception", "ResNet50", "VGG16", "VGG19"]
    assert len({each["peak_gflops_per_second"] for each in found}) == 1
    # Multiplications and additions of the layers' definitions, in 1e9.
    expected = {"InceptionV3": 11.4, "Xception": 16.7, "VGG16": 30.7, "VGG19": 39.0}
    for each in found:
        if each["model"] in expected:
            assert each["gflops_per_image"] == pytest.approx(expected[each["model"]], rel=0.02)


def test_what_cannot_be_measured_is_refused(capsys):
    assert main(["bench", "ResNet51"]) == 1
    assert "did you mean ResNet50" in capsys.readouterr().err
    assert main(["bench", "ResNet50", "--batch", "0"]) == 1
    assert "--batch must be at least 1, got 0" in capsys.readouterr().err
    assert main(["bench", "ResNet50", "--streams", "0"]) == 1
    assert "--streams must be at least 1, got 0" in capsys.readouterr().err
    for seconds in ("nan", "inf", "-1.0"):
        assert main(["bench", "ResNet50", "--seconds", seconds]) == 1
        assert f"--seconds must be a number from 0 on, got {seconds}" in capsys.readouterr().err
