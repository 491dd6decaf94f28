"""From a weights file to the first image's features: first_feature_pydeepl.py NET WEIGHTS SIZE THREADS"""

import sys
import time

import numpy as np

from pydeepl import Featurizer

net, weights, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
started = time.perf_counter()
featurizer = Featurizer(net, weights=weights, threads=threads)
features = featurizer([np.full((size, size, 3), 128, np.uint8)])
print("loaded and run in", time.perf_counter() - started)
print("first feature", features.shape)
