"""precision="bfloat16" of Featurizer and DeepImageFeaturizer."""

import pickle

import numpy as np
import pytest

from pydeepl import DeepImageFeaturizer, Featurizer, _core
from pydeepl.cli import main
from pydeepl.deep import networks
from pydeepl.weights import network_params

BFLOAT16 = 1


@pytest.fixture
def lacking(monkeypatch):
    """A processor without it."""

    def check_precision(precision):
        if precision == BFLOAT16:
            raise NotImplementedError("needs a processor with AVX512_BF16")

    monkeypatch.setattr(networks._core, "check_precision", check_precision)


@pytest.fixture(scope="module")
def weights(random_weights):
    return random_weights("ResNet50")


def pictures(count):
    noise = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 3), np.uint8)
    return np.repeat(np.repeat(noise, 8, 1), 8, 2)


@pytest.mark.parametrize("exact", [False, True])
def test_features_are_those_of_the_cores_network(emulated_bfloat16, weights, exact):
    images = pictures(3)
    params, _ = network_params("ResNet50", weights)
    graph = _core.zoo_graph("ResNet50", False)
    preprocess = _core.zoo_spec("ResNet50")[3]
    algorithm = 1 if exact else 0
    core = _core.Network(graph, graph.find("avg_pool"), params, preprocess, 0, algorithm, BFLOAT16)
    expected = core.run(np.ascontiguousarray(images[:, :, :, ::-1]))
    featurizer = Featurizer("ResNet50", weights=weights, precision="bfloat16", exact=exact)
    found = featurizer(images)
    assert found.dtype == np.float32 and found.tobytes() == expected.tobytes()
    float32 = Featurizer("ResNet50", weights=weights)(images)
    cosine = np.sum(found * float32, 1) / np.linalg.norm(found, axis=1) / np.linalg.norm(float32, axis=1)
    assert cosine.min() > 0.999 and found.tobytes() != float32.tobytes()


def test_pickling_and_repeated_loading_keep_the_precision(emulated_bfloat16, weights):
    featurizer = Featurizer("ResNet50", weights=weights, precision="bfloat16")
    copy = pickle.loads(pickle.dumps(featurizer))
    assert copy.precision == "bfloat16"
    np.testing.assert_array_equal(copy(pictures(1)), featurizer(pictures(1)))
    assert copy._loaded is featurizer._loaded  # one network for both


def test_caches_keep_precisions_apart(emulated_bfloat16, weights, tmp_path):
    images = pictures(2)
    make = {
        name: Featurizer("ResNet50", weights=weights, precision=name, cache=tmp_path)
        for name in ("float32", "bfloat16")
    }
    first = {name: featurizer(images) for name, featurizer in make.items()}
    assert not np.array_equal(first["float32"], first["bfloat16"])
    for name, featurizer in make.items():
        np.testing.assert_array_equal(featurizer(images), first[name])
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_a_stage_keeps_the_param(tmp_path):
    stage = DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", precision="bfloat16"
    )
    stage.save(str(tmp_path / "stage"))
    loaded = DeepImageFeaturizer.load(str(tmp_path / "stage"))
    assert loaded.getOrDefault("precision") == "bfloat16"
    assert loaded.featurizer().precision == "bfloat16"


def test_a_processor_without_it_is_told_before_weights_are_sought(lacking):
    featurizer = Featurizer("ResNet50", weights="nowhere.h5", precision="bfloat16")
    with pytest.raises(NotImplementedError, match="needs a processor with AVX512_BF16"):
        featurizer(pictures(1))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Featurizer("ResNet50", weights="nowhere.h5")(pictures(1))


def test_the_bench_command(emulated_bfloat16, capsys):
    assert main(["bench", "ResNet50", "--batch", "1", "--seconds", "0", "--precision", "bfloat16"]) == 0
    assert capsys.readouterr().out.startswith("ResNet50, bfloat16, batches of 1, ")


def test_the_bench_command_on_a_processor_without_it(monkeypatch, capsys):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "0")
    try:
        _core.check_precision(BFLOAT16)
    except NotImplementedError:
        assert main(["bench", "ResNet50", "--precision", "bfloat16"]) == 1
        assert "needs a processor with AVX512_BF16 or AMX-BF16; found" in capsys.readouterr().err
