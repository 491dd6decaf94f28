"""What several rooms check of their arguments."""

from typing import Any

import numpy as np


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number, Python's or NumPy's; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_positive(name: str, value: Any) -> int:
    """`value` when it is a whole number above 0, else ValueError or TypeError naming the parameter."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)
