"""Loading many images in the C core, and its Python face load_batch."""

import numpy as np
import pytest
from image.synthetic import encoded, picture
from PIL import Image

from pydeepl import _core
from pydeepl.images import decode, load_batch, resizeImage

AREA = 16


def sources():
    rgb = [picture(30 + 7 * i, 80 - 5 * i, seed=i) for i in range(6)]
    return [encoded(image, "JPEG") for image in rgb[:3]] + [np.ascontiguousarray(image) for image in rgb[3:]]


@pytest.mark.core
@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_core_loads_as_one_by_one(threads):
    items = sources() * 5
    images, errors = _core.load_images(items, 20, 24, AREA, 0, threads)
    assert errors == [None] * len(items)
    for item, image in zip(items, images, strict=True):
        pixels = item if isinstance(item, np.ndarray) else _core.jpeg_decode(item, 0)
        np.testing.assert_array_equal(image, _core.resize(pixels, 20, 24, AREA))


@pytest.mark.core
def test_failures_are_told_one_by_one_and_leave_zeros():
    jpeg = encoded(picture(50, 60), "JPEG")
    items = [jpeg, jpeg[:400], b"text", jpeg, b"", np.zeros((2, 2, 2), np.uint8)]
    out = np.full((6, 8, 8, 3), 77, np.uint8)
    images, errors = _core.load_images(items, 8, 8, AREA, 0, 2, out)
    assert images is out
    assert [error is None for error in errors] == [True, False, False, True, False, False]
    assert "truncated" in errors[1] and "Not a JPEG" in errors[2] and "2 channels" in errors[5]
    assert not images[[1, 2, 4, 5]].any() and images[[0, 3]].any()
    _, errors = _core.load_images([jpeg], 8, 8, AREA, 2999, 1)
    assert "limit of 2999 pixels" in errors[0]


@pytest.mark.core
def test_core_refuses_wrong_arguments():
    image = picture(8, 8)
    with pytest.raises(ValueError, match="at 0 x 8"):
        _core.load_images([image], 0, 8, AREA, 0, 1)
    with pytest.raises(TypeError, match="bytes-like"):
        _core.load_images([1], 8, 8, AREA, 0, 1)
    for out in (
        np.zeros((1, 8, 8, 3)),
        np.zeros((2, 8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 6), np.uint8)[..., ::2],
    ):
        with pytest.raises(ValueError, match="out is not"):
            _core.load_images([image], 8, 8, AREA, 0, 1, out)
    assert _core.load_images([], 8, 8, AREA, 0, 1)[0].shape == (0, 8, 8, 3)


def test_batch_mixes_every_kind_of_source(tmp_path):
    rgb = picture(40, 50)
    jpeg, png = encoded(rgb, "JPEG"), encoded(rgb, "PNG")
    path = tmp_path / "a b é.png"
    path.write_bytes(png)
    gray, alpha = rgb[..., 0], np.dstack([rgb, rgb[..., :1]])
    items = [jpeg, bytearray(jpeg), memoryview(png), path, str(path), path.as_uri(), rgb, gray, alpha]
    for threads in (1, 3):
        images, errors = load_batch(items, 30, 20, threads=threads)
        assert errors == [None] * len(items)
        np.testing.assert_array_equal(images[0], resizeImage(decode(jpeg), 30, 20))
        np.testing.assert_array_equal(images[1], images[0])
        for same in images[2:7]:
            np.testing.assert_array_equal(same, resizeImage(rgb[..., ::-1], 30, 20))
        np.testing.assert_array_equal(images[7], resizeImage(gray, 30, 20))
        np.testing.assert_array_equal(images[8], resizeImage(alpha[..., [2, 1, 0, 3]], 30, 20))


@pytest.mark.parametrize("threads", [1, 2])
def test_batch_of_arrays_alone(threads):
    arrays = [picture(20 + i, 30, seed=i) for i in range(5)]
    images, errors = load_batch(arrays, 9, 9, "SCALE_FAST", "BGR", threads)
    assert errors == [None] * 5
    for array, image in zip(arrays, images, strict=True):
        np.testing.assert_array_equal(image, resizeImage(array, 9, 9, "SCALE_FAST"))


def test_batch_tells_failures_apart(tmp_path):
    png = encoded(picture(40, 50), "PNG")
    items = [tmp_path / "none.png", png[:300], b"text", png, b""]
    images, errors = load_batch(items, 8, 8)
    assert "No such file" in errors[0] and "truncated PNG" in errors[1] and "no JPEG, PNG" in errors[2]
    assert errors[3] is None and "empty" in errors[4]
    assert not images[[0, 1, 2, 4]].any()
    assert "limit of 1999 pixels" in load_batch([png], 8, 8, max_pixels=1999)[1][0]
    assert load_batch([], 8, 8)[0].shape == (0, 8, 8, 3)


def test_batch_applies_colour_profiles_as_decode_does():
    from image.test_decode import LINEAR_RGB

    data = encoded(Image.fromarray(picture(30, 30)), "JPEG", icc_profile=LINEAR_RGB)
    images, _ = load_batch([data], 30, 30)
    np.testing.assert_array_equal(images[0], decode(data))
    assert (images[0] != _core.jpeg_decode(data, 0)).any()


def test_batch_refuses_wrong_arguments():
    image = picture(8, 8)
    with pytest.raises(ValueError, match="'GBR'"):
        load_batch([image], 8, 8, channelOrder="GBR")
    with pytest.raises(ValueError, match="scaleHint"):
        load_batch([image], 8, 8, "SCALE_NICELY")
    with pytest.raises(TypeError, match="int64"):
        load_batch([image.astype(np.int64)], 8, 8)
    with pytest.raises(TypeError, match="an image is a int"):
        load_batch([3], 8, 8)
    with pytest.raises(ValueError, match="image 0 has shape"):
        load_batch([image[..., :2]], 8, 8)
