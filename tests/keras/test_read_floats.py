"""_core.read_floats: float arrays of a file, beside NumPy's fromfile."""

import numpy as np
import pytest

from pydeepl._core import read_floats

SIZES = (1, 0, 7, 131072, 131073, 300001)  # the core reads 131072 floats at a time


@pytest.fixture
def stored(tmp_path):
    """A file of arrays after three bytes of something else, the arrays, and where they begin."""
    arrays = [np.random.default_rng(size).normal(size=size).astype(np.float32) for size in SIZES]
    offsets = 3 + 4 * np.cumsum([0, *SIZES[:-1]])
    path = tmp_path / "arrays"
    path.write_bytes(b"abc" + b"".join(array.tobytes() for array in arrays))
    return path, arrays, tuple(map(int, offsets))


def read(path, offsets, arrays):
    with open(path, "rb") as file:
        return read_floats(file.fileno(), offsets, tuple(arrays))


def test_values_and_order(stored):
    path, arrays, offsets = stored
    found = [np.empty_like(array) for array in arrays]
    assert read(path, offsets[::-1], found[::-1]) == []
    for array, offset, expected in zip(found, offsets, arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(array, np.fromfile(path, np.float32, array.size, offset=offset))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 131071, 131072, -1])
def test_what_is_not_finite_is_told(stored, value, at):
    path, arrays, offsets = stored
    arrays[5][at] = value
    path.write_bytes(b"abc" + b"".join(array.tobytes() for array in arrays))
    assert read(path, offsets, [np.empty_like(array) for array in arrays]) == [5]


def test_the_largest_numbers_are_finite(tmp_path):
    extremes = np.array([3.4028235e38, -3.4028235e38, 1e-45, -0.0], np.float32)
    (tmp_path / "a").write_bytes(extremes.tobytes())
    found = np.empty_like(extremes)
    assert read(tmp_path / "a", (0,), [found]) == []
    assert found.tobytes() == extremes.tobytes()


def test_a_file_that_ends_too_soon(stored):
    path, arrays, offsets = stored
    path.write_bytes(path.read_bytes()[:-1])
    assert read(path, offsets, [np.empty_like(array) for array in arrays]) == [5]
    assert read(path, (1 << 40, -5, 3), [np.empty(1, np.float32) for _ in range(3)]) == [0, 1]


def test_a_descriptor_of_nothing():
    assert read_floats(-1, (0, 0), (np.empty(2, np.float32), np.empty(0, np.float32))) == [0]


def test_arguments():
    with pytest.raises(TypeError, match="writable C-contiguous float32"):
        read_floats(0, (0,), (np.empty(1),))
    with pytest.raises(TypeError, match="writable C-contiguous float32"):
        read_floats(0, (0,), (np.broadcast_to(np.float32(1), 3),))
    with pytest.raises(ValueError, match="1 offsets for 0 arrays"):
        read_floats(0, (0,), ())
