"""pydeepl: folders of images to trained classifiers, with Spark's API on a C core.

The public names load on first use, so that `import pydeepl` costs next to nothing.
"""

from pydeepl.lazy import lazy_names

__version__ = "0.1.0"

# Public name -> module of this package that has it.
_EXPORTS = {
    "SparkSession": "frame",
    "DataFrame": "frame",
    "Row": "frame",
    "col": "frame",
    "lit": "frame",
    "Vectors": "linalg",
    "DenseVector": "linalg",
    "SparseVector": "linalg",
    "ImageSchema": "images",
    "readImages": "images",
    "imageIO": "images",
    "Featurizer": "deep",
    "DeepImageFeaturizer": "deep",
    "DeepImagePredictor": "deep",
    "KerasImageFileEstimator": "deep",
    "KerasImageFileTransformer": "deep",
    "KerasTransformer": "deep",
    "TFImageTransformer": "deep",
    "TFInputGraph": "deep",
    "TFTransformer": "deep",
    "registerKerasImageUDF": "deep",
    "Pipeline": "ml",
    "PipelineModel": "ml",
    "LogisticRegression": "ml",
    "LogisticRegressionModel": "ml",
    "MulticlassClassificationEvaluator": "ml",
    "BinaryClassificationEvaluator": "ml",
    "StringIndexer": "ml",
    "IndexToString": "ml",
    "ParamGridBuilder": "ml",
    "CrossValidator": "ml",
    "CrossValidatorModel": "ml",
    "TrainValidationSplit": "ml",
    "TrainValidationSplitModel": "ml",
}

__all__ = [*sorted(_EXPORTS), "__version__"]

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)
