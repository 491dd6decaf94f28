"""The demo's images, read back with Pillow."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from pydeepl.cli.digits import SIDE, write_digits


def test_every_digit_gets_its_folder_of_pngs(tmp_path):
    write_digits(tmp_path, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == list("0123456789")
    for digit in range(10):
        names = sorted(path.name for path in (tmp_path / str(digit)).iterdir())
        assert names == ["0000.png", "0001.png", "0002.png"]


def test_an_image_is_the_scan_with_dark_ink_on_white(tmp_path):
    write_digits(tmp_path, 1)
    scans, labels = load_digits(return_X_y=True)
    for digit in range(10):
        image = Image.open(tmp_path / str(digit) / "0000.png")
        assert (image.size, image.mode) == ((SIDE, SIDE), "L")
        small = np.asarray(image.resize((8, 8), Image.Resampling.BOX), float)
        ink = scans[labels == digit][0].reshape(8, 8)
        assert np.corrcoef(small.ravel(), -ink.ravel())[0, 1] > 0.98
        assert np.asarray(image)[0, 0] > 200  # paper


def test_files_that_are_there_are_kept(tmp_path):
    write_digits(tmp_path, 1)
    mine = tmp_path / "7" / "0000.png"
    mine.write_bytes(b"mine")
    write_digits(tmp_path, 2)
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "7" / "0001.png").exists()


def test_a_run_that_is_stopped_leaves_no_half_image(tmp_path, monkeypatch):
    def stop(self, path, *arguments):
        path.write_bytes(b"\x89PNG")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        write_digits(tmp_path, 1)
    assert not [path for path in tmp_path.rglob("*.png") if not path.name.startswith(".")]
