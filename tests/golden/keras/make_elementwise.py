#!/usr/bin/env python3
"""Makes models/elementwise.keras and .npz with Keras: what works element by element, layer by layer.

The arrays are x, the input, and what each layer gives under its name.
"""

import os
import pathlib
import zipfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers as L
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

HERE = pathlib.Path(__file__).resolve().parent / "models"
NAMES = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "sigmoid", "tanh", "silu",
    "hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "mish", "log_sigmoid",
    "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid",
    "hard_tanh", "softmax", "log_softmax", "swish", "hard_swish",
)  # fmt: skip


def activations(x):
    """Every activation that a name stands for, and the layers with parameters."""
    yield from (L.Activation(name, name=f"activation_{name}")(x) for name in NAMES)
    yield L.ReLU(max_value=1.5, negative_slope=0.2, threshold=0.3, name="bounded")(x)
    yield L.LeakyReLU(negative_slope=0.05, name="leaky")(x)
    yield L.ELU(alpha=0.4, name="elu")(x)
    yield L.Softmax(name="softmax")(x)
    yield L.PReLU(name="prelu")(x)
    yield L.PReLU(shared_axes=[1, 2], name="prelu_of_channels")(x)
    yield L.Dense(3, activation="hard_sigmoid", name="dense")(x)
    yield L.Conv2D(3, 2, activation=L.LeakyReLU(negative_slope=0.2), name="conv")(x)
    yield L.Activation(L.ReLU(6.0), name="of_a_layer")(x)


def normalizations(x):
    yield L.Rescaling(0.5, offset=-1.0, name="rescaled")(x)
    yield L.Rescaling([0.5, 2.0, 1.0], offset=[0.0, 1.0, -1.0], name="rescaled_by_channel")(x)
    yield L.Normalization(name="normalized")(x)
    yield L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0], name="normalized_by_numbers")(x)
    yield L.Normalization(mean=0.3, variance=2.0, invert=True, name="inverted")(x)
    yield L.LayerNormalization(epsilon=1e-5, name="norm")(x)
    yield L.LayerNormalization(center=False, scale=False, name="norm_alone")(x)
    yield LayerScale(0.1, 3, name="layer_scale")(x)


def merges(x):
    y = L.Conv2D(3, 1, activation="softplus", name="other")(x)
    mean = L.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    highest = L.GlobalMaxPooling2D(name="highest")(x)
    yield from (mean, highest)
    for kind in (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum):
        yield kind(name=f"layer_{kind.__name__.lower()}")([x, y, x])
        yield kind(name=f"layer_{kind.__name__.lower()}_repeated")([x, mean])
    yield L.Subtract(name="layer_subtract")([x, y])
    yield L.Multiply(name="excited")([x, L.Reshape((1, 1, 3), name="shaped")(highest)])
    yield CustomScaleLayer(0.17, name="custom_scale")([x, y])


def operations(x):
    """Keras names them after what they do."""
    y = x + 3.0
    yield from (y, 2.0 - y, y - 0.5, y * 0.25, 3.0 * y, y / 4.0, -y, y + x, y * x, y - x, x / (y * y + 1.0))
    yield keras.ops.relu6(y) * (1.0 / 6.0)
    yield keras.ops.maximum(x, 0.0)
    yield keras.ops.minimum(x, y)
    yield keras.ops.sigmoid(x)
    yield keras.ops.silu(x)


def elementwise():
    image = L.Input((4, 5, 3), name="image")
    ends = [end for make in (activations, normalizations, merges, operations) for end in make(image)]
    return keras.Model(
        image, L.Concatenate(name="all")([L.Flatten()(end) for end in ends]), name="elementwise"
    )


def fill(model, random):
    for layer in model.layers:
        values = [random.uniform(0.2, 0.8, weight.shape).astype(np.float32) for weight in layer.weights]
        if layer.name == "normalized":
            values[2] = np.array(7)
        layer.set_weights(values)
        if layer.name == "normalized":
            layer.finalize_state()  # takes the weights up


def save(model, path):
    """As Keras does, and compressed."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def main():
    random = np.random.default_rng(11)
    model = elementwise()
    fill(model, random)
    save(model, HERE / "elementwise.keras")
    x = random.standard_normal((2, *model.input_shape[1:])).astype(np.float32)
    arrays = {"x": x}
    for each in model.operations:
        if each.name not in ("image", "all") and not each.name.startswith("flatten"):
            arrays[each.name] = keras.Model(model.inputs, each.output)(x).numpy()
    np.savez_compressed(HERE / "elementwise.npz", **arrays)


if __name__ == "__main__":
    main()
