"""TFTransformer, TFImageTransformer, makeGraphUDF and TFInputGraph, against Keras and TensorFlow."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from pydeepl import (
    ImageSchema,
    SparkSession,
    TFImageTransformer,
    TFInputGraph,
    TFTransformer,
    imageIO,
)
from pydeepl.deep import HorovodRunner, imageInputPlaceholder, makeGraphUDF
from pydeepl.frame import AnalysisException
from pydeepl.keras import WeightsError
from pydeepl.keras.tensorflow import graph_model
from pydeepl.linalg import vectors

KERAS = Path(__file__).parents[1] / "golden" / "keras"
GRAPHS = KERAS / "graphs"
OPEN = GRAPHS / "open.pb"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(KERAS / "models" / "models.npz"))


def table_stage(**params):
    given = {
        "tfInputGraph": TFInputGraph(GRAPHS / "table.pb"),
        "inputMapping": {"x": "x:0"},
        "outputMapping": {"Identity:0": "y"},
    }
    return TFTransformer(**(given | params))


def frame_of(column):
    return SparkSession.builder.getOrCreate().createDataFrame(
        pa.table({"id": range(len(column)), "x": column})
    )


def lists(x):
    return pa.array(x.tolist(), pa.list_(pa.float32()))


# ---- arrays


def test_arrays_through_a_graph(golden):
    frame = frame_of(lists(golden["table_x"]))
    out = table_stage().transform(frame)
    assert out.columns == ["id", "x", "y"] and dict(out.dtypes)["y"] == "array<float>"
    np.testing.assert_allclose([row.y for row in out.collect()], golden["table_y"], rtol=1e-5)
    assert isinstance(table_stage().transform(pd.DataFrame({"x": list(golden["table_x"])})), pd.DataFrame)


def test_several_outputs_and_nulls(golden):
    inner = next(name for name in TFInputGraph(GRAPHS / "table.pb").graph.nodes if name.endswith("Relu"))
    stage = table_stage(outputMapping={"Identity:0": "y", f"{inner}:0": "hidden"})
    rows = stage.transform(frame_of(pa.array([None, golden["table_x"][1].tolist()], pa.list_(pa.float32()))))
    assert rows.columns == ["id", "x", "y", "hidden"]
    first, second = rows.collect()
    assert first.y is None and first.hidden is None
    np.testing.assert_allclose(second.y, golden["table_y"][1], rtol=1e-5)
    hidden = graph_model(stage.getTFInputGraph().graph, "x", inner).predict(golden["table_x"][1:2])
    np.testing.assert_allclose(second.hidden, hidden[0], rtol=1e-5)


def test_what_does_not_fit_is_refused(golden):
    frame = frame_of(lists(golden["table_x"]))
    with pytest.raises(ValueError, match="inputMapping 'z' does not exist"):
        table_stage(inputMapping={"z": "x:0"}).transform(frame)
    with pytest.raises(ValueError, match="expected one column, for one input"):
        table_stage(inputMapping={"x": "x:0", "id": "z:0"}).transform(frame)
    with pytest.raises(ValueError, match="Column id already exists"):
        table_stage(outputMapping={"Identity:0": "id"}).transform(frame)
    with pytest.raises(ValueError, match="column 'id': expected arrays of numbers"):
        table_stage(inputMapping={"id": "x:0"}).transform(frame)
    with pytest.raises(WeightsError, match="no operation 'z'"):
        table_stage(outputMapping={"z:0": "y"}).transform(frame)
    with pytest.raises(TypeError, match=r"Could not convert .* to TFInputGraph"):
        TFTransformer(tfInputGraph=3)
    with pytest.raises(TypeError, match=r"to tf\.Tensor name: expected <op_name>:<index>"):
        TFTransformer(inputMapping={"x": "x"})
    with pytest.raises(TypeError, match="column name mapping"):
        TFTransformer(outputMapping="y")
    with pytest.raises(ValueError, match="outputMapping is empty"):
        TFTransformer(outputMapping={})
    with pytest.raises(TypeError, match="expect string type but got type"):
        TFTransformer(inputMapping={1: "x:0"})


def test_it_is_saved_with_its_graph(golden, tmp_path):
    frame = frame_of(lists(golden["table_x"]))
    stage = table_stage()
    stage.save(tmp_path / "stage")
    again = TFTransformer.load(tmp_path / "stage")
    assert again.getInputMapping() == [("x", "x:0")] and again.getOutputMapping() == [("Identity:0", "y")]
    assert again.transform(frame).collect() == stage.transform(frame).collect()


def test_a_graph_as_a_function_in_sql(golden, own_session):
    frame_of(lists(golden["table_x"])).createOrReplaceTempView("numbers")
    function = makeGraphUDF(GRAPHS / "table.pb", "odds", ["Identity:0"])
    found = [row.y for row in own_session.sql("SELECT odds(x) AS y FROM numbers").collect()]
    np.testing.assert_allclose(found, golden["table_y"], rtol=1e-5)
    again = own_session.table("numbers").select(function("x").alias("y")).collect()
    assert [row.y for row in again] == found
    with pytest.raises(AnalysisException, match="odds: column 'id': expected arrays"):
        own_session.sql("SELECT odds(id) FROM numbers")
    makeGraphUDF(GRAPHS / "table.pb", "unknown", ["Identity:0"], register=False)
    assert not own_session.catalog.functionExists("unknown")
    with pytest.raises(ValueError, match="expected one input and one output"):
        makeGraphUDF(GRAPHS / "table.pb", "two", ["Identity:0", "x:0"])


# ---- images


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """(folder, R G B pixels of its images): two of one size and one of another between them."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(4)
    pixels = [random.integers(0, 256, size, np.uint8) for size in ((9, 8, 3), (12, 7, 3), (9, 8, 3))]
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder, pixels


