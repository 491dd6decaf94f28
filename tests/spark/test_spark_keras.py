"""A user's own Keras model on Spark frames: its stages and registerKerasImageUDF, against Keras' numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest
from keras_stand_in import shifted, stand_in

import pydeepl

pytestmark = pytest.mark.spark

MODELS = Path(__file__).parents[1] / "golden" / "keras" / "models"
MODEL = str(MODELS / "branches.keras")


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(MODELS / "models.npz"))


@pytest.fixture(scope="module")
def files(spark, golden, tmp_path_factory):
    """Rows of a number and the file of an array of the golden inputs; one that is not there."""
    folder = tmp_path_factory.mktemp("arrays")
    paths = [str(folder / f"{row}.npy") for row in range(len(golden["branches_x"]))]
    for path, array in zip(paths, golden["branches_x"], strict=True):
        np.save(path, array)
    rows = [*enumerate(paths), (len(paths), str(folder / "missing.npy"))]
    return spark.createDataFrame(rows, "number int, uri string").repartition(2)


def load_array(uri):
    import numpy

    return numpy.load(uri)


# The workers know no module of this name: by its code, as a script's own functions.
load_array.__module__ = "__main__"


def by_number(frame):
    return sorted(frame.collect(), key=lambda row: row.number)


def test_image_files_through_a_model_of_ones_own(files, golden, tmp_path):
    from pydeepl.spark import KerasImageFileTransformer

    stage = KerasImageFileTransformer(
        inputCol="uri", outputCol="out", modelFile=MODEL, imageLoader=load_array
    )
    rows = by_number(stage.transform(files))
    assert rows[-1].out is None
    found = np.array([row.out.toArray() for row in rows[:-1]])
    np.testing.assert_allclose(found, golden["branches_y"], rtol=1e-5)

    stage.write().save(str(tmp_path / "stage"))
    again = KerasImageFileTransformer.load(str(tmp_path / "stage"))
    with pytest.raises(ValueError, match=r"imageLoader is not set: a function is not saved .*load_array"):
        again.transform(files)
    assert by_number(again.setImageLoader(load_array).transform(files)) == rows
    with pytest.raises(ValueError, match="column 'number' holds no URIs"):
        again.copy({again.inputCol: "number"}).transform(files)


def test_arrays_through_a_model_of_ones_own(spark, golden, tmp_path):
    from pyspark import SparkFiles
    from pyspark.ml import Pipeline, PipelineModel

    from pydeepl.spark import KerasTransformer

    arrays = [(i, x.ravel().tolist()) for i, x in enumerate(golden["branches_x"])]
    frame = spark.createDataFrame(arrays, "number int, x array<float>")
    stage = KerasTransformer(inputCol="x", outputCol="out", modelFile=MODEL)
    rows = by_number(stage.transform(frame))
    kept = Path(SparkFiles.getRootDirectory(), "pydeepl-models")  # which Spark removes
    assert [path.suffix for path in kept.iterdir()].count(".keras") >= 1
    np.testing.assert_allclose(np.array([row.out for row in rows]), golden["branches_y"], rtol=1e-5)
    Pipeline(stages=[stage]).fit(frame).write().save(str(tmp_path / "model"))
    assert by_number(PipelineModel.load(str(tmp_path / "model")).transform(frame)) == rows
    own = pydeepl.KerasTransformer(inputCol="x", outputCol="out", modelFile=MODEL)
    assert by_number(own.transform(frame)) == rows


@pytest.fixture(scope="module")
def pixels(spark, golden):
    """Eight-bit images of the model's input size, and a null."""
    from pydeepl.images import imageIO

    height, width, _ = golden["branches_x"].shape[1:]
    rng = np.random.default_rng(2)
    arrays = rng.integers(0, 256, (5, height, width, 3), np.uint8)
    structs = [imageIO.imageArrayToStruct(array) for array in arrays]
    schema = (
        "number int, image struct<origin string, height int, width int, nChannels int, mode int, data binary>"
    )
    fields = ["origin", "height", "width", "nChannels", "mode", "data"]
    rows = [(i, tuple(bytes(s[f]) if f == "data" else s[f] for f in fields)) for i, s in enumerate(structs)]
    return spark.createDataFrame([*rows, (5, None)], schema), arrays


def test_a_model_is_a_function_of_sql(spark, pixels):
    from pydeepl.keras import load_model
    from pydeepl.spark import registerKerasImageUDF

    frame, arrays = pixels
    function = registerKerasImageUDF("my_udf", MODEL)
    frame.createOrReplaceTempView("t")
    rows = by_number(spark.sql("SELECT number, my_udf(image) AS out FROM t"))
    model = load_model(MODEL)
    outputs = model.predict(arrays[..., ::-1].astype(np.float32))  # the structs hold B, G, R
    expected = np.asarray(outputs).reshape(len(arrays), -1)
    np.testing.assert_allclose(np.array([row.out for row in rows[:-1]]), expected, rtol=1e-5)
    assert rows[-1].out is None
    assert by_number(frame.select("number", function("image").alias("out"))) == rows


