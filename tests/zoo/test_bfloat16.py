"""The five networks in bfloat16 beside float32: on random weights, and on trained ones with photographs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden.keras.random_weights import parameters, pictures

from pydeepl import Featurizer, _core
from pydeepl.weights.registry import official_file

AUTO, DIRECT = 0, 1  # algorithms of a Network
FLOAT32, BFLOAT16 = 0, 1
LEAST_COSINE = 0.999  # the project's bound for bfloat16 features
SHARED = Path(__file__).parents[3] / "shared"

pytestmark = pytest.mark.usefixtures("emulated_bfloat16")


def cosines(a, b):
    a, b = (np.reshape(x, (len(x), -1)).astype(np.float64) for x in (a, b))
    return np.sum(a * b, 1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("algorithm", [AUTO, DIRECT])
@pytest.mark.parametrize("name", ["InceptionV3", "Xception", "ResNet50", "VGG16", "VGG19"])
def test_features_on_random_weights(name, algorithm):
    _, height, width, preprocess, _ = _core.zoo_spec(name)
    graph = _core.zoo_graph(name, False)
    params, images = parameters(name, graph.layers), pictures(name, 2, height, width)
    output = len(graph.layers) - 1
    expected = _core.Network(graph, output, params, preprocess, 0, DIRECT, FLOAT32).run(images)
    network = _core.Network(graph, output, params, preprocess, 0, algorithm, BFLOAT16)
    assert cosines(network.run(images), expected).min() > LEAST_COSINE
    for layer, _, implementation, _ in network.steps(2):
        assert "ref" not in implementation, f"{layer}: {implementation}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    make = SHARED / "weights" / "make_h5.py"
    subprocess.run([sys.executable, make, folder], check=True, capture_output=True)
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("name", ["InceptionV3", "VGG16"])
def test_features_of_photographs_on_trained_weights(name, trained):
    photographs = sorted(
        path for path in (SHARED / "data" / "flowers").iterdir() if path.suffix in (".jpg", ".png")
    )
    assert len(photographs) == 4
    weights = trained / official_file(name, False).name
    expected = Featurizer(name, weights=weights, exact=True)(photographs)
    for exact in (False, True):
        found = Featurizer(name, weights=weights, precision="bfloat16", exact=exact)(photographs)
        assert cosines(found, expected).min() > LEAST_COSINE
