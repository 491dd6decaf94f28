"""JPEG in the C core: pixels against Pillow (another build of libjpeg-turbo), and files made to break it."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image.synthetic import encoded, picture
from PIL import Image, ImageFile

from pydeepl import _core

pytestmark = pytest.mark.core
RGB = picture(61, 93)


def pillow(data):
    """Pillow's pixels as the core gives them: gray, or BGR."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels[..., ::-1]


def assert_pillows_pixels(data):
    expected = pillow(data)
    assert _core.jpeg_info(data, 0) == expected.shape
    np.testing.assert_array_equal(_core.jpeg_decode(data, 0), expected)


def with_sampling(data, factors):
    """The JPEG with other sampling factors in its frame header: for 4:4:0, which Pillow cannot write."""
    at = data.index(b"\xff\xc0") + 11
    return data[:at] + bytes([factors]) + data[at + 1 :]


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [20, 75, 100])
def test_pixels_are_pillows(subsampling, progressive, quality):
    assert_pillows_pixels(
        encoded(RGB, "JPEG", subsampling=subsampling, progressive=progressive, quality=quality)
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8), (9, 8), (15, 17), (16, 16), (17, 33), (200, 3)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_odd_sizes(size, subsampling):
    assert_pillows_pixels(encoded(picture(*size), "JPEG", subsampling=subsampling))


@pytest.mark.parametrize(("luma", "size"), [(0x12, (64, 96)), (0x41, (64, 96))], ids=["4:4:0", "4:1:1"])
def test_uncommon_subsampling(luma, size):
    """Any factors decode to something; the scan's data is read as if they had been meant."""
    mcu = {0x12: "4:2:2", 0x41: "4:2:0"}[luma]  # as many blocks an MCU: 2 or 4 of luma, 1 each of chroma
    assert_pillows_pixels(with_sampling(encoded(picture(*size), "JPEG", subsampling=mcu), luma))


def test_gray_has_one_channel():
    for size in ((61, 93), (1, 1), (17, 3)):
        assert_pillows_pixels(encoded(Image.fromarray(picture(*size)).convert("L"), "JPEG"))


def test_restart_markers_optimised_tables_and_rgb_colours():
    assert_pillows_pixels(encoded(RGB, "JPEG", restart_marker_blocks=2))
    assert_pillows_pixels(encoded(RGB, "JPEG", restart_marker_rows=1, progressive=True, optimize=True))
    assert_pillows_pixels(encoded(RGB, "JPEG", keep_rgb=True))


def test_orientation_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert_pillows_pixels(encoded(RGB, "JPEG", exif=exif))


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_files_fail_wherever_they_are_cut(progressive):
    data = encoded(RGB, "JPEG", progressive=progressive)
    for length in [0, 1, 2, 3, 20, *range(100, len(data), 97), len(data) - 3, len(data) - 2, len(data) - 1]:
        with pytest.raises(ValueError, match=r"JPEG"):
            _core.jpeg_decode(data[:length], 0)
    with pytest.raises(OSError, match="truncated"):  # Pillow's verdict on the last of them
        pillow(data[:-1])


def test_bytes_after_the_end_are_ignored():
    assert_pillows_pixels(encoded(RGB, "JPEG") + b"and more" * 100)


def test_damage_that_only_warns_keeps_the_image():
    data = bytearray(encoded(picture(480, 640), "JPEG"))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(range(1, 41))
    assert_pillows_pixels(bytes(data))


