"""Runs with nothing but the installed package and what it depends on: does each room of the core work?"""

import sys
from pathlib import Path

import pydeepl
from pydeepl import _core


def main() -> None:
    package = Path(pydeepl.__file__).parent
    beside = {path.name for path in package.iterdir()}
    assert "libpydeepl_dnnl.so.3" in beside, f"oneDNN is not beside the extension: {sorted(beside)}"
    assert "libpydeepl_dnnl.so.3.LICENSE" in beside, f"oneDNN's licence is not beside it: {sorted(beside)}"
    assert _core.default_threads() >= 1
    print(f"pydeepl {pydeepl.__version__} in {package}, Python {sys.version.split()[0]}: works")


if __name__ == "__main__":
    main()
