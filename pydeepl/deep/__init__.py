"""Networks: Featurizer on arrays; DeepImageFeaturizer, DeepImagePredictor as pipeline stages; and stages
that run a user's own Keras model."""

from pydeepl.deep.featurizer import Featurizer
from pydeepl.deep.image_featurizer import DeepImageFeaturizer
from pydeepl.deep.image_udf import KerasImageUDF, registerKerasImageUDF
from pydeepl.deep.keras_estimator import KerasImageFileEstimator
from pydeepl.deep.keras_image import KerasImageFileTransformer
from pydeepl.deep.keras_tensor import KerasTransformer
from pydeepl.deep.plan import FeatureSpec
from pydeepl.deep.predictor import DeepImagePredictor

__all__ = [
    "DeepImageFeaturizer",
    "DeepImagePredictor",
    "FeatureSpec",
    "Featurizer",
    "KerasImageFileEstimator",
    "KerasImageFileTransformer",
    "KerasImageUDF",
    "KerasTransformer",
    "registerKerasImageUDF",
]
