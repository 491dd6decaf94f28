"""Featurizer and DeepImageFeaturizer with a cache, against the same without one, bit by bit."""

import io
import os
import pickle
import shutil
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from pydeepl import DeepImageFeaturizer, Featurizer, ImageSchema, Pipeline, PipelineModel, _core, lit
from pydeepl.deep import featurizer as featurizers
from pydeepl.deep import networks
from pydeepl.deep.batching import CHUNKS_AHEAD, MOST_KNOWN, Missing, Request, run_requests
from pydeepl.deep.cache import NetworkKey, cached_networks, feature_folder, size_limit
from pydeepl.images import read_image_frame
from pydeepl.linalg import vector_matrix

EARLY = {"layer": "pool1_pool", "pooling": "max"}  # 64 features of ResNet50's first layers: soon computed


@pytest.fixture(autouse=True)
def no_variables(monkeypatch, tmp_path):
    """Neither the user's settings nor the user's folders."""
    monkeypatch.delenv("PYDEEPL_FEATURE_CACHE", raising=False)
    monkeypatch.delenv("PYDEEPL_FEATURE_CACHE_SIZE", raising=False)
    monkeypatch.setenv("PYDEEPL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def weights(random_weights):
    return str(random_weights("ResNet50"))


@pytest.fixture(scope="module")
def loaded(weights):
    """Keeps the network in memory from test to test."""
    featurizer = Featurizer("ResNet50", weights=weights, **EARLY)
    featurizer.load()
    return featurizer


@pytest.fixture
def make(weights, loaded, tmp_path):
    """Featurizers with a cache of this test's."""

    def make(**changes):
        settings = {"weights": weights, "batchSize": 4, "cache": str(tmp_path / "cache"), **EARLY}
        return Featurizer("ResNet50", **(settings | changes))

    return make


@pytest.fixture
def runs(monkeypatch):
    """The number of images of every run of a network."""
    counts = []
    run_network = featurizers.Featurizer._network

    class Counting:
        def __init__(self, loaded):
            self.network, self.weights, self._loaded = self, loaded.weights, loaded

        def run(self, pixels, out):
            counts.append(len(pixels))
            return self._loaded.network.run(pixels, out)

    monkeypatch.setattr(featurizers.Featurizer, "_network", lambda self: Counting(run_network(self)))
    return counts


def picture(seed, height=40, width=50, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0]).save(buffer, "PNG")
    return buffer.getvalue()


def assert_same_bits(found, expected):
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("settings", [EARLY, {"layer": "conv1_relu", "pooling": None}])
def test_the_same_bits_first_and_second_time(make, runs, settings, tmp_path):
    images = [picture(seed, 35 + seed, channels=(1, 3, 4)[seed % 3]) for seed in range(5)]
    images += [png(picture(11)), tmp_path / "a.png"]
    images[-1].write_bytes(png(picture(12)))
    expected = make(cache=False, **settings)(images)
    assert not (tmp_path / "cache").exists()
    runs.clear()
    assert_same_bits(make(**settings)(images), expected)
    assert runs == [4, 3]
    assert_same_bits(make(**settings)(images), expected)
    assert runs == [4, 3]  # another Featurizer, and nothing more was run


def test_exact_and_fast_features_have_keys_of_their_own():
    spec = Featurizer("ResNet50").spec
    settings = [(exact, fast) for exact in (False, True) for fast in (False, True)]
    keys = [NetworkKey.of(spec, None, "float32", "SCALE_FAST", "0" * 32, *each) for each in settings]
    assert len({key.folder for key in keys}) == 4


def test_hits_and_misses_mixed_keep_their_order(make, runs):
    images = [picture(seed) for seed in range(23)]
    expected = np.concatenate([make(cache=False)([image]) for image in images])
    make()([images[place] for place in (1, 2, 5, 9, 10, 11, 12, 20)])
    runs.clear()
    out = np.zeros((23, 64), np.float32)
    assert make()(images, out=out) is out
    assert sum(runs) == 15 and max(runs) == 4
    np.testing.assert_allclose(
        out, expected, rtol=1e-5, atol=1e-6
    )  # batches of another size add in another order
    runs.clear()
    assert_same_bits(make()(images[::-1]), out[::-1])
    assert runs == []