def header_claiming(height, width, frame=0xC0):
    """A JPEG whose header claims a size, with nothing behind it."""
    data = bytearray(encoded(RGB, "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 1] = frame
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_size_limit_is_checked_on_the_header():
    data = header_claiming(40000, 40000)
    for call in (_core.jpeg_info, _core.jpeg_decode):
        with pytest.raises(ValueError, match=r"40000 x 40000 .* limit of 1000000 pixels"):
            call(data, 1_000_000)
    assert _core.jpeg_info(encoded(RGB, "JPEG"), 61 * 93) == (61, 93, 3)
    with pytest.raises(ValueError, match="limit"):
        _core.jpeg_info(encoded(RGB, "JPEG"), 61 * 93 - 1)


def test_headers_that_claim_more_blocks_than_the_file_has_bits_are_refused():
    data = header_claiming(4000, 6000)
    with pytest.raises(ValueError, match=r"truncated JPEG: \d+ bytes cannot hold 4000 x 6000 pixels"):
        _core.jpeg_info(data, 0)
    empty = Image.new("RGB", (6000, 4000))  # nothing compresses better than one colour
    for options in ({}, {"progressive": True}, {"optimize": True, "quality": 1}):
        assert _core.jpeg_info(encoded(empty, "JPEG", **options), 0) == (4000, 6000, 3)


def test_thousands_of_scans_are_refused():
    data = encoded(RGB, "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    third = data.index(b"\xff\xda", second + 2)
    bomb = data[:third] + data[second:third] * 2000 + data[third:]
    with pytest.raises(ValueError, match="more than 100 scans"):
        _core.jpeg_decode(bomb, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\0" * 100,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    ],
)
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(ValueError, match="JPEG"):
        _core.jpeg_info(data, 0)


def test_unsupported_kinds_are_refused():
    with pytest.raises(ValueError, match="JPEG"):  # lossless
        _core.jpeg_decode(header_claiming(61, 93, frame=0xC3), 0)
    data = header_claiming(0, 93)
    with pytest.raises(ValueError, match="JPEG"):
        _core.jpeg_decode(data, 0)


def javas_cmyk(stored):
    """BGR of stored, inverted CMYK samples by the formula of Java's ImageIO."""
    light = np.float32(1) - (np.float32(255) - stored.astype(np.float32)) / np.float32(255)
    linear = (light[..., :3] * light[..., 3:]).astype(np.float64)
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (display.astype(np.float32) * np.float32(255) + np.float32(0.5)).astype(np.uint8)[..., ::-1]


def test_cmyk_becomes_bgr_by_javas_formula():
    ink = np.random.default_rng(3).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    data = encoded(Image.frombytes("CMYK", (50, 40), ink.tobytes()), "JPEG")
    stored = 255 - np.asarray(Image.open(io.BytesIO(data)))  # Pillow undoes Adobe's inversion
    np.testing.assert_array_equal(_core.jpeg_decode(data, 0), javas_cmyk(stored))


def test_fuzzed_files_never_crash_and_keep_their_shape(monkeypatch):
    """Random damage (the same in every run): an error or an image of the header's shape, nothing else."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    rng = np.random.default_rng(11)
    bases = [
        encoded(picture(37, 45), "JPEG", progressive=progressive, subsampling=subsampling)
        for progressive in (False, True)
        for subsampling in (0, 2)
    ]
    bases.append(encoded(Image.fromarray(picture(20, 20)).convert("CMYK"), "JPEG"))
    decoded = 0
    for _ in range(600):
        data = bytearray(bases[rng.integers(len(bases))])
        for _ in range(rng.integers(1, 8)):
            data[rng.integers(2, len(data))] = rng.integers(256)
        if rng.random() < 0.3:
            del data[rng.integers(2, len(data)) :]
        try:
            shape = _core.jpeg_info(bytes(data), 1 << 20)
            pixels = _core.jpeg_decode(bytes(data), 1 << 20)
        except (ValueError, NotImplementedError):
            continue
        decoded += 1
        assert pixels.shape == shape
    assert decoded > 50


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_behind_the_magic_are_refused_or_decoded(tail):
    try:
        pixels = _core.jpeg_decode(b"\xff\xd8\xff" + tail, 1 << 20)
    except ValueError:
        return
    assert pixels.dtype == np.uint8


def test_nothing_is_written_to_stderr(capfd):
    data = bytearray(encoded(picture(100, 100), "JPEG"))
    data[700:720] = bytes(20)
    _core.jpeg_decode(bytes(data), 0)
    with pytest.raises(ValueError):
        _core.jpeg_decode(bytes(data[:900]), 0)
    assert capfd.readouterr().err == ""
