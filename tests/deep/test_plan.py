"""Names, shapes and choices of plan_network, against Keras' documented facts."""

import pytest

from pydeepl.deep.plan import model_names, plan_network

# sparkdl's input sizes and feature maps.
SPARKDL = {
    "InceptionV3": ((299, 299), (8, 8, 2048)),
    "Xception": ((299, 299), (10, 10, 2048)),
    "ResNet50": ((224, 224), (2048,)),
    "VGG16": ((224, 224), (7, 7, 512)),
    "VGG19": ((224, 224), (7, 7, 512)),
}


def test_the_five_networks_are_known():
    assert sorted(model_names()) == sorted(SPARKDL)


@pytest.mark.parametrize("name", SPARKDL)
def test_defaults_are_sparkdls(name):
    plan = plan_network(name)
    assert (plan.spec.inputSize, plan.spec.featureShape) == SPARKDL[name]
    assert not plan.includeTop
    assert plan.graph.layers[plan.output][3] == plan.spec.featureShape


@pytest.mark.parametrize("name", SPARKDL)
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling_gives_a_value_a_channel(name, pooling):
    plan = plan_network(name, pooling=pooling)
    assert plan.spec.featureShape == (512 if name.startswith("VGG") else 2048,)
    assert plan.spec.numFeatures == plan.spec.featureShape[0]
    kind, inputs = plan.graph.layers[plan.output][1:3]
    assert kind == {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[pooling]
    assert len(plan.graph.layers[inputs[0]][3]) == 3  # of a map, also for ResNet50


@pytest.mark.parametrize(
    "name, layer, shape, top",
    [
        ("InceptionV3", "mixed7", (17, 17, 768), False),
        ("InceptionV3", "avg_pool", (2048,), False),  # has no weights: the file without top is enough
        ("InceptionV3", "predictions", (1000,), True),
        ("ResNet50", "conv5_block3_out", (7, 7, 2048), False),
        ("VGG16", "fc2", (4096,), True),
        ("Xception", "block14_sepconv1_act", (10, 10, 1536), False),
    ],
)
def test_a_layer_by_keras_name(name, layer, shape, top):
    plan = plan_network(name, layer)
    assert (plan.spec.layer, plan.spec.featureShape, plan.includeTop) == (layer, shape, top)
    assert layer in plan.spec.layerNames


@pytest.mark.parametrize("name", [*SPARKDL, "inceptionv3", "ResNet-50", "VGG-16", None, 3])
def test_an_unknown_model_lists_the_known_and_suggests_the_nearest(name):
    if name in SPARKDL:
        name = name[:-1]
    with pytest.raises(
        ValueError, match=r"expected one of InceptionV3, Xception, ResNet50, VGG16, VGG19"
    ) as error:
        plan_network(name)
    near = {"inceptionv3": "InceptionV3", "ResNet-50": "ResNet50", "VGG-16": "VGG16"}.get(name)
    if near:
        assert f"did you mean {near}" in str(error.value)


def test_an_unknown_layer_suggests_near_ones():
    with pytest.raises(ValueError, match=r"layer 'mixed_7' is not in InceptionV3; did you mean mixed7"):
        plan_network("InceptionV3", "mixed_7")


def test_pooling_needs_a_map():
    with pytest.raises(ValueError, match=r"pooling 'max' needs a map .* 'predictions' gives \[1000\]"):
        plan_network("InceptionV3", "predictions", "max")


def test_an_unknown_pooling():
    with pytest.raises(ValueError, match="expected None, 'avg' or 'max'"):
        plan_network("VGG16", pooling="mean")
