"""Fits pydeepl's LogisticRegression on arrays: logistic_pydeepl.py FEATURES.npy LABELS.npy FORM

FORM is dense or sparse: the vectors that the table in memory holds. See benchmarks/logistic/protocol.py
for what is asked and answered.
"""

import sys
from typing import Any

import numpy as np

from benchmarks.logistic.protocol import Fitted, answer
from benchmarks.logistic.tables import training_table
from pydeepl import LogisticRegression

features, labels, form = sys.argv[1:]
table = training_table(np.load(features), np.load(labels), sparse=form == "sparse")


def fit(**settings: Any) -> Fitted:
    model = LogisticRegression(**settings).fit(table)

    def values() -> dict[str, np.ndarray]:
        return {
            "coefficients": model.coefficientMatrix.toArray(),
            "intercepts": model.interceptVector.toArray(),
            "history": np.asarray(model.summary.objectiveHistory),
        }

    return Fitted(values)


fit(maxIter=1)
answer(fit)
