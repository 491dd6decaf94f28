"""The featurizer and the classifier as scikit-learn estimators (an extra: pip install 'pydeepl[sklearn]').

They go into scikit-learn's Pipeline, GridSearchCV, ColumnTransformer and joblib, and are pickled, cloned and
asked for pandas output like its own:

>>> from pydeepl.sklearn import LogisticRegression
>>> LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"]).predict([[2.5]])
array(['b'], dtype='<U1')
"""

try:
    import sklearn  # noqa: F401 -- asked for here, so that the message is ours
except ImportError as error:
    raise ImportError(
        "pydeepl.sklearn needs scikit-learn 1.6 or later: pip install 'pydeepl[sklearn]'"
    ) from error

from pydeepl.sklearn.images import DeepImageFeaturizer
from pydeepl.sklearn.linear_model import LogisticRegression

__all__ = ["DeepImageFeaturizer", "LogisticRegression"]
