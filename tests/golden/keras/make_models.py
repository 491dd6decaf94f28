#!/usr/bin/env python3
"""Makes the small models of models/ with Keras and TensorFlow, in each form of file, and what they give.

branches    functional: parallel branches, a shared layer, every kind of layer that load_model builds
chain       sequential, with layers that only training uses
table       sequential, on vectors
nested      models in models, shared ones too, one of two outputs; several inputs and a dictionary of outputs
lines       layers on [length, channels]
maps        groups, dilation, transposed convolutions, resizing, and layers that move values; two outputs
anysize     of images of any size
models.npz  for each: x, y = model(x), and the output of one inner layer; of lines and maps of every layer
"""

import os
import pathlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers as L

HERE = pathlib.Path(__file__).resolve().parent / "models"
INNER = {"branches": "joined", "chain": "pooled", "table": "norm", "anysize": "highest"}


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


def lines():
    x = line = L.Input((12, 6), name="line")
    causal = L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu", name="causal")(line)
    x = L.Conv1D(8, 4, strides=2, padding="same", groups=2, use_bias=False, name="grouped")(causal)
    x = L.BatchNormalization(name="norm")(x)
    wide = L.DepthwiseConv1D(3, depth_multiplier=2, padding="same", name="depthwise")(x)
    x = L.SeparableConv1D(5, 3, depth_multiplier=2, padding="same", name="separable")(wide)
    x = L.Conv1DTranspose(7, 4, strides=3, padding="same", name="transposed")(x)
    x = L.Conv1DTranspose(6, 3, strides=2, output_padding=1, name="padded_out")(x)
    x = L.Cropping1D((3, 5), name="cropped")(x)
    x = L.ZeroPadding1D((2, 1), name="padded")(x)
    x = L.MaxPooling1D(3, strides=2, padding="same", name="max")(x)
    x = L.AveragePooling1D(2, name="mean")(x)
    x = L.UpSampling1D(2, name="longer")(x)
    x = L.SpatialDropout1D(0.5)(L.Concatenate(axis=1, name="joined")([x, line]))
    ends = [L.GlobalAveragePooling1D(name="average")(x), L.GlobalMaxPooling1D(name="highest")(x)]
    x = L.RepeatVector(4, name="repeated")(L.Concatenate(name="ends")(ends))
    x = L.Dense(3, name="dense")(x)
    return keras.Model(line, L.Flatten(name="flat")(L.Permute((2, 1), name="turned")(x)), name="lines")


def maps():
    image = L.Input((10, 9, 6), name="image")
    x = L.Conv2D(12, 3, padding="same", groups=3, activation="relu", name="grouped")(image)
    x = L.DepthwiseConv2D(3, dilation_rate=2, padding="same", name="dilated")(x)
    x = L.BatchNormalization(name="norm")(x)
    x = L.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="transposed")(x)
    small = L.MaxPooling2D(3, name="small")(x)
    x = L.Conv2DTranspose(5, (4, 3), strides=(2, 3), output_padding=(1, 0), name="padded_out")(small)
    x = L.Conv2DTranspose(6, 5, strides=2, padding="same", output_padding=(0, 1), name="same_out")(x)
    x = L.Cropping2D(((1, 2), (0, 3)), name="cropped")(x)
    x = L.Resizing(9, 11, name="resized")(x)
    x = L.Resizing(6, 12, crop_to_aspect_ratio=True, name="in_ratio")(x)
    x = L.Resizing(5, 20, interpolation="nearest", name="nearest")(x)
    x = L.UpSampling2D((2, 1), name="repeated")(x)
    x = L.UpSampling2D((1, 2), interpolation="bilinear", name="smooth")(x)
    x = L.Permute((3, 1, 2), name="turned")(x)
    x = L.Concatenate(axis=2, name="wide")([x, x])
    x = L.Concatenate(axis=1, name="high")([x, x])
    x = L.Reshape((-1, 4, 10), name="shaped")(x)
    parts = L.Reshape((6, 6, 2, 4), name="parts")(small)
    x = L.Conv2D(4, 1, name="last")(x)
    turned = L.Permute((1, 3, 2, 4), name="shuffled")(parts)
    return keras.Model(image, [x, L.Flatten(name="flat")(turned)], name="maps")


