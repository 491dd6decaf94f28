"""HorovodRunner, as the open-source sparkdl has it: the function runs in this process."""

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["HorovodRunner"]

logger = logging.getLogger(__name__)


class HorovodRunner:
    """Runs a training function in this process, whatever number of processes is asked for.

    Parameters: np, the number of processes that a cluster would start; -1 or more. Raises ValueError for
    others. Source: sparkdl.horovod.runner_base, which distributes nothing either outside of Databricks.
    """

    def __init__(self, *, np: int) -> None:
        if np < -1:
            raise ValueError(f"Invalid number of processes: np = {np}")
        self.num_processor = np

    def run(self, main: Callable[..., Any], **kwargs: Any) -> Any:
        """What main(**kwargs) returns. A warning says that nothing was distributed."""
        logger.warning("HorovodRunner runs %s in this process: nothing is distributed", main)
        return main(**kwargs)
