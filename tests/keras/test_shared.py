"""Real trained weights of the developers' shared folder, in the official files' layout."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pydeepl import _core
from pydeepl.keras import graph_layers, keras_order
from pydeepl.weights import network_params
from pydeepl.weights.registry import official_file

pytestmark = pytest.mark.shared

SHARED = Path(__file__).parents[3] / "shared" / "weights"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("weights")
    subprocess.run([sys.executable, SHARED / "make_h5.py", out], check=True, capture_output=True)
    return out


def test_vgg16(folder):
    params = network_params("VGG16", folder / official_file("VGG16", False).name).params
    stored = np.load(SHARED / "vgg16_imagenet" / "vgg16_notop.npz")
    assert len(params) == len(stored.files)
    layers = [layer for layer in graph_layers(_core.zoo_graph("VGG16", False)) if layer.params]
    for index, layer in enumerate(layers):
        np.testing.assert_array_equal(params[2 * index], stored[f"{layer.name}_W_1"])
        np.testing.assert_array_equal(params[2 * index + 1], stored[f"{layer.name}_b_1"])


def test_inception_v3_numbers_agree_with_the_order(folder):
    """Names number the layers as they were made, and so tell branches of one shape apart."""
    path = folder / official_file("InceptionV3", False).name
    layers = graph_layers(_core.zoo_graph("InceptionV3", False))
    ordered = [layers[index].name for index in keras_order(layers) if layers[index].params]
    with h5py.File(path) as file:
        names = [n for n in file.attrs["layer_names"] if len(file[n].attrs["weight_names"])]
    number = {name: int(name.rpartition("_")[2]) if name[-1].isdigit() else 0 for name in ordered + names}
    for kind in ("conv2d", "batch_normalization"):
        ours = [number[name] for name in ordered if name.startswith(kind)]
        theirs = [number[name] for name in names if name.startswith(kind)]
        assert np.argsort(ours).tolist() == np.argsort(theirs).tolist()
    assert len(network_params("InceptionV3", path).params) == 376
