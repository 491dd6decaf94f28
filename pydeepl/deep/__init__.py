"""Networks: Featurizer on arrays; DeepImageFeaturizer, DeepImagePredictor as pipeline stages; and stages
that run a user's own models of Keras and TensorFlow.

Names load on first use: who featurizes arrays does not wait for frames and SQL.
"""

from pydeepl.lazy import lazy_names

# Public name -> module of this package that defines it.
_EXPORTS = {
    "DeepImageFeaturizer": "image_featurizer",
    "DeepImagePredictor": "predictor",
    "FeatureSpec": "plan",
    "Featurizer": "featurizer",
    "HorovodRunner": "horovod",
    "KerasImageFileEstimator": "keras_estimator",
    "KerasImageFileTransformer": "keras_image",
    "KerasImageUDF": "image_udf",
    "KerasTransformer": "keras_tensor",
    "TFImageTransformer": "tf_image",
    "TFInputGraph": "tf_graph",
    "TFTransformer": "tf_tensor",
    "imageInputPlaceholder": "tf_graph",
    "makeGraphUDF": "graph_udf",
    "registerKerasImageUDF": "image_udf",
}

__all__ = sorted(_EXPORTS)

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)
