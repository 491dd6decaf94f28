"""A search by cross-validation in the API that pydeepl and PySpark share, and the worker that runs it.

Asked, a line of JSON: {"mode": "search" or "plain", "grid": {param: values}, "maxIter": n}. It answers
`answer: SECONDS METRIC...`: the candidates' accuracies, averaged over the folds.

search   CrossValidator.fit, its folds given by a column
plain    the same fits and evaluations one by one, each on a frame of its own, and the last fit on all rows
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

FOLDS = 3
Asked = dict[str, Any]


def parts(api: Any, asked: Asked) -> tuple[Any, Any, list[Any]]:
    lr = api.LogisticRegression(maxIter=asked["maxIter"])
    builder = api.ParamGridBuilder()
    for name, values in asked["grid"].items():
        builder = builder.addGrid(lr.getParam(name), values)
    return lr, api.MulticlassClassificationEvaluator(metricName="accuracy"), builder.build()


def search(api: Any, frame: Any, asked: Asked) -> Callable[[], list[float]]:
    lr, evaluator, candidates = parts(api, asked)
    validator = api.CrossValidator(
        estimator=lr, estimatorParamMaps=candidates, evaluator=evaluator, numFolds=FOLDS, foldCol="fold"
    )
    return lambda: validator.fit(frame).avgMetrics


def plain(api: Any, folds: list[tuple[Any, Any]], frame: Any, asked: Asked) -> Callable[[], list[float]]:
    lr, evaluator, candidates = parts(api, asked)

    def run() -> list[float]:
        metrics = [
            [evaluator.evaluate(lr.fit(train, candidate).transform(held_out)) for candidate in candidates]
            for train, held_out in folds
        ]
        averages = np.mean(metrics, axis=0)
        lr.fit(frame, candidates[int(averages.argmax())])
        return list(averages)

    return run


def answer(api: Any, frame: Any, folds: list[tuple[Any, Any]]) -> None:
    print("answer: ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        run = search(api, frame, asked) if asked["mode"] == "search" else plain(api, folds, frame, asked)
        started = time.perf_counter()
        metrics = run()
        print("answer:", time.perf_counter() - started, *metrics, flush=True)
