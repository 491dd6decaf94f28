"""Resident memory does not grow with the number of rows."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("bounded.py")


def peak(rows, folder, environment):
    folder.mkdir()
    environment = environment | {"PYDEEPL_MEMORY": "16M", "TMPDIR": str(folder)}
    command = [sys.executable, str(SCRIPT), str(rows), str(folder)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert sorted(os.listdir(folder)) == ["features"]  # nothing is left behind
    return int(run.stdout)


def test_writing_and_reading_kept_features_takes_no_more_memory_for_more_rows(tmp_path, environment):
    small, large = (peak(rows, tmp_path / str(rows), environment) for rows in (1024, 6144))
    # 5,120 rows of 32 KiB are 160 MiB more; the budget and a row group's buffers are in both
    assert large - small < 48 * 2**20
