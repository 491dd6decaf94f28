"""The codec of cached features, against plain NumPy: every bit comes back, and no damage passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pydeepl.deep.cache.codec import DamagedEntry, check, pack

KEY = bytes(range(36))


def there_and_back(features):
    out = np.full(features.shape, 7, np.float32)
    check(pack(features, KEY), KEY, len(features)).unpack(out)
    return out


def assert_same_bits(found, expected):
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@given(hnp.arrays(np.uint32, st.integers(1, 200), elements=st.sampled_from([0, 0, 0, 1, 2**31, 2**32 - 1])))
def test_sparse_patterns_come_back(bits):
    features = bits.view(np.float32)
    assert_same_bits(there_and_back(features), features)


@given(hnp.arrays(np.uint32, st.integers(1, 100)))
def test_any_patterns_come_back(bits):
    features = bits.view(np.float32)
    assert_same_bits(there_and_back(features), features)


def test_special_values_come_back_among_zeros():
    features = np.zeros(1000, np.float32)
    features[[3, 500, 998]] = -0.0, np.inf, -np.inf
    features[7:9].view(np.uint32)[:] = 0x7FC00123, 0xFF800001  # NaNs with payloads, quiet and signalling
    features[999] = np.float32(1e-45)  # the smallest denormal
    assert_same_bits(there_and_back(features), features)


@pytest.mark.parametrize("density, most", [(0, 0.04), (0.06, 0.1), (0.5, 0.54), (1, 1.001)])
def test_zeros_take_a_bit(density, most):
    rng = np.random.default_rng(0)
    features = np.where(rng.random(131072) < density, rng.random(131072) + 1, 0).astype(np.float32)
    assert len(pack(features, KEY)) <= most * features.nbytes + 16
    assert_same_bits(there_and_back(features), features)


def test_a_row_of_a_matrix_and_a_column_of_it():
    matrix = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    out = np.zeros((3, 4), np.float32)
    check(pack(matrix[:, 2], KEY), KEY, 4).unpack(out[1])
    np.testing.assert_array_equal(out, [[0] * 4, matrix[:, 2], [0] * 4])


def example(density):
    rng = np.random.default_rng(1)
    return np.where(rng.random(67) < density, rng.random(67) + 1, 0).astype(np.float32)


@pytest.mark.parametrize("density", [0, 0.2, 1])
def test_every_flipped_bit_and_every_cut_is_noticed(density):
    entry = pack(example(density), KEY)
    for bit in range(8 * len(entry)):
        damaged = bytearray(entry)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedEntry):
            check(bytes(damaged), KEY, 67)
    for end in range(len(entry)):
        with pytest.raises(DamagedEntry):
            check(entry[:end], KEY, 67)
    with pytest.raises(DamagedEntry):
        check(entry + b"\0", KEY, 67)


def test_another_images_entry_and_another_length_are_noticed():
    entry = pack(example(0.2), KEY)
    check(entry, KEY, 67)
    with pytest.raises(DamagedEntry, match="checksum"):
        check(entry, KEY[::-1], 67)
    with pytest.raises(DamagedEntry, match="expected 68 features"):
        check(entry, KEY, 68)
