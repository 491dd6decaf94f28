"""KerasImageFileEstimator: what is trained on what, and what comes out.

Keras itself trains in the tests marked keras. In the others a stand-in does (keras_stand_in.py).
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from keras_files import write_padding_model
from keras_stand_in import Optimizer, shifted, stand_in

from pydeepl import (
    CrossValidator,
    KerasImageFileEstimator,
    KerasImageFileTransformer,
    MulticlassClassificationEvaluator,
    ParamGridBuilder,
    Pipeline,
    SparkSession,
    Vectors,
)
from pydeepl.keras import load_model
from pydeepl.linalg import vector_matrix
from pydeepl.ml import Evaluator

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


@pytest.fixture
def keras(monkeypatch):
    """The log of the stand-in's trainings."""
    log = []
    monkeypatch.setitem(sys.modules, "keras", stand_in(log))
    return log


@pytest.fixture
def loads():
    """What the loader was called with."""
    return []


@pytest.fixture
def rows(golden, tmp_path):
    """(uri, one-hot label, its number), the third of which does not load."""
    uris = [str(tmp_path / f"{row}.npy") for row in range(3)]
    for uri, array in zip(uris, golden["chain_x"], strict=True):
        np.save(uri, array)
    uris.insert(2, "nowhere")
    labels = [0, 2, 1, 2]
    return [(uri, Vectors.dense(np.eye(3)[label]), label) for uri, label in zip(uris, labels, strict=True)]


def frame_of(rows):
    return SparkSession.builder.getOrCreate().createDataFrame(rows, ["uri", "onehot", "label"])


def estimator(loader=np.load, **params):
    given = {
        "inputCol": "uri", "outputCol": "out", "labelCol": "onehot", "modelFile": MODELS / "chain.h5",
        "imageLoader": loader, "kerasLoss": "mse", "kerasFitParams": {"epochs": 2, "verbose": 0},
    }  # fmt: skip
    return KerasImageFileEstimator(**(given | params))


def outputs(frame):
    return vector_matrix(frame.select("out").dropna().toArrow()["out"])


def test_the_trained_model_comes_back_as_a_transformer(golden, keras, rows):
    stage = estimator()
    model = stage.fit(frame_of(rows))
    (fit,) = keras
    np.testing.assert_array_equal(fit["x"], golden["chain_x"])
    np.testing.assert_array_equal(fit["y"], np.eye(3)[[0, 2, 2]])
    assert (fit["optimizer"], fit["loss"], fit["params"]) == ("adam", "mse", {"epochs": 2, "verbose": 0})
    assert fit["path"] == str(MODELS / "chain.h5")
    assert isinstance(model, KerasImageFileTransformer)
    for param in model.params:
        if param.name != "modelFile":
            assert model.getOrDefault(param) == stage.getOrDefault(param.name)
    assert model.getModelFile() != stage.getModelFile()
    wanted = shifted(golden["chain_y"], 2 * np.array([1 / 3, 0, 2 / 3]))
    np.testing.assert_allclose(outputs(model.transform(frame_of(rows))), wanted, rtol=1e-5)


@pytest.mark.parametrize("column, dtype", [("label", np.int64), ("list", np.float64)])
def test_labels_of_other_kinds(golden, keras, rows, column, dtype):
    listed = [(uri, vector.toArray().tolist(), label) for uri, vector, label in rows]
    frame = SparkSession.builder.getOrCreate().createDataFrame(listed, ["uri", "list", "label"])
    estimator(labelCol=column).fit(frame)
    expected = {"label": np.array([0, 2, 2]), "list": np.eye(3)[[0, 2, 2]]}[column]
    np.testing.assert_array_equal(keras[0]["y"], expected)
    assert keras[0]["y"].dtype == dtype


def test_several_param_maps_load_images_once(golden, keras, rows, loads):
    def loader(uri):
        loads.append(uri)
        return np.load(uri)

    stage = estimator(loader)
    maps = [
        {
            stage.kerasFitParams: {"epochs": epochs},
            stage.kerasOptimizer: "sgd",
            stage.outputCol: f"out{epochs}",
        }
        for epochs in (1, 3)
    ]
    models = stage.fit(frame_of(rows), maps)
    assert sorted(loads) == sorted(row[0] for row in rows)
    assert [fit["params"] for fit in keras] == [{"epochs": 1}, {"epochs": 3}]
    assert [fit["optimizer"] for fit in keras] == ["sgd", "sgd"]
    for epochs, model in zip((1, 3), models, strict=True):
        assert model.getOutputCol() == f"out{epochs}"
        found = outputs(model.setOutputCol("out").transform(frame_of(rows)))
        wanted = shifted(golden["chain_y"], epochs * np.array([1 / 3, 0, 2 / 3]))
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    numbers = dict(stage.fitMultiple(frame_of(rows), maps))
    assert sorted(numbers) == [0, 1]


