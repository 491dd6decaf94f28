"""Batches, threads, forks, inputs and outputs of a network."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from net.twin import Twin

from pydeepl._core import Graph, Network

pytestmark = pytest.mark.core


def small_net(seed=0):
    twin = Twin(17, 16, 3, seed=seed)
    x = twin.conv2d(0, 16, (3, 3), stride=(2, 2), padding="same", activation="relu")
    y = twin.concat(
        [
            twin.max_pool2d(x, (3, 3), stride=(1, 1), padding="same"),
            twin.conv2d(x, 24, (3, 3), padding="same"),
        ]
    )
    y = twin.separable_conv2d(y, 40, (3, 3), padding="same", activation="relu")
    return twin, twin.dense(twin.global_avg_pool(y), 7, activation="softmax")


def test_batches_of_many_sizes_take_turns():
    """More sizes than stay prepared, so that some are prepared twice from packed weights."""
    twin, output = small_net()
    twin.check(output, (1, 3, 17, 1, 17, 3, 2, 5, 1, 8, 17))


def test_repeated_runs_and_thread_counts_give_the_same_bits():
    twin, output = small_net()
    images = twin.images(5)
    networks = [twin.network(output, threads=threads) for threads in (1, 2, 3)]
    first = networks[0].run(images)
    for network in networks:
        for _ in range(3):
            assert np.array_equal(network.run(images), first)


def test_an_image_does_not_depend_on_its_batch():
    twin, output = small_net()
    images, network = twin.images(6), twin.network(output)
    together = network.run(images)
    apart = np.concatenate([network.run(images[i : i + 1]) for i in range(6)])
    np.testing.assert_allclose(apart, together, rtol=1e-5)


MEANS = np.array([103.939, 116.779, 123.68])


@pytest.mark.parametrize(
    ("preprocess", "reference"),
    [
        (0, lambda bgr: bgr),
        (1, lambda bgr: bgr[..., ::-1] / 127.5 - 1.0),
        (2, lambda bgr: bgr - MEANS),
        (3, lambda bgr: bgr[..., ::-1]),
        (4, lambda bgr: bgr[..., ::-1] / 255.0),
        (5, lambda bgr: (bgr[..., ::-1] / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ],
)
def test_preprocessing(preprocess, reference):
    twin = Twin(65, 67, 3)
    images = twin.rng.integers(0, 256, (3, 65, 67, 3), dtype=np.uint8)
    found = twin.network(0, preprocess).run(images)
    np.testing.assert_allclose(found, reference(images.astype(np.float64)), atol=1e-5)
    assert np.ptp(images) == 255


def test_bytes_and_floats_agree():
    twin, output = small_net()
    images = twin.rng.integers(0, 256, (4, 17, 16, 3), dtype=np.uint8)
    network = twin.network(output, preprocess=1)
    prepared = twin.network(0, preprocess=1).run(images)
    assert np.array_equal(network.run(images), network.run(prepared))
    assert images.flags.c_contiguous


def test_the_input_is_never_written():
    twin = Twin(6, 6, 8)
    output = twin.activation(twin.add([twin.activation(twin.batch_norm(0), "relu"), 0]), "relu")
    images = twin.images(3)
    copy = images.copy()
    images.flags.writeable = False
    twin.network(output).run(images)
    assert np.array_equal(images, copy)


def test_the_output_can_be_the_callers():
    twin, output = small_net()
    images, network = twin.images(4), twin.network(output)
    room = np.full(4 * 7 + 3, 9.0, np.float32)
    out = room[1 : 1 + 4 * 7].reshape(4, 7)  # not on a cache line
    assert network.run(images, out) is out
    assert np.array_equal(out, network.run(images))
    assert room[0] == 9.0 and np.all(room[-2:] == 9.0)
    for wrong in (np.zeros((4, 8), np.float32), np.zeros((4, 7)), np.zeros((7, 4), np.float32).T, [1.0]):
        with pytest.raises(ValueError, match="out must be"):
            network.run(images, wrong)


def test_the_output_shares_no_memory_with_the_input():
    twin = Twin(6, 6, 8)
    network = twin.network(twin.activation(0, "relu"))
    room = np.concatenate([twin.images(2), np.zeros((2, 6, 6, 8), np.float32)])
    expected = np.maximum(room[:2], 0)
    with pytest.raises(ValueError, match="out must not share memory with the input"):
        network.run(room[:2], room[:2])
    with pytest.raises(ValueError, match="out must not share memory with the input"):
        network.run(room[:2], room[1:3])
    assert np.array_equal(network.run(room[:2], room[2:]), expected)  # neighbours


def test_wrong_inputs():
    twin, output = small_net()
    network = twin.network(output)
    assert network.input_shape == (17, 16, 3) and network.output_shape == (7,)
    good = twin.images(2)
    for wrong in (good[:, 1:], good[0], good.astype(np.float64), good[:, ::-1]):
        with pytest.raises(ValueError, match=r"n samples \(17, 16, 3\), got"):
            network.run(wrong)
    with pytest.raises(ValueError, match="a batch of 0 images"):
        network.prepare(0)
    assert network.run(good[:0]).shape == (0, 7)
    gray = Twin(4, 4, 1)
    with pytest.raises(
        ValueError, match="images have rank 3 and 3 channels, the network's input has rank 3 and 1"
    ):
        gray.network(0).run(np.zeros((1, 4, 4, 1), np.uint8))


def test_a_batch_beyond_memory_is_refused():
    twin = Twin(2**15, 2**15, 8)
    with pytest.raises(ValueError, match="a batch of 2147483647 images is too large for any memory"):
        twin.network(twin.activation(0, "relu")).prepare(2**31 - 1)


def test_wrong_parameters():
    twin, output = small_net()
    graph, params = twin.graph, twin.params
    with pytest.raises(ValueError, match=f"expected {len(params)} parameters, got {len(params) - 1}"):
        Network(graph, output, params[:-1], 0, 0)
    with pytest.raises(ValueError, match="conv_1: its kernel is missing"):
        Network(graph, output, [None, *params[1:]], 0, 0)
    with pytest.raises(ValueError, match=r"conv_1: its bias has shape \(3,\), expected \(16,\)"):
        Network(graph, output, [params[0], params[1][:3], *params[2:]], 0, 0)
    with pytest.raises(TypeError, match="conv_1: its kernel must be a C-contiguous float32 array"):
        Network(graph, output, [params[0].astype(np.float64), *params[1:]], 0, 0)
    with pytest.raises(ValueError, match="output is node 99"):
        Network(graph, 99, params, 0, 0)
    with pytest.raises(ValueError, match="unknown preprocessing 6"):
        Network(graph, output, params, 6, 0)
    with pytest.raises(ValueError, match="threads is -1"):
        Network(graph, output, params, 0, -1)
    with pytest.raises(TypeError, match="expected a Graph"):
        Network("graph", output, params, 0, 0)
    with pytest.raises(ValueError, match="output is node 0"):
        Network(Graph(), 0, [], 0, 0)


def test_a_negative_variance_is_told():
    twin = Twin(4, 4, 2)
    output = twin.batch_norm(0)
    twin.params[3][1] = -2
    with pytest.raises(ValueError, match=r"bn_1: moving_variance\[1\] is -2"):
        twin.network(output)


UNUSUAL = """
from net.twin import Twin

