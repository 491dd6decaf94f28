"""Parts of a batch side by side: the bits of one stream, threads that end, the trial that chooses."""

import os
import re
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from net.twin import AUTO, BFLOAT16, DIRECT, FLOAT32, LARGE_TILES, Twin

from pydeepl._core import Network

pytestmark = pytest.mark.core

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


class Net:
    """oneDNN's sums, tiles with a pool, 1x1 after depthwise, residuals, concats."""

    def __init__(self, seed=0):
        self.twin = twin = Twin(20, 18, 3, seed=seed)
        x = twin.conv2d(0, 32, (3, 3), stride=(2, 2), padding="same", activation="relu")
        x = twin.max_pool2d(twin.conv2d(x, 64, (3, 3), padding="same"), (2, 2))
        y = twin.concat([twin.conv2d(x, 32, (1, 1)), twin.conv2d(x, 32, (1, 3), padding="same")])
        y = twin.activation(twin.add([twin.conv2d(y, 64, (1, 1)), x]), "relu")
        y = twin.separable_conv2d(y, 48, (3, 3), padding="same", activation="relu")
        self.output = twin.dense(twin.global_avg_pool(y), 7)

    def network(self, threads=2, streams=1, algorithm=AUTO, precision=FLOAT32, decisions=None, preprocess=0):
        twin = self.twin
        how = (preprocess, threads, algorithm, precision, decisions, streams)
        return Network(twin.graph, self.output, twin.params, *how)


@pytest.fixture(scope="module")
def net():
    return Net()


def fitting(batch, threads, wanted):
    return max(s for s in range(1, wanted + 1) if batch % s == 0 and threads % s == 0)


@pytest.mark.parametrize(("threads", "streams"), [(2, 2), (4, 2), (4, 4), (6, 4), (8, 100)])
def test_streams_give_the_bits_of_one(net, threads, streams):
    one, many = net.network(threads), net.network(threads, streams)
    for batch in (1, 2, 3, 4, 6, 8, 12):
        images = net.twin.images(batch)
        found = many.run(images)
        assert many.streams(batch) == fitting(batch, threads, streams)
        assert one.streams(batch) == 1
        np.testing.assert_array_equal(found, one.run(images))
        expected = net.twin.expected(images, net.output)
        assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("kernels", ["avx2", "portable"])
@pytest.mark.parametrize("algorithm", [DIRECT, LARGE_TILES])
def test_with_all_kernels_and_algorithms(net, monkeypatch, kernels, algorithm):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    images = net.twin.images(4)
    one, many = (net.network(4, streams, algorithm) for streams in (1, 4))
    np.testing.assert_array_equal(many.run(images), one.run(images))


@pytest.fixture(scope="module")
def mobile():
    """(twin, output): an inverted residual with a large map, squeeze-and-excitation, a dense block."""
    twin = Twin(37, 29, 8)
    x = twin.depthwise_conv2d(
        twin.conv2d(0, 128, (1, 1), activation="silu"), (3, 3), stride=(2, 2), padding="same"
    )
    factors = twin.activation(twin.global_avg_pool(x, keepdims=True), "sigmoid")
    x = twin.conv2d(twin.merge("multiply", [x, factors]), 16, (1, 1))
    for _ in range(2):
        y = twin.conv2d(twin.activation(twin.batch_norm(x), "relu"), 24, (1, 1), activation="relu")
        y = twin.conv2d(twin.depthwise_conv2d(y, (5, 5), padding="same"), 4, (1, 1))
        x = twin.concat([x, y])
    return twin, twin.flatten(twin.add([twin.conv2d(x, 24, (1, 1)), x]))


@pytest.mark.parametrize("kernels", ["portable", "avx2", "avx512"])
def test_what_is_done_on_the_way_to_a_1x1(mobile, monkeypatch, kernels):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    twin, output = mobile
    images = twin.images(8)
    networks = [Network(twin.graph, output, twin.params, 0, 8, AUTO, FLOAT32, None, n) for n in (1, 2, 8)]
    one, *many = (network.run(images) for network in networks)
    steps = {step[2] for step in networks[0].steps(8)}
    before = ("pointwise_depthwise", "merge_pointwise", "affine_pointwise", "depthwise_pointwise")
    assert {f"pdl:{name}" for name in before} <= steps
    for network, found in zip(networks[1:], many, strict=True):
        assert {step[2] for step in network.steps(8)} == steps
        np.testing.assert_array_equal(found, one)


@pytest.mark.usefixtures("emulated_bfloat16")
def test_bfloat16_is_converted_part_by_part(net):
    images = net.twin.images(4)
    one, many = (net.network(2, streams, precision=BFLOAT16) for streams in (1, 2))
    np.testing.assert_array_equal(many.run(images), one.run(images))
    assert many.streams(4) == 2


def test_bytes_are_preprocessed_part_by_part(net):
    images = np.random.default_rng(3).integers(0, 256, (6, 20, 18, 3), np.uint8)
    room = np.full((6 * 7 + 2,), 9.0, np.float32)
    out = room[1:-1].reshape(6, 7)
    one, many = (net.network(2, streams, preprocess=2) for streams in (1, 2))
    assert many.run(images, out) is out
    np.testing.assert_array_equal(out, one.run(images))
    assert room[0] == room[-1] == 9.0


