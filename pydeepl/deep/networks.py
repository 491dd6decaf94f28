"""Loaded networks, shared by everyone in the process who wants the same one.

    (model, layer, pooling, weights file, threads) ──► one core network, alive as long as somebody holds it

A pipeline that is fitted and then used for prediction loads its weights once, and nothing outlives its users.
"""

import os
import threading
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydeepl import _core
from pydeepl.deep.plan import NetworkPlan
from pydeepl.weights import network_params

# What decides where weights of no given path come from.
_WEIGHTS_VARIABLES = ("PYDEEPL_WEIGHTS", "PYDEEPL_HOME", "KERAS_HOME")


class LoadedNetwork:
    """A core network with its weights."""

    def __init__(self, network: _core.Network, source: str) -> None:
        self.network = network
        self.source = source
        """Where the weights came from, in plain words."""


_networks: WeakValueDictionary[tuple[Any, ...], LoadedNetwork] = WeakValueDictionary()
_lock = threading.Lock()


def _forget_lock() -> None:
    """In a child process: the lock may have been held by a thread that the fork left behind."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def shared_network(plan: NetworkPlan, weights: str | None, threads: int) -> LoadedNetwork:
    """The network of a plan, loaded unless somebody holds the same one already.

    weights: path or name as network_params takes it, None for the model's own; threads: 0 for the default.
    Raises what network_params raises.
    """
    spec = plan.spec
    key = (spec.modelName, spec.layer, spec.featureShape, plan.output, _identity(weights), threads)
    with _lock:
        loaded = _networks.get(key)
        if loaded is None:
            loaded = _networks[key] = _load(plan, weights, threads)
    return loaded


def _load(plan: NetworkPlan, weights: str | None, threads: int) -> LoadedNetwork:
    params, source = network_params(plan.spec.modelName, weights, include_top=plan.includeTop)
    return LoadedNetwork(_core.Network(plan.graph, plan.output, params, plan.preprocess, threads), source)


def _identity(weights: str | None) -> tuple[Any, ...]:
    """Tells weights apart: a file that was replaced is another file."""
    if weights is None:
        return tuple(os.environ.get(variable) for variable in _WEIGHTS_VARIABLES)
    try:
        status = Path(weights).stat()
    except OSError:
        return (weights,)
    return (os.path.realpath(weights), status.st_mtime_ns, status.st_size)
