"""Classification of sparse vectors, from every place that they come from; nothing is densified."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp

from pydeepl import LogisticRegression
from pydeepl.linalg import SparseVector, Vectors, sparse_vector_array, vector_array, vectors_array


def problem(n=60, d=90, classes=3, density=0.1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.gamma(2, size=(n, d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    y = rng.integers(0, classes, n).astype(np.float64)
    y[:classes] = range(classes)
    return x, y


def fitted(table, **params):
    model = LogisticRegression(**({"regParam": 0.05, "elasticNetParam": 0.4, "maxIter": 10} | params)).fit(
        table
    )
    return model, model.transform(table)


def answers(table, **params):
    """Coefficients, objective history, and the probabilities that transform gives."""
    model, out = fitted(table, **params)
    rows = out["probability"] if isinstance(out, pd.DataFrame) else out["probability"].to_pylist()
    return (
        model.coefficientMatrix.toArray(),
        np.asarray(model.summary.objectiveHistory),
        np.array([row.toArray() for row in rows]),
    )


FORMS = {
    "csr float32": lambda x: sparse_vector_array(sp.csr_matrix(x)),
    "csr float64": lambda x: sparse_vector_array(sp.csr_array(x.astype(np.float64))),
    "parts": lambda x: sparse_vector_array(
        (lambda m: (m.indptr, m.indices, m.data, m.shape[1]))(sp.csr_matrix(x))
    ),
    "chunks": lambda x: pa.chunked_array(
        [sparse_vector_array(sp.csr_matrix(part)) for part in (x[:7], x[7:7], x[7:])]
    ),
    "vectors": lambda x: vectors_array(
        [SparseVector(x.shape[1], np.flatnonzero(row), row[row != 0]) for row in x]
    ),
    "mixed": lambda x: vectors_array(
        [
            Vectors.dense(row) if i % 3 else SparseVector(x.shape[1], np.flatnonzero(row), row[row != 0])
            for i, row in enumerate(x)
        ]
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("classes", [2, 3])
def test_sparse_vectors_train_and_predict_as_dense_ones(classes, form):
    x, y = problem(classes=classes)
    expected = answers(pa.table({"features": vector_array(x), "label": y}))
    ours = answers(pa.table({"features": FORMS[form](x), "label": y}))
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("cells", ["scipy", "vectors"])
def test_pandas_columns_of_sparse_rows(cells):
    x, y = problem()
    csr = sp.csr_matrix(x)
    rows = (
        [csr[i] for i in range(len(y))]
        if cells == "scipy"
        else [SparseVector(90, csr[i].indices, csr[i].data) for i in range(len(y))]
    )
    frame = pd.DataFrame({"features": pd.Series(rows, dtype=object), "label": y})
    expected = answers(pa.table({"features": vector_array(x), "label": y}))
    for a, b in zip(answers(frame), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_values_of_float64_are_not_rounded_in_prediction():
    x, y = problem()
    model, _ = fitted(pa.table({"features": vector_array(x), "label": y}))
    fine = sp.csr_matrix(x.astype(np.float64) * (1 + 1e-10))
    raw = model.transform(pa.table({"features": sparse_vector_array(fine)}))["rawPrediction"].to_pylist()
    expected = fine @ model.coefficientMatrix.toArray().T + model.interceptVector.toArray()
    np.testing.assert_allclose([row.toArray() for row in raw], expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_values_are_named(value):
    x, y = problem()
    good = pa.table({"features": vector_array(x), "label": y})
    csr = sp.csr_matrix(x)
    row = int(np.searchsorted(csr.indptr, 100, "right")) - 1
    csr.data[100] = value
    broken = pa.table({"features": sparse_vector_array(csr), "label": y})
    message = rf"column 'features': row {row}: feature {csr.indices[100]} is {value}; features must be finite"
    with pytest.raises(ValueError, match=message):
        fitted(broken)
    with pytest.raises(ValueError, match=message):
        fitted(good)[0].transform(broken)


def test_vectors_of_another_size_are_named():
    x, y = problem()
    model, _ = fitted(pa.table({"features": vector_array(x), "label": y}))
    narrow = pa.table({"features": sparse_vector_array(sp.csr_matrix(x[:, :80])), "label": y})
    with pytest.raises(ValueError, match="expected 90 features, found 80 in row 0"):
        model.transform(narrow)
    uneven = vectors_array([*(SparseVector(5, [1], [1.0]) for _ in range(3)), SparseVector(6, [1], [1.0])])
    with pytest.raises(ValueError, match="expected 5 features, found 6 in row 3"):
        fitted(pa.table({"features": uneven, "label": [0.0, 1.0, 0.0, 1.0]}))


def test_rows_outside_a_fold_share_the_features():
    x, y = problem(80, classes=3)
    used = np.arange(80) % 4 != 1
    table = pa.table({"features": sparse_vector_array(sp.csr_matrix(x)), "label": y, "w": used.astype(float)})
    ours = answers(table, weightCol="w")
    subset = answers(pa.table({"features": vector_array(np.ascontiguousarray(x[used])), "label": y[used]}))
    for a, b in zip(ours[:2], subset[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


MEMORY = """
import resource, sys
import numpy as np, pyarrow as pa, scipy.sparse as sp
from pydeepl import LogisticRegression
from pydeepl.linalg import sparse_vector_array

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

# By hand: scipy's own random matrices first take gigabytes, and the peak would be theirs.
rng = np.random.default_rng(0)
indices = np.sort(rng.integers(0, 131072, (3000, 655)), axis=1).astype(np.int32)
fresh = np.diff(indices, axis=1, prepend=-1) > 0
indptr = np.concatenate([[0], fresh.sum(axis=1).cumsum()])
csr = sp.csr_matrix((rng.random(fresh.sum(), np.float32), indices[fresh], indptr), (3000, 131072))
table = pa.table({"features": sparse_vector_array(csr), "label": np.arange(3000) % 2.0})
LogisticRegression(maxIter=1).fit(table.slice(0, 10)).transform(table.slice(0, 10))
before = peak()
model = LogisticRegression(maxIter=2, regParam=0.1, elasticNetParam=0.5).fit(table)
model.transform(table)
model.summary.accuracy
print(peak() - before)
"""


def test_nothing_is_densified():
    """3,000 x 131,072 would take 1,500 MB in float32; the 2 million non-zeros take 24 MB on the way."""
    result = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 150
