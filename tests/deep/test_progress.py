"""pydeepl.progress: who sees a bar."""

import io
import sys
import threading

import pytest

from pydeepl.progress import progress_bar, progress_wanted


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream, wanted", [(Terminal(), True), (io.StringIO(), False), (None, False)])
def test_only_a_watched_stream_gets_bars(monkeypatch, stream, wanted):
    monkeypatch.delenv("PYDEEPL_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    assert progress_wanted() is wanted


@pytest.mark.parametrize("value, wanted", [("1", True), ("0", False), (" Off ", False), ("true", True)])
def test_the_variable_decides(monkeypatch, value, wanted):
    monkeypatch.setenv("PYDEEPL_PROGRESS", value)
    monkeypatch.setattr(sys, "stderr", io.StringIO() if wanted else Terminal())
    assert progress_wanted() is wanted


def test_a_bar_counts_and_leaves_no_thread_behind(monkeypatch):
    monkeypatch.setenv("PYDEEPL_PROGRESS", "1")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    before = threading.active_count()
    with progress_bar(4, "featurizing", delay=0, mininterval=0, file=terminal) as bar:
        for _ in range(4):
            bar.update(1)
    assert "featurizing" in terminal.getvalue() and "4/4" in terminal.getvalue()
    assert threading.active_count() == before


def test_a_silent_bar_prints_nothing(monkeypatch, capsys):
    monkeypatch.setenv("PYDEEPL_PROGRESS", "0")
    with progress_bar(2, "featurizing", delay=0) as bar:
        bar.update(2)
        assert bar.total == 2
    assert capsys.readouterr() == ("", "")
