"""Machine learning on data frames: params, pipelines, classification and evaluation, with PySpark's names.

The names load on first use: a script that only features images never loads the classifier.
"""

from pydeepl.lazy import lazy_names

# Public name -> module of this package that defines it.
_EXPORTS = {
    "Param": "param",
    "Params": "param",
    "TypeConverters": "param",
    "Transformer": "base",
    "Estimator": "base",
    "Model": "base",
    "Evaluator": "base",
    "keyword_only": "base",
    "Pipeline": "pipeline",
    "PipelineModel": "pipeline",
    "MLReadable": "persistence",
    "MLWritable": "persistence",
    "load_stage": "persistence",
    "LogisticRegression": "classification",
    "LogisticRegressionModel": "classification",
    "OneVsRest": "classification",
    "OneVsRestModel": "classification",
    "MulticlassClassificationEvaluator": "evaluation",
    "BinaryClassificationEvaluator": "evaluation",
    "StringIndexer": "feature",
    "StringIndexerModel": "feature",
    "IndexToString": "feature",
    "VectorAssembler": "feature",
    "StandardScaler": "feature",
    "StandardScalerModel": "feature",
    "PCA": "feature",
    "PCAModel": "feature",
    "ParamGridBuilder": "tuning",
    "CrossValidator": "tuning",
    "CrossValidatorModel": "tuning",
    "TrainValidationSplit": "tuning",
    "TrainValidationSplitModel": "tuning",
}

__all__ = sorted(_EXPORTS)

__getattr__, __dir__ = lazy_names(__name__, _EXPORTS)