def test_steps_tell_the_work_of_all_streams(net):
    one, many = net.network(4), net.network(4, 4)
    images = net.twin.images(8)
    one.run(images)
    many.run(images)
    assert [step[0] for step in one.steps(8)] == [step[0] for step in many.steps(8)]
    assert [step[3] for step in one.steps(8)] == pytest.approx([step[3] for step in many.steps(8)])
    assert len(many.seconds(8)) == len(many.steps(8)) and min(many.seconds(8)) > 0


def test_callers_take_turns_with_networks_of_any_streams(net):
    networks = [net.network(4, streams) for streams in (1, 2, 4)]
    images = net.twin.images(4)
    expected, wrong = networks[0].run(images), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(12):
            if not np.array_equal(networks[rng.integers(3)].run(images), expected):
                wrong.append(seed)

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_starts_its_own_streams(net):
    network, images = net.network(4, 4), net.twin.images(4)
    expected = network.run(images)
    for _ in range(2):
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(network.run(images), expected) for _ in range(3))
            os._exit(0 if same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(network.run(images), expected)


def tasks():
    return {int(task) for task in os.listdir("/proc/self/task")}


@linux
def test_streams_that_are_not_wanted_end(net):
    images = net.twin.images(8)
    alone = net.network(8)  # its team sleeps while the streams run
    alone.run(images)
    before = tasks()
    net.network(8, 8).run(images)
    started = tasks() - before
    assert len(started) == 7  # the engine's thread is the first stream
    for task in started:
        status = Path(f"/proc/self/task/{task}/status").read_text()
        blocked = int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16)
        assert blocked >> (signal.SIGINT - 1) & 1  # Ctrl-C is Python's
    alone.run(images)
    assert not tasks() & started


@linux
def test_memory_of_streams_goes_with_the_network():
    twin = Twin(64, 64, 32)
    x = twin.activation(twin.conv2d(twin.conv2d(0, 32, (3, 3)), 32, (3, 3)), "relu")
    images = twin.images(8)  # 4 MiB, as are the maps between

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for number in range(16):
        network = Network(twin.graph, x, twin.params, 0, 4, AUTO, FLOAT32, None, 4)
        network.run(images)
        del network
        if number == 3:
            before = resident()
    assert resident() - before < 24 << 20  # 12 networks would keep 48 MiB of maps alone


def test_wrong_numbers_of_streams(net):
    with pytest.raises(ValueError, match="streams is -1, expected 0 or more"):
        net.network(2, -1)


# ---- the trial

STREAMS = re.compile(r"[0-9a-f]{16} (streams-(\d+)x20x18x3-[0-9a-f]{16}-t(\d+)-f32) (\S+)")


def asked(path):
    """(batch, threads, answer) of every decision on streams."""
    lines = [STREAMS.fullmatch(line) for line in path.read_text().split("\n")] if path.exists() else []
    return [(int(found[2]), int(found[3]), found[4]) for found in lines if found]


def test_a_trial_decides_once_for_a_machine(net, tmp_path):
    path = tmp_path / "decisions.txt"
    images = net.twin.images(8)
    first = net.network(8, 0, decisions=path)
    found = first.run(images)
    np.testing.assert_array_equal(found, net.network(8, decisions=path).run(images))
    streams = first.streams(8)
    assert streams in (1, 2, 4, 8)
    assert asked(path) == [(8, 8, str(streams))]
    assert net.network(8, 0, decisions=path).streams(8) == streams
    assert len(asked(path)) == 1


@pytest.mark.parametrize(
    ("answer", "streams"), [("4", 4), ("8", 8), ("1", 1), ("5", 4), ("nonsense", 1), ("-2", 1), ("9" * 30, 8)]
)
def test_what_was_decided_is_followed(net, tmp_path, answer, streams):
    path = tmp_path / "decisions.txt"
    net.network(8, 0, decisions=path).prepare(8)
    text = re.sub(r"(?m)^(\w+ streams-\S+) \d+$", rf"\1 {answer}", path.read_text())
    path.write_text(text)
    network, images = net.network(8, 0, decisions=path), net.twin.images(8)
    assert network.streams(8) == streams
    np.testing.assert_array_equal(network.run(images), net.network(8, decisions=path).run(images))
    assert path.read_text() == text


def test_other_networks_batches_and_threads_are_other_questions(net, tmp_path):
    path = tmp_path / "decisions.txt"
    network = net.network(8, 0, decisions=path)
    for batch in (2, 4, 2):
        network.prepare(batch)
    net.network(10, 0, decisions=path).prepare(2)
    net.network(8, 0, DIRECT, decisions=path).prepare(2)
    Net(seed=1).network(8, 0, decisions=path).prepare(2)  # other weights: the same question
    assert [found[:2] for found in asked(path)] == [(2, 8), (4, 8), (2, 10), (2, 8)]


def test_there_is_no_trial_where_nothing_can_be_decided(net, tmp_path):
    path = tmp_path / "decisions.txt"
    for threads, streams, batch in [(4, 0, 4), (8, 2, 4), (8, 0, 3), (9, 0, 8)]:
        network = net.network(threads, streams, decisions=path)
        assert network.streams(batch) == (streams or 1)
        assert not asked(path)
    for unwritable in (None, tmp_path / "no" / "such"):
        assert net.network(8, 0, decisions=unwritable).streams(8) == 1