def test_an_image_twice_in_one_call(make):
    images = [picture(1), picture(2), picture(1)]
    first = make()(images)
    assert_same_bits(make()(images), np.stack([first[2], first[1], first[2]]))


CHANGES = {
    "layer": {"layer": "conv1_conv"},
    "pooling": {"pooling": "avg"},
    "scaleHint": {"scaleHint": "SCALE_FAST"},
    "channelOrder": {"channelOrder": "BGR"},
    "weights": {"weights": 1},
}


@pytest.mark.parametrize("change", CHANGES)
def test_settings_do_not_mix(make, runs, change, random_weights):
    changes = CHANGES[change]
    if change == "weights":
        changes = {"weights": str(random_weights("ResNet50", seed=1))}
    images = [picture(1), picture(2)]
    first, expected = make()(images), make(cache=False, **changes)(images)
    assert np.abs(first - expected).max() > 0
    runs.clear()
    assert_same_bits(make(**changes)(images), expected)
    assert runs == [2]
    assert_same_bits(make(**changes)(images), expected)
    assert_same_bits(make()(images), first)
    assert runs == [2]


def test_channel_order_is_of_arrays_not_of_files(make, runs):
    image = [png(picture(1))]
    expected = make()(image)
    runs.clear()
    assert_same_bits(make(channelOrder="BGR")(image), expected)
    assert runs == []


def test_models_do_not_mix(random_weights, tmp_path):
    for model in ("VGG16", "VGG19"):
        settings = {"weights": random_weights(model), "layer": "block1_pool", "pooling": "max"}
        Featurizer(model, cache=tmp_path, **settings)([picture(1)])
    assert [(each.model, each.entries) for each in cached_networks(tmp_path)] == [("VGG16", 1), ("VGG19", 1)]


def test_numerics_of_another_version_are_not_found(make, runs, monkeypatch):
    make()([picture(1)])
    monkeypatch.setattr(NetworkKey, "__init__", numerics_plus_one(NetworkKey.__init__))
    runs.clear()
    make()([picture(1)])
    assert runs == [1]


def numerics_plus_one(init):
    def changed(self, *fields, **named):
        init(self, *fields, **named)
        object.__setattr__(self, "numerics", self.numerics + 1)

    return changed


