"""`pydeepl weights`: what is on this machine, fetched and verified."""

import pytest

from pydeepl.cli import main


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders for everything that holds weights, and no network."""
    for variable in ("PYDEEPL_WEIGHTS", "PYDEEPL_HOME", "KERAS_HOME"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("PYDEEPL_OFFLINE", "1")
    return tmp_path


def test_list_shows_every_network(places, capsys):
    assert main(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and all("not on this machine" in line for line in lines)
    assert {line.split()[0] for line in lines} == {"InceptionV3", "Xception", "ResNet50", "VGG16", "VGG19"}


def test_list_shows_a_file_of_ones_own(places, random_weights, capsys):
    path = places / "PYDEEPL_WEIGHTS" / "ResNet50.safetensors"
    path.write_bytes(random_weights("ResNet50").read_bytes())
    assert main(["weights", "list"]) == 0
    assert [str(path) in line for line in capsys.readouterr().out.splitlines()].count(True) >= 1


def test_verify_tells_good_files_from_damaged_ones(places, random_weights, capsys):
    assert main(["weights", "verify"]) == 0
    assert capsys.readouterr().out == "no weights on this machine\n"
    whole = random_weights("ResNet50").read_bytes()
    (places / "PYDEEPL_WEIGHTS" / "ResNet50.safetensors").write_bytes(whole)
    assert main(["weights", "verify"]) == 0
    assert capsys.readouterr().out.startswith("fits")
    (places / "PYDEEPL_WEIGHTS" / "ResNet50.safetensors").write_bytes(whole[: len(whole) // 2])
    assert main(["weights", "verify"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("unusable") and out.count("ResNet50.safetensors") == 1


def test_fetch_without_a_network_says_what_to_do(places, capsys):
    assert main(["weights", "fetch", "Xception"]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 3
    assert "PYDEEPL_OFFLINE" in error and "xception_weights_tf_dim_ordering_tf_kernels_notop.h5" in error


def test_fetch_needs_known_names(places, capsys):
    assert main(["weights", "fetch"]) == 1
    assert "--all" in capsys.readouterr().err
    assert main(["weights", "fetch", "VGG61"]) == 1
    assert "did you mean" in capsys.readouterr().err
