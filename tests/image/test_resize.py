"""Resizing against Java's own bytes and against a naive twin, on every code path of this machine."""

import hashlib
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image.naive import resize as naive_resize
from image.naive import to_bgra
from image.synthetic import GOLDEN, picture, synthetic

from pydeepl import _core
from pydeepl.images import resizeImage

pytestmark = pytest.mark.core
PATHS = _core.resize_paths()
AREA, REPLICATE = 16, 8
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "awt_resize" / "awt_resize_golden.npz"


def mismatches(rows, path, rename=lambda kind: kind):
    """The table's rows for which a path's result has another SHA-256."""
    wrong = []
    for (w, h, channels, kind), group in groupby(rows, key=lambda row: tuple(row[:4])):
        image = synthetic(int(w), int(h), int(channels), rename(kind))
        for row in group:
            tw, th, hint = map(int, row[4:7])
            digest = hashlib.sha256(_core.resize(image, th, tw, hint, path).tobytes()).hexdigest()
            if digest != row[-1]:
                wrong.append(row)
    return wrong


@pytest.mark.parametrize("path", PATHS)
def test_bytes_are_javas(path):
    with np.load(GOLDEN) as golden:
        rows = golden["resize"].tolist()
    assert len(rows) == 428
    assert mismatches(rows, path) == []


def test_small_results_are_javas_pixel_by_pixel():
    with np.load(GOLDEN) as golden:
        rows = golden["resize"].tolist()
        kept = {int(name[5:]): golden[name] for name in golden.files if name.startswith("full/")}
    assert len(kept) > 20
    for row, expected in kept.items():
        w, h, channels, kind, tw, th, hint, _ = rows[row]
        image = synthetic(int(w), int(h), int(channels), kind)
        np.testing.assert_array_equal(
            _core.resize(image, int(th), int(tw), int(hint)), expected, str(rows[row])
        )


