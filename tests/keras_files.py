"""Writes small models' weights in the layouts of Keras' files, with h5py alone."""

import io
import json
import zipfile
from collections import Counter

import h5py
import numpy as np

from pydeepl import _core
from pydeepl.keras import graph_layers, keras_order
from pydeepl.keras.order import snake_case


def small_graph(include_top=True, classes=5):
    """Two branches of different length, so that Keras' order differs from the order of building."""
    graph = _core.Graph()
    x = graph.input("pixels", 8, 8, 3)
    x = graph.conv2d("first", x, 4, (3, 3), use_bias=False)
    x = graph.batch_norm("first_bn", x, scale=False)
    x = graph.activation("first_relu", x, "relu")
    short = graph.conv2d("short", x, 4, (1, 1))
    long = graph.conv2d("long_1", x, 4, (1, 1))
    long = graph.separable_conv2d("long_2", long, 4, (3, 3), padding="same")
    long = graph.batch_norm("long_bn", long)
    x = graph.concat("both", [short, long])
    if include_top:
        x = graph.global_avg_pool("avg_pool", x)
        graph.dense("predictions", x, classes, activation="softmax")
    return graph


def split_layers(classes=5):
    """(all layers, those of the top) of the small graph."""
    layers = graph_layers(small_graph(True, classes))
    base = len(graph_layers(small_graph(False)))
    return layers, layers[base:]


def random_params(layers, seed=0):
    """{layer: [(parameter, float32 array)]} of the layers that have parameters."""
    random = np.random.default_rng(seed)
    return {
        layer.name: [
            (name, random.random(shape, np.float32) + np.float32(0.5)) for name, shape in layer.params
        ]
        for layer in layers
        if layer.params
    }


def flat(params, layers):
    """The arrays over all layers in order of building."""
    return [array for layer in layers if layer.params for _, array in params[layer.name]]


def in_order(layers):
    return [layers[index] for index in keras_order(layers)]


def write_legacy(group, layers, params, rename=None, weight_name="{layer}/{param}:0"):
    """The legacy layout into an open group, with names changed by `rename`."""
    names = []
    for layer in in_order(layers):
        name = rename(layer.name) if rename else layer.name
        names.append(name)
        inner = group.create_group(name)
        stored = [
            (weight_name.format(layer=name, param=param), array)
            for param, array in params.get(layer.name, [])
        ]
        for weight, array in stored:
            inner[weight] = array
        inner.attrs["weight_names"] = _names([weight for weight, _ in stored])
    group.attrs["layer_names"] = _names(names)


def _names(names):
    """Strings of fixed length, as in the official files; Keras 3 writes strings of their own length."""
    return np.array([name.encode() for name in names], "S")


def write_weights_h5(group, layers, params, container="layers", titles=True):
    """The layout of Keras 3 into an open group."""
    counts = Counter()
    outer = group.create_group(container)
    for layer in in_order(layers):
        kind = snake_case(layer.kind)
        name = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
        variables = outer.create_group(f"{name}/vars")
        if titles:
            variables.attrs["name"] = layer.name
        for index, (_, array) in enumerate(params.get(layer.name, [])):
            variables[str(index)] = array


def write_keras(path, layers, params, compression=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        write_weights_h5(file, layers, params)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", data.getvalue())


def write_padding_model(path, shape=(4, 5, 3)):
    """A whole model without weights, whose output is an image: zeros, 1 wide, around its input."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "image", "batch_input_shape": [None, *shape]}},
        {
            "class_name": "ZeroPadding2D",
            "config": {"name": "padded", "padding": [[1, 1], [1, 1]], "data_format": "channels_last"},
        },
    ]
    config = {"class_name": "Sequential", "config": {"name": "frame", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = _names(["image", "padded"])
        for name in ("image", "padded"):
            weights.create_group(name).attrs["weight_names"] = _names([])
    return str(path)
