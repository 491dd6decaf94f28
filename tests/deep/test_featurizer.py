"""Featurizer on arrays, against the core's network run by hand on pixels resized by hand."""

import gc
import io
import os
import pickle
import signal
import threading

import numpy as np
import pytest
from image.synthetic import encoded
from PIL import Image

from pydeepl import Featurizer, _core
from pydeepl.deep import networks
from pydeepl.weights import network_params

AREA = 16  # java.awt.Image.SCALE_AREA_AVERAGING


def picture(seed, height=40, width=50, channels=3):
    """Smooth noise, so that resizing keeps something of it."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 5, width // 5, channels), np.uint8)
    return np.repeat(np.repeat(noise, 5, 0), 5, 1)


@pytest.fixture(scope="module")
def weights(random_weights):
    return random_weights("ResNet50")


@pytest.fixture(scope="module")
def by_hand(weights):
    """BGR images -> the features that one network run after another gives, image by image."""
    params, _ = network_params("ResNet50", weights)
    graph = _core.zoo_graph("ResNet50", False)
    preprocess = _core.zoo_spec("ResNet50")[3]
    network = _core.Network(graph, graph.find("avg_pool"), params, preprocess, 0)

    def features(images):
        small = [_core.resize(np.ascontiguousarray(image), 224, 224, AREA) for image in images]
        return np.concatenate([network.run(image[None]) for image in small])

    return features


@pytest.fixture(scope="module")
def featurizer(weights):
    return Featurizer("ResNet50", weights=weights, batchSize=4)


def test_exact_features_are_direct_sums(weights):
    images = [np.random.default_rng(seed).integers(0, 256, (224, 224, 3), np.uint8) for seed in range(2)]
    params, _ = network_params("ResNet50", weights)
    graph = _core.zoo_graph("ResNet50", False)
    preprocess = _core.zoo_spec("ResNet50")[3]
    direct = _core.Network(graph, graph.find("avg_pool"), params, preprocess, 0, 1)
    expected = direct.run(np.stack([image[:, :, ::-1] for image in images]))
    exact, fast = (Featurizer("ResNet50", weights=weights, exact=exact) for exact in (True, False))
    assert exact(images).tobytes() == expected.tobytes()
    assert fast(images).tobytes() != expected.tobytes()  # another network, though the weights are the same
    assert_same(fast(images), expected)
    assert pickle.loads(pickle.dumps(exact)).exact is True


def test_fast_decoding_takes_reduced_jpegs(featurizer, weights):
    large, small = encoded(picture(1, 900, 700), "JPEG"), encoded(picture(2, 300, 400), "JPEG")
    fast = Featurizer("ResNet50", weights=weights, batchSize=4, fastDecode=True)
    half = _core.jpeg_decode(large, 0, 224, 224)
    assert half.shape == (450, 350, 3)
    np.testing.assert_array_equal(
        fast([large, small]), featurizer([np.ascontiguousarray(half[..., ::-1]), small])
    )
    assert pickle.loads(pickle.dumps(fast)).fastDecode is True and featurizer.fastDecode is False


def assert_same(features, expected):
    """Equal but for the order of additions, which may differ between batch sizes."""
    assert features.dtype == np.float32
    assert features.shape == expected.shape
    error = np.linalg.norm(features - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() <= 1e-5


@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_arrays_of_any_number(featurizer, by_hand, count):
    images = [picture(seed, 35 + 5 * seed) for seed in range(count)]
    assert_same(featurizer(images), by_hand([image[:, :, ::-1] for image in images]))


def test_no_images(featurizer):
    assert featurizer([]).shape == (0, 2048)


def test_different_images_have_different_features(featurizer):
    first, second = featurizer([picture(1), picture(2)])
    assert np.linalg.norm(first - second) > 0.01 * np.linalg.norm(first)


def test_a_4d_array_is_a_list_of_images(featurizer):
    images = np.stack([picture(1), picture(2)])
    np.testing.assert_array_equal(featurizer(images), featurizer(list(images)))


def test_channel_orders_and_counts(weights, featurizer, by_hand):
    rgb, gray, rgba = picture(1), picture(2, channels=1), picture(3, channels=4)
    bgr = Featurizer("ResNet50", weights=weights, channelOrder="BGR")
    expected = by_hand([rgb[:, :, ::-1], gray, rgba[:, :, [2, 1, 0, 3]]])
    assert_same(featurizer([rgb, gray, rgba]), expected)
    assert_same(bgr([rgb[:, :, ::-1], gray, rgba[:, :, [2, 1, 0, 3]]]), expected)


def test_paths_and_bytes_and_arrays_of_one_picture(featurizer, tmp_path):
    rgb = picture(5)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    path = tmp_path / "ein Bild, größer.png"
    path.write_bytes(buffer.getvalue())
    features = featurizer([path, str(path), buffer.getvalue(), rgb])
    for row in features:
        assert_same(row[None], features[:1])


def test_a_jpeg_is_read_as_pillow_reads_it(featurizer, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(6)).save(path, quality=90)
    assert_same(featurizer([path]), featurizer([np.asarray(Image.open(path))]))


def test_scale_hints(weights, featurizer):
    images = [picture(1, 45, 55)]
    fast = Featurizer("ResNet50", weights=weights, scaleHint="SCALE_FAST")
    assert np.abs(fast(images) - featurizer(images)).max() > 0
    with pytest.raises(ValueError, match="SCALE_AREA_AVERAGING"):
        Featurizer("ResNet50", scaleHint="SCALE_BEST")


def test_layer_and_pooling_against_numpy(weights):
    images = [picture(1), picture(2)]
    whole = Featurizer("ResNet50", weights=weights, layer="conv4_block6_out")
    maps = whole(images).reshape(2, *whole.spec.featureShape)
    assert maps.shape == (2, 14, 14, 1024)
    for pooling, pool in (("avg", np.mean), ("max", np.max)):
        pooled = Featurizer("ResNet50", weights=weights, layer="conv4_block6_out", pooling=pooling)
        assert_same(pooled(images), pool(maps, axis=(1, 2)))


def test_resnets_own_pooling_can_be_replaced(weights, featurizer):
    images = [picture(1), picture(2)]
    maps = Featurizer("ResNet50", weights=weights, layer="conv5_block3_out")(images).reshape(2, 7, 7, 2048)
    assert_same(featurizer(images), maps.mean(axis=(1, 2)))
    assert_same(Featurizer("ResNet50", weights=weights, pooling="max")(images), maps.max(axis=(1, 2)))


def test_poolings_of_one_layer_are_two_networks_at_a_time(weights):
    maxima = Featurizer("ResNet50", weights=weights, layer="conv1_relu", pooling="max")
    means = Featurizer("ResNet50", weights=weights, layer="conv1_relu", pooling="avg")
    assert (maxima([picture(1)]) > means([picture(1)])).all()  # both are loaded now


def test_out_is_written_in_place(featurizer):
    images = [picture(seed) for seed in range(6)]
    out = np.zeros((6, 2048), np.float32)
    assert featurizer(images, out=out) is out
    assert_same(out, featurizer(images))
    for wrong in (np.zeros((5, 2048), np.float32), np.zeros((6, 2048)), np.zeros((2048, 6), np.float32).T):
        with pytest.raises(ValueError, match=r"out must be a C-contiguous float32 array \(6, 2048\)"):
            featurizer(images, out=wrong)


def test_the_spec_is_known_without_weights():
    featurizer = Featurizer("Xception")
    assert featurizer.spec.inputSize == (299, 299)
    assert featurizer.spec.featureShape == (10, 10, 2048)
    assert featurizer.spec.numFeatures == 204800
    assert featurizer.spec.layer == featurizer.spec.layerNames[-3]  # before avg_pool and predictions


def test_a_failed_image_is_named_with_its_reason(featurizer, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "not an image.jpg"
    Image.fromarray(picture(1)).save(good)
    bad.write_text("text")
    with pytest.raises(ValueError, match=r"not an image\.jpg: "):
        featurizer([good, bad, good])
    with pytest.raises(ValueError, match="image 1: "):
        featurizer([good, b"\x89PNG\r\n\x1a\n"])
    with pytest.raises((ValueError, OSError), match=r"missing\.png"):
        featurizer([good, tmp_path / "missing.png"])
    assert featurizer([good]).shape == (1, 2048)  # and it goes on


def test_wrong_arguments(featurizer):
    for arguments, text in [
        ({"precision": "float16"}, "precision 'float16' is unknown: expected 'float32' or 'bfloat16'"),
        ({"pooling": "mean"}, "expected None, 'avg' or 'max'"),
        ({"layer": "conv4"}, "layer 'conv4' is not in ResNet50"),
        ({"batchSize": 0}, "batchSize must be at least 1, got 0"),
        ({"threads": -1}, "threads must be at least 1, got -1"),
        ({"channelOrder": "GBR"}, "expected 'RGB' or 'BGR'"),
    ]:
        with pytest.raises(ValueError, match=text):
            Featurizer("ResNet50", **arguments)
    with pytest.raises(ValueError, match="did you mean ResNet50"):
        Featurizer("Resnet50")
    with pytest.raises(TypeError, match="batchSize must be a whole number"):
        Featurizer("ResNet50", batchSize=2.5)


def test_wrong_images(featurizer):
    for images, kind, text in [
        ("a.png", TypeError, "must be a list of images"),
        ([picture(1).astype(np.float32)], ValueError, r"image 0: expected uint8.*got float32 \[40, 50, 3\]"),
        ([picture(1), picture(1)[:, :, 0]], ValueError, r"image 1: expected uint8.*got uint8 \[40, 50\]"),
        ([np.zeros((5, 5, 2), np.uint8)], ValueError, "1, 3 or 4 channels"),
        ([np.zeros((0, 5, 3), np.uint8)], ValueError, r"got uint8 \[0, 5, 3\]"),
        ([None], TypeError, "image 0: expected a path, bytes or a uint8 array, got NoneType"),
    ]:
        with pytest.raises(kind, match=text):
            featurizer(images)


def test_wrong_weights(random_weights, tmp_path):
    with pytest.raises(ValueError, match=r"ResNet50|conv1_conv|layer"):
        Featurizer("ResNet50", weights=random_weights("VGG16"))([picture(1)])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        Featurizer("ResNet50", weights=tmp_path / "nowhere.h5")([picture(1)])


def test_the_source_of_the_weights_is_told(featurizer, weights):
    assert str(weights) in featurizer.load()


def test_networks_are_shared_and_released(weights, monkeypatch):
    loads = []
    load = networks._load
    monkeypatch.setattr(networks, "_load", lambda *arguments: loads.append(1) or load(*arguments))
    before = len(networks._networks)
    first = Featurizer("ResNet50", weights=weights, threads=1)
    second = Featurizer("ResNet50", weights=str(weights), threads=1, batchSize=2, channelOrder="BGR")
    first([picture(1)]), second([picture(1)])
    assert len(loads) == 1
    other = Featurizer("ResNet50", weights=weights, threads=1, pooling="max")
    other.load()
    assert len(loads) == 2
    del first, second, other
    gc.collect()
    assert len(networks._networks) == before


def test_a_replaced_file_is_another_network(random_weights, tmp_path):
    path = tmp_path / "ResNet50.safetensors"
    path.write_bytes(random_weights("ResNet50").read_bytes())
    old = Featurizer("ResNet50", weights=path)
    before = old([picture(1)])
    path.unlink()
    path.write_bytes(random_weights("ResNet50", seed=1).read_bytes())
    assert np.abs(Featurizer("ResNet50", weights=path)([picture(1)]) - before).max() > 1e-3


def test_pickling_keeps_the_parameters(featurizer, weights):
    copy = pickle.loads(pickle.dumps(featurizer))
    assert (copy.modelName, copy.batchSize, copy.weights) == ("ResNet50", 4, str(weights))
    assert_same(copy([picture(1)]), featurizer([picture(1)]))


def test_several_threads_at_once(featurizer):
    images = [[picture(10 * thread + index) for index in range(5)] for thread in range(4)]
    expected = [featurizer(each) for each in images]
    answers = [None] * 4

    def work(index):
        answers[index] = featurizer(images[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer, features in zip(answers, expected, strict=True):
        assert_same(answer, features)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_featurizes_too(featurizer):
    images = [picture(seed) for seed in range(5)]
    expected = featurizer(images)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs dies, and so fails the test
        try:
            os.write(writer, np.float64(np.abs(featurizer(images) - expected).max()).tobytes())
            os._exit(0)
        except BaseException:
            os._exit(1)
    os.close(writer)
    answer = os.read(reader, 8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.frombuffer(answer)[0] <= 1e-4
    assert_same(featurizer(images), expected)
