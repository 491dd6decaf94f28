"""Features of pretrained networks: Featurizer on arrays, DeepImageFeaturizer as a machine-learning stage."""

from pydeepl.deep.featurizer import Featurizer
from pydeepl.deep.image_featurizer import DeepImageFeaturizer
from pydeepl.deep.plan import FeatureSpec

__all__ = ["DeepImageFeaturizer", "FeatureSpec", "Featurizer"]
