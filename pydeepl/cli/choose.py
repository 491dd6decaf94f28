"""Which network the demo runs: the article's, or the next one whose weights can be had."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydeepl import DeepImageFeaturizer

# The article's network; then the one whose weights a package index has.
CANDIDATES = ("InceptionV3", "VGG16")


def choose_featurizer(
    model: str | None, weights: str | None, say: Callable[[str], object]
) -> "tuple[DeepImageFeaturizer, str]":
    """The featurizer (image -> features) with its weights loaded, and a line that tells which they are.

    model and weights: what the user asked for, which is then used or fails. With neither, the first candidate
    whose weights can be had; say() is told why those before it cannot be used. Raises WeightsUnavailable (an
    OSError) where none can.
    """
    from pydeepl import DeepImageFeaturizer
    from pydeepl.weights import WeightsUnavailable

    names = [model] if model is not None else list(CANDIDATES[:1] if weights is not None else CANDIDATES)
    for name in names:
        stage = DeepImageFeaturizer(inputCol="image", outputCol="features", modelName=name, weights=weights)
        try:
            source = stage.featurizer().load()
        except WeightsUnavailable as error:
            if name == names[-1]:
                raise
            say(f"{name} is passed over: its weights cannot be had here. {str(error).splitlines()[0]}")
            continue
        return stage, source
    raise AssertionError("unreachable: the last candidate is returned or raises")
