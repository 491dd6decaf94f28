"""Algorithms that are close by the estimate are tried once a machine, and what was decided is kept."""

import os
import re
import threading

import numpy as np
import pytest
from net.twin import AUTO, DIRECT, LARGE_TILES, Twin

from pydeepl._core import Network

pytestmark = pytest.mark.core

LINE = re.compile(r"([0-9a-f]{16}) (\S+) (onednn|pdl:\S+)")


class Doubtful:
    """1x1 convolutions, for which oneDNN's and our product are close, with and without a residual sum."""

    def __init__(self):
        self.twin = twin = Twin(9, 9, 64)
        first = twin.conv2d(0, 64, (1, 1), activation="relu")
        second = twin.conv2d(first, 64, (1, 1), activation="relu")
        self.output = twin.activation(twin.add([twin.conv2d(second, 64, (1, 1)), first]), "relu")
        self.images = twin.images(4)

    def network(self, path, algorithm=AUTO, threads=2):
        return Network(self.twin.graph, self.output, self.twin.params, 0, threads, algorithm, 0, path)

    def check(self, network):
        found, expected = network.run(self.images), self.twin.expected(self.images, self.output)
        assert np.linalg.norm(found - expected) < 2e-6 * np.linalg.norm(expected)
        return [implementation for _, _, implementation, _ in network.steps(len(self.images))]


@pytest.fixture
def doubtful():
    return Doubtful()


def decided(path):
    """{question: answer} by the first answers."""
    found = {}
    for line in path.read_text().split("\n"):
        if line:
            match = LINE.fullmatch(line)
            assert match, line
            found.setdefault(match[2], match[3])
    return found


def rewrite(path, change):
    path.write_text("".join(f"\n{change(line)}\n" for line in path.read_text().split("\n") if line))


def test_decisions_are_written_and_followed(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    doubtful.check(doubtful.network(path))
    questions = decided(path)
    assert len(questions) == 2
    assert all(re.match(r"1x1-s1x1-d1x1-p0\.0\.0\.0-4x9x9x64-64-t2-f32", q) for q in questions)
    assert sum(q.split("-")[7].startswith("f32+") for q in questions) == 1
    before = path.read_bytes()
    for answer in ("onednn", "pdl:pointwise"):
        rewrite(path, lambda line, answer=answer: " ".join([*line.split()[:2], answer]))
        ours = [name == "pdl:pointwise" for name in doubtful.check(doubtful.network(path))]
        assert ours == [answer == "pdl:pointwise"] * 3
        assert all(value == answer for value in decided(path).values())
    assert len(path.read_bytes()) <= len(before) + 40  # nothing was decided again


def test_every_shape_thread_and_batch_is_a_question_of_its_own(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    for threads in (1, 2):
        network = doubtful.network(path, threads=threads)
        for batch in (1, 3):
            network.prepare(batch)
            network.prepare(batch)
    assert len(decided(path)) == 8
    assert path.read_text().count("onednn") + path.read_text().count("pdl:") == 8


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"\0\xff" * 100,
        lambda text: text[:-5],  # cut short: the last answer is none
        lambda text: text.replace(b" onednn", b" nonsense").replace(b" pdl:pointwise", b" nonsense"),
        lambda text: text.replace(b"1x1", b"\0x1"),
        lambda text: b"",
    ],
)
def test_damage_costs_a_trial_and_no_job(doubtful, tmp_path, damage):
    path = tmp_path / "decisions.txt"
    doubtful.check(doubtful.network(path))
    path.write_bytes(damage(path.read_bytes()))
    for _ in range(3):
        doubtful.check(doubtful.network(path))
    size = path.stat().st_size
    doubtful.check(doubtful.network(path))
    assert path.stat().st_size == size


