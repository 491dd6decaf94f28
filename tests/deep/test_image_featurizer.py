"""DeepImageFeaturizer as a stage: sparkdl's params and behaviour, four kinds of frames."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from pydeepl import DeepImageFeaturizer, Featurizer, ImageSchema, Pipeline, PipelineModel, lit
from pydeepl.linalg import DenseVector, VectorType, vector_matrix


@pytest.fixture(scope="module")
def weights(random_weights):
    return str(random_weights("ResNet50"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven pictures of three kinds (RGB, gray, alpha) and sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(7):
        rng = np.random.default_rng(index)
        mode, channels = [("RGB", 3), ("L", 1), ("RGBA", 4)][index % 3]
        pixels = rng.integers(0, 256, (30 + 10 * index, 60, channels), np.uint8)
        Image.fromarray(pixels if channels > 1 else pixels[:, :, 0], mode).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def frame(folder):
    return ImageSchema.readImages(str(folder)).withColumn("label", lit(1))


@pytest.fixture(scope="module")
def expected(folder, weights):
    """What Featurizer gives for the files themselves."""
    return Featurizer("ResNet50", weights=weights)(sorted(folder.iterdir()))


@pytest.fixture
def stage(weights):
    return DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", weights=weights, batchSize=3
    )


def assert_same(features, expected):
    assert features.shape == expected.shape
    error = np.linalg.norm(features - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() <= 1e-5


def test_a_pydeepl_frame(frame, stage, expected):
    out = stage.transform(frame)
    assert out.columns == ["image", "label", "features"]
    field = out.column_field("features")
    assert isinstance(field.type, VectorType) and field.type.size == 2048
    assert_same(vector_matrix(out.select("features").toArrow()["features"]), expected)
    row = out.first()
    assert isinstance(row.features, DenseVector) and len(row.features) == 2048


def test_every_kind_of_frame_comes_back_as_itself(frame, stage, expected):
    table = frame.toArrow()
    arrow = stage.transform(table)
    assert isinstance(arrow, pa.Table) and arrow.column_names == ["image", "label", "features"]
    assert_same(vector_matrix(arrow["features"]), expected)

    reader = stage.transform(table.to_reader(max_chunksize=2))
    assert isinstance(reader, pa.RecordBatchReader)
    assert_same(vector_matrix(reader.read_all()["features"]), expected)

    pandas = stage.transform(frame.toPandas())
    assert isinstance(pandas, pd.DataFrame) and list(pandas.columns) == ["image", "label", "features"]
    assert_same(np.stack([vector.toArray() for vector in pandas["features"]]), expected)

    polars = stage.transform(pl.from_arrow(table))
    assert isinstance(polars, pl.DataFrame) and polars.columns == ["image", "label", "features"]
    assert_same(np.array(polars["features"].to_list(), np.float32), expected)


def test_nothing_is_computed_before_it_is_asked_for(frame):
    stage = DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", weights="/nowhere.h5"
    )
    out = stage.transform(frame)
    assert out.select("label").count() == 7
    assert [row.label for row in out.select("label").collect()] == [1] * 7
    with pytest.raises(FileNotFoundError, match=r"/nowhere\.h5"):
        out.select("features").collect()


def test_features_are_computed_once_for_a_frame(frame, stage, monkeypatch):
    runs = []
    stream = Featurizer.stream
    monkeypatch.setattr(Featurizer, "stream", lambda *given: runs.append(1) or stream(*given))
    out = stage.transform(frame)
    for _ in range(3):
        out.select("features").toArrow()
    out.select("features", "label").collect()
    assert len(runs) == 1


def test_sparkdls_errors(frame, stage):
    with pytest.raises(ValueError, match="no column 'picture'; the columns are image, label"):
        stage.transform(frame, {stage.inputCol: "picture"})
    with pytest.raises(ValueError, match="output column 'label' is already there"):
        stage.transform(frame, {stage.outputCol: "label"})
    with pytest.raises(ValueError, match=r"column 'label' holds no images: expected struct<.*, got int32"):
        stage.transform(frame, {stage.inputCol: "label"})
    with pytest.raises(ValueError, match="did you mean InceptionV3"):
        DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="Inception")
    with pytest.raises(TypeError, match="keyword"):
        DeepImageFeaturizer("image", "features", "InceptionV3")
    with pytest.raises(KeyError, match="modelName"):
        DeepImageFeaturizer(inputCol="image", outputCol="features").transform(frame)


@pytest.mark.parametrize(
    "params, text",
    [
        ({"scaleHint": "SCALE_BEST"}, "SCALE_AREA_AVERAGING"),
        ({"precision": "half"}, "'float32' or 'bfloat16'"),
        ({"batchSize": 0}, "batchSize must be at least 1"),
        ({"modelName": "AlexNet"}, "InceptionV3, Xception, ResNet50, VGG16, VGG19"),
    ],
)
def test_a_param_outside_its_domain_is_refused_when_it_is_set(params, text):
    with pytest.raises(ValueError, match=text):
        DeepImageFeaturizer(inputCol="image", outputCol="features", **params)


def test_a_layer_that_is_not_there_is_refused_by_transform(frame, stage):
    with pytest.raises(ValueError, match="layer 'mixed7' is not in ResNet50"):
        stage.transform(frame, {stage.layer: "mixed7"})


def test_a_failed_image_is_named(tmp_path, folder, stage):
    (tmp_path / "good.png").write_bytes((folder / "0.png").read_bytes())
    (tmp_path / "text.jpg").write_text("no image")
    frame = ImageSchema.readImages(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"row 1 of column 'image' \(file:.*text\.jpg\): the file could not be read"
    ):
        stage.transform(frame).select("features").collect()
    kept = stage.transform(ImageSchema.readImages(str(tmp_path), dropImageFailures=True))
    assert kept.select("features").count() == 1


@pytest.mark.parametrize(
    "change, text",
    [
        ({"mode": 21}, "modes 0, 16, 24"),
        ({"nChannels": 3}, "nChannels 3"),
        ({"data": b"short"}, "5 bytes of data"),
        ({"height": 0}, "height 0"),
        (None, "the image is null; dropna"),
    ],
)
def test_a_row_that_holds_no_image(frame, stage, change, text):
    table = frame.select("image").toArrow()
    rows = table["image"].to_pylist()
    rows[2] = None if change is None else rows[2] | change
    broken = pa.table({"image": pa.array(rows, table.schema.field("image").type)})
    with pytest.raises(ValueError, match=f"row 2 of column 'image'.*{text}"):
        out = stage.transform(broken)
        out["features"]


def test_params_have_sparkdls_names_and_defaults(stage):
    assert stage.getModelName() == "ResNet50" and stage.getScaleHint() == "SCALE_AREA_AVERAGING"
    assert stage.getInputCol() == "image" and stage.getOutputCol() == "features"
    assert stage.setScaleHint("SCALE_FAST").getScaleHint() == "SCALE_FAST"
    assert stage.setModelName("VGG16").getModelName() == "VGG16"
    assert stage.setParams(outputCol="other").getOutputCol() == "other"
    names = {
        "inputCol",
        "outputCol",
        "modelName",
        "scaleHint",
        "weights",
        "precision",
        "pooling",
        "layer",
        "batchSize",
        "cache",
        "exact",
        "fastDecode",
        "preprocessing",
    }
    assert {param.name for param in stage.params} == names
    assert "java.awt.Image" in stage.explainParams()


def test_saved_and_loaded(frame, stage, expected, tmp_path):
    stage.setScaleHint("SCALE_REPLICATE")
    stage.save(str(tmp_path / "stage"))
    loaded = DeepImageFeaturizer.load(str(tmp_path / "stage"))
    assert loaded.uid == stage.uid
    assert {p.name: v for p, v in loaded.extractParamMap().items()} == {
        p.name: v for p, v in stage.extractParamMap().items()
    }
    loaded.setScaleHint("SCALE_AREA_AVERAGING")
    assert_same(vector_matrix(loaded.transform(frame).select("features").toArrow()["features"]), expected)


def test_in_a_pipeline_that_is_saved_and_loaded(frame, stage, expected, tmp_path):
    model = Pipeline(stages=[stage]).fit(frame)
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert_same(vector_matrix(loaded.transform(frame).select("features").toArrow()["features"]), expected)


def test_the_weights_are_loaded_once_for_fit_and_transform(frame, stage, random_weights, monkeypatch):
    from pydeepl.deep import networks

    stage._set(weights=str(random_weights("ResNet50", seed=3)))  # which nobody else holds
    loads = []
    load = networks._load
    monkeypatch.setattr(networks, "_load", lambda *arguments: loads.append(1) or load(*arguments))
    model = Pipeline(stages=[stage]).fit(frame)
    for _ in range(2):
        model.transform(frame).select("features").collect()
    assert len(loads) == 1


def test_pooling_and_layers(frame, weights):
    stage = DeepImageFeaturizer(
        inputCol="image",
        outputCol="f",
        modelName="ResNet50",
        weights=weights,
        layer="conv2_block3_out",
        pooling="max",
    )
    assert stage.transform(frame).column_field("f").type.size == 256
