"""Which of PySpark's and sparkdl's names pydeepl stands in for: the whole table.

A stand-in module gives the names of pydeepl's modules in its row, in that order, and nothing else.
"""

# Stand-in module -> where its names are: "module" (all its public names), "module:name" (that name) or
# "module:name.*" (that object's public names).
STAND_INS: dict[str, tuple[str, ...]] = {
    "pyspark": ("pydeepl.frame:Row",),
    "pyspark.sql": (
        "pydeepl.frame:SparkSession",
        "pydeepl.frame:DataFrame",
        "pydeepl.frame:Row",
        "pydeepl.frame:Column",
    ),
    "pyspark.errors": ("pydeepl.frame:AnalysisException", "pydeepl.frame:ParseException"),
    "pyspark.sql.utils": ("pydeepl.frame:AnalysisException", "pydeepl.frame:ParseException"),
    "pyspark.sql.functions": ("pydeepl.frame.functions",),
    "pyspark.sql.types": ("pydeepl.frame.types",),
    "pyspark.ml": (
        "pydeepl.ml:Estimator",
        "pydeepl.ml:Model",
        "pydeepl.ml:Pipeline",
        "pydeepl.ml:PipelineModel",
        "pydeepl.ml:Transformer",
    ),
    "pyspark.ml.base": ("pydeepl.ml:Estimator", "pydeepl.ml:Model", "pydeepl.ml:Transformer"),
    "pyspark.ml.classification": ("pydeepl.ml.classification",),
    "pyspark.ml.evaluation": ("pydeepl.ml.evaluation",),
    "pyspark.ml.feature": ("pydeepl.ml.feature",),
    "pyspark.ml.image": ("pydeepl.images:ImageSchema",),
    "pyspark.ml.linalg": ("pydeepl.ml.linalg",),
    "pyspark.ml.param": ("pydeepl.ml.param",),
    "pyspark.ml.param.shared": ("pydeepl.ml.param.shared",),
    "pyspark.ml.pipeline": ("pydeepl.ml:Pipeline", "pydeepl.ml:PipelineModel"),
    "pyspark.mllib": ("pydeepl.mllib:evaluation",),
    "pyspark.mllib.evaluation": ("pydeepl.mllib.evaluation",),
    "sparkdl": (
        "pydeepl.deep:DeepImageFeaturizer",
        "pydeepl.deep:DeepImagePredictor",
        "pydeepl.deep:KerasImageFileEstimator",
        "pydeepl.deep:KerasImageFileTransformer",
        "pydeepl.deep:KerasTransformer",
        "pydeepl.images:imageIO",
        "pydeepl.images:readImages",
    ),
    "sparkdl.udf": ("pydeepl.deep:registerKerasImageUDF",),
    "sparkdl.udf.keras_image_model": ("pydeepl.deep:registerKerasImageUDF",),
    "sparkdl.image": ("pydeepl.images:imageIO",),
    "sparkdl.image.imageIO": ("pydeepl.images:imageIO.*",),
    "sparkdl.estimators": ("pydeepl.deep:KerasImageFileEstimator",),
    "sparkdl.estimators.keras_image_file_estimator": ("pydeepl.deep:KerasImageFileEstimator",),
    "sparkdl.transformers": (
        "pydeepl.deep:DeepImageFeaturizer",
        "pydeepl.deep:DeepImagePredictor",
        "pydeepl.deep:KerasImageFileTransformer",
        "pydeepl.deep:KerasTransformer",
    ),
    "sparkdl.transformers.keras_image": ("pydeepl.deep:KerasImageFileTransformer",),
    "sparkdl.transformers.keras_tensor": ("pydeepl.deep:KerasTransformer",),
    "sparkdl.transformers.named_image": (
        "pydeepl.deep:DeepImageFeaturizer",
        "pydeepl.deep:DeepImagePredictor",
    ),
}
