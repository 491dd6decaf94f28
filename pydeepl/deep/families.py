"""Families of Keras applications that run from a user's model file, and what their input is.

A family's file tells its layers; what no file tells is how pixels become its input. That is what these names
are for. A model saved without its classifier leaves its input's size open, too: it gets the family's. Source:
Keras 3's keras.applications, preprocess_input and default size of each family.
"""

from pathlib import Path

PREPROCESSINGS = {"tf": 1, "caffe": 2, "none": 3, "unit": 4, "torch": 5}
"""Keras' modes, as numbers of the core's pdl_preprocess.

    tf      R, G, B from -1 to 1
    caffe   B, G, R less ImageNet's means (103.939, 116.779, 123.68)
    torch   R, G, B from 0 to 1, less (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)
    unit    R, G, B from 0 to 1
    none    R, G, B from 0 to 255: the model scales them itself
"""

_MODES = {
    "tf": (
        "MobileNet MobileNetV2 NASNetMobile NASNetLarge InceptionResNetV2 ResNet50V2 ResNet101V2 ResNet152V2"
    ),
    "caffe": "ResNet101 ResNet152",
    "torch": "DenseNet121 DenseNet169 DenseNet201",
    "none": (
        "MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 "
        "EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B0 EfficientNetV2B1 "
        "EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L ConvNeXtTiny "
        "ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge"
    ),
}
FAMILIES = {name: mode for mode, names in _MODES.items() for name in names.split()}
"""Each family's preprocessing."""

_SIZES = {
    "NASNetLarge": 331,
    "InceptionResNetV2": 299,
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384,
    "EfficientNetV2M": 480,
    "EfficientNetV2L": 480,
}


def family_size(name: str) -> int:
    """Height and width that Keras trained a family's ImageNet weights for."""
    return _SIZES.get(name, 224)


_SUFFIXES = (".keras", ".h5", ".hdf5", ".onnx")


def is_model_path(name: str) -> bool:
    """Whether a modelName is the path of a model's file: by its ending."""
    return Path(name).suffix.lower() in _SUFFIXES


def check_preprocessing(value: str | None) -> str | None:
    """`value` when it is None or a known preprocessing, else ValueError."""
    if value is not None and value not in PREPROCESSINGS:
        expected = ", ".join(repr(name) for name in PREPROCESSINGS)
        raise ValueError(f"preprocessing {value!r} is unknown: expected {expected} or None")
    return value
