"""Brings a network's weights to this machine: found, else downloaded, else explained."""

import os
from pathlib import Path

from pydeepl.weights import second_source
from pydeepl.weights.download import download
from pydeepl.weights.errors import WeightsUnavailable
from pydeepl.weights.find import describe_file, find_weights
from pydeepl.weights.places import Found, cache_folder, keras_folder, offline, weights_folder, what_is_there
from pydeepl.weights.registry import official_file

IMAGENET = "imagenet"


def acquire(
    network: str, weights: str | os.PathLike[str] | None, include_top: bool, progress: bool = True
) -> Found:
    """The file of weights to use for a known network.

    weights: a file's path, or None or "imagenet" for the official ones, which are downloaded where they are
    not at hand. Raises FileNotFoundError for a path that is not there, WeightsUnavailable.
    """
    if weights is not None and os.fspath(weights) != IMAGENET:
        path = Path(weights).expanduser()
        if not path.exists():
            raise FileNotFoundError(f'weights="{path}": no such file (or None, or "{IMAGENET}")')
        return Found(path, describe_file(path, network) if path.is_file() else str(path))
    return find_weights(network, include_top) or fetch(network, include_top, progress)


def fetch(network: str, include_top: bool, progress: bool = True) -> Found:
    """The official file, downloaded; where its host cannot be reached, the second source of VGG16.

    Raises WeightsUnavailable.
    """
    file = official_file(network, include_top)
    if offline():
        raise _unavailable(network, include_top, ["no download, since PYDEEPL_OFFLINE is set"])
    failures = []
    try:
        path = download(file, progress)
        return Found(path, f"official {network} ImageNet weights, {path} (from {file.url}; MD5 verified)")
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        failures.append(f"{file.url} ({reason_of(error)})")
    if second_source.serves(network, include_top):
        try:
            return second_source.fetch()
        except (OSError, ValueError, second_source.Failure) as error:
            failures.append(f"the package {second_source.PACKAGE} ({reason_of(error)})")
    raise _unavailable(network, include_top, failures)


def reason_of(error: Exception) -> str:
    """The error in a line: its kind and the innermost cause, which requests buries in long texts."""
    cause: BaseException = error
    while cause.args and isinstance(cause.args[0], BaseException):
        cause = cause.args[0]
    text = str(getattr(cause, "reason", None) or cause)
    return f"{type(error).__name__}: {' '.join(text.split())[:200]}"


def _unavailable(network: str, include_top: bool, failures: list[str]) -> WeightsUnavailable:
    file, own = official_file(network, include_top), weights_folder()
    folder = "not set" if own is None else str(own) if own.is_dir() else f"{own}, {what_is_there(own)}"
    places = [f"PYDEEPL_WEIGHTS ({folder})", str(cache_folder()), str(keras_folder())]
    return WeightsUnavailable(
        f"No ImageNet weights for {network}: tried {', '.join(places)}; {'; '.join(failures)}.\n"
        f"Put the file {file.name} ({file.url}) into {cache_folder()}, "
        f"or set PYDEEPL_WEIGHTS to the folder that holds it.\n"
        f'Or point at weights of this network in any format of Keras: weights="/path/to/weights.h5".'
    )
