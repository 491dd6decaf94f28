"""LogisticRegression's solver param, and the optimality that training summaries tell of."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from linear.reference import optimality

from pydeepl.linalg import vector_array
from pydeepl.ml import LogisticRegression, LogisticRegressionModel

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def problem(classes=3, n=80, d=6):
    rng = np.random.default_rng(classes)
    x = rng.standard_normal((n, d)).astype(np.float32)
    y = (x @ rng.standard_normal((d, classes)) + 2 * rng.gumbel(size=(n, classes))).argmax(axis=1)
    y[:classes] = range(classes)
    return x, y.astype(np.float64)


def table(x, y, w=None):
    columns = {"features": vector_array(x), "label": y}
    return pa.table(columns if w is None else columns | {"weight": w})


def matrices(model):
    return model.coefficientMatrix.toArray(), model.interceptVector.toArray()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("solver", ["l-bfgs", "newton-cg"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_summary_tells_the_residual_and_the_gap(classes, solver, weighted):
    x, y = problem(classes)
    w = np.arange(80) % 3 / 2.0 + (np.arange(80) < classes)
    estimator = LogisticRegression(regParam=0.02, elasticNetParam=0.5, maxIter=8, solver=solver)
    if weighted:
        estimator.setWeightCol("weight")
    model = estimator.fit(table(x, y, w))
    estimator.setRegParam(7.0)  # later settings do not reach into the summary
    expected = optimality(
        x, y, w if weighted else np.ones(80), *matrices(model), classes, classes > 2, 0.02, 0.5
    )
    summary = model.summary
    assert summary.kktResidual == pytest.approx(expected[1], rel=1e-3, abs=1e-11)
    assert summary.dualityGap == pytest.approx(expected[2], rel=1e-3, abs=1e-11)
    assert summary.objectiveHistory[-1] == pytest.approx(expected[0], rel=1e-12)
    if solver == "newton-cg":
        assert summary.dualityGap <= 1e-6 * summary.objectiveHistory[-1]
        assert 0 < summary.totalIterations <= 8


def test_without_regularization_there_is_no_gap():
    x, y = problem()
    summary = LogisticRegression(solver="newton-cg").fit(table(x, y)).summary
    assert np.isnan(summary.dualityGap) and summary.kktResidual <= 1e-6


def test_both_solvers_end_at_the_same_model():
    x, y = problem()
    spark = LogisticRegression(regParam=0.02, elasticNetParam=0.5, maxIter=2000, tol=1e-14).fit(table(x, y))
    ours = LogisticRegression(regParam=0.02, elasticNetParam=0.5, tol=1e-12, solver="newton-cg").fit(
        table(x, y)
    )
    for one, other in zip(matrices(spark), matrices(ours), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    assert (
        ours.transform(table(x, y))["prediction"].to_pylist()
        == spark.transform(table(x, y))["prediction"].to_pylist()
    )


def test_the_param_is_a_param_like_others(tmp_path):
    estimator = LogisticRegression()
    assert estimator.getSolver() == "l-bfgs" and not estimator.isSet("solver")
    assert estimator.setSolver("newton-cg") is estimator and estimator.getSolver() == "newton-cg"
    assert "newton-cg" in estimator.explainParam("solver") and "solver: " in estimator.explainParams()
    assert estimator.copy({estimator.solver: "l-bfgs"}).getSolver() == "l-bfgs"
    with pytest.raises((TypeError, ValueError), match="one of l-bfgs, newton-cg"):
        LogisticRegression(solver="saga")

    estimator.write().overwrite().save(str(tmp_path / "estimator"))
    assert LogisticRegression.load(str(tmp_path / "estimator")).getSolver() == "newton-cg"
    model = estimator.setRegParam(0.1).fit(table(*problem()))
    assert model.getSolver() == "newton-cg"
    model.save(str(tmp_path / "model"))
    loaded = LogisticRegressionModel.load(str(tmp_path / "model"))
    assert loaded.getSolver() == "newton-cg" and not loaded.hasSummary


def test_too_few_iterations_are_told_of():
    x, y = problem()
    estimator = LogisticRegression(regParam=0.02, solver="newton-cg", maxIter=1)
    with pytest.warns(
        UserWarning, match=r"maxIter ended .* tol 1e-06 .* 1 iterations: objective .* duality gap"
    ):
        model = estimator.fit(table(x, y))
    assert model.summary.totalIterations == 1


def test_separable_classes_are_told_of():
    x, y = problem(n=20, d=40)
    with pytest.warns(UserWarning, match=r"no finite optimum.*separated; stopped .* KKT residual"):
        model = LogisticRegression(solver="newton-cg").fit(table(x, y))
    assert model.transform(table(x, y))["prediction"].to_pylist() == y.tolist()


def test_a_class_without_rows_is_told_of_and_never_predicted(tmp_path):
    x, y = problem(4)
    y[y == 2] = 3
    with pytest.warns(UserWarning, match=r"classes \[2\] have no rows in column 'label'.*-infinity"):
        model = LogisticRegression(regParam=0.01, solver="newton-cg").fit(table(x, y))
    out = model.transform(table(x, y))
    assert all(probability[2] == 0 for probability in out["probability"].to_pylist())
    assert 0 <= model.summary.dualityGap <= 1e-6 * model.summary.objectiveHistory[-1]
    model.save(str(tmp_path / "model"))
    loaded = LogisticRegressionModel.load(str(tmp_path / "model"))
    assert loaded.interceptVector.toArray()[2] == -np.inf


@pytest.mark.parametrize("solver", ["l-bfgs", "newton-cg"])
def test_one_class_has_no_residual(solver):
    x, _ = problem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        summary = LogisticRegression(solver=solver).fit(table(x, np.full(80, 2.0))).summary
    assert summary.kktResidual == 0 and summary.dualityGap == 0
