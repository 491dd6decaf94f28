"""`pydeepl cache`: what is kept, and clearing it."""

import json

import numpy as np
import pytest

from pydeepl.cli import main
from pydeepl.deep.cache import FeatureStore, NetworkKey


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with features of two networks, where the variable says."""
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PYDEEPL_FEATURE_CACHE_SIZE", raising=False)
    monkeypatch.setenv("PYDEEPL_HOME", str(tmp_path / "home"))
    for model, count in (("InceptionV3", 3), ("VGG16", 2)):
        key = NetworkKey(model, "last", "avg", "float32", "SCALE_FAST", (9, 9), (50,), "ab" * 16)
        store = FeatureStore(tmp_path / "cache", key, 50, 1 << 20)
        for number in range(count):
            store.put(bytes([number]) * 20, np.ones(50, np.float32))
    return tmp_path / "cache"


def test_info(cache, capsys, monkeypatch):
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE_SIZE", "1.5 GB")
    assert main(["cache", "info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [str(cache), "features of 5 images, 20 KiB of 1.5 GiB"]
    assert [line.split()[:3] for line in lines[2:4]] == [
        ["InceptionV3", "last/avg", "3"],
        ["VGG16", "last/avg", "2"],
    ]
    assert "12 KiB" in lines[2] and "ab" * 16 in lines[2]


def test_info_for_programs(cache, capsys):
    assert main(["cache", "info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["folder"], found["enabled"], found["entries"], found["bytes"]) == (
        str(cache),
        True,
        5,
        20480,
    )
    assert found["limit"] == 10 * 2**30
    assert [(each["model"], each["entries"]) for each in found["networks"]] == [
        ("InceptionV3", 3),
        ("VGG16", 2),
    ]
    assert found["networks"][0]["about"]["weights"] == "ab" * 16


def test_clear_one_network_and_then_all(cache, capsys):
    assert main(["cache", "clear", "VGG16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "removed features of 2 images, 8 KiB" and lines[2].startswith("VGG16")
    assert main(["cache", "clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 3
    assert list(cache.iterdir()) == []
    assert main(["cache", "clear"]) == 0
    assert "removed features of 0 images, 0 B" in capsys.readouterr().out


def test_a_folder_that_is_named(cache, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE", "0")
    assert main(["cache", "info", "--folder", str(cache)]) == 0
    assert "features of 5 images" in capsys.readouterr().out
    assert main(["cache", "info"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"{tmp_path / 'home' / 'features'} (off unless asked for: PYDEEPL_FEATURE_CACHE=1)\n"
    )
    assert "features of 0 images, 0 B of 10 GiB" in out
    assert not (tmp_path / "home").exists()


def test_wrong_names_are_told(cache, capsys):
    assert main(["cache", "clear", "VGG61"]) == 1
    assert "did you mean" in capsys.readouterr().err
    assert main(["cache", "clear", "--folder", str(cache)]) == 0
    with pytest.raises(SystemExit):
        main(["cache"])


def test_a_description_that_is_gone_or_strange(cache, capsys):
    about = sorted(cache.glob("*/about.json"))
    about[0].unlink()
    about[1].write_text("[]")
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.count("weights ?") == 2


@pytest.fixture
def trials(cache, tmp_path):
    """Three decisions of two versions."""
    folder = tmp_path / "home" / "algorithms"
    folder.mkdir(parents=True)
    (folder / "1.0.txt").write_text("\nab 1x1-2x8 pdl:pointwise\n")
    (folder / "1.1.txt").write_text("\nab 1x1-2x8 jit\n\nab 3x3-2x8 pdl:winograd_2x2_3x3\n")
    (folder / "of_others.md").write_text("stays")
    return folder


def test_decisions_of_trials_are_shown(trials, capsys, monkeypatch):
    monkeypatch.setenv("PYDEEPL_TRIALS", "1")
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [str(trials), "decisions of trials: 3, 75 B"]
    monkeypatch.setenv("PYDEEPL_TRIALS", "0")
    assert main(["cache", "info"]) == 0
    assert f"{trials} (off: PYDEEPL_TRIALS)" in capsys.readouterr().out
    assert main(["cache", "info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["trials"]
    assert (found["folder"], found["enabled"]) == (str(trials), False)
    assert [(each["decisions"], each["bytes"]) for each in found["files"]] == [(1, 26), (2, 49)]


def test_decisions_of_trials_go_when_they_are_named(trials, cache, capsys):
    assert main(["cache", "clear"]) == 0  # of features only: the machine goes on computing as it did
    assert len(list(trials.iterdir())) == 3
    capsys.readouterr()
    assert main(["cache", "clear", "--trials"]) == 0
    assert capsys.readouterr().out == f"{trials}\nremoved decisions of trials: 3, 75 B\n"
    assert [path.name for path in trials.iterdir()] == ["of_others.md"]
    assert main(["cache", "clear", "--trials", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == []
    with pytest.raises(SystemExit):
        main(["cache", "clear", "VGG16", "--trials"])
