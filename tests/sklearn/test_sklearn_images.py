"""pydeepl.sklearn.DeepImageFeaturizer inside scikit-learn's own tools, against Featurizer."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from pydeepl import Featurizer
from pydeepl.sklearn import DeepImageFeaturizer, LogisticRegression


def test_scikit_learns_checks():
    """Most are for tables of numbers, and scikit-learn says that it leaves them out."""
    with pytest.warns(SkipTestWarning, match="Can't test estimator DeepImageFeaturizer"):
        results = check_estimator(DeepImageFeaturizer("ResNet50"))
    assert results and all(result["status"] == "passed" for result in results)


@pytest.fixture(scope="module")
def weights(random_weights):
    return random_weights("ResNet50")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Dark and light pictures, in turn."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    made = []
    for i in range(12):
        pixels = rng.integers(0, 60, (20, 30, 3), np.uint8) + np.uint8(150 * (i % 2))
        made.append(str(folder / f"{i}.png"))
        Image.fromarray(pixels).save(made[-1])
    return made


@pytest.fixture(scope="module")
def expected(weights, paths):
    return Featurizer("ResNet50", weights=weights)(paths)


def test_every_form_of_images_gives_featurizers_features(weights, paths, expected):
    featurizer = DeepImageFeaturizer("ResNet50", weights=weights)
    frame = pd.DataFrame({"image": paths})
    encoded = [Path(path).read_bytes() for path in paths]
    arrays = np.stack([np.asarray(Image.open(path)) for path in paths])
    for images in (paths, encoded, frame["image"], frame, np.array(paths), np.array(paths)[:, None], arrays):
        assert (featurizer.fit(images).transform(images) == expected).all()
    assert (featurizer.fit_transform(paths) == expected).all()
    assert (clone(featurizer).transform(list(arrays)) == expected).all()
    assert (pickle.loads(pickle.dumps(featurizer)).transform(paths) == expected).all()


def test_tables_of_features_have_names(weights, paths, expected):
    columns = ColumnTransformer(
        [
            ("picture", DeepImageFeaturizer("ResNet50", weights=weights), "image"),
            ("size", StandardScaler(), ["size"]),
        ]
    ).set_output(transform="pandas")
    frame = pd.DataFrame({"image": paths, "size": np.arange(12.0)})
    table = columns.fit_transform(frame)
    assert table.shape == (12, 2049)
    assert table.columns[0] == "picture__deepimagefeaturizer0" and table.columns[-1] == "size__size"
    assert (table.iloc[:, :2048].to_numpy() == expected).all()


def test_a_pipeline_is_searched_and_cross_validated_in_processes(weights, paths, tmp_path):
    labels = np.array(["dark", "light"] * 6)
    featurizer = DeepImageFeaturizer("ResNet50", weights=weights, cache=tmp_path / "features")
    pipeline = Pipeline([("features", featurizer), ("classifier", LogisticRegression())])
    search = GridSearchCV(pipeline, {"classifier__C": [0.1, 10.0]}, cv=2, n_jobs=2).fit(paths, labels)
    assert (search.predict(paths) == labels).all() and search.best_score_ == 1.0
    assert any((tmp_path / "features").iterdir())
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert (cross_val_predict(again, paths, labels, cv=3) == labels).all()


def test_wrong_parameters_and_images_are_named(weights, paths):
    with pytest.raises(ValueError, match=r"AlexNet.*InceptionV3"):
        DeepImageFeaturizer("AlexNet").fit(paths)
    featurizer = DeepImageFeaturizer("ResNet50", weights=weights)
    with pytest.raises(ValueError, match="expected one column of images, got 2 columns"):
        featurizer.transform(pd.DataFrame({"a": paths, "b": paths}))
    with pytest.raises(TypeError, match="images must be a list of images, got one str"):
        featurizer.transform(paths[0])
    with pytest.raises(TypeError, match="images must be a list of images, got one int"):
        featurizer.transform(3)
    with pytest.raises(ValueError, match=r"missing\.png"):
        featurizer.transform([*paths, "missing.png"])


def test_without_scikit_learn_the_message_says_how_to_get_it(environment):
    code = "import sys; sys.modules['sklearn'] = None; import pydeepl.sklearn"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "pydeepl.sklearn needs scikit-learn 1.6 or later: pip install 'pydeepl[sklearn]'" in done.stderr
