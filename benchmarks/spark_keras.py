"""What runs in a Python worker of Spark for Keras: a network that stays from task to task."""

import functools
from typing import Any

import numpy as np


@functools.cache
def _model(net: str, weights: str) -> Any:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from benchmarks.models import keras_model

    model = keras_model(net)
    model.load_weights(weights)
    return model


def predict(net: str, weights: str, batch: int, rgb: np.ndarray) -> np.ndarray:
    """Features [n, d] of uint8 pixels [n, h, w, 3]."""
    from benchmarks.models import preprocess

    features = _model(net, weights).predict(preprocess(net, rgb), batch_size=batch, verbose=0)
    return features.reshape(len(features), -1)