def image_stage(**params):
    given = {
        "inputCol": "image", "outputCol": "out", "graph": OPEN,
        "outputTensor": "Identity:0", "channelOrder": "RGB",
    }  # fmt: skip
    return TFImageTransformer(**(given | params))


def expected_of(pixels):
    graph = TFInputGraph(OPEN)
    return [
        graph.model("sparkdl_image_input:0", "Identity:0", each.shape).predict(each[np.newaxis])[0]
        for each in pixels
    ]


def found_vectors(frame):
    return [cell.toArray() for cell in vectors(frame.select("out").toArrow()["out"])]


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_images_of_several_sizes(pictures, order):
    folder, pixels = pictures
    frame = ImageSchema.readImages(str(folder))
    found = found_vectors(image_stage(channelOrder=order).transform(frame))
    turned = pixels if order == "RGB" else [each[..., ::-1] for each in pixels]
    np.testing.assert_allclose(found, expected_of(turned), rtol=1e-5)


def test_the_open_graph_is_tensorflows(tmp_path):
    data = np.load(GRAPHS / "open.npz")
    rows = [(imageIO.imageArrayToStruct(np.float32(each)[..., ::-1]),) for each in data["x"]]
    frame = SparkSession.builder.getOrCreate().createDataFrame([*rows, (None,)], ImageSchema.imageSchema)
    cells = vectors(image_stage().transform(frame).select("out").toArrow()["out"])
    assert cells[3] is None
    np.testing.assert_allclose([cell.toArray() for cell in cells[:3]], data["y"], rtol=1e-5)


def test_images_come_out_as_images(pictures):
    folder, pixels = pictures
    stage = image_stage(outputTensor="Pad:0", outputMode="image")
    out = stage.transform(ImageSchema.readImages(str(folder))).collect()
    for row, image in zip(out, pixels, strict=True):
        array = imageIO.imageStructToArray(row.out)
        np.testing.assert_allclose(array, np.pad(image / 127.5 - 1, ((1, 0), (0, 1), (0, 0))), atol=1e-6)
    with pytest.raises(ValueError, match="outputMode 'image': expected a model whose output is"):
        image_stage(outputMode="image").transform(ImageSchema.readImages(str(folder))).collect()


