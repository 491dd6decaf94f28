"""JPEG decoded at reduced sizes: against Pillow's draft mode, and against averages of all pixels."""

import io

import numpy as np
import pytest
from image.synthetic import encoded, picture
from image.test_decode import LINEAR_RGB
from PIL import Image

from pydeepl import _core
from pydeepl.images import load_batch, resizeImage

AREA, REPLICATE = 16, 8


def drafted(data, divisor):
    """Pillow's reduced pixels as the core gives them: gray, or BGR."""
    image = Image.open(io.BytesIO(data))
    image.draft(None, (image.width // divisor, image.height // divisor))
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels[..., ::-1]


def reduced(data, divisor):
    height, width, _ = _core.jpeg_info(data, 0)
    return _core.jpeg_decode(data, 0, height // divisor, width // divisor)


def error_of_averages(data, divisor):
    """Mean absolute difference from the averages of divisor x divisor pixels of the whole image."""
    full = _core.jpeg_decode(data, 0).astype(float)
    height, width = full.shape[0] // divisor, full.shape[1] // divisor
    cells = full[: height * divisor, : width * divisor].reshape(height, divisor, width, divisor, -1)
    return np.abs(reduced(data, divisor)[:height, :width] - cells.mean((1, 3))).mean()


@pytest.mark.core
@pytest.mark.parametrize("size", [(61, 93), (64, 96), (17, 33), (8, 200)])
@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
def test_pixels_are_pillows(size, divisor):
    for options in ({"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2, "progressive": True}):
        data = encoded(picture(*size), "JPEG", **options)
        np.testing.assert_array_equal(reduced(data, divisor), drafted(data, divisor))
    gray = encoded(Image.fromarray(picture(*size)).convert("L"), "JPEG")
    np.testing.assert_array_equal(reduced(gray, divisor), drafted(gray, divisor))


@pytest.mark.core
@pytest.mark.parametrize("divisor", [2, 4, 8])
@pytest.mark.parametrize("kind", ["4:4:4", "4:2:0", "gray", "CMYK", "turned"])
def test_pixels_are_nearly_averages(kind, divisor):
    """Smooth pictures have little in the frequencies that are dropped: 0.3 to 0.8 is found, of 255."""
    image = Image.fromarray(picture(128, 200))
    if kind in ("4:4:4", "4:2:0"):
        data = encoded(image, "JPEG", subsampling=kind)
    elif kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        data = encoded(image, "JPEG", exif=exif)
    else:
        data = encoded(image.convert("L" if kind == "gray" else kind), "JPEG")
    assert error_of_averages(data, divisor) < 1.0


@pytest.mark.core
def test_the_smallest_sufficient_size_is_taken():
    data = encoded(picture(61, 93), "JPEG")
    for asked, size in {
        (1, 1): (8, 12),
        (8, 12): (8, 12),
        (9, 12): (16, 24),
        (8, 13): (16, 24),
        (31, 47): (31, 47),
        (32, 1): (61, 93),
        (100, 100): (61, 93),
        (0, 0): (61, 93),
    }.items():
        assert _core.jpeg_decode(data, 0, *asked).shape == (*size, 3)
    tiny = encoded(picture(1, 1), "JPEG")
    np.testing.assert_array_equal(_core.jpeg_decode(tiny, 0, 1, 1), _core.jpeg_decode(tiny, 0))


@pytest.mark.core
@pytest.mark.parametrize("progressive", [False, True])
def test_damaged_files_fail_as_in_full(progressive):
    data = encoded(picture(61, 93), "JPEG", progressive=progressive)
    for length in (0, 3, 300, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match="JPEG"):
            _core.jpeg_decode(data[:length], 0, 10, 10)
    with pytest.raises(ValueError, match="limit of 100 pixels"):
        _core.jpeg_decode(data, 100, 1, 1)
    rng = np.random.default_rng(4)
    decoded = 0
    for _ in range(200):
        broken = bytearray(data)
        for _ in range(3):
            broken[rng.integers(2, len(data))] = rng.integers(256)
        try:
            height, width, channels = _core.jpeg_info(bytes(broken), 1 << 20)
            pixels = _core.jpeg_decode(bytes(broken), 1 << 20, 1, 1)
        except (ValueError, NotImplementedError):
            continue
        decoded += 1
        assert pixels.shape == (-(-height // 8), -(-width // 8), channels)
    assert decoded > 50


@pytest.mark.parametrize("threads", [1, 3])
def test_loading_fast_averages_the_reduced_pixels(threads):
    large, small = encoded(picture(120, 90), "JPEG"), encoded(picture(30, 35), "JPEG")
    png, array = encoded(picture(120, 90), "PNG"), picture(120, 90)
    foreign = encoded(Image.fromarray(array), "JPEG", icc_profile=LINEAR_RGB)
    items = [large, small, png, array, foreign, large[:500]]
    images, reasons = load_batch(items, 20, 20, threads=threads, fastDecode=True)
    exact, told = load_batch(items, 20, 20, threads=threads)
    np.testing.assert_array_equal(images[0], resizeImage(_core.jpeg_decode(large, 0, 20, 20), 20, 20))
    assert (images[0] != exact[0]).any()
    np.testing.assert_array_equal(images[1:], exact[1:])
    assert reasons == told and reasons[:5] == [None] * 5 and "truncated" in reasons[5]


def test_picking_pixels_takes_them_from_the_whole_image():
    data = encoded(picture(120, 90), "JPEG")
    fast, _ = load_batch([data], 20, 20, "SCALE_REPLICATE", fastDecode=True)
    np.testing.assert_array_equal(fast, load_batch([data], 20, 20, "SCALE_REPLICATE")[0])
