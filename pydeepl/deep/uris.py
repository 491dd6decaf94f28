"""Columns of URIs, and the images that a user's own function makes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl._core import default_threads
from pydeepl.deep.cells import OpenShape, fits, shape_text
from pydeepl.images.streams import ahead

Loader = Callable[[str], Any]

logger = logging.getLogger(__name__)


def check_uri_field(field: pa.Field) -> None:
    """Raises ValueError where a column is none of texts."""
    if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
        raise ValueError(f"column {field.name!r} holds no URIs: expected string, found {field.type}")


def load_image(loader: Loader, uri: str | None) -> NDArray[Any] | None:
    """What the user's function makes of a URI, [height, width, channels]; None where it makes nothing.

    A function that raises makes nothing: the reason is logged. Raises TypeError for what is no array of
    numbers.
    """
    if uri is None:
        return None
    try:
        loaded = loader(uri)
    except Exception as error:  # whatever the user's function finds wrong makes a null, as in sparkdl
        logger.warning("%s: imageLoader raised %s: %s", uri, type(error).__name__, error)
        return None
    if loaded is None:
        return None
    try:
        array = np.asarray(loaded)
    except ValueError:  # nested lists of several lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "uifb":
        raise TypeError(f"{uri}: imageLoader gave {type(loaded).__name__} {loaded!r:.60}, expected an array")
    return array[0] if array.ndim == 4 and array.shape[0] == 1 else array


def load_images(
    loader: Loader, uris: Sequence[str | None], shape: OpenShape
) -> Iterator[NDArray[Any] | None]:
    """The images of URIs in order, on threads; None where there is none.

    Raises ValueError naming the URI where an image does not have the shape.
    """
    loaded = ahead(partial(load_image, loader), uris, default_threads())
    for uri, array in zip(uris, loaded, strict=True):
        if array is not None and not fits(array.shape, shape):
            raise ValueError(
                f"{uri}: imageLoader gave an image {list(array.shape)}, the model takes {shape_text(shape)}"
            )
        yield array
