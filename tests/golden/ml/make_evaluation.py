"""Makes evaluation.json: Spark's numbers for the evaluators. Needs pyspark and Java; run it from this folder.

The data are formulas, so that the file holds the answers alone; the tests take `multiclass` and `binary`
from here.
"""

import json
from pathlib import Path

import numpy as np

MULTICLASS = [
    "f1",
    "accuracy",
    "weightedPrecision",
    "weightedRecall",
    "weightedTruePositiveRate",
    "weightedFalsePositiveRate",
    "weightedFMeasure",
    "truePositiveRateByLabel",
    "falsePositiveRateByLabel",
    "precisionByLabel",
    "recallByLabel",
    "fMeasureByLabel",
    "logLoss",
    "hammingLoss",
]
BINARY = ["areaUnderROC", "areaUnderPR"]
# name -> arguments of `multiclass` and evaluator params
MULTICLASS_CASES = {
    "plain": ((200, 5), {}),
    "weights": ((200, 5), {"weightCol": "weight"}),
    "beta": ((120, 4), {"beta": 2.5, "metricLabel": 2.0}),
    "beta_weights": ((120, 4), {"beta": 0.3, "metricLabel": 3.0, "weightCol": "weight", "eps": 0.2}),
    "one_class": ((30, 1), {}),
    "zero_weights": ((60, 3), {"weightCol": "zero", "metricLabel": 1.0}),
}
# name -> arguments of `binary` and evaluator params
BINARY_CASES = {
    "ties": ((300, 17), {}),
    "ties_weights": ((300, 17), {"weightCol": "weight"}),
    "distinct": ((997, 10007), {"numBins": 0}),
    "not_thinned": ((1999, 10007), {}),
    "thinned": ((5000, 10007), {}),
    "thinned_weights": ((5000, 10007), {"weightCol": "weight"}),
    "thinned_hard": ((3001, 10007), {"numBins": 7}),
    "bins_of_two": ((2000, 10007), {}),
}


def multiclass(rows, classes):
    """label, prediction (one class is never predicted, one is never a label), weight, zero, probability."""
    i = np.arange(rows)
    label = (i * i * 7 + 3 * i) % 53 % classes
    prediction = np.where(i % 3 == 0, (i * 5 + 1) % (classes + 2), label)
    prediction = np.where(prediction == 1, 0, prediction)
    scores = 0.01 + ((i[:, None] * 31 + np.arange(classes) * 17) % 97) * (
        np.arange(classes) != i[:, None] % 11
    )
    return {
        "label": label.astype(float),
        "prediction": prediction.astype(float),
        "weight": (i * 13 % 10) / 4,
        "zero": np.where(label == 2, 0.0, 0.5),
        "probability": scores / scores.sum(axis=1, keepdims=True),
    }


def binary(rows, distinct):
    """rawPrediction as the score of class 1, label, weight."""
    i = np.arange(rows)
    score = i * 7919 % distinct / distinct
    return {
        "rawPrediction": score,
        "label": ((i * i * 3 + i) % 101 / 101 < 0.2 + 0.6 * score).astype(float),
        "weight": (i * 13 % 10) / 4,
    }


def main():
    import pyspark
    from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.sql.shuffle.partitions", "1").getOrCreate()

    def frame(data):
        columns = [column.tolist() for column in data.values()]
        return spark.createDataFrame(list(zip(*columns, strict=True)), list(data)).coalesce(1).cache()

    golden = {"spark": pyspark.__version__, "multiclass": {}, "binary": {}}
    for name, (arguments, params) in MULTICLASS_CASES.items():
        data = frame(multiclass(*arguments))
        golden["multiclass"][name] = {
            metric: MulticlassClassificationEvaluator(metricName=metric, **params).evaluate(data)
            for metric in MULTICLASS
        }
    for name, (arguments, params) in BINARY_CASES.items():
        data = frame(binary(*arguments))
        golden["binary"][name] = {
            metric: BinaryClassificationEvaluator(metricName=metric, **params).evaluate(data)
            for metric in BINARY
        }
    spark.stop()
    text = json.dumps(golden, indent=1).replace("NaN", '"nan"')
    Path(__file__).with_name("evaluation.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
