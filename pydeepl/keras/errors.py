"""What a weights file can be accused of."""


class WeightsError(ValueError):
    """A weights file that cannot be read, or that does not hold the weights of the network asked for.

    The message names the file and lists every layer that is missing, extra or misshapen.
    """


class Unsupported(Exception):
    """Why a layer cannot be built, in words."""