def test_a_file_that_was_changed_under_its_name(make, runs, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture(1)))
    first = make()([path])
    status = path.stat()
    path.write_bytes(png(picture(2)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # not even its time tells
    second = make()([path])
    assert np.abs(first - second).max() > 0
    path.rename(tmp_path / "renamed.png")
    runs.clear()
    assert_same_bits(make()([tmp_path / "renamed.png"]), second)
    assert runs == []


def test_the_weights_are_not_loaded_where_everything_is_known(make, random_weights, monkeypatch):
    weights = str(random_weights("ResNet50", seed=5))  # which nobody else holds
    expected = make(weights=weights)([picture(1)])

    def fail(*arguments):
        raise AssertionError("loaded")

    monkeypatch.setattr(networks, "_load", fail)
    assert_same_bits(make(weights=weights)([picture(1)]), expected)
    with pytest.raises(AssertionError, match="loaded"):
        make(weights=weights)([picture(1), picture(2)])


def test_weights_that_are_replaced(make, random_weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    shutil.copyfile(random_weights("ResNet50"), path)
    old = make(weights=path)
    first = old([picture(1)])
    path.unlink()
    shutil.copyfile(random_weights("ResNet50", seed=1), path)
    second = make(weights=path)([picture(1)])
    assert np.abs(first - second).max() > 0
    with pytest.warns(RuntimeWarning, match="no more the file that was loaded"):
        assert_same_bits(old([picture(1)]), first)  # its own network, uncached
    assert_same_bits(make(weights=path)([picture(1)]), second)


def test_weights_that_are_replaced_between_hit_and_miss(make, random_weights, tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    shutil.copyfile(random_weights("ResNet50", seed=6), path)
    make(weights=path)([picture(1)])
    load = networks._load

    def replace_and_load(*arguments):
        path.unlink()
        shutil.copyfile(random_weights("ResNet50", seed=1), path)
        return load(*arguments)

    monkeypatch.setattr(networks, "_load", replace_and_load)
    with pytest.raises(RuntimeError, match="weights were changed while they were in use"):
        make(weights=path)([picture(1), picture(2)])


def test_a_failed_image_is_named_and_nothing_is_kept_of_it(make, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"bad\.png: "):
            make()([png(picture(1)), bad])
        with pytest.raises((ValueError, OSError), match=r"missing\.png"):
            make()([tmp_path / "missing.png"])
    assert make()([png(picture(1))]).shape == (1, 64)


def test_missing_weights_are_told(make, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        make(weights=tmp_path / "nowhere.h5")([picture(1)])


def test_damage_costs_a_run_and_a_warning(make, runs, tmp_path):
    images = [picture(seed) for seed in range(3)]
    expected = make()(images)
    for entry in (tmp_path / "cache").glob("*/??/*"):
        entry.write_bytes(entry.read_bytes()[:-1])
    runs.clear()
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert_same_bits(make()(images), expected)
    assert runs == [3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_bits(make()(images), expected)


@pytest.mark.parametrize("variable", [None, "", "0", "off", "1", "YES", "a folder"])
@pytest.mark.parametrize("parameter", [None, False, True, "another"])
def test_the_parameter_goes_before_the_variable(parameter, variable, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if variable is not None:
        monkeypatch.setenv("PYDEEPL_FEATURE_CACHE", variable)
    default = tmp_path / ("a folder" if variable == "a folder" else "home/features")
    wanted = variable in ("1", "YES", "a folder")
    expected = {
        None: default if wanted else None,
        False: None,
        True: default,
        "another": tmp_path / "another",
    }
    assert feature_folder(parameter) == expected[parameter]


def test_the_variables_switch_it_on_and_bound_it(make, runs, tmp_path, monkeypatch):
    make(cache=None)([picture(1)])
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE", str(tmp_path / "by variable"))
    make(cache=None)([picture(1)])
    runs.clear()
    make(cache=None)([picture(1)])
    make(cache=True)([picture(1)])
    assert runs == []
    make(cache=False)([picture(1)])
    assert runs == [1]
    assert size_limit() == 10 * 2**30
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE_SIZE", "8K")
    make()([picture(seed) for seed in range(9)])
    assert cached_networks(tmp_path / "cache")[0].bytes <= 8192
    monkeypatch.setenv("PYDEEPL_FEATURE_CACHE_SIZE", "much")
    with pytest.raises(ValueError, match="PYDEEPL_FEATURE_CACHE_SIZE: expected a size such as 512M"):
        make()([picture(1)])


def test_wrong_parameters(weights):
    with pytest.raises(TypeError, match="cache must be True, False, None or a folder's path, got 3"):
        Featurizer("ResNet50", cache=3)
    with pytest.raises(ValueError, match="cache is ''"):
        Featurizer("ResNet50", cache="")
    with pytest.raises(TypeError, match="folder's path, got 3"):
        DeepImageFeaturizer(inputCol="image", outputCol="f", modelName="ResNet50", cache=3)


def test_pickling_keeps_the_cache(make, tmp_path):
    assert pickle.loads(pickle.dumps(make())).cache == str(tmp_path / "cache")
    assert pickle.loads(pickle.dumps(make(cache=None))).cache is None


# ---- in batches of requests


class Even:
    """Knows the features of even numbers; keeps what it is told."""

    def __init__(self):
        self.kept = {}

    def look_up(self, images):
        return (Stored(image) if image % 2 == 0 else Missing(image, ("key", image)) for image in images)

    def keep(self, key, features):
        self.kept[key] = features.tolist()


class Stored:
    def __init__(self, number):
        self.number = number

    def unpack(self, out):
        out[:] = [self.number, -1]


def load_numbers(numbers):
    return np.array(numbers, np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 1, 1, 3), np.uint8)


def run_numbers(pixels, out):
    out[:, 0], out[:, 1] = pixels[:, 0, 0, 0], len(pixels)


def test_requests_of_known_and_missing_images():
    known = Even()
    sizes = [0, 1, 2, 0, 7, 13, 1, 0]
    numbers = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    requests = [Request(each.tolist()) for each in numbers]
    progress = []
    answers = list(run_requests(requests, load_numbers, run_numbers, 4, 2, known, progress.append))
    assert [answer[:, 0].tolist() for answer in answers] == [each.tolist() for each in numbers]
    batches = np.concatenate(answers)[:, 1]
    np.testing.assert_array_equal(batches[::2], -1)
    # The missing ones still go in fours, but for those behind which as many known ones would wait.
    sizes = [4] * 8 + [3] * 3 + [1]
    np.testing.assert_array_equal(batches[1::2], sizes)
    assert known.kept == {
        ("key", number): [number, size] for number, size in zip(range(1, 24, 2), sizes, strict=True)
    }
    assert sum(progress) == 24


def test_known_images_are_answered_before_a_batch_is_full():
    """A stream of known images behind a missing one: what waits for a full batch is bounded."""
    asked = []

    def requests():
        for number in [1] + [2] * 1000:
            asked.append(number)
            yield Request([number])

    answers = run_requests(requests(), load_numbers, run_numbers, 4, 2, Even())
    for done, answer in enumerate(answers, start=1):
        assert answer.tolist() == ([[1, 1]] if done == 1 else [[2, -1]])
        assert len(asked) <= done + (CHUNKS_AHEAD + 2) * 5
    assert done == 1001


def test_a_long_request_of_known_images_goes_in_parts():
    progress = []
    numbers = [2] * (3 * MOST_KNOWN + 5) + [1]
    (answer,) = run_requests([Request(numbers)], load_numbers, run_numbers, 4, 2, Even(), progress.append)
    assert answer[:, 0].tolist() == numbers
    assert progress == [MOST_KNOWN] * 3 + [6]


# ---- as a stage


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(7):
        (folder / f"{seed}.png").write_bytes(png(picture(seed, 30 + seed, channels=(3, 1, 4)[seed % 3])))
    Image.fromarray(picture(20)).save(folder / "7.jpg", quality=90)
    return folder


def stage_with(weights, cache):
    settings = {"weights": weights, "batchSize": 3, "cache": cache, **EARLY}
    return DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="ResNet50", **settings)


def features_of(frame):
    return vector_matrix(frame.select("features").toArrow()["features"])


def test_a_stage_finds_what_it_kept(folder, weights, loaded, runs, tmp_path):
    frame = ImageSchema.readImages(str(folder))
    expected = features_of(stage_with(weights, False).transform(frame))
    first = features_of(stage_with(weights, str(tmp_path / "cache")).transform(frame))
    runs.clear()
    second = features_of(stage_with(weights, str(tmp_path / "cache")).transform(frame))
    assert runs == []
    assert_same_bits(first, expected)
    assert_same_bits(second, expected)


def test_a_stage_decodes_only_what_is_missing(folder, weights, loaded, runs, tmp_path, monkeypatch):
    """Through all that leaves cells as they are: columns beside them, unions, splits, limits."""
    shutil.copytree(folder, tmp_path / "pictures")
    frame = ImageSchema.readImages(str(tmp_path / "pictures")).withColumn("label", lit(1))
    both = frame.union(ImageSchema.readImages(str(folder)).withColumn("label", lit(2))).repartition(9)
    parts = [*both.randomSplit([0.5, 0.5], 42), both.limit(11), both.filter("label = 2")]
    renamed = [part.withColumnRenamed("image", "picture").select("label", "picture") for part in parts]
    stage = stage_with(weights, str(tmp_path / "cache")).setInputCol("picture")
    for part in renamed:
        features_of(stage.transform(part))
    assert cached_networks(tmp_path / "cache")[0].entries == 8  # the pictures are the same in both folders
    (tmp_path / "pictures" / "3.png").write_bytes(png(picture(33)))
    expected = [features_of(stage_with(weights, False).transform(part)) for part in parts]
    decoded = []
    load = featurizers.load_batch

    def load_batch(images, *given, **options):
        decoded.extend(images)
        return load(images, *given, **options)

    monkeypatch.setattr(featurizers, "load_batch", load_batch)
    monkeypatch.setattr("pydeepl.images.source.read_image", None)  # nothing else decodes
    for part, features in zip(renamed, expected, strict=True):
        np.testing.assert_allclose(features_of(stage.transform(part)), features, rtol=1e-5, atol=1e-6)
    assert len(decoded) == 1


def test_rows_of_files_beside_other_columns(folder, weights, loaded, tmp_path):
    """The pixels are still there for who asks for them."""
    frame = ImageSchema.readImages(str(folder)).withColumn("label", lit(1))
    out = stage_with(weights, str(tmp_path / "cache")).transform(frame)
    table = out.filter("image.height > 32").select("image", "features").toArrow()
    expected = stage_with(weights, False).transform(frame).filter("image.height > 32").toArrow()
    assert table["image"].to_pylist() == expected["image"].to_pylist()
    assert_same_bits(vector_matrix(table["features"]), vector_matrix(expected["features"]))


def test_a_frame_with_a_limit_of_its_own_keeps_to_it(folder, weights, loaded, tmp_path):
    stage = stage_with(weights, str(tmp_path / "cache"))
    features_of(stage.transform(ImageSchema.readImages(str(folder))))
    limited = read_image_frame(str(folder), max_pixels=34 * 50)
    with pytest.raises(ValueError, match=r"row 5 of column 'image' .*could not be read as an image"):
        features_of(stage.transform(limited))


def test_a_path_that_is_no_text(weights, loaded, tmp_path):
    (tmp_path / "pictures").mkdir()
    with open(os.fsencode(tmp_path / "pictures") + b"/\xff.png", "wb") as file:
        file.write(png(picture(1)))
    frame = ImageSchema.readImages(str(tmp_path / "pictures"))
    expected = features_of(stage_with(weights, False).transform(frame))
    assert_same_bits(features_of(stage_with(weights, str(tmp_path / "cache")).transform(frame)), expected)


def test_a_stage_on_a_table_of_pixels(folder, weights, loaded, runs, tmp_path):
    table = ImageSchema.readImages(str(folder)).toArrow()
    expected = vector_matrix(stage_with(weights, False).transform(table)["features"])
    for _ in range(2):
        runs.clear()
        found = stage_with(weights, str(tmp_path / "cache")).transform(table)
        assert_same_bits(vector_matrix(found["features"]), expected)
    assert runs == []


@pytest.mark.parametrize("value", [True, False, "some/folder", None])
def test_the_param_is_saved_and_loaded(value, weights, tmp_path):
    stage = stage_with(weights, value)
    stage.save(str(tmp_path / "stage"))
    assert DeepImageFeaturizer.load(str(tmp_path / "stage")).featurizer().cache == value
    assert stage_with(weights, None).setParams(cache=value).featurizer().cache == value


def test_a_saved_pipeline_uses_the_cache(folder, weights, loaded, runs, tmp_path):
    frame = ImageSchema.readImages(str(folder))
    model = Pipeline(stages=[stage_with(weights, str(tmp_path / "cache"))]).fit(frame)
    expected = features_of(model.transform(frame))
    model.save(str(tmp_path / "model"))
    runs.clear()
    assert_same_bits(features_of(PipelineModel.load(str(tmp_path / "model")).transform(frame)), expected)
    assert runs == []


def test_a_failed_image_of_a_frame_is_named(folder, weights, tmp_path):
    shutil.copytree(folder, tmp_path / "pictures")
    (tmp_path / "pictures" / "3b.png").write_text("no image")
    frame = ImageSchema.readImages(str(tmp_path / "pictures"))
    with pytest.raises(
        ValueError, match=r"row 4 of column 'image' \(file:.*3b\.png\): the file could not be"
    ):
        features_of(stage_with(weights, str(tmp_path / "cache")).transform(frame))
    kept = ImageSchema.readImages(str(tmp_path / "pictures"), dropImageFailures=True)
    stage = stage_with(weights, str(tmp_path / "cache"))
    assert features_of(stage.transform(kept)).shape == (8, 64)
    assert features_of(stage.transform(kept)).shape == (8, 64)


def test_threads_that_look_up_do_not_stay(make):
    make()([picture(seed) for seed in range(6)])
    before = threading.active_count()
    make(threads=max(2, _core.default_threads()))([picture(seed) for seed in range(9)])
    assert threading.active_count() <= before
