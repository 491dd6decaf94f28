#!/usr/bin/env python3
"""Makes the small models of models/ with Keras and TensorFlow, in each form of file, and what they give.

branches    functional: parallel branches, a shared layer, every kind of layer that load_model builds
chain       sequential, with layers that only training uses
table       sequential, on vectors
models.npz  for each: x, y = model(x), and the output of one inner layer
"""

import os
import pathlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers as L

HERE = pathlib.Path(__file__).resolve().parent / "models"
INNER = {"branches": "joined", "chain": "pooled", "table": "norm"}


def branches():
    x = image = L.Input((12, 10, 3), name="image")
    x = L.ZeroPadding2D(((1, 0), (0, 2)), name="padded")(x)
    x = L.Conv2D(6, (3, 2), strides=(2, 1), padding="same", use_bias=False, name="stem")(x)
    x = L.ReLU(name="stem_relu")(L.BatchNormalization(name="stem_bn", epsilon=1e-2)(x))
    shared = L.Conv2D(6, 3, padding="same", activation="relu", name="shared")
    left = shared(x)
    right = shared(L.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    right = L.SeparableConv2D(6, 3, padding="same", dilation_rate=2, name="separable")(right)
    x = L.Add(name="joined")([left, right, x])
    small = L.MaxPooling2D(2, padding="same", name="max")(x)
    mean = L.AveragePooling2D((2, 2), strides=2, padding="same", name="mean")(x)
    x = L.Concatenate(name="both")([small, mean])
    flat = L.Flatten(name="flat")(L.Activation("relu", name="again")(x))
    x = L.Concatenate(name="ends")([flat, L.GlobalMaxPooling2D(name="highest")(x)])
    return keras.Model(image, L.Softmax(name="odds")(L.Dense(4, name="scores")(x)), name="branches")


def chain():
    return keras.Sequential(
        [
            L.Input((9, 9, 2)),
            L.GaussianNoise(0.5),
            L.Conv2D(5, 3, dilation_rate=2, name="first"),
            L.BatchNormalization(scale=False, name="norm"),
            L.Activation("relu"),
            L.SpatialDropout2D(0.4),
            L.GlobalAveragePooling2D(name="pooled"),
            L.Dropout(0.5),
            L.Dense(3, activation="softmax", name="odds"),
        ],
        name="chain",
    )


def table():
    return keras.Sequential(
        [
            L.Input((11,)),
            L.Dense(24, activation="relu", name="wide"),
            L.BatchNormalization(name="norm"),
            L.Dense(7, name="narrow"),
            L.ReLU(),
            L.Dropout(0.5),
            L.Dense(3, activation="softmax", name="odds"),
        ],
        name="table",
    )


def fill(model, random):
    for layer in model.layers:
        values = [random.uniform(-0.6, 0.6, weight.shape).astype(np.float32) for weight in layer.weights]
        if layer.weights and "variance" in layer.weights[-1].path:
            values[-1] = abs(values[-1]) + np.float32(0.5)
        layer.set_weights(values)


def main():
    HERE.mkdir(exist_ok=True)
    arrays = {}
    for make in (branches, chain, table):
        random = np.random.default_rng(7)
        model = make()
        fill(model, random)
        name = model.name
        x = random.standard_normal((3, *model.input_shape[1:])).astype(np.float32)
        inner = keras.Model(model.inputs, model.get_layer(INNER[name]).output)
        arrays |= {f"{name}_x": x, f"{name}_y": model(x).numpy(), f"{name}_inner": inner(x).numpy()}
        model.save(HERE / f"{name}.keras")
        model.save(HERE / f"{name}.h5")
        model.save_weights(HERE / f"{name}.weights.h5")
        (HERE / f"{name}.json").write_text(model.to_json())
    np.savez_compressed(HERE / "models.npz", **arrays)


if __name__ == "__main__":
    main()
