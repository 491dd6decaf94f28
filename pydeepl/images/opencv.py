"""OpenCV's type numbers, the `mode` of an image struct."""

from __future__ import annotations

from typing import NamedTuple


class OcvType(NamedTuple):
    """An OpenCV matrix type: its name, number, channels and numpy's name of a channel's type."""

    name: str
    ord: int
    nChannels: int
    dtype: str


# A number is depth + 8 (channels - 1), with depth 0 for uint8 and 5 for float32.
SUPPORTED = tuple(
    OcvType(f"CV_{code}C{channels}", depth + 8 * (channels - 1), channels, dtype)
    for code, depth, dtype in (("8U", 0, "uint8"), ("32F", 5, "float32"))
    for channels in (1, 3, 4)
)


def type_by_ordinal(ordinal: int) -> OcvType:
    """The type of a number. Raises KeyError for one that is not supported."""
    for known in SUPPORTED:
        if known.ord == ordinal:
            return known
    raise KeyError(f"unsupported image type {ordinal}, supported are {_names()}")


def type_by_name(name: str) -> OcvType:
    """The type of a name such as "CV_8UC3". Raises KeyError for one that is not supported."""
    for known in SUPPORTED:
        if known.name == name:
            return known
    raise KeyError(f"unsupported image type {name!r}, supported are {_names()}")


def _names() -> str:
    return ", ".join(f"{known.name} = {known.ord}" for known in SUPPORTED)
