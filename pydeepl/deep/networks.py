"""Loaded networks, shared by everyone in the process who wants the same one.

    (model, layer, pooling, weights, threads, arithmetic) ──► a core network, alive while somebody holds it

A pipeline that is fitted and then used for prediction loads its weights once, and nothing outlives its users.
Keras' layers are imported with the first model of the user's: sparkdl's networks wait for none of them.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pydeepl import _core
from pydeepl.deep.decisions import decisions_file, streams_asked
from pydeepl.deep.plan import NetworkPlan
from pydeepl.deep.weights_file import WeightsFile
from pydeepl.keras.config import check_model_file
from pydeepl.weights.acquire import acquire
from pydeepl.weights.network import found_params

if TYPE_CHECKING:
    from pydeepl.keras.model import KerasModel
    from pydeepl.keras.saved import Params

# What decides where weights of no given path come from.
_WEIGHTS_VARIABLES = ("PYDEEPL_WEIGHTS", "PYDEEPL_HOME", "KERAS_HOME")

# How the core computes convolutions: pdl_algorithm.
_AUTO, _DIRECT = 0, 1

PRECISIONS = ("float32", "bfloat16")
"""Names of the core's pdl_precision, in its order."""


@dataclass(frozen=True)
class Arithmetic:
    """How a network computes; see Featurizer."""

    exact: bool = False
    precision: str = "float32"

    @property
    def numbers(self) -> tuple[int, int]:
        """The core's pdl_algorithm and pdl_precision."""
        return _DIRECT if self.exact else _AUTO, PRECISIONS.index(self.precision)


class LoadedNetwork:
    """A core network with its weights."""

    def __init__(self, network: _core.Network, source: str, weights: WeightsFile) -> None:
        self.network = network
        self.source = source
        """Where the weights came from, in plain words."""
        self.weights = weights
        """The file they came from, as it was then."""


_networks: WeakValueDictionary[tuple[Any, ...], LoadedNetwork] = WeakValueDictionary()
_models: WeakValueDictionary[WeightsFile, KerasModel] = WeakValueDictionary()
_lock = threading.Lock()


def _forget_lock() -> None:
    """In a child process: the lock may have been held by a thread that the fork left behind."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def shared_network(
    plan: NetworkPlan, weights: str | None, threads: int, arithmetic: Arithmetic = Arithmetic()
) -> LoadedNetwork:
    """The network of a plan, loaded unless somebody holds the same one already.

    weights: path or name as network_params takes it, None for the model's own; threads: 0 for the default.
    Raises what network_params raises, and NotImplementedError where this processor does not compute so.
    """
    key = _key(plan, weights, threads, arithmetic)
    with _lock:
        loaded = _networks.get(key)
        if loaded is None:
            loaded = _networks[key] = _load(plan, weights, threads, arithmetic)
    return loaded


def shared_model(path: str) -> KerasModel:
    """The model of a file (see load_model), loaded unless somebody holds it already.

    Raises FileNotFoundError, and what load_model raises.
    """
    from pydeepl.keras.model import load_model

    check_model_file(path)
    file = WeightsFile.at(path)
    with _lock:
        model = _models.get(file)
        if model is None:
            model = _models[file] = load_model(path)
    return model


def weights_in_use(
    plan: NetworkPlan, weights: str | None, threads: int, arithmetic: Arithmetic = Arithmetic()
) -> WeightsFile:
    """The file whose weights shared_network gives, without reading them where that is not done yet.

    Parameters: those of shared_network. Raises what finding (and downloading) the file raises.
    """
    with _lock:
        loaded = _networks.get(_key(plan, weights, threads, arithmetic))
    if loaded is not None:
        return loaded.weights
    if plan.file is not None:
        return plan.file
    return WeightsFile.at(acquire(plan.spec.modelName, weights, plan.includeTop).path)


def _key(plan: NetworkPlan, weights: str | None, threads: int, arithmetic: Arithmetic) -> tuple[Any, ...]:
    spec = plan.spec
    output = plan.graph.layers[plan.output][0]  # by its name, which tells poolings apart
    source = plan.file or _identity(weights)
    what = (spec.modelName, spec.layer, spec.featureShape, output, plan.preprocess)
    return (*what, source, threads, arithmetic)


def _load(plan: NetworkPlan, weights: str | None, threads: int, arithmetic: Arithmetic) -> LoadedNetwork:
    algorithm, precision = arithmetic.numbers
    _core.check_precision(precision)  # before weights are downloaded for nothing
    params: Params
    if plan.model is not None and plan.file is not None:
        from pydeepl.keras.saved import model_params

        file = plan.file
        params, kind = model_params(plan.model)
        source = f"a model of the user, {file.path}; {kind}"
    else:
        found = acquire(plan.spec.modelName, weights, plan.includeTop)
        file = WeightsFile.at(found.path)
        known, source = found_params(plan.spec.modelName, found, plan.includeTop)
        params = [*known]
    if file.now() != file:
        raise OSError(f"{file.path}: the file was changed while it was in use")
    how = (threads, algorithm, precision, decisions_file(), streams_asked())
    network = _core.Network(plan.graph, plan.output, params, plan.preprocess, *how)
    return LoadedNetwork(network, source, file)


def _identity(weights: str | None) -> tuple[Any, ...]:
    """Tells weights apart: a file that was replaced is another file."""
    if weights is None:
        return tuple(os.environ.get(variable) for variable in _WEIGHTS_VARIABLES)
    try:
        status = Path(weights).stat()
    except OSError:
        return (weights,)
    return (os.path.realpath(weights), status.st_mtime_ns, status.st_size)
