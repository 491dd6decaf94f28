"""sparkdl's modules on real Spark: install_as_sparkdl(), and its mixins in a stage of one's own."""

import numpy as np
import pytest
from PIL import Image

import pydeepl

pytestmark = pytest.mark.spark


@pytest.fixture
def sparkdl(spark):
    from pydeepl.spark import install_as_sparkdl

    install_as_sparkdl()
    install_as_sparkdl()
    import sparkdl

    return sparkdl


def test_sparkdls_imports_give_these_stages(sparkdl):
    from sparkdl.graph import makeGraphUDF
    from sparkdl.image.imageIO import readImagesWithCustomFn
    from sparkdl.transformers.keras_tensor import KerasTransformer
    from sparkdl.udf.keras_image_model import registerKerasImageUDF

    from pydeepl import spark

    assert registerKerasImageUDF is spark.registerKerasImageUDF
    assert KerasTransformer is spark.KerasTransformer and makeGraphUDF is spark.makeGraphUDF
    assert sparkdl.DeepImageFeaturizer is spark.DeepImageFeaturizer
    assert sparkdl.TFTransformer is spark.TFTransformer
    assert sparkdl.imageIO is spark.imageIO and readImagesWithCustomFn is spark.imageIO.readImagesWithCustomFn
    assert sparkdl.readImages is spark.readImages
    # These are the same with Spark and without.
    assert sparkdl.TFInputGraph is pydeepl.TFInputGraph
    assert sparkdl.imageInputPlaceholder is pydeepl.deep.imageInputPlaceholder
    assert sparkdl.HorovodRunner(np=-1).run(lambda rows: rows + 1, rows=2) == 3


def test_what_is_not_covered_is_said(sparkdl):
    with pytest.raises(ImportError, match=r"does not provide sparkdl\.GraphFunction; it provides: Deep"):
        from sparkdl import GraphFunction  # noqa: F401
    with pytest.raises(
        ImportError, match=r"provide sparkdl\.graph\.builder; the modules .*: sparkdl, sparkdl\.est"
    ):
        import sparkdl.graph.builder  # noqa: F401


def test_sparkdls_mixins_make_stages_of_pyspark(spark, sparkdl, tmp_path):
    """A stage as sparkdl's own are written, in a pipeline of Spark's."""
    from pyspark.ml import Pipeline, Transformer
    from pyspark.ml.param import Param, shared
    from sparkdl.param import (
        CanLoadImage,
        HasInputCol,
        HasKerasLoss,
        HasKerasModel,
        HasKerasOptimizer,
        HasLabelCol,
        HasOutputCol,
        HasOutputMode,
        keyword_only,
    )

    class Means(
        Transformer, HasInputCol, HasOutputCol, HasLabelCol, CanLoadImage, HasOutputMode,
        HasKerasModel, HasKerasOptimizer, HasKerasLoss,
    ):  # fmt: skip
        @keyword_only
        def __init__(self, *, inputCol=None, outputCol=None, imageLoader=None, modelFile=None):
            super().__init__()
            self._set(**self._input_kwargs)

        def _transform(self, dataset):
            return self.loadImagesInternal(dataset, self.getInputCol())

    def load(uri):
        import numpy
        from PIL import Image

        return numpy.asarray(Image.open(uri))

    pixels = np.random.default_rng(1).integers(0, 256, (3, 4, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    frame = spark.createDataFrame([(str(tmp_path / "a.png"),), (str(tmp_path / "b.png"),)], "uri string")
    stage = Means(imageLoader=load, modelFile=tmp_path / "m.keras").setInputCol("uri")
    assert isinstance(stage, shared.HasInputCol) and stage.getOutputCol() == f"{stage.uid}__output"
    assert stage.getModelFile() == str(tmp_path / "m.keras")
    assert stage.getKerasFitParams() == {"verbose": 1} and stage.getKerasOptimizer() == "adam"
    assert stage.getOutputMode() == "vector" and stage.getLabelCol() == "label"
    assert stage.setKerasLoss("mse").setLabelCol("y").setOutputCol("out").getKerasLoss() == "mse"
    assert all(isinstance(param, Param) and param.parent == stage.uid for param in stage.params)
    with pytest.raises(TypeError, match="imageLoader: expected a function of a URI, got int 3"):
        stage.setImageLoader(3)
    with pytest.raises(TypeError, match="not in the supported list"):
        Means().setOutputMode("matrix")

    image, missing = Pipeline(stages=[stage]).fit(frame).transform(frame).select("__sdl_img").collect()
    np.testing.assert_array_equal(pydeepl.imageIO.imageStructToArray(image[0])[..., ::-1], pixels)
    assert missing[0] is None
