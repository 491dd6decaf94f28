"""pydeepl: folders of images to trained classifiers, with Spark's API on a C core.

The public names load on first use, so that `import pydeepl` costs next to nothing.
"""

from pydeepl.lazy import lazy_names

__version__ = "0.1.0"

# Public name -> module that defines it.
_EXPORTS = {
    "SparkSession": "pydeepl.frame",
    "DataFrame": "pydeepl.frame",
    "Row": "pydeepl.frame",
    "col": "pydeepl.frame",
    "lit": "pydeepl.frame",
    "Vectors": "pydeepl.linalg",
    "DenseVector": "pydeepl.linalg",
    "SparseVector": "pydeepl.linalg",
    "ImageSchema": "pydeepl.images",
    "readImages": "pydeepl.images",
    "imageIO": "pydeepl.images",
    "Featurizer": "pydeepl.deep",
    "DeepImageFeaturizer": "pydeepl.deep",
    "DeepImagePredictor": "pydeepl.deep",
    "KerasImageFileEstimator": "pydeepl.deep",
    "KerasImageFileTransformer": "pydeepl.deep",
    "KerasTransformer": "pydeepl.deep",
    "TFImageTransformer": "pydeepl.deep",
    "TFInputGraph": "pydeepl.deep",
    "TFTransformer": "pydeepl.deep",
    "registerKerasImageUDF": "pydeepl.deep",
    "Pipeline": "pydeepl.ml",
    "PipelineModel": "pydeepl.ml",
    "LogisticRegression": "pydeepl.ml",
    "LogisticRegressionModel": "pydeepl.ml",
    "MulticlassClassificationEvaluator": "pydeepl.ml",
    "BinaryClassificationEvaluator": "pydeepl.ml",
    "StringIndexer": "pydeepl.ml",
    "IndexToString": "pydeepl.ml",
    "ParamGridBuilder": "pydeepl.ml",
    "CrossValidator": "pydeepl.ml",
    "CrossValidatorModel": "pydeepl.ml",
    "TrainValidationSplit": "pydeepl.ml",
    "TrainValidationSplitModel": "pydeepl.ml",
}

__all__ = [*sorted(_EXPORTS), "__version__"]

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)
