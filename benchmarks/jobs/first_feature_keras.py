"""From a weights file to the first image's features: first_feature_keras.py NET WEIGHTS SIZE THREADS"""

import sys
import time

import keras
import numpy as np
import tensorflow as tf

net, weights, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tf.config.threading.set_intra_op_parallelism_threads(threads)
started = time.perf_counter()
model = getattr(keras.applications, net)(weights=None, include_top=False, input_shape=(size, size, 3))
model.load_weights(weights)
# A plain call is quicker than predict for a single batch.
features = np.asarray(model(np.full((1, size, size, 3), 128, np.float32), training=False))
print("loaded and run in", time.perf_counter() - started)
print("first feature", features.shape)
