"""DeepImageFeaturizer as a scikit-learn transformer: images in, features of a pretrained network out."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from pydeepl.deep.featurizer import Featurizer


class DeepImageFeaturizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of a pretrained convolutional network.

    Parameters: as pydeepl.Featurizer's. With `cache=True` a search that fits its pipeline many times
    sends each image through the network once.

    X is a list of images (paths, encoded files as bytes, uint8 [height, width, channels] arrays), a uint8
    array [n, height, width, channels], a pandas Series of paths or bytes, or a table of one such column, as
    ColumnTransformer gives it. There is nothing to fit; fit checks the parameters.

    >>> DeepImageFeaturizer("ResNet50").fit().get_feature_names_out()[:2]
    array(['deepimagefeaturizer0', 'deepimagefeaturizer1'], dtype=object)
    """

    def __init__(
        self,
        modelName: str | os.PathLike[str] = "InceptionV3",
        *,
        weights: str | os.PathLike[str] | None = None,
        precision: str = "float32",
        pooling: str | None = None,
        layer: str | None = None,
        threads: int | None = None,
        batchSize: int | None = None,
        channelOrder: str = "RGB",
        scaleHint: str = "SCALE_AREA_AVERAGING",
        cache: bool | str | os.PathLike[str] | None = None,
        exact: bool = False,
        fastDecode: bool = False,
        preprocessing: str | None = None,
    ) -> None:
        self.modelName = modelName
        self.weights = weights
        self.precision = precision
        self.pooling = pooling
        self.layer = layer
        self.threads = threads
        self.batchSize = batchSize
        self.channelOrder = channelOrder
        self.scaleHint = scaleHint
        self.cache = cache
        self.exact = exact
        self.fastDecode = fastDecode
        self.preprocessing = preprocessing

    def fit(self, X: Any = None, y: Any = None) -> DeepImageFeaturizer:
        """Checks the parameters; raises ValueError for one that is wrong. X and y are not looked at."""
        self._featurizer()
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """The features of n images, float32 [n, features]. Raises ValueError naming an image that fails."""
        return self._featurizer()(_images(X))

    @property
    def _n_features_out(self) -> int:
        return self._featurizer().spec.numFeatures

    def _featurizer(self) -> Featurizer:
        """The Featurizer of these parameters; kept, so that an estimator loads its weights once."""
        params = self.get_params(deep=False)
        kept: tuple[dict[str, Any], Featurizer] | None = getattr(self, "_kept", None)
        if kept is None or kept[0] != params:
            kept = self._kept = (params, Featurizer(**params))
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_kept", None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True  # images are no table of numbers
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags


def _images(X: Any) -> Any:
    """X as Featurizer takes it: a column, or a table of one, becomes a list."""
    if isinstance(X, np.ndarray) and X.dtype == np.uint8:
        return X
    if isinstance(X, (str, bytes, os.PathLike)) or not hasattr(X, "__iter__"):
        return X  # Featurizer says what is wrong
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) == 2:
        if shape[1] != 1:
            raise ValueError(f"expected one column of images, got {shape[1]} columns")
        X = X.iloc[:, 0] if hasattr(X, "iloc") else np.asarray(X)[:, 0]
    return list(X)
