"""Decoding by Spark's rules: against Java's own decoding of the same files, and files that must fail."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from image.synthetic import encoded, golden_files, picture
from PIL import Image, ImageFile

from pydeepl.images import DEFAULT_MAX_PIXELS, ImageError, decode
from pydeepl.images.profiles import find_profile

FILES = {name: (data, java) for name, data, java in golden_files()}
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "awt_resize" / "spark_image_golden.npz"

# Where this decodes otherwise than Java, on purpose: see the head of decode.py.
GRAY_16 = {"bits_16_gray.png", "bits_16_gray_alpha.png"}
WEBP = {"rgb.webp"}
CUT_BEHIND_THE_PIXELS = {"cut_1.png", "cut_5.png", "cut_12.png", "cut_20.png"}
OFF_BY_ONE = {"profile_srgb.jpg", "palette.tif"}  # Java's sRGB and LittleCMS'; 16-bit palette entries
SAME = sorted(set(FILES) - GRAY_16 - WEBP - CUT_BEHIND_THE_PIXELS - OFF_BY_ONE)


def linear_profile():
    """An RGB profile with sRGB's primaries and a linear curve: sRGB's own, with other curves."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    for at in range(132, 132 + 12 * count, 12):
        name, offset, _ = struct.unpack(">4sII", profile[at : at + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + 12] = b"curv" + bytes(8)  # no entries: the identity
            profile[at + 8 : at + 12] = struct.pack(">I", 12)
    return bytes(profile)


LINEAR_RGB = linear_profile()


@pytest.mark.parametrize("name", SAME)
def test_pixels_are_javas(name):
    data, java = FILES[name]
    if java.size == 0:
        with pytest.raises(ImageError):
            decode(data)
        return
    np.testing.assert_array_equal(decode(data), java)


@pytest.mark.parametrize("name", sorted(OFF_BY_ONE))
def test_pixels_are_nearly_javas(name):
    data, java = FILES[name]
    assert np.abs(decode(data).astype(int) - java).max() == 1


@pytest.mark.parametrize("name", sorted(GRAY_16))
def test_16_bit_gray_is_scaled(name):
    """Java gives the low bytes; this the samples / 257, rounded."""
    data, java = FILES[name]
    channels = 2 if "alpha" in name else 1
    wide = np.random.default_rng(7).integers(0, 65536, (13, 19, 4)).astype(">u2")[..., 0]  # as make_golden.py
    assert channels and java.shape == (13, 19, 1)
    np.testing.assert_array_equal(wide & 255, java[..., 0])
    np.testing.assert_array_equal(decode(data)[..., 0], np.round(wide / 257).astype(np.uint8))


def test_webp_is_read():
    y, x = np.mgrid[:13, :19]
    rgb = np.stack([x * 13, y * 19, (x * y) % 256], -1).astype(np.uint8)
    np.testing.assert_array_equal(decode(FILES["rgb.webp"][0]), rgb[..., ::-1])
    alpha = np.dstack([rgb, (x * 13).astype(np.uint8)])
    data = encoded(alpha, "WEBP", lossless=True, exact=True)
    np.testing.assert_array_equal(decode(data), alpha[..., [2, 1, 0, 3]])


@pytest.mark.shared
def test_pixels_are_those_of_the_shared_archive():
    with np.load(SHARED) as golden:
        files = {name[5:]: golden[name].tobytes() for name in golden.files if name.startswith("file/")}
        sparks = {name[6:]: golden[name] for name in golden.files if name.startswith("jdk17/")}
    otherwise = {
        "png_gray16.png",
        "jpg_icc_linear.jpg",
        "jpg_icc_srgb.jpg",
        "o_webp.webp",
        "bad_trunc_prog.jpg",
    }
    same = sorted(set(files) & set(sparks) - otherwise)
    assert len(same) > 50
    for name in same:
        if sparks[name].size == 0:
            with pytest.raises(ImageError):
                decode(files[name])
        else:
            assert decode(files[name]).tobytes() == sparks[name].tobytes(), name
    for name, most in (("jpg_icc_linear.jpg", 2), ("jpg_icc_srgb.jpg", 1)):
        difference = np.abs(decode(files[name]).ravel().astype(int) - sparks[name].ravel())
        assert difference.max() <= most, name


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_truncated_files_fail_at_every_length(kind):
    data = encoded(picture(40, 50), kind)
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
        with pytest.raises(ImageError):
            decode(data[: int(len(data) * share)])


def test_truncated_png_fails_even_in_its_last_byte():
    data = encoded(picture(40, 50), "PNG")
    for cut in (1, 2, 4, 8, 11, 12, 16):
        with pytest.raises(ImageError, match="truncated PNG"):
            decode(data[:-cut])
    np.testing.assert_array_equal(decode(data + b"rubbish behind the end"), decode(data))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "WEBP"])