def test_every_fit_has_an_optimizer_of_its_own(keras, rows):
    mine = Optimizer(0.25)
    stage = estimator(kerasOptimizer=mine)
    stage.fit(frame_of(rows), [{}, {}])
    used = [fit["optimizer"] for fit in keras]
    assert [each.rate for each in used] == [0.25, 0.25]
    assert used[0] is not used[1] and mine not in used


class SecondClass(Evaluator):
    """The mean odds of class 2, which epochs make larger."""

    def _evaluate(self, dataset):
        return float(outputs(dataset)[:, 2].mean())


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_search_over_fit_params(golden, keras, loads, in_pipeline, tmp_path):
    def loader(uri):
        loads.append(uri)
        return golden["chain_x"][int(uri)]

    label = Vectors.dense([0, 0, 1])
    frame = frame_of([(str(number % 3), label, 2) for number in range(12)])
    stage = estimator(loader)
    grid = ParamGridBuilder().addGrid(stage.kerasFitParams, [{"epochs": 1}, {"epochs": 4}]).build()
    validator = CrossValidator(
        estimator=Pipeline(stages=[stage]) if in_pipeline else stage,
        estimatorParamMaps=grid, evaluator=SecondClass(), numFolds=2, seed=1,
    )  # fmt: skip
    found = validator.fit(frame)
    sizes = [len(fit["x"]) for fit in keras]
    assert sizes[-1] == 12 and sizes[0] == sizes[1] and sizes[0] + sizes[2] == 12
    assert keras[-1]["params"] == {"epochs": 4}
    assert found.avgMetrics[1] > found.avgMetrics[0] > golden["chain_y"][:, 2].mean()
    best = found.bestModel.stages[0] if in_pipeline else found.bestModel
    assert isinstance(best, KerasImageFileTransformer) and best.getKerasFitParams() == {"epochs": 4}
    wanted = shifted(golden["chain_y"], np.array([0, 0, 4]))
    np.testing.assert_allclose(outputs(best.transform(frame)), wanted[np.arange(12) % 3], rtol=1e-5)
    assert len(loads) == 12 + 2 * 12 + 12  # for training, for each candidate's validation, and just now


def test_it_is_saved_with_its_model_and_without_its_function(keras, rows, tmp_path):
    stage = estimator()
    stage.save(tmp_path / "stage")
    again = KerasImageFileEstimator.load(tmp_path / "stage")
    assert again.uid == stage.uid and again.getKerasFitParams() == {"epochs": 2, "verbose": 0}
    with pytest.raises(ValueError, match=r"defined: \['imageLoader'\]"):
        again.fit(frame_of(rows))
    model = again.setImageLoader(np.load).fit(frame_of(rows))
    expected = stage.fit(frame_of(rows)).transform(frame_of(rows)).collect()
    assert model.transform(frame_of(rows)).collect() == expected
    search = CrossValidator(
        estimator=stage,
        estimatorParamMaps=[{stage.kerasFitParams: {"epochs": 1}}],
        evaluator=MulticlassClassificationEvaluator(),
    )
    search.save(tmp_path / "search")
    (params,) = CrossValidator.load(tmp_path / "search").getEstimatorParamMaps()
    assert [(param.name, value) for param, value in params.items()] == [("kerasFitParams", {"epochs": 1})]


def test_params_are_validated_as_in_sparkdl():
    stage = KerasImageFileEstimator()
    assert stage.getKerasOptimizer() == "adam" and stage.getOutputMode() == "vector"
    with pytest.raises(ValueError, match=r"must be defined: \['imageLoader', 'inputCol'\]"):
        stage._validateParams({})
    stage.setParams(imageLoader=np.load, inputCol="c1", labelCol="c2")
    with pytest.raises(ValueError, match=r"must be defined or tuned: \['kerasLoss', 'modelFile'\]"):
        stage._validateParams({})
    assert stage._validateParams({stage.kerasLoss: "mse", stage.modelFile: "m.h5"})
    stage.setParams(kerasLoss="mse", modelFile="m.h5")
    assert stage._validateParams({})
    with pytest.raises(ValueError, match=r"not tuned: \['imageLoader'\]"):
        stage._validateParams({stage.imageLoader: None})
    with pytest.raises(TypeError, match="kerasFitParams: expected a dict"):
        stage.setKerasFitParams([1])


