"""Writes spark_lr.json: Spark MLlib's logistic regressions on the data sets of tests/linear/formulas.py.

Run from the repository's root with PySpark 4 and Java 17: python tests/golden/spark/make_spark_lr.py
"""

import json
import sys
from pathlib import Path

import pyspark
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from linear.formulas import dataset  # noqa: E402

NET = {"regParam": 0.05, "elasticNetParam": 0.5}
CASES = [
    ("three", {}),
    ("three", {"maxIter": 0}),
    ("three", {"regParam": 0.1}),
    ("three", NET),
    ("three", NET | {"maxIter": 200, "tol": 1e-9}),
    ("three", NET | {"weightCol": "weight"}),
    ("three", {"weightCol": "weight", "maxIter": 40}),
    ("three", NET | {"standardization": False, "weightCol": "weight"}),
    ("three", NET | {"fitIntercept": False, "maxIter": 30}),
    ("three", {"regParam": 0.05, "elasticNetParam": 1.0, "maxIter": 25}),
    ("three", {"regParam": 2.0, "elasticNetParam": 1.0}),
    ("three", {"thresholds": [0.2, 0.5, 0.3], "regParam": 0.1, "maxIter": 10}),
    ("binary", {}),
    ("binary", NET),
    ("binary", {"regParam": 0.1, "standardization": False}),
    ("binary", {"family": "multinomial", "regParam": 0.1}),
    ("binary", NET | {"family": "multinomial", "maxIter": 30}),
    ("binary", {"threshold": 0.7, "regParam": 0.1, "weightCol": "weight"}),
    ("binary", {"thresholds": [0.3, 0.7], "regParam": 0.1, "fitIntercept": False}),
    ("wide", {"maxIter": 12}),
    ("wide", NET | {"maxIter": 30}),
    ("wide", {"regParam": 0.01, "tol": 1e-10, "maxIter": 60}),
    ("ten", {"maxIter": 30}),
    ("ten", NET | {"maxIter": 30}),
    ("ten", {"regParam": 0.02, "elasticNetParam": 0.2, "maxIter": 60, "tol": 1e-4, "fitIntercept": False}),
    ("ten", {"regParam": 1e-5, "tol": 1e-3, "maxIter": 60}),
    ("gap", {"regParam": 0.1}),
    ("gap", NET),
    ("separable", {"maxIter": 15}),
    ("far", {"fitIntercept": False}),
    ("far", NET | {"fitIntercept": False}),
    ("far binary", {"fitIntercept": False, "regParam": 0.05}),
    ("far binary", NET | {"fitIntercept": False}),
    ("only two", {}),
    ("only two", {"fitIntercept": False, "regParam": 0.1}),
    ("only one", {}),
    ("only zero", {}),
    ("only one", {"family": "multinomial"}),
]


def answer(model, frame):
    rows = model.transform(frame).limit(12).collect()
    return {
        "objectiveHistory": list(model.summary.objectiveHistory),
        "coefficients": model.coefficientMatrix.toArray().tolist(),
        "intercepts": model.interceptVector.toArray().tolist(),
        "numClasses": model.numClasses,
        "accuracy": model.summary.accuracy,
        "rawPrediction": [row.rawPrediction.toArray().tolist() for row in rows],
        "probability": [row.probability.toArray().tolist() for row in rows],
        "prediction": [row.prediction for row in rows],
    }


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    cases = []
    for name, params in CASES:
        x, y, w = dataset(name)
        rows = [(Vectors.dense(x[i]), float(y[i]), float(w[i])) for i in range(len(y))]
        frame = spark.createDataFrame(rows, ["features", "label", "weight"]).coalesce(1).cache()
        model = LogisticRegression(**params).fit(frame)
        cases.append({"data": name, "params": params, **answer(model, frame)})
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "spark_lr.json").write_text(f'{{"spark": "{pyspark.__version__}", "cases": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
