"""Builders of layers that prepare images; those that change them at random do so in training alone."""

from typing import Any

from pydeepl.keras.activations import Builder, Config
from pydeepl.keras.errors import Unsupported
from pydeepl.keras.moves import crop_middle, resize_in_ratio

# What training alone does leaves values as they are.
_TRAINING_ONLY = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization", "StochasticDepth", "Identity",
    "AugMix", "CutMix", "MixUp", "RandAugment", "Solarization",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHeight", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
)  # fmt: skip


def _identity(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.activation(name, inputs[0], None))


def _size(config: Config) -> tuple[int, int]:
    return int(config["height"]), int(config["width"])


def _center_crop(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """The middle of an image; one that is too small is resized."""
    size, (height, width, *_) = _size(config), graph.shape(inputs[0])
    if height >= size[0] and width >= size[1]:
        return crop_middle(graph, name, inputs[0], size)
    return resize_in_ratio(graph, name, inputs[0], size, "bilinear")


def _random_crop(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """Without training some versions of Keras resize the image, and others leave it as it is."""
    size, (height, width, *_) = _size(config), graph.shape(inputs[0])
    if (height, width) != size:
        raise Unsupported(
            f"from {[height, width]} to {list(size)}, which versions of Keras do differently; "
            "expected a size that stays"
        )
    return _identity(graph, name, config, inputs)


def _pipeline(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """Several preprocessing layers, one after the other."""
    x = inputs[0]
    for index, layer in enumerate(config["layers"]):
        kind, inner = layer["class_name"], layer["config"]
        if kind not in BUILDERS:
            raise Unsupported(
                f"its layer {inner.get('name', index)} ({kind}): expected layers of augmentation"
            )
        x = BUILDERS[kind](graph, f"{name}/{index}", inner, [x])
    return _identity(graph, name, config, [x])


BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(_TRAINING_ONLY, _identity),
    "CenterCrop": _center_crop,
    "RandomCrop": _random_crop,
    "Pipeline": _pipeline,
}
