"""What the tests of several rooms share."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import pydeepl

# A shell's background jobs start with Ctrl-C ignored, and so would the tests of it and their subprocesses.
signal.signal(signal.SIGINT, signal.default_int_handler)


def random_tensors(model, seed=0, top=False):
    """Weights drawn so that activations keep their size from layer to layer, named "layer/param"."""
    from pydeepl import _core

    rng = np.random.default_rng(seed)
    tensors = {}
    for layer, *_, params in _core.zoo_graph(model, top).layers:
        for name, shape in params:
            if name.endswith("kernel"):
                inputs = np.prod(shape[:2] if name == "depthwise_kernel" else shape[:-1])
                # He's scale where a ReLU follows; a pointwise kernel of a separable layer is halved already.
                values = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / inputs))
            elif name in ("gamma", "moving_variance"):
                values = rng.uniform(0.5, 1.5, shape).astype(np.float32)
            else:
                values = rng.standard_normal(shape, np.float32) * np.float32(0.1)
            tensors[f"{layer}/{name}"] = values
    return tensors


# Which algorithms are faster is a matter of the moment; a test that is about it sets its own.
os.environ.setdefault("PYDEEPL_TRIALS", "0")


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory):
    """random_weights(model, seed=0, top=False): a safetensors file of fixed random weights."""
    from pydeepl.keras import save_tensors

    folder = tmp_path_factory.mktemp("random_weights")

    def path_of(model, seed=0, top=False):
        path = folder / f"{seed}{'_top' * top}" / f"{model}.safetensors"
        if not path.exists():
            save_tensors(
                path, random_tensors(model, seed, top), {"network": model, "source": f"random, seed {seed}"}
            )
        return path

    return path_of


@pytest.fixture(scope="session")
def environment():
    """Environment variables with which a subprocess, in any folder, imports this process' pydeepl."""
    paths = [str(Path(pydeepl.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture
def own_session(monkeypatch):
    """A session of the test's own, stopped after it; the one that other tests hold stays as it is."""
    from pydeepl import SparkSession

    monkeypatch.setattr(SparkSession, "_active", SparkSession())
    with SparkSession.builder.getOrCreate() as session:
        yield session


@pytest.fixture
def emulated_bfloat16(monkeypatch):
    """bfloat16 wherever it can be computed at all: skips on processors without AVX-512."""
    from pydeepl import _core
    from pydeepl.deep.networks import PRECISIONS

    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    try:
        _core.check_precision(PRECISIONS.index("bfloat16"))
    except NotImplementedError as error:
        pytest.skip(str(error))