def test_damaged_files_fail_or_keep_their_shape(kind):
    data, rng = encoded(picture(40, 50), kind), np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            damaged[rng.integers(len(damaged))] = rng.integers(256)
        try:
            pixels = decode(bytes(damaged), 1 << 20)
        except ImageError:
            continue
        assert pixels.ndim == 3 and pixels.dtype == np.uint8 and pixels.flags.c_contiguous


def claiming(kind, height, width):
    """A small file whose header claims a size."""
    data = bytearray(encoded(picture(8, 8), kind))
    if kind == "PNG":
        import zlib

        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    else:
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_huge_headers_are_refused_before_any_buffer_exists(kind):
    import tracemalloc

    data = claiming(kind, 40000, 40000)
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"40000 x 40000 pixels .* limit of 249999999 pixels"):
        decode(data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_webp_limit_is_checked_before_it_is_opened():
    for lossless in (True, False):
        data = encoded(picture(40, 50), "WEBP", lossless=lossless)
        with pytest.raises(ImageError, match=r"40 x 50 pixels .* limit of 1999 "):
            decode(data, 1999)
        assert decode(data, 2000).shape == (40, 50, 3)


def test_limit_is_a_parameter_and_an_environment_variable(monkeypatch):
    data = encoded(picture(40, 50), "PNG")
    assert DEFAULT_MAX_PIXELS * 4 < 10**9
    with pytest.raises(ImageError, match="limit of 1999 "):
        decode(data, 1999)
    monkeypatch.setenv("PYDEEPL_MAX_PIXELS", "1000")
    with pytest.raises(ImageError, match="limit of 1000 "):
        decode(data)
    assert decode(data, 2000).shape == (40, 50, 3)
    for wrong in ("0", "-3", "many"):
        monkeypatch.setenv("PYDEEPL_MAX_PIXELS", wrong)
        with pytest.raises(ValueError, match="PYDEEPL_MAX_PIXELS is"):
            decode(data)
    with pytest.raises(ValueError, match="max_pixels is 0"):
        decode(data, 0)


def test_pillows_own_limit_does_not_count(monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("PNG", "BMP"):
        assert decode(encoded(picture(40, 50), kind)).shape == (40, 50, 3)
    assert not recwarn.list


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\x89PNG", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"%!PS-Adobe"]
)
def test_what_is_no_image_is_refused_with_a_reason(data):
    with pytest.raises(ImageError) as error:
        decode(data)
    assert str(error.value)


def test_32_bit_samples_are_refused():
    data = encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")
    with pytest.raises(ImageError, match="32 bits"):
        decode(data)


def test_profile_that_is_not_srgb_is_applied():
    """A linear profile's colours, converted by the formula that defines sRGB."""
    gray = np.repeat(np.arange(256, dtype=np.uint8), 8).reshape(1, -1)
    rgb = np.repeat(np.broadcast_to(gray, (8, 2048))[..., None], 3, 2)
    data = encoded(Image.fromarray(rgb), "JPEG", quality=100, subsampling=0, icc_profile=LINEAR_RGB)
    assert find_profile(data) == LINEAR_RGB
    light = np.asarray(Image.open(io.BytesIO(data)))[..., ::-1] / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(decode(data) - expected).max() < 2
    assert np.abs(decode(data)[0, ::8, 0].astype(int) - np.arange(256)).max() > 60


def test_profiles_in_several_segments_are_joined():
    long = LINEAR_RGB + bytes(100_000)
    data = encoded(picture(20, 20), "JPEG", icc_profile=long)
    assert data.count(b"ICC_PROFILE\0") == 2
    assert find_profile(data) == long
    assert find_profile(encoded(picture(20, 20), "JPEG")) is None
    assert find_profile(b"\xff\xd8\xff\xe2\0\x20ICC_PROFILE\0\1") is None


def test_gray_with_profile_stays_as_stored():
    gray = Image.fromarray(picture(20, 20)).convert("L")
    np.testing.assert_array_equal(
        decode(encoded(gray, "JPEG", icc_profile=LINEAR_RGB)), decode(encoded(gray, "JPEG"))
    )


def test_truncation_holds_with_pillows_lenient_switch(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(picture(40, 50), "PNG")
    with pytest.raises(ImageError, match="truncated PNG"):
        decode(data[: len(data) // 2])