def test_a_graph_of_one_size_refuses_others(pictures, golden, tmp_path):
    stage = image_stage(graph=GRAPHS / "branches.pb", inputTensor="x:0")
    with pytest.raises(ValueError, match=r"0\.png: an image \[9, 8, 3\] where the graph takes \[12, 10, 3\]"):
        stage.transform(ImageSchema.readImages(str(pictures[0]))).collect()
    array = golden["branches_x"][0][..., ::-1]
    row = [(imageIO.imageArrayToStruct(np.ascontiguousarray(array)),)]
    frame = SparkSession.builder.getOrCreate().createDataFrame(row, ImageSchema.imageSchema)
    np.testing.assert_allclose(found_vectors(stage.transform(frame)), golden["branches_y"][:1], rtol=1e-5)


def test_wrong_images_and_params(pictures, tmp_path):
    frame = ImageSchema.readImages(str(pictures[0]))
    with pytest.raises(ValueError, match=r"Unsupported channel order.*'RGBA'"):
        image_stage(channelOrder="RGBA")
    with pytest.raises(ValueError, match="channel order 'L' is of 1 channel, the image has 3"):
        image_stage(channelOrder="L").transform(frame).collect()
    with pytest.raises(ValueError, match="holds no images"):
        image_stage(inputCol="id").transform(frame_of(pa.array([1])))
    with pytest.raises(TypeError, match=r"Could not convert .* to tf\.Graph"):
        image_stage(graph=3)
    with pytest.raises(WeightsError, match="its inputs: sparkdl_image_input"):
        image_stage(inputTensor="z:0").transform(frame)
    stage = TFImageTransformer()
    assert stage.getInputTensor() == "sparkdl_image_input:0" and stage.getOutputMode() == "vector"
    assert stage.setOutputTensor(SimpleNamespace(name="y:0")).getOutputTensor() == "y:0"


def test_the_image_stage_is_saved_with_its_graph(pictures, tmp_path):
    frame = ImageSchema.readImages(str(pictures[0]))
    stage = image_stage()
    stage.save(tmp_path / "stage")
    again = TFImageTransformer.load(tmp_path / "stage")
    assert again.uid == stage.uid
    np.testing.assert_array_equal(
        found_vectors(again.transform(frame)), found_vectors(stage.transform(frame))
    )


# ---- graphs


class Proto:
    """What a GraphDef is to us."""

    def SerializeToString(self):
        return (GRAPHS / "table.pb").read_bytes()


def test_where_a_graph_may_come_from(golden):
    tensors = ["x:0"], ["Identity:0"]
    graphs = [
        TFInputGraph.fromGraphDef(Proto(), *tensors),
        TFInputGraph.fromGraphDef(Proto().SerializeToString(), *tensors),
        TFInputGraph.fromGraph(SimpleNamespace(as_graph_def=Proto), None, *tensors),
        pickle.loads(pickle.dumps(TFInputGraph(GRAPHS / "table.pb"))),
    ]
    for graph in graphs:
        found = graph.model("x:0", "Identity:0").predict(golden["table_x"])
        np.testing.assert_allclose(found, golden["table_y"], rtol=1e-5)
    with pytest.raises(ValueError, match="requested tensor z:0 but found none in graph"):
        TFInputGraph.fromGraphDef(Proto(), ["z:0"], ["Identity:0"])


def test_signatures_translate_mappings():
    graph = TFInputGraph(GRAPHS / "table.pb", {"numbers": "x:0"}, {"odds": "Identity:0"})
    assert graph.translateInputMapping({"column": "numbers"}) == {"column": "x:0"}
    assert graph.translateOutputMapping({"odds": "column"}) == {"Identity:0": "column"}
    with pytest.raises(ValueError, match="the signature has no 'pixels'; it has: numbers"):
        graph.translateInputMapping({"column": "pixels"})
    with pytest.raises(ValueError, match="made without a signature"):
        TFInputGraph(GRAPHS / "table.pb").translateInputMapping({"column": "numbers"})


