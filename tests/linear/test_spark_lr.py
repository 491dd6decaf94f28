"""Spark MLlib's own numbers on the data sets of formulas.py (tests/golden/spark/make_spark_lr.py)."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from linear.formulas import dataset

from pydeepl.linalg import vector_array, vectors
from pydeepl.ml import LogisticRegression

pytestmark = [pytest.mark.core, pytest.mark.filterwarnings("ignore:.*all labels in column")]

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "spark" / "spark_lr.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['data']} {case['params']}")
def test_spark(case):
    x, y, w = dataset(case["data"])
    data = pa.table({"features": vector_array(x.astype(np.float32)), "label": y, "weight": w})
    model = LogisticRegression(**case["params"]).fit(data)
    history = model.summary.objectiveHistory
    assert len(history) == len(case["objectiveHistory"])
    np.testing.assert_allclose(history[:6], case["objectiveHistory"][:6], rtol=1e-9, atol=0)
    assert model.numClasses == case["numClasses"]
    np.testing.assert_allclose(model.coefficientMatrix.toArray(), case["coefficients"], rtol=0, atol=1e-8)
    # The intercept of a class without rows has no optimum: it runs away where the slope is next to
    # nothing, and the two orders of summation show.
    relative = 1e-8 if case["data"] == "gap" else 0
    np.testing.assert_allclose(model.interceptVector.toArray(), case["intercepts"], rtol=relative, atol=1e-8)
    assert model.summary.accuracy == pytest.approx(case["accuracy"], rel=1e-12)
    out = model.transform(data).slice(0, 12)
    for name in ("rawPrediction", "probability"):
        np.testing.assert_allclose(np.stack(vectors(out[name])), case[name], rtol=0, atol=1e-6)
    assert out["prediction"].to_pylist() == case["prediction"]