def test_the_first_answer_stands(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    doubtful.check(doubtful.network(path))
    rewrite(path, lambda line: " ".join([*line.split()[:2], "onednn"]))
    with path.open("a") as file:
        for question in decided(path):
            file.write(f"\n{path.read_text().split()[0]} {question} pdl:pointwise\n")
    assert not any(name == "pdl:pointwise" for name in doubtful.check(doubtful.network(path)))


def test_another_machine_s_decisions_are_not_ours(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    doubtful.check(doubtful.network(path))
    rewrite(path, lambda line: "0123456789abcdef" + line[16:])
    doubtful.check(doubtful.network(path))
    assert len({line.split()[0] for line in path.read_text().split("\n") if line}) == 2


@pytest.mark.parametrize("place", ["no/such/folder", "folder"])
def test_what_cannot_be_kept_is_not_tried(doubtful, tmp_path, place):
    (tmp_path / "folder").mkdir()
    estimate = doubtful.check(doubtful.network(None))
    for _ in range(3):
        assert doubtful.check(doubtful.network(tmp_path / place)) == estimate


def test_a_file_that_has_grown_too_large_is_left_alone(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    path.write_bytes(b"\n" * (1 << 20))
    assert doubtful.check(doubtful.network(path)) == doubtful.check(doubtful.network(None))
    assert path.stat().st_size == 1 << 20


@pytest.mark.parametrize("algorithm", [DIRECT, LARGE_TILES])
def test_an_algorithm_that_was_asked_for_is_not_tried(doubtful, tmp_path, algorithm):
    doubtful.network(tmp_path / "decisions.txt", algorithm).prepare(4)
    assert not (tmp_path / "decisions.txt").exists()


def test_batches_after_one_another_in_any_order(doubtful, tmp_path):
    """Weights that one batch's winner has dropped are there for the next one's trial."""
    for number, batches in enumerate([(1, 4, 2, 8, 3, 5), (8, 1, 4)]):
        network = doubtful.network(tmp_path / f"{number}.txt")
        for batch in batches:
            network.prepare(batch)
            doubtful.check(network)


def test_threads_that_decide_at_the_same_time(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    networks = [doubtful.network(path) for _ in range(6)]
    threads = [threading.Thread(target=network.prepare, args=(4,)) for network in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(doubtful.check(network)) for network in networks}) == 1
    assert len(decided(path)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_decide_at_the_same_time(doubtful, tmp_path):
    path = tmp_path / "decisions.txt"
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            network = doubtful.network(path)
            network.prepare(4)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert len(decided(path)) == 2
    first = doubtful.check(doubtful.network(path))
    assert doubtful.check(doubtful.network(path)) == first


def test_weights_pass_between_batches_that_want_other_algorithms(tmp_path, monkeypatch):
    """Weights are held in one layout; a batch that wants another makes it from that."""
    path = tmp_path / "decisions.txt"
    twin = Twin(3, 5, 20)
    y = twin.conv2d(0, 37, (1, 1), activation="relu")
    batches = (1, 2, 3, 4, 5, 6)

    def network():
        return Network(twin.graph, y, twin.params, 0, 1, AUTO, 0, path)

    for kernels in ("avx2", "portable"):  # each has decisions of its own
        monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
        first = network()
        for batch in batches:
            first.prepare(batch)
    rewrite(path, lambda line: re.sub(r"(-([0-9]+)x3x5x20.*) \S+$", by_batch, line))
    mixed, found = network(), []
    for turn, batch in enumerate((*batches, 2, 1, 2, 5)):
        monkeypatch.setenv("PYDEEPL_KERNELS", "avx2" if turn % 4 < 2 else "portable")
        images = twin.images(batch)
        np.testing.assert_allclose(mixed.run(images), twin.expected(images, y), rtol=1e-5, atol=1e-5)
        found.append(mixed.steps(batch)[0][2] == "pdl:pointwise")
    assert found == [batch % 3 != 0 for batch in (*batches, 2, 1, 2, 5)]


def by_batch(line):
    return f"{line[1]} {'onednn' if int(line[2]) % 3 == 0 else 'pdl:pointwise'}"
