"""Networks: Featurizer on arrays; DeepImageFeaturizer, DeepImagePredictor as pipeline stages; and stages
that run a user's own Keras model."""

from pydeepl.deep.featurizer import Featurizer
from pydeepl.deep.graph_udf import makeGraphUDF
from pydeepl.deep.horovod import HorovodRunner
from pydeepl.deep.image_featurizer import DeepImageFeaturizer
from pydeepl.deep.image_udf import KerasImageUDF, registerKerasImageUDF
from pydeepl.deep.keras_estimator import KerasImageFileEstimator
from pydeepl.deep.keras_image import KerasImageFileTransformer
from pydeepl.deep.keras_tensor import KerasTransformer
from pydeepl.deep.plan import FeatureSpec
from pydeepl.deep.predictor import DeepImagePredictor
from pydeepl.deep.tf_graph import TFInputGraph, imageInputPlaceholder
from pydeepl.deep.tf_image import TFImageTransformer
from pydeepl.deep.tf_tensor import TFTransformer

__all__ = [
    "DeepImageFeaturizer",
    "DeepImagePredictor",
    "FeatureSpec",
    "Featurizer",
    "HorovodRunner",
    "KerasImageFileEstimator",
    "KerasImageFileTransformer",
    "KerasImageUDF",
    "KerasTransformer",
    "TFImageTransformer",
    "TFInputGraph",
    "TFTransformer",
    "imageInputPlaceholder",
    "makeGraphUDF",
    "registerKerasImageUDF",
]
