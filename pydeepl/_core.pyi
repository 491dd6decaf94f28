"""Types of the C core's binding. Python owns defaults, dtype and contiguity: arrays passed here are C-contiguous."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

def default_threads() -> int: ...

# ---- image

# ---- graph, network, zoo

# ---- linear
