"""Where a machine's decisions between algorithms are kept, and how they are switched off."""

import numpy as np
import pytest

import pydeepl
from pydeepl import Featurizer
from pydeepl.deep.decisions import decisions_file, streams_asked


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("PYDEEPL_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("value", ["0", "off", " False "])
def test_off(monkeypatch, home, value):
    monkeypatch.setenv("PYDEEPL_TRIALS", value)
    assert decisions_file() is None
    assert not list(home.iterdir())


@pytest.mark.parametrize("value", ["", "1"])
def test_beside_the_weights(monkeypatch, home, value):
    monkeypatch.setenv("PYDEEPL_TRIALS", value)
    assert decisions_file() == str(home / "algorithms" / f"{pydeepl.__version__}.txt")
    assert (home / "algorithms").is_dir()


def test_a_home_that_is_no_folder_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYDEEPL_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("PYDEEPL_TRIALS", "1")
    assert decisions_file() is not None


def test_streams_by_the_environment(monkeypatch, random_weights):
    images = [np.full((224, 224, 3), value, np.uint8) for value in (20, 200)]

    def features(asked, streams):
        monkeypatch.setenv("PYDEEPL_STREAMS", asked)
        featurizer = Featurizer("ResNet50", weights=random_weights("ResNet50"), batchSize=2, threads=2)
        found = featurizer(images)
        assert featurizer._network().network.streams(2) == streams
        return found

    np.testing.assert_array_equal(features("2", 2), features("", 1))
    for wrong in ("two", "-1", "1.5", "²"):
        monkeypatch.setenv("PYDEEPL_STREAMS", wrong)
        with pytest.raises(ValueError, match=f"PYDEEPL_STREAMS is '{wrong}', expected a number of streams"):
            streams_asked()


def test_the_second_time_nothing_is_decided_and_features_are_the_same(monkeypatch, home, random_weights):
    monkeypatch.setenv("PYDEEPL_TRIALS", "1")
    images = [np.full((224, 224, 3), value, np.uint8) for value in (20, 200)]
    how = {"weights": random_weights("ResNet50"), "batchSize": 2, "threads": 2}

    def features():
        return Featurizer("ResNet50", **how)(images)

    first = features()
    file = home / "algorithms" / f"{pydeepl.__version__}.txt"
    text = file.read_text()
    assert text.count("-2x") > 5
    np.testing.assert_array_equal(features(), first)
    assert file.read_text() == text
    exact = Featurizer("ResNet50", exact=True, **how)(images)
    assert file.read_text() == text
    assert np.linalg.norm(exact - first) < 1e-4 * np.linalg.norm(exact)
