"""Sizes in bytes, as people write and read them."""

import re

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_size(name: str, text: str) -> int:
    """The bytes of a size such as 512M, 2GiB or "10 GB" (K, M, G, T are powers of 1024).

    name: of the setting, for the message of the ValueError that anything else raises.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise ValueError(f"{name}: expected a size such as 512M or 2GiB, found {text!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def size_text(size: int) -> str:
    """A size in the largest unit that fits, with three digits: 20.4 MiB."""
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 999.5:
            break
        value, unit = value / 1024, larger
    return f"{size} B" if unit == "B" else f"{value:.3g} {unit}"