def test_what_fit_refuses(keras, rows, tmp_path):
    frame = frame_of(rows)
    with pytest.raises(TypeError, match=r"Named optimizer not supported in Keras.*noSuchOptimizer"):
        estimator(kerasOptimizer="noSuchOptimizer").fit(frame)
    with pytest.raises(ValueError, match=r"Named loss not supported in Keras.*noSuchLoss"):
        estimator(kerasLoss="noSuchLoss").fit(frame)
    with pytest.raises(ValueError, match=r"must encode labels in one-hot vector format.*string"):
        estimator(labelCol="uri").fit(frame)
    with pytest.raises(ValueError, match="labelCol 'nothing' does not exist"):
        estimator(labelCol="nothing").fit(frame)
    with pytest.raises(ValueError, match="Cannot extract any feature from dataset: of 4 rows"):
        estimator(lambda uri: None).fit(frame)
    stage = estimator()
    with pytest.raises(ValueError, match="loaded none of the images of the rows to train on"):
        stage._fit_rows(stage._read_data(frame), np.zeros(4, np.bool_), frame)
    with pytest.raises(ValueError, match=r"an image \[9, 9, 1\], the model takes \[9, 9, 2\]"):
        estimator(lambda uri: np.zeros((9, 9, 1))).fit(frame)
    with pytest.raises(FileNotFoundError):
        estimator(modelFile="nowhere.h5").fit(frame)
    onnx = Path(__file__).parents[1] / "golden" / "onnx" / "keras.onnx"
    side = load_model(onnx).inputShape
    with pytest.raises(ValueError, match=r"keras\.onnx: Keras trains its own models, \.keras and \.h5: not"):
        estimator(lambda uri: np.zeros(side), modelFile=str(onnx)).fit(frame)
    stage = estimator()
    with pytest.raises(ValueError, match=r"not tuned: \['inputCol'\]"):
        stage.fit(frame, [{stage.inputCol: "label"}])
    assert not any("x" in fit for fit in keras)


def test_images_of_several_sizes_cannot_be_trained_on(keras, rows, tmp_path):
    sizes = iter([(4, 5, 3), (4, 6, 3), (4, 5, 3), (4, 5, 3)])
    model = write_padding_model(tmp_path / "frame.h5", (None, None, 3))
    with pytest.raises(ValueError, match=r"images of different sizes: \[4, \d, 3\] and \[4, \d, 3\]"):
        estimator(lambda uri: np.zeros(next(sizes)), modelFile=model).fit(frame_of(rows))
    assert not keras


def test_without_keras_the_message_says_what_to_install(rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ImportError, match=r"trains in Keras.*pip install keras and one of"):
        estimator().fit(frame_of(rows))


@pytest.mark.keras
@pytest.mark.parametrize("form", ["model.keras", "model.h5"])
def test_keras_trains_and_the_core_gives_what_keras_gives(tmp_path, form):
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.save(tmp_path / form)
    random = np.random.default_rng(0)
    images = random.uniform(0, 0.4, (40, 8, 8, 3)).astype(np.float32)
    images[1::2] += 0.6  # bright ones are of class 1
    rows = [(str(row), Vectors.dense(np.eye(2)[row % 2]), float(row % 2)) for row in range(40)]
    frame = frame_of(rows)
    stage = estimator(
        lambda uri: images[int(uri)], modelFile=tmp_path / form, kerasLoss="categorical_crossentropy",
        kerasOptimizer=keras.optimizers.Adam(0.05), kerasFitParams={"epochs": 30, "verbose": 0},
    )  # fmt: skip
    trained = stage.fit(frame)
    found = outputs(trained.transform(frame))
    expected = keras.models.load_model(trained.getModelFile()).predict(images, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert (found.argmax(axis=1) == np.arange(40) % 2).mean() > 0.9
    untrained = load_model(tmp_path / form).predict(images)
    assert np.abs(found - untrained).max() > 0.1
    other = stage.copy({stage.kerasOptimizer: "sgd"}).fit(frame)
    assert other.getModelFile() != trained.getModelFile()
