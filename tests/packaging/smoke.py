"""Runs with nothing but the installed package and what it depends on: does each room of the core work?"""

import sys
from pathlib import Path

import core_work
import numpy as np
from PIL import Image

import pydeepl
from pydeepl import _core


def main() -> None:
    package = Path(pydeepl.__file__).parent
    beside = {path.name for path in package.iterdir()}
    for name in ("libpydeepl_dnnl.so.3", "libpydeepl_dnnl.so.3.LICENSE"):
        assert name in beside, f"{name} is not beside the extension: {sorted(beside)}"
    assert _core.default_threads() >= 1

    pixels = core_work.decoded()
    pillow = np.asarray(Image.open(core_work.io.BytesIO(core_work.jpeg_bytes())))
    assert pixels.shape == pillow.shape and np.abs(pixels[..., ::-1].astype(int) - pillow).max() <= 1
    assert np.isfinite(core_work.network_output()).all()
    assert np.isfinite(core_work.coefficients()).all()
    for name in pydeepl.__all__:
        getattr(pydeepl, name)
    print(f"pydeepl {pydeepl.__version__} in {package}, Python {sys.version.split()[0]}: works")


if __name__ == "__main__":
    main()