def test_a_function_on_a_wrong_column_is_an_error_not_a_hang(spark, pixels):
    from pydeepl.spark import registerKerasImageUDF

    frame, _ = pixels
    function = registerKerasImageUDF("picky", MODEL)
    with pytest.raises(Exception, match=r"picky: its argument holds no images: .*int"):
        frame.select(function("number")).collect()
    with pytest.raises(TypeError, match="workers need the model's file"):
        from pydeepl.keras import load_model

        registerKerasImageUDF("loaded", load_model(MODEL))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        registerKerasImageUDF("lost", "nowhere.keras")


@pytest.fixture
def keras(monkeypatch):
    """The log of trainings by a stand-in for Keras, which is on the driver alone."""
    log = []
    monkeypatch.setitem(sys.modules, "keras", stand_in(log))
    return log


@pytest.fixture
def labelled(spark, golden, tmp_path):
    """Four rows of three files and a missing one, with their labels and folds."""
    from pyspark.ml.linalg import Vectors

    for row, array in enumerate(golden["chain_x"]):
        np.save(tmp_path / f"{row}.npy", array)
    rows = [
        (row, str(tmp_path / f"{row}.npy"), Vectors.dense(np.eye(3)[label]), float(label), row % 2)
        for row, label in enumerate((0, 2, 2, 1))
    ]
    return spark.createDataFrame(rows, ["number", "uri", "onehot", "label", "fold"]).coalesce(2).cache()


def estimator(loader, kind):
    return kind(
        inputCol="uri", outputCol="out", labelCol="onehot", modelFile=str(MODELS / "chain.h5"),
        imageLoader=loader, kerasLoss="mse", kerasFitParams={"epochs": 2},
    )  # fmt: skip


def test_models_trained_on_the_driver_run_on_the_workers(labelled, golden, keras):
    """For all param maps the images are loaded once, the rows being Spark's or our own estimator's."""
    from pydeepl.spark import KerasImageFileEstimator, KerasImageFileTransformer

    loads = []

    def loader(uri):
        loads.append(uri)
        return np.load(uri)

    for kind in (KerasImageFileEstimator, pydeepl.KerasImageFileEstimator):
        stage = estimator(loader, kind)
        models = stage.fit(labelled, [{}, {stage.kerasFitParams: {"epochs": 5}, stage.outputCol: "odds"}])
        assert sorted(loads) == sorted(row.uri for row in labelled.collect())
        np.testing.assert_array_equal(keras[-1]["x"], golden["chain_x"])
        np.testing.assert_array_equal(keras[-1]["y"], np.eye(3)[[0, 2, 2]])
        assert [fit["params"]["epochs"] for fit in keras[-2:]] == [2, 5]
        loads.clear()
    model = estimator(load_array, KerasImageFileEstimator).fit(labelled)
    assert isinstance(model, KerasImageFileTransformer) and models[1].getOutputCol() == "odds"
    rows = by_number(model.transform(labelled))
    assert rows[3].out is None
    found = np.array([row.out.toArray() for row in rows[:3]])
    wanted = shifted(golden["chain_y"], 2 * np.array([1 / 3, 0, 2 / 3]))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="no column 'mark'"):
        estimator(np.load, KerasImageFileEstimator).setLabelCol("mark").fit(labelled)


def test_sparks_search_over_what_keras_trains_with(labelled, golden, keras, tmp_path):
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator

    from pydeepl.spark import KerasImageFileEstimator

    stage = estimator(load_array, KerasImageFileEstimator)
    epochs = (1, 4)
    search = CrossValidator(
        estimator=stage,
        estimatorParamMaps=[{stage.kerasFitParams: {"epochs": count}} for count in epochs],
        evaluator=MulticlassClassificationEvaluator(
            metricName="logLoss", probabilityCol="out", predictionCol="label"
        ),
        numFolds=2,
        foldCol="fold",
        parallelism=2,
    )
    found = search.fit(labelled.filter("number < 3"))
    labels, odds = np.array([0, 2, 2]), golden["chain_y"]
    expected = []
    for count in epochs:
        losses = []
        for fold in (0, 1):
            held = np.arange(3) % 2 == fold
            trained = shifted(odds, count * np.eye(3)[labels[~held]].mean(axis=0))
            losses.append(-np.log(trained[held, labels[held]]).mean())
        expected.append(np.mean(losses))
    np.testing.assert_allclose(found.avgMetrics, expected, rtol=1e-4)
    assert keras[-1]["params"] == {"epochs": epochs[int(np.argmin(expected))]}
    stage.write().save(str(tmp_path / "stage"))
    again = KerasImageFileEstimator.load(str(tmp_path / "stage"))
    assert again.getKerasFitParams() == {"epochs": 2} and Path(again.getModelFile()).is_file()
    with pytest.raises(ValueError, match=r"defined: \['imageLoader'\]"):
        again.fit(labelled)
