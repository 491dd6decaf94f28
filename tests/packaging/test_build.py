"""The build itself: clear sentences when a library is missing, and a complete source distribution."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "csrc", "pydeepl")


@pytest.fixture
def sources(tmp_path):
    """A copy of what the build reads, so that nothing is written into the repository."""
    folder = tmp_path / "sources"
    folder.mkdir()
    ignored = shutil.ignore_patterns("*.so*", "__pycache__", "libpydeepl_dnnl*")
    for name in SOURCES:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=ignored)
        else:
            shutil.copy2(path, folder / name)
    return folder


@pytest.fixture
def onednn(tmp_path):
    """A folder that looks like oneDNN's, of a version that the test writes."""
    root = tmp_path / "onednn"
    headers = root / "include" / "oneapi" / "dnnl"
    headers.mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "lib" / "libdnnl.so").touch()
    (headers / "dnnl.h").touch()
    (headers / "dnnl_version.h").write_text("#define DNNL_VERSION_MAJOR 3\n")
    return root


def failing_build(folder, **environment):
    """The build's standard error; it must have failed, and without a traceback."""
    command = [sys.executable, "setup.py", "-q", "build_ext"]
    run = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    return run.stderr


@pytest.mark.parametrize("missing", ["pkg-config", "libjpeg"])
def test_missing_libjpeg_is_one_sentence_that_names_the_packages(sources, onednn, tmp_path, missing):
    empty = tmp_path / "empty"
    empty.mkdir()
    hidden = {"PKG_CONFIG_LIBDIR": str(empty), "PKG_CONFIG_PATH": ""}
    if missing == "pkg-config":
        hidden["PATH"] = str(empty)
    error = failing_build(sources, PYDEEPL_ONEDNN_ROOT=str(onednn), **hidden)
    for package in (
        "libjpeg62-turbo-dev",
        "libjpeg-turbo8-dev",
        "libjpeg-turbo-devel",
        "brew install jpeg-turbo",
    ):
        assert package in error
    assert len(error.strip().splitlines()) == 1


def test_missing_oneDNN_is_one_sentence(sources, tmp_path):
    error = failing_build(sources, PYDEEPL_ONEDNN_ROOT=str(tmp_path / "nowhere"))
    assert "oneDNN >= 3.0" in error and "onednn-cpu-gomp" in error and "PYDEEPL_ONEDNN_ROOT" in error
    assert len(error.strip().splitlines()) == 1


def test_an_old_oneDNN_is_refused(sources, onednn):
    version = onednn / "include" / "oneapi" / "dnnl" / "dnnl_version.h"
    version.write_text("#define DNNL_VERSION_MAJOR 2\n")
    error = failing_build(sources, PYDEEPL_ONEDNN_ROOT=str(onednn))
    assert (
        "needs oneDNN >= 3.0" in error and "version 2" in error and str(version.with_name("dnnl.h")) in error
    )


def test_source_distribution_holds_all_sources_and_nothing_built(sources, tmp_path):
    (sources / "pydeepl" / "libpydeepl_dnnl.so.3").touch()
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path / "dist")]
    subprocess.run(command, cwd=sources, check=True, capture_output=True)
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}
    wanted = {
        str(path.relative_to(sources))
        for folder in ("csrc", "pydeepl")
        for path in (sources / folder).rglob("*")
        if path.suffix in (".c", ".h", ".py", ".pyi", ".typed")
    }
    assert wanted <= names
    assert not [name for name in names if ".so" in name]
