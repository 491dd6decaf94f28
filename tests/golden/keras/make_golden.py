#!/usr/bin/env python3
"""Makes the reference arrays of this folder with Keras and TensorFlow.

Usage: make_golden.py [NETWORK ...]

For each network of keras.applications, with and without its top:
  layers.json.gz  names, classes, output shapes and parameters of its layers, in the order of model.layers
  outputs.npz     what the model with the weights of random_weights.py gives for its pictures: a sample of
  each
                  image's output (at places drawn with a seed) and the norm of the whole
"""

import gzip
import json
import os
import pathlib
import sys

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import applications

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from random_weights import generator, parameter, pictures  # noqa: E402

SIZES = {"InceptionV3": 299, "Xception": 299, "ResNet50": 224, "VGG16": 224, "VGG19": 224}
MODULES = {
    "InceptionV3": "inception_v3",
    "Xception": "xception",
    "ResNet50": "resnet",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
}
IMAGES = 2
SAMPLE = 1000


def make_model(network, include_top):
    """The model in a fresh session; sparkdl's ResNet50 without top ended with the mean over the map."""
    keras.backend.clear_session()
    options = {"pooling": "avg"} if network == "ResNet50" and not include_top else {}
    size = SIZES[network]
    return getattr(applications, network)(
        weights=None, include_top=include_top, input_shape=(size, size, 3), **options
    )


def set_weights(network, model):
    """Gives the model the weights of random_weights.py."""
    for layer in model.layers:
        layer.set_weights([parameter(network, layer.name, w.name, tuple(w.shape)) for w in layer.weights])


def layer_table(model):
    return [
        [
            layer.name,
            type(layer).__name__,
            list(layer.output.shape[1:]),
            [[w.name, list(w.shape)] for w in layer.weights],
        ]
        for layer in model.layers
    ]


def run(network, model, images):
    """float32 [n, ...]: the model's output for uint8 BGR pictures."""
    rgb = images[..., ::-1].astype(np.float32)
    preprocess = getattr(applications, MODULES[network]).preprocess_input
    return np.asarray(model.predict(preprocess(rgb), batch_size=1, verbose=0))


def sample_places(network, include_top, size):
    """Sorted places in a flattened output."""
    random = generator(network, "top" if include_top else "notop", "sample")
    return np.sort(random.choice(size, min(SAMPLE, size), replace=False))


def main(networks):
    tables, outputs = {}, {}
    for network in networks or SIZES:
        images = pictures(network, IMAGES, SIZES[network], SIZES[network])
        for include_top in (False, True):
            key = f"{network}_{'top' if include_top else 'notop'}"
            model = make_model(network, include_top)
            tables[key] = layer_table(model)
            set_weights(network, model)
            output = run(network, model, images).reshape(IMAGES, -1)
            outputs[f"{key}_sample"] = output[:, sample_places(network, include_top, output.shape[1])]
            outputs[f"{key}_norm"] = np.linalg.norm(output.astype(np.float64), axis=1)
            apart = np.linalg.norm(output[0] - output[1]) / np.linalg.norm(output[0])
            print(key, outputs[f"{key}_norm"], "nonzero", np.mean(output != 0), "apart", apart, flush=True)
    with gzip.GzipFile(HERE / "layers.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(tables, separators=(",", ":")).encode())
    np.savez_compressed(HERE / "outputs.npz", **outputs)


if __name__ == "__main__":
    main(sys.argv[1:])
