"""pydeepl.sklearn.LogisticRegression, held to scikit-learn's own checks and to its own class' optimum."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

from pydeepl.sklearn import LogisticRegression

# The steps of L-BFGS depend on each feature's deviation, which counts a row of weight 2 otherwise than two
# rows; it ends where the objective's rounding hides further progress: 1e-8 of the coefficients, and the check
# asks for 1e-7 of probabilities near 0.
_LBFGS = {f"check_sample_weight_equivalence_on_{kind}_data": "ends 1e-8 away" for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [LogisticRegression(tol=1e-16), LogisticRegression(solver="lbfgs")],
    expected_failed_checks=lambda estimator: _LBFGS if estimator.solver == "lbfgs" else {},
)
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # no tolerance at all is asked for
        check(estimator)


def problem(classes, rows=120, columns=7, seed=0):
    x, y = make_classification(
        rows,
        columns,
        n_informative=5,
        n_classes=classes,
        n_clusters_per_class=1,
        random_state=seed,
        flip_y=0.2,
    )
    return x.astype(np.float32).astype(np.float64), np.array(["ant", "bee", "cat", "dog"])[y]


def objective(model, x, y, w):
    """What both minimise, of a fitted model."""
    ratio = model.l1_ratio or 0
    penalty = (1 - ratio) / 2 * (model.coef_**2).sum() + ratio * abs(model.coef_).sum()
    weights = w * compute_sample_weight(model.class_weight, y)
    return model.C * (weights * log_losses(model, x, y)).sum() + penalty


def log_losses(model, x, y):
    return -model.predict_log_proba(x)[np.arange(len(y)), np.searchsorted(model.classes_, y)]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"C": 0.01},
        {"C": 30.0, "l1_ratio": 0.4},
        {"C": 1.0, "l1_ratio": 1.0},
        {"fit_intercept": False},
        {"class_weight": "balanced", "C": 0.1},
        {"class_weight": {"ant": 3.0, "bee": 0.5}},
    ],
    ids=str,
)
@pytest.mark.parametrize("solver", ["newton-cg", "lbfgs"])
def test_the_optimum_is_scikit_learns(classes, params, solver):
    x, y = problem(classes)
    w = np.random.default_rng(1).integers(0, 4, len(y)).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no tolerance is met by all; scikit-learn renames its parameters
        ours = LogisticRegression(solver=solver, tol=1e-12, max_iter=5000, **params)
        ours.fit(x, y, sample_weight=w)
        penalty = {"penalty": "elasticnet"} if params.get("l1_ratio") else {}
        best = {"solver": "saga"} if params.get("l1_ratio") else {"solver": "lbfgs"}
        reference = Reference(tol=1e-9, max_iter=100_000, random_state=0, **best, **penalty, **params)
        reference.fit(x, y, sample_weight=w)
    assert objective(ours, x, y, w) == pytest.approx(objective(reference, x, y, w), rel=1e-6)
    assert ours.coef_.shape == reference.coef_.shape and ours.intercept_.shape == reference.intercept_.shape
    assert ours.classes_.tolist() == reference.classes_.tolist()
    if solver == "lbfgs" and params.get("l1_ratio"):
        return  # OWL-QN comes close slowly
    np.testing.assert_allclose(ours.predict_proba(x), reference.predict_proba(x), atol=3e-6)
    np.testing.assert_allclose(ours.predict_log_proba(x), np.log(ours.predict_proba(x)))
    assert (ours.predict(x) == reference.predict(x)).all()
    if params.get("l1_ratio") == 1 and classes > 2:
        return  # under L1 alone a feature's coefficients may be shifted together
    np.testing.assert_allclose(ours.coef_, reference.coef_, atol=3e-5)
    np.testing.assert_allclose(ours.decision_function(x), reference.decision_function(x), atol=1e-4)


def test_no_penalty_is_an_infinite_c():
    x, y = problem(2)
    ours = LogisticRegression(C=np.inf, tol=1e-9).fit(x, y)
    missed = (ours.predict_proba(x)[:, 1] - (y == "bee")) / len(y)
    assert abs(x.T @ missed).max() < 1e-7 and abs(missed.sum()) < 1e-9
    assert abs(ours.coef_).max() > 0.1


def test_standardization_penalises_coefficients_of_standardized_features():
    x, y = problem(3)
    x = x * np.arange(1, 8)
    ours = LogisticRegression(C=0.1, standardization=True, tol=1e-12).fit(x, y)
    scaler = StandardScaler().fit(x)
    scaler.scale_ = x.std(axis=0, ddof=1)
    reference = Reference(C=0.1, tol=1e-10, max_iter=10_000).fit(scaler.transform(x), y)
    np.testing.assert_allclose(ours.coef_ * scaler.scale_, reference.coef_, atol=1e-5)


def test_sparse_features_are_as_dense_ones_and_stay_sparse():
    x = random_array((300, 50), density=0.1, random_state=3, format="csr", dtype=np.float32)
    y = (np.asarray(x.sum(axis=1)).ravel() > 2.5).astype(int)
    sparse, dense = (LogisticRegression(tol=1e-13).fit(data, y) for data in (x, x.toarray()))
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=1e-9)
    np.testing.assert_allclose(sparse.predict_proba(x), dense.predict_proba(x.toarray()), atol=1e-9)
    # 40 rows of 20 million columns would take 3.2 GB dense.
    indices = np.arange(40) * 499_999
    wide = csr_array((np.ones(40, np.float32), indices, np.arange(41)), shape=(40, 20_000_000))
    model = LogisticRegression(solver="lbfgs", max_iter=2)
    with pytest.warns(ConvergenceWarning, match="max_iter=2 ended the training before tol=1e-06"):
        model.fit(wide, np.arange(40) % 2)
    assert model.predict(wide).shape == (40,)


def test_it_works_in_pipelines_searches_processes_and_pickles():
    x, y = load_iris(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), LogisticRegression())
    grid = {"logisticregression__C": [0.01, 1.0, 100.0]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=3).fit(x, y)
    expected = GridSearchCV(make_pipeline(StandardScaler(), Reference(max_iter=1000)), grid, cv=3).fit(x, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], atol=0.01
    )
    model = search.best_estimator_[-1]
    assert model.feature_names_in_.tolist() == x.columns.tolist()
    again = pickle.loads(pickle.dumps(search))
    assert (again.predict(x) == search.predict(x)).all()
    with joblib.parallel_backend("threading", n_jobs=3):
        fits = joblib.Parallel()(joblib.delayed(clone(pipeline).fit)(x, y) for _ in range(6))
    assert all((fit[-1].coef_ == fits[0][-1].coef_).all() for fit in fits)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"C": 0}, "C must be a number > 0, got 0"),
        ({"C": "1"}, "C must be a number > 0, got '1'"),
        ({"tol": None}, "tol must be a number >= 0, got None"),
        ({"max_iter": 2.5}, "max_iter must be a whole number >= 0, got 2.5"),
        ({"l1_ratio": 1.5}, "l1_ratio must be a number from 0 to 1, got 1.5"),
        ({"tol": -1.0}, "tol must be a number >= 0, got -1.0"),
        ({"max_iter": -1}, "max_iter must be a whole number >= 0, got -1"),
        ({"solver": "saga"}, "solver must be one of lbfgs, newton-cg, got 'saga'"),
        ({"threads": 0}, "threads must be a whole number > 0, or None, got 0"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**params).fit([[0.0], [1.0]], [0, 1])


def test_bad_data_are_refused():
    x, y = problem(2)
    with pytest.raises(
        ValueError, match=r"expected rows of 2 classes or more to train on, found one class: \['ant'\]"
    ):
        LogisticRegression().fit(x, ["ant"] * len(x))
    with pytest.raises(ValueError, match=r"found one class: \['bee'\]"):
        LogisticRegression().fit(x, y, sample_weight=(y == "bee").astype(float))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`: -1 in row 2"):
        LogisticRegression().fit(x, y, sample_weight=np.where(np.arange(len(y)) == 2, -1, 1))
    with pytest.raises(ValueError, match="row 0: feature 0 is inf; features must be finite"):
        LogisticRegression().fit(np.full_like(x, 1e300), y)
    with pytest.raises(NotFittedError):
        LogisticRegression().predict(x)
