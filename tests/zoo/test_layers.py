"""The five networks are Keras', layer for layer: golden/keras/layers.json.gz is what live Keras said."""

import gzip
import json
from pathlib import Path

import pytest

from pydeepl import _core
from pydeepl.keras import graph_layers, keras_order

pytestmark = pytest.mark.core

GOLDEN = Path(__file__).parents[1] / "golden" / "keras" / "layers.json.gz"
TABLES = json.loads(gzip.decompress(GOLDEN.read_bytes()))
NETWORKS = ["InceptionV3", "Xception", "ResNet50", "VGG16", "VGG19"]


def test_names():
    assert _core.zoo_names() == NETWORKS


@pytest.mark.parametrize("include_top", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_layers_and_their_order_are_those_of_keras(network, include_top):
    layers = graph_layers(_core.zoo_graph(network, include_top))
    assert sorted(keras_order(layers)) == list(range(len(layers)))
    ordered = [layers[index] for index in keras_order(layers)]
    table = [
        [layer.name, layer.kind, list(layer.shape), [[name, list(shape)] for name, shape in layer.params]]
        for layer in ordered
    ]
    assert table == TABLES[f"{network}_{'top' if include_top else 'notop'}"]


@pytest.mark.parametrize(
    "network, spec, features",
    [
        ("InceptionV3", (299, 299, 1, "mixed10"), 131072),
        ("Xception", (299, 299, 1, "block14_sepconv2_act"), 204800),
        ("ResNet50", (224, 224, 2, "avg_pool"), 2048),
        ("VGG16", (224, 224, 2, "block5_pool"), 25088),
        ("VGG19", (224, 224, 2, "block5_pool"), 25088),
    ],
)
def test_spec_is_that_of_sparkdl(network, spec, features):
    assert _core.zoo_spec(network) == (network, *spec)
    for include_top in (False, True):
        graph = _core.zoo_graph(network, include_top)
        layer = graph_layers(graph)[graph.find(spec[-1])]
        size = 1
        for length in layer.shape:
            size *= length
        assert size == features


@pytest.mark.parametrize("name", ["", "inceptionv3", "VGG", "VGG16 "])
def test_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="InceptionV3, Xception, ResNet50, VGG16 or VGG19"):
        _core.zoo_graph(name, False)
    with pytest.raises(ValueError, match="unknown network"):
        _core.zoo_spec(name)
    with pytest.raises(TypeError):
        _core.zoo_spec(None)
