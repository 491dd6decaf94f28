"""What is said when weights cannot be had."""


class WeightsUnavailable(OSError):
    """No weights could be found or downloaded.

    The message has three lines: what was tried, where to put the file, how to point at it.
    """
