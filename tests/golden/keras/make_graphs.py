#!/usr/bin/env python3
"""Freezes the small models of models/ with TensorFlow: graphs/NAME.pb, whose outputs are those of models.npz.

open.pb     a graph made by hand, with operations that Keras' layers do not give: its input's size is open
open.npz    x, and what TensorFlow gives for it
"""

import os
import pathlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

HERE = pathlib.Path(__file__).resolve().parent
GRAPHS = HERE / "graphs"


def frozen(function, *specs):
    return convert_variables_to_constants_v2(tf.function(function).get_concrete_function(*specs))


def write(name, concrete):
    (GRAPHS / f"{name}.pb").write_bytes(concrete.graph.as_graph_def().SerializeToString())
    print(name, sorted({node.op for node in concrete.graph.as_graph_def().node}))
    print("  ", concrete.inputs[0].name, [each.name for each in concrete.outputs])


def make_open():
    """Arithmetic with constants, padding, an unfused bias, a mean over the map: for images of any size."""
    random = np.random.default_rng(3)

    def numbers(*shape):
        return tf.constant(random.uniform(-0.5, 0.5, shape).astype(np.float32))

    def body(x):
        x = x / 127.5 - 1.0
        x = tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]])
        x = tf.nn.conv2d(x, numbers(3, 3, 3, 4), 2, "VALID") + numbers(4)
        x = tf.nn.leaky_relu(x, 0.1)
        y = tf.nn.depthwise_conv2d(x, numbers(3, 3, 4, 2), [1, 1, 1, 1], "SAME")
        y = tf.nn.relu6(tf.nn.bias_add(y, numbers(8)) * 3.0)
        x = tf.concat([x, y], -1) * numbers(12)
        x = tf.reduce_mean(x, [1, 2], keepdims=True)
        x = tf.squeeze(tf.nn.conv2d(x, numbers(1, 1, 12, 5), 1, "VALID"), [1, 2])
        x = tf.matmul(x, numbers(6, 5), transpose_b=True) + numbers(6)
        return tf.identity(tf.sigmoid(0.5 - x), name="odds")

    concrete = frozen(body, tf.TensorSpec([None, None, None, 3], tf.float32, name="sparkdl_image_input"))
    write("open", concrete)
    x = random.integers(0, 256, (3, 9, 8, 3)).astype(np.float32)
    np.savez_compressed(GRAPHS / "open.npz", x=x, y=concrete(tf.constant(x))[0].numpy())


def main():
    GRAPHS.mkdir(exist_ok=True)
    for name in ("branches", "chain", "table"):
        model = keras.models.load_model(HERE / "models" / f"{name}.keras", compile=False)
        spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name="x")
        write(name, frozen(lambda x, model=model: tf.identity(model(x, training=False), name="y"), spec))
    make_open()


if __name__ == "__main__":
    main()
