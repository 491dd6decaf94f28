"""`pydeepl version`."""

import argparse
import platform
from importlib import metadata

import pydeepl
from pydeepl import _core

_LIBRARIES = (
    "numpy",
    "pyarrow",
    "duckdb",
    "h5py",
    "pillow",
    "matplotlib",
    "scikit-learn",
    "pandas",
    "polars",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has none."""


def run(arguments: argparse.Namespace) -> int:
    """Prints pydeepl's version, the machine's threads and the versions of the libraries beside it."""
    print(f"pydeepl {pydeepl.__version__}")
    print(f"Python {platform.python_version()} on {platform.platform()}, {_core.default_threads()} threads")
    print(", ".join(f"{name} {_version(name)}" for name in _LIBRARIES))
    return 0


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
