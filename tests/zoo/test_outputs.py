"""The five networks give Keras' numbers: relative L2 error at most 1e-5 for each image.

The references (golden/keras/outputs.npz, made by make_golden.py beside it) hold a sample of each output and
the norm of the whole; the weights are drawn anew from the same seeds.
"""

from pathlib import Path

import numpy as np
import pytest
from golden.keras.random_weights import generator, parameters, pictures

from pydeepl import _core

AUTO, DIRECT = 0, 1  # algorithms of a Network
TOLERANCE = 1e-5  # the project's bound for float32 features
IMAGES, SAMPLE = 2, 1000
# Under the sanitizers two networks, which have the kinds of layers of all five.
SOME_CORE = [pytest.param(name, marks=pytest.mark.core) for name in ("InceptionV3", "Xception")]
SOME_CORE += ["ResNet50", "VGG16", "VGG19"]
GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "keras" / "outputs.npz")


def network_of(name, include_top, algorithm=AUTO):
    """The network with the weights of the references, up to its last layer, and its pictures."""
    _, height, width, preprocess, _ = _core.zoo_spec(name)
    graph = _core.zoo_graph(name, include_top)
    params = parameters(name, graph.layers)
    network = _core.Network(graph, len(graph.layers) - 1, params, preprocess, 0, algorithm)
    return network, pictures(name, IMAGES, height, width)


def check(name, include_top, outputs, image):
    """Each row of outputs is what golden image `image[row]` gives."""
    key = f"{name}_{'top' if include_top else 'notop'}"
    outputs = outputs.reshape(len(outputs), -1)
    random = generator(name, "top" if include_top else "notop", "sample")
    places = np.sort(random.choice(outputs.shape[1], min(SAMPLE, outputs.shape[1]), replace=False))
    expected = GOLDEN[f"{key}_sample"].astype(np.float64)[image]
    errors = np.linalg.norm(outputs[:, places] - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() <= TOLERANCE
    norms, expected = np.linalg.norm(outputs.astype(np.float64), axis=1), GOLDEN[f"{key}_norm"][image]
    np.testing.assert_allclose(norms, expected, rtol=TOLERANCE)


@pytest.mark.parametrize("name", SOME_CORE)
def test_features(name):
    network, images = network_of(name, False)
    for batch in (1, 3, 17):
        image = np.arange(batch) % IMAGES if batch > 1 else np.array([1])
        check(name, False, network.run(images[image]), image)


@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50"])
def test_features_by_direct_sums_alone(name):
    network, images = network_of(name, False, DIRECT)
    check(name, False, network.run(images), np.arange(IMAGES))
    assert not any("winograd" in implementation for _, _, implementation, _ in network.steps(IMAGES))


# VGG's tops have 124 million parameters each, and differ in nothing but the base.
@pytest.mark.parametrize("name", ["InceptionV3", "Xception", "ResNet50", "VGG16"])
def test_classes(name):
    network, images = network_of(name, True)
    outputs = network.run(images)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    check(name, True, outputs, np.arange(IMAGES))
