#!/usr/bin/env python3
"""Makes keras2.h5 and keras2.keras of models/ with Keras 2 (tf_keras), and what they give: keras2.npz.

A model in a model in a model, each called twice, of two outputs; in keras2.h5 the innermost is the outer
model's, too, which Keras 2 itself cannot read from a .keras file. Operations on tensors and numbers, which it
writes as TFOpLambda; two inputs and two outputs.

Run it in an environment with tf_keras, which Keras 3 may stand beside.
"""

import os
import pathlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers as L

HERE = pathlib.Path(__file__).resolve().parent / "models"


def block():
    """A Functional model of two outputs, with a shared layer."""
    inside = L.Input((6, 5, 4), name="inside")
    shared = L.Conv2D(4, 3, padding="same", activation="relu", name="conv")
    x = L.BatchNormalization(name="norm")(shared(shared(inside)))
    return keras.Model(
        inside, [L.Add(name="sum")([x, inside]), L.MaxPooling2D(2, name="pool")(x)], name="block"
    )


def twice(inner):
    """A Sequential model, and a Functional one that calls another twice."""
    head = keras.Sequential([L.Dense(4, name="dense"), L.ReLU(6.0, name="relu"), L.Dropout(0.5)], name="head")
    x = inside = L.Input((6, 5, 4), name="inside")
    x, _ = inner(head(x))
    x, small = inner(head(x))
    return keras.Model(inside, [x, small], name="twice")


def model(shares):
    image, table = L.Input((6, 5, 3), name="image"), L.Input((4,), name="table")
    inner = block()
    outer = twice(inner)
    x = L.RandomFlip(name="flip")(L.Rescaling(0.5, name="scaled")(image))
    x = L.SeparableConv2D(4, 3, padding="same", name="stem")(x)
    x = x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)
    one, small = outer(x)
    two, smaller = outer(L.LeakyReLU(0.2, name="leaky")(one))
    _, direct = (inner if shares else outer)(two)
    gate = L.Reshape((1, 1, 4), name="gate")(L.Dense(4, activation="hard_sigmoid", name="squeezed")(table))
    x = L.Concatenate(name="all")(
        [L.Multiply(name="gated")([two, gate]), L.PReLU(shared_axes=[1, 2], name="prelu")(one)]
    )
    ends = [
        L.GlobalAveragePooling2D(name="mean")(x),
        L.Flatten(name="flat")(L.Add(name="maps")([small, smaller, direct])),
    ]
    odds = L.Dense(3, activation="softmax", name="odds")(L.Concatenate(name="ends")(ends))
    return keras.Model([image, table], [odds, two], name="old")


def main():
    arrays = {}
    for form, shares in (("h5", True), ("keras", False)):
        random = np.random.default_rng(21)
        made = model(shares)
        for weight in made.weights:
            values = random.uniform(-0.6, 0.6, weight.shape)
            weight.assign(abs(values) + 0.5 if "variance" in weight.name else values)
        made.save(HERE / f"keras2.{form}", save_format=form)
        image, table = (random.standard_normal((3, *shape)).astype(np.float32) for shape in ((6, 5, 3), (4,)))
        odds, two = made([image, table], training=False)
        arrays |= {f"{form}_image": image, f"{form}_table": table, f"{form}_odds": odds, f"{form}_map": two}
    np.savez_compressed(HERE / "keras2.npz", **arrays)


if __name__ == "__main__":
    main()