@pytest.mark.shared
@pytest.mark.parametrize("path", PATHS)
def test_bytes_are_those_of_the_shared_archive(path):
    with np.load(SHARED) as golden:
        rows = golden["manifest"][1:].tolist()
    assert len(rows) == 690
    numbers = {"DEFAULT": "1", "FAST": "2", "SMOOTH": "4", "REPLICATE": "8", "AREA_AVERAGING": "16"}
    table = [[*row[:6], numbers.get(row[6].removeprefix("SCALE_"), row[6]), row[8]] for row in rows]
    names = {"lcg": "noise", "grad": "ramp"}
    assert mismatches(table, path, lambda kind: names.get(kind, kind[1:])) == []


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 17), st.integers(1, 40), st.sampled_from([1, 3, 4])),
    target=st.tuples(st.integers(1, 9), st.integers(1, 37)),
    hint=st.sampled_from([AREA, REPLICATE]),
    seed=st.integers(0, 2**32 - 1),
)
def test_paths_equal_the_naive_twin(path, shape, target, hint, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    if shape[2] == 4:  # the corners of alpha
        image[..., 3] = rng.choice([0, 1, 2, 128, 254, 255], shape[:2])
    expected = naive_resize(image, *target, average=hint == AREA)
    np.testing.assert_array_equal(_core.resize(image, *target, hint, path), expected)


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 700), st.integers(1, 700), st.sampled_from([1, 3, 4])),
    target=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_paths_agree_on_larger_images(path, shape, target):
    image = synthetic(shape[1], shape[0], shape[2], "noise")
    expected = _core.resize(image, *target, AREA, "portable")
    np.testing.assert_array_equal(_core.resize(image, *target, AREA, path), expected)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_exact_sums_equal_rounded_sums(path, channels):
    """64 x 48 to 32 x 32 takes the exact path; as opaque BGRA the same image takes the ordered one."""
    image = synthetic(64, 48, channels, "noise")
    colours = image if channels == 3 else naive_resize(image, 48, 64, average=False)
    opaque = np.dstack([colours, np.full((48, 64), 255, np.uint8)])
    expected = _core.resize(opaque, 32, 32, AREA, path)
    np.testing.assert_array_equal(_core.resize(image, 32, 32, AREA, path), expected)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "target"),
    [((401, 523), (299, 299)), ((598, 598), (299, 299)), ((897, 5), (299, 3)), ((45, 70), (224, 299))],
)
@pytest.mark.parametrize("kind", ["noise", "ties"])
def test_any_order_settles_on_javas_bytes(path, channels, size, target, kind):
    """Sums by columns, then rows, round as Java's do, also where averages lie half-way between bytes (ties:
    6 and 7 by chance, of which 2 x 2 are often 6.5). As opaque BGRA the same image takes the ordered way."""
    height, width = size
    image = synthetic(width, height, channels, "noise")
    if kind == "ties":
        image = np.ascontiguousarray(6 + (image & 1))
    opaque = np.ascontiguousarray(to_bgra(image).astype(np.uint8))
    expected = _core.resize(opaque, *target, AREA, path)
    np.testing.assert_array_equal(_core.resize(image, *target, AREA, path), expected)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_long_sums_lose_alpha_as_javas_do(path, channels):
    """Above 16384 pixels a destination pixel alpha is summed: float32 sums of millions of terms are short."""
    image = np.full((3001, 5003, channels), 255, np.uint8)
    opaque = np.full((3001, 5003, 4), 255, np.uint8)
    result = _core.resize(image, 1, 1, AREA, path)
    np.testing.assert_array_equal(result, _core.resize(opaque, 1, 1, AREA, path))
    total, alpha = np.float32(5003) * np.float32(3001), np.float32(0)
    # All terms are 255: the sum is a cumulative one, which numpy rounds at every step, too.
    alpha = np.cumsum(np.full(3001 * 5003, 255, np.float32), dtype=np.float32)[-1]
    rounded = min(255, int(np.floor(np.float64(alpha / total) + 0.5)))
    assert result.ravel().tolist() == [(2 * rounded * 255 + 255) // 510] * 3


def test_image_of_the_target_size_passes_untouched():
    image = picture(20, 30)
    result = resizeImage(image, 20, 30)
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_two_dimensions_are_gray_and_views_are_copied():
    image = picture(20, 30)
    np.testing.assert_array_equal(resizeImage(image[..., 0], 7, 8), resizeImage(image[..., :1].copy(), 7, 8))
    np.testing.assert_array_equal(
        resizeImage(image[::2, ::-1], 7, 8), resizeImage(image[::2, ::-1].copy(), 7, 8)
    )


@pytest.mark.parametrize(
    ("image", "size", "hint", "error", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), (2, 2), "SCALE_FAST", ValueError, r"shape \[4, 4, 2\]"),
        (np.zeros((4, 0, 3), np.uint8), (2, 2), "SCALE_FAST", ValueError, r"shape \[4, 0, 3\]"),
        (np.zeros((4, 4, 3), np.float32), (2, 2), "SCALE_FAST", TypeError, "float32"),
        ([[1]], (2, 2), "SCALE_FAST", TypeError, "list"),
        (np.zeros((4, 4, 3), np.uint8), (0, 2), "SCALE_FAST", ValueError, "height is 0"),
        (np.zeros((4, 4, 3), np.uint8), (2, -1), "SCALE_FAST", ValueError, "width is -1"),
        (np.zeros((4, 4, 3), np.uint8), (2, 2), "BILINEAR", ValueError, "'BILINEAR'.*SCALE_AREA_AVERAGING"),
        (np.zeros((4, 4, 3), np.uint8), (2**25, 1), "SCALE_FAST", ValueError, "expected 1 to 16777216"),
    ],
)
def test_wrong_arguments_are_refused(image, size, hint, error, message):
    with pytest.raises(error, match=message):
        resizeImage(image, *size, hint)


def test_core_refuses_what_python_lets_no_one_pass():
    image = np.zeros((4, 4, 3), np.uint8)
    for wrong in (image[:, ::2], image.astype(np.int8), image[0], b"abc"):
        with pytest.raises(TypeError, match="C-contiguous uint8"):
            _core.resize(wrong, 2, 2, AREA)
    with pytest.raises(ValueError, match="hint is 3"):
        _core.resize(image, 2, 2, 3)
    with pytest.raises(ValueError, match="no resize path 'sse9'"):
        _core.resize(image, 2, 2, AREA, "sse9")
