"""Image rows as arrays for a model that takes images as they are."""

from __future__ import annotations

from typing import Any

from pydeepl.deep.cells import Cell
from pydeepl.deep.rows import unreadable
from pydeepl.images import imageIO

CHANNEL_ORDERS = ("L", "RGB", "BGR")


def image_cell(image: Any, order: str = "RGB") -> Cell:
    """An image row's pixels [height, width, channels], channels in an order (with alpha last); None for null.

    Raises ValueError naming the image where it could not be read, and for color where order is "L".
    """
    if image is None:
        return None
    if image["mode"] < 0:
        raise ValueError(unreadable(str(image["origin"])))
    array = imageIO.imageStructToArray(image)
    if order == "L" and array.shape[2] != 1:
        raise ValueError(
            f"{image['origin']}: channel order 'L' is of 1 channel, the image has {array.shape[2]}"
        )
    if order != "RGB" or array.shape[2] == 1:
        return array
    return array[..., [2, 1, 0, 3]] if array.shape[2] == 4 else array[..., ::-1]
