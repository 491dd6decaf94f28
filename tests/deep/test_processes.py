"""What only a process of its own can show: peak memory, Ctrl-C."""

import signal
import subprocess
import sys
import time

import pytest

MEMORY = """
import resource, sys
import numpy as np
from pydeepl import Featurizer

featurizer = Featurizer("ResNet50", weights=sys.argv[1], batchSize=4, cache=sys.argv[2] or False)
image = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)  # 9 MB

def batches(count):
    for _ in range(count):
        yield [("picture", image.copy()) for _ in range(2)]

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

for _ in featurizer.stream(batches(4)):
    pass
before = peak()
rows = sum(len(features) for features in featurizer.stream(batches(25)))
print(rows, peak() - before)
"""

INTERRUPTED = """
import sys, threading
import numpy as np
from pydeepl import Featurizer

featurizer = Featurizer("ResNet50", weights=sys.argv[1])
featurizer.load()
print("running", flush=True)
try:
    featurizer([np.zeros((60, 60, 3), np.uint8)] * 50_000)
except KeyboardInterrupt:
    names = [thread.name for thread in threading.enumerate() if "read-ahead" in thread.name]
    print("stopped", names, featurizer([np.zeros((60, 60, 3), np.uint8)]).shape, flush=True)
    raise
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
@pytest.mark.parametrize("cached", [False, True])
def test_memory_does_not_grow_with_the_number_of_images(random_weights, cached, tmp_path):
    """Cached, all images but the first ones are known: the reader could run far ahead."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(random_weights("ResNet50")), str(tmp_path) if cached else ""],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    rows, growth = done.stdout.split()
    assert int(rows) == 50
    assert float(growth) < 100  # MB, of the 450 MB that went through


def test_ctrl_c_stops_between_batches_and_leaves_nothing_running(random_weights):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(random_weights("ResNet50"))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "running\n"
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "stopped [] (1, 2048)\n"  # the featurizer works on
    assert "KeyboardInterrupt" in err
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)


def test_an_iterator_left_half_read_does_not_keep_the_process(random_weights):
    code = """
import sys
import numpy as np
from pydeepl import Featurizer

batches = ([("picture", np.zeros((9, 9, 3), np.uint8))] for _ in range(10**6))
answers = Featurizer("ResNet50", weights=sys.argv[1]).stream(batches)
next(answers)
raise SystemExit(7)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(random_weights("ResNet50"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (7, "")