def test_without_tensorflow_the_message_says_what_needs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    for call in (
        imageInputPlaceholder,
        lambda: TFInputGraph.fromGraph(SimpleNamespace(), object(), ["x:0"], ["y:0"]),
        lambda: TFInputGraph.fromCheckpoint("folder", ["x:0"], ["y:0"]),
    ):
        with pytest.raises(ImportError, match="frozen by TensorFlow, which could not be imported"):
            call()


def test_horovods_runner_runs_here(caplog):
    assert HorovodRunner(np=-1).run(lambda base, more: base + more, base=1, more=2) == 3
    assert "nothing is distributed" in caplog.text
    with pytest.raises(ValueError, match="Invalid number of processes: np = -2"):
        HorovodRunner(np=-2)


# ---- live TensorFlow


@pytest.mark.keras
def test_saved_models_of_tensorflow_2(golden, tmp_path):
    import keras

    model = keras.models.load_model(KERAS / "models" / "table.keras", compile=False)
    model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    graph = TFInputGraph.fromSavedModelWithSignature(str(tmp_path / "saved"), "serve", "serving_default")
    (feed,), (fetch,) = (
        graph.input_tensor_name_from_signature.values(),
        graph.output_tensor_name_from_signature.values(),
    )
    np.testing.assert_allclose(
        graph.model(feed, fetch).predict(golden["table_x"]), golden["table_y"], rtol=1e-5
    )
    with pytest.raises(ValueError, match=r"use fromSavedModelWithSignature, with one of .*serving_default"):
        TFInputGraph.fromSavedModel(str(tmp_path / "saved"), "serve", ["x:0"], ["y:0"])
    with pytest.raises(ValueError, match="no graph with the tags 'train'; there are: serve"):
        TFInputGraph.fromSavedModel(str(tmp_path / "saved"), "train", ["x:0"], ["y:0"])
    with pytest.raises(ValueError, match="no signature 'other'"):
        TFInputGraph.fromSavedModelWithSignature(str(tmp_path / "saved"), "serve", "other")


@pytest.mark.keras
def test_graphs_saved_models_and_checkpoints_of_tensorflow_1(tmp_path):
    import tensorflow as tf

    v1 = tf.compat.v1
    kernel = np.random.default_rng(2).standard_normal((4, 3)).astype(np.float32)
    x = np.random.default_rng(3).standard_normal((5, 4)).astype(np.float32)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        feed = v1.placeholder(tf.float32, [None, 4], name="x")
        weights = v1.get_variable("w", initializer=kernel, use_resource=False)
        v1.nn.relu(feed @ weights, name="y")
        session.run(v1.global_variables_initializer())
        tensors = ["x:0"], ["y:0"]
        found = [TFInputGraph.fromGraph(graph, session, *tensors)]
        signature = v1.saved_model.predict_signature_def(
            {"numbers": feed}, {"out": graph.get_tensor_by_name("y:0")}
        )
        v1.saved_model.Builder = v1.saved_model.builder.SavedModelBuilder
        builder = v1.saved_model.Builder(str(tmp_path / "saved"))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={"predict": signature})
        builder.save()
        v1.train.Saver().save(session, str(tmp_path / "checkpoint" / "model"))
        assert imageInputPlaceholder(3).name == "sparkdl_image_input:0"
    folder = str(tmp_path / "saved")
    signed = TFInputGraph.fromSavedModelWithSignature(folder, "serve", "predict")
    assert signed.translateInputMapping({"c": "numbers"}) == {"c": "x:0"}
    found += [signed, TFInputGraph.fromSavedModel(folder, "serve", *tensors)]
    found.append(TFInputGraph.fromCheckpoint(str(tmp_path / "checkpoint"), *tensors))
    for each in found:
        np.testing.assert_allclose(
            each.model("x:0", "y:0").predict(x), np.maximum(x @ kernel, 0), rtol=1e-4, atol=1e-6
        )