twin = Twin(11, 10, 16)
x = twin.conv2d(0, 3, (15, 15), stride=(1, 1), dilation=(5, 1), padding="same")
y = twin.conv2d(0, 3, (15, 15), stride=(1, 1), dilation=(5, 1), padding="same", use_bias=False)
network = twin.check(twin.activation(twin.add([x, y]), "relu"), (1, 2))
assert {step[2] for step in network.steps(2)} == {"pdl:conv"}
for more in ({"activation": "relu"}, {"dilation": (5, 1), "use_bias": False}):
    twin = Twin(11, 10, 4)
    network = twin.check(twin.conv2d_transpose(0, 4, (15, 15), padding="same", **more), (1, 2))
    assert {step[2] for step in network.steps(2)} == {"pdl:deconv"}
"""


def test_shapes_that_only_the_reference_code_of_onednn_knows_run_on_our_own():
    """Old instruction sets have such shapes; oneDNN is told to use one when it is loaded."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "SSE41", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", UNUSUAL], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_threads_share_networks():
    (twin, output), (other, other_output) = small_net(1), small_net(2)
    networks = [twin.network(output), other.network(other_output, threads=1)]
    images = [twin.images(n) for n in (1, 2, 3, 4, 5, 6)]
    expected = [[network.run(x) for x in images] for network in networks]
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            i, j = rng.integers(2), rng.integers(len(images))
            if not np.array_equal(networks[i].run(images[j]), expected[i][j]):
                failures.append((i, j))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def run_in_child(network, images, queue):
    queue.put(network.run(images))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_runs_its_parents_network():
    twin, output = small_net()
    network, images = twin.network(output), twin.images(3)
    expected = network.run(images)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=run_in_child, args=(network, images, queue))
    child.start()
    assert np.array_equal(queue.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0
    assert np.array_equal(network.run(images), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_while_other_threads_run():
    twin, output = small_net()
    network, images = twin.network(output), twin.images(3)
    expected = network.run(images)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            network.run(images)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if np.array_equal(network.run(images), expected) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
