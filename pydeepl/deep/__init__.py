"""Pretrained networks: Featurizer on arrays; DeepImageFeaturizer, DeepImagePredictor as pipeline stages."""

from pydeepl.deep.featurizer import Featurizer
from pydeepl.deep.image_featurizer import DeepImageFeaturizer
from pydeepl.deep.plan import FeatureSpec
from pydeepl.deep.predictor import DeepImagePredictor

__all__ = ["DeepImageFeaturizer", "DeepImagePredictor", "FeatureSpec", "Featurizer"]
