"""The regrouping of batches, against plain arithmetic on the same numbers."""

import os
import threading
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeepl.deep.ahead import read_ahead
from pydeepl.deep.batching import CHUNKS_AHEAD, Request, run_requests


def load(images):
    """Image k is one black 2 x 2 square with the number k in it."""
    pixels = np.zeros((len(images), 2, 2, 3), np.uint8)
    pixels[:, 0, 0, 0] = images
    return pixels


def expected(images):
    return np.array([[image, 2 * image, 3 * image] for image in images], np.float32).reshape(-1, 3)


def double_and_triple(pixels, out):
    out[:] = pixels[:, 0, 0, :1] * np.array([1, 2, 3], np.float32)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 20), max_size=12), st.integers(1, 9), st.integers(0, 30), st.integers(0, 2**32)
)
def test_any_batches_come_back_as_they_went_in(sizes, batch, together, seed):
    rng = np.random.default_rng(seed)
    batches = [list(rng.integers(0, 256, size)) for size in sizes]
    requests = (Request(images) for images in batches)
    announced = []
    more = {"announce": announced.extend, "together": together}
    answers = list(run_requests(requests, load, double_and_triple, batch, 3, **more))
    assert announced == [image for images in batches for image in images]
    assert [len(answer) for answer in answers] == sizes
    for answer, images in zip(answers, batches, strict=True):
        assert answer.dtype == np.float32
        np.testing.assert_array_equal(answer, expected(images))


def test_full_chunks_run_with_the_whole_batch():
    seen = []
    requests = [Request([1, 2, 3]), Request([4, 5]), Request([6])]
    list(run_requests(requests, load, lambda pixels, out: seen.append(len(pixels)), 4, 3))
    assert seen == [4, 2]


def test_a_callers_array_is_written_in_place():
    out = np.zeros((5, 3), np.float32)
    (answer,) = run_requests([Request([1, 2, 3, 4, 5], out)], load, double_and_triple, 2, 3)
    assert answer is out
    np.testing.assert_array_equal(out, expected([1, 2, 3, 4, 5]))


def test_reading_ahead_is_bounded():
    made = []

    def numbers():
        for number in range(100):
            made.append(number)
            yield [number]

    stepped = threading.Event()
    answers = run_requests(map(Request, numbers()), load, double_and_triple, 1, 3)
    for taken, _ in enumerate(answers, 1):
        stepped.wait(0.001)
        assert len(made) <= taken + CHUNKS_AHEAD + 1
    assert len(made) == 100


def test_images_are_announced_in_another_thread_and_loaded_and_run_here():
    threads = {}

    def record(name, result=None):
        def call(*arguments):
            threads[name] = threading.get_ident()
            return result and result(*arguments)

        return call

    run = record("run", double_and_triple)
    list(run_requests([Request([1])], record("load", load), run, 8, 3, announce=record("announce")))
    assert threads["run"] == threads["load"] == threading.get_ident() != threads["announce"]


def test_chunks_that_are_ready_are_loaded_together_and_run_one_by_one():
    waiting, made = threading.Event(), 0
    loads, runs = [], []

    def requests():
        nonlocal made
        for made in range(1, 13):
            yield Request([made])
            if made == 7:  # the seventh is on its way: six more are ready when the first has been run
                waiting.set()

    def load_all(images):
        loads.append(len(images))
        return load(images)

    def run(pixels, out):
        waiting.wait(10)
        runs.append(len(pixels))
        double_and_triple(pixels, out)

    answers = list(run_requests(requests(), load_all, run, 1, 3, together=5))
    np.testing.assert_array_equal(np.concatenate(answers), expected(range(1, 13)))
    assert runs == [1] * 12 and sum(loads) == 12
    assert max(loads) == 5


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_an_error_comes_after_the_items_before_it(depth, most):
    def numbers():
        yield 1
        yield 2
        raise ValueError("third")

    seen = []
    with pytest.raises(ValueError, match="third"):
        for ready in read_ahead(numbers(), depth, most):
            assert len(ready) <= most
            seen += ready
    assert seen == [1, 2]


def test_an_error_while_running_stops_the_reader_and_closes_the_source():
    closed = threading.Event()

    def requests():
        try:
            while True:
                yield Request([1, 2])
        finally:
            closed.set()

    def fail(pixels, out):
        raise RuntimeError("no memory")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no memory"):
        list(run_requests(requests(), load, fail, 2, 3))
    assert threading.active_count() == before
    assert closed.is_set()


def test_a_closed_iterator_leaves_no_thread():
    closed = threading.Event()

    def numbers():
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = threading.active_count()
    with closing(read_ahead(numbers(), 2)) as items:
        assert [next(items), next(items)] == [[0], [1]]
    assert threading.active_count() == before
    assert closed.is_set()


def test_an_iterator_that_was_never_read_starts_nothing():
    def numbers():
        raise AssertionError("nobody asked")
        yield

    before = threading.active_count()
    items = read_ahead(numbers(), 2)
    assert threading.active_count() == before
    items.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_does_not_wait_for_a_thread_it_does_not_have():
    with closing(read_ahead(iter(range(100)), 2)) as items:
        next(items)
        child = os.fork()
        if child == 0:
            try:
                list(items)
            except RuntimeError as error:
                os._exit(0 if "forked" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert next(items) == [1]
