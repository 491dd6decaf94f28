"""Pools with every vector extension, at the edges of maps and in slices; the twin's float64 is the judge."""

import numpy as np
import pytest
from net.twin import Twin

pytestmark = pytest.mark.core

# Fewer channels than a vector of any kind holds, some that fill none evenly, and several vectors at once.
CHANNELS = [1, 3, 7, 16, 21, 64, 100]
WINDOWS = [((3, 3), (2, 2)), ((3, 3), (1, 1)), ((2, 2), (2, 2)), ((5, 2), (1, 3)), ((1, 1), (2, 1))]


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("size", "stride"), WINDOWS)
def test_windows_inside_and_over_the_edge(size, stride, channels):
    twin = Twin(11, 10, channels)
    for padding in ("valid", "same"):
        twin.check(twin.max_pool2d(0, size, stride=stride, padding=padding), (1, 3))
        twin.check(twin.avg_pool2d(0, size, stride=stride, padding=padding), (1, 3))


@pytest.mark.parametrize("extent", [(1, 1), (1, 9), (2, 1), (2, 2), (4, 3)])
def test_windows_larger_than_the_map(extent):
    twin = Twin(*extent, 33)
    for stride in ((1, 1), (2, 2)):
        twin.check(twin.max_pool2d(0, (3, 3), stride=stride, padding="same"))
        twin.check(twin.avg_pool2d(0, (3, 3), stride=stride, padding="same"))


@pytest.mark.parametrize("channels", [5, 48, 96])
def test_slices_of_a_concat(channels):
    """A slice is read and written with the concat's pitch, and its neighbours keep what they hold."""
    twin = Twin(9, 8, channels)
    shape = {"stride": (1, 1), "padding": "same"}
    both = twin.concat([twin.max_pool2d(0, (3, 3), **shape), twin.avg_pool2d(0, (3, 3), **shape)])
    parts = [twin.avg_pool2d(both, (3, 3), **shape), 0, twin.max_pool2d(both, (2, 2), **shape)]
    twin.check(twin.concat(parts), (1, 2))


def test_a_mean_that_ends_in_a_relu():
    """A narrowing convolution moves before the pool, and leaves its relu behind it."""
    twin = Twin(7, 6, 40)
    pool = twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same")
    network = twin.check(twin.conv2d(pool, 19, (1, 1), activation="relu"), (1, 3))
    assert [step[1] for step in network.steps(3)] == ["convolution", "pooling"]
    few = Twin(7, 6, 4)
    pool = few.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same")
    few.check(few.conv2d(pool, 2, (1, 1), activation="relu"), (1, 3))


@pytest.mark.parametrize("channels", [2, 19, 300, 530])
def test_whole_maps(channels):
    twin = Twin(7, 9, channels)
    twin.check(twin.global_avg_pool(0), (1, 5))
    twin.check(twin.global_max_pool(0), (1, 5))


def test_results_depend_neither_on_threads_nor_on_the_batch():
    twin = Twin(9, 11, 40)
    images = twin.images(5)
    for y in (
        twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same"),
        twin.global_avg_pool(0),
        twin.max_pool2d(0, (3, 3), stride=(2, 2)),
    ):
        expected = twin.network(y, threads=1).run(images)
        for threads in (2, 3):
            network = twin.network(y, threads=threads)
            np.testing.assert_array_equal(network.run(images), expected)
            np.testing.assert_array_equal(network.run(images[2:3]), expected[2:3])