def nested():
    inside = L.Input((4,), name="inside")
    first = L.BatchNormalization(name="norm")(L.Dense(4, activation="relu", name="first")(inside))
    block = keras.Model(inside, [first, L.Dense(3, name="second")(first)], name="block")
    twice = keras.Sequential([L.Dense(4, name="first"), L.ReLU(name="relu")], name="twice")
    features = L.Input((4,), name="features")
    one, two = block(twice(twice(features)))
    outer = keras.Model(features, {"one": one, "two": two}, name="outer")
    pixels, table = L.Input((5, 5, 3), name="pixels"), L.Input((4,), name="table")
    stem = keras.Sequential([L.Input((5, 5, 3)), L.Conv2D(4, 3, name="conv")], name="stem")
    seen = L.GlobalAveragePooling2D(name="seen")(stem(pixels))
    a, b = outer(L.Dense(4, name="before")(table)), outer(seen)
    ends = {"sum": L.Add(name="sum")([a["one"], b["one"]]), "parts": b["two"], "map": stem(pixels)}
    return keras.Model([pixels, table], ends, name="nested")


def anysize():
    image = L.Input((None, None, 3), name="image")
    x = L.Conv2D(4, 3, strides=2, activation="relu", name="conv")(image)
    x = L.SeparableConv2D(5, 3, padding="same", name="separable")(x)
    return keras.Model(
        image, L.Dense(2, name="scores")(L.GlobalMaxPooling2D(name="highest")(x)), name="anysize"
    )


def fill(layers, random):
    """Random weights; the one of a shared layer that comes last stays."""
    for layer in layers:
        if hasattr(layer, "layers"):
            fill(layer.layers, random)
            continue
        values = [random.uniform(-0.6, 0.6, weight.shape).astype(np.float32) for weight in layer.weights]
        if layer.weights and "variance" in layer.weights[-1].path:
            values[-1] = abs(values[-1]) + np.float32(0.5)
        layer.set_weights(values)


def save(model, every_form=True):
    name = model.name
    model.save(HERE / f"{name}.keras")
    if every_form:
        model.save(HERE / f"{name}.h5")
        model.save_weights(HERE / f"{name}.weights.h5")
        (HERE / f"{name}.json").write_text(model.to_json())


def numbers(random, shape):
    return random.standard_normal((3, *(extent or 9 for extent in shape[1:]))).astype(np.float32)


def add_simple(arrays, make):
    random = np.random.default_rng(7)
    model = make()
    fill(model.layers, random)
    x = numbers(random, model.input_shape)
    inner = keras.Model(model.inputs, model.get_layer(INNER[model.name]).output)
    name = model.name
    arrays |= {f"{name}_x": x, f"{name}_y": model(x).numpy(), f"{name}_inner": inner(x).numpy()}
    save(model, every_form=name != "anysize")


def add_layers(arrays, make):
    """What every layer gives."""
    random = np.random.default_rng(8)
    model = make()
    fill(model.layers, random)
    x = numbers(random, model.input_shape)
    arrays[f"{model.name}_x"] = x
    for layer in model.layers[1:]:
        arrays[f"{model.name}_{layer.name}"] = keras.Model(model.inputs, layer.output)(x).numpy()
    save(model, every_form=False)


def add_nested(arrays):
    random = np.random.default_rng(9)
    model = nested()
    fill(model.layers, random)
    x = [numbers(random, shape.shape) for shape in model.inputs]
    arrays |= {"nested_pixels": x[0], "nested_table": x[1]}
    arrays |= {f"nested_{name}": values.numpy() for name, values in model(x).items()}
    save(model)


def main():
    HERE.mkdir(exist_ok=True)
    arrays = {}
    for make in (branches, chain, table, anysize):
        add_simple(arrays, make)
    for make in (lines, maps):
        add_layers(arrays, make)
    add_nested(arrays)
    np.savez_compressed(HERE / "models.npz", **arrays)


if __name__ == "__main__":
    main()
