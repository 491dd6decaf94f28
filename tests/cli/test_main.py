"""The command's frame: help, errors in one line, exit codes."""

import subprocess
import sys

import pytest

import pydeepl
from pydeepl.cli import main


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "pydeepl", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("demo", "run", "weights", "version"))


def test_no_command_and_an_unknown_one_are_usage_errors(capsys):
    for arguments in ([], ["train"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


def test_version(capsys):
    assert main(["version"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"pydeepl {pydeepl.__version__}\n")
    assert "numpy" in text


def test_the_version_alone_by_an_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"pydeepl {pydeepl.__version__}\n")


def test_an_error_is_one_line_and_code_1(tmp_path):
    done = command("demo", "--images", str(tmp_path / "nowhere"), "--output", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pydeepl demo: no such folder: {tmp_path / 'nowhere'}\n"


@pytest.mark.parametrize("text", ["cannot allocate 13.7 TiB", ""])
def test_memory_that_is_not_there_is_one_line(monkeypatch, capsys, text):
    def run(options):
        raise MemoryError(*filter(None, [text]))

    monkeypatch.setattr("pydeepl.cli.version.run", run)
    assert main(["version"]) == 1
    assert capsys.readouterr().err == f"pydeepl version: {text or 'out of memory'}\n"


def test_a_traceback_can_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PYDEEPL_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["demo", "--images", str(tmp_path / "nowhere"), "--output", str(tmp_path / "out")])


def test_a_reader_that_leaves_early_is_no_error():
    done = subprocess.run(
        f'"{sys.executable}" -m pydeepl version | true',
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
