"""Makes awt_golden.npz: what Java's java.awt and ImageIO give for synthetic images and small image files.

    python tests/golden/awt/make_golden.py

It needs a JDK (javac, java; the committed file is OpenJDK 17.0.15's) and Pillow with its usual codecs.
The file holds

    resize    table of strings: width, height, channels, kind, target width, target height, hint, SHA-256
    full/N    the result of row N, where it is small: uint8 [target height, target width, 3]
    file/NAME an image file's bytes
    java/NAME what Spark's image source decodes it to: uint8 [height, width, channels], empty where it fails
"""

import hashlib
import io
import itertools
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

HERE = Path(__file__).parent
MOST_BYTES_KEPT = 3000

# (width, height): tiny, equal to a target, with exact sums, without, with a long side, down, up and mixed.
SIZES = [
    (1, 1),
    (2, 3),
    (7, 1),
    (28, 28),
    (33, 20),
    (64, 48),
    (61, 93),
    (180, 180),
    (224, 224),
    (300, 17),
    (640, 480),
]
TARGETS = [(13, 9), (40, 60), (224, 224), (299, 299)]
HINTS = {1: "DEFAULT", 2: "FAST", 4: "SMOOTH", 8: "REPLICATE", 16: "AREA_AVERAGING"}


def resize_jobs():
    for (width, height), channels, (tw, th) in itertools.product(SIZES, (1, 3, 4), TARGETS):
        kinds = ("noise", "ramp") if width * height < 5000 else ("noise",)
        for kind, hint in itertools.product(kinds, (8, 16)):
            yield width, height, channels, kind, tw, th, hint
    for hint in HINTS:  # which hints mean the same
        yield 33, 20, 3, "noise", 13, 9, hint
    for constant, channels in itertools.product(("0", "1", "127", "254", "255"), (1, 3, 4)):
        yield 641, 481, channels, constant, 13, 9, 16


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(width, height, depth, colour_type, rows, *chunks):
    """A PNG of rows [height, bytes], unfiltered: for kinds that Pillow does not write."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour_type, 0, 0, 0])
    data = zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes(), 9)
    parts = [png_chunk(b"IHDR", header), *(png_chunk(*chunk) for chunk in chunks), png_chunk(b"IDAT", data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def image_files():
    """Name -> bytes, one file for each rule of channels and modes."""
    y, x = np.mgrid[:13, :19]
    rgb = np.stack([x * 13, y * 19, (x * y) % 256], -1).astype(np.uint8)
    colours, gray = Image.fromarray(rgb), Image.fromarray(rgb[..., 2])
    alpha = Image.fromarray(np.dstack([rgb, (x * 11 + y * 5) % 256]).astype(np.uint8), "RGBA")
    two = Image.merge("LA", [gray, gray.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    rng = np.random.default_rng(7)
    wide = rng.integers(0, 65536, (13, 19, 4)).astype(">u2")
    palette = colours.quantize(16)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    files = {
        "gray.png": encoded(gray, "PNG"),
        "gray_alpha.png": encoded(two, "PNG"),
        "gray_key.png": encoded(gray, "PNG", transparency=5),
        "rgb.png": encoded(colours, "PNG"),
        "rgb_rotated.png": encoded(colours, "PNG", exif=rotated),
        "rgb_key.png": encoded(colours, "PNG", transparency=(0, 0, 0)),
        "rgba.png": encoded(alpha, "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette_2_bits.png": encoded(colours.quantize(4), "PNG", bits=2),
        "palette_key.png": encoded(palette, "PNG", transparency=3),
        "palette_alpha.png": encoded(palette, "PNG", transparency=bytes(range(0, 160, 10))),
        "palette_opaque.png": encoded(palette, "PNG", transparency=b"\xff" * 16),
        "bits_1.png": encoded(gray.convert("1"), "PNG"),
        "bits_2.png": png(19, 13, 2, 0, rng.integers(0, 256, (13, 5), dtype=np.uint8)),
        "bits_4.png": png(19, 13, 4, 0, rng.integers(0, 256, (13, 10), dtype=np.uint8)),
        "bits_16_gray.png": png(19, 13, 16, 0, wide[..., :1].copy().view(np.uint8).reshape(13, -1)),
        "bits_16_gray_alpha.png": png(19, 13, 16, 4, wide[..., :2].copy().view(np.uint8).reshape(13, -1)),
        "bits_16_rgb.png": png(19, 13, 16, 2, wide[..., :3].copy().view(np.uint8).reshape(13, -1)),
        "bits_16_rgb_key.png": png(
            19,
            13,
            16,
            2,
            wide[..., :3].copy().view(np.uint8).reshape(13, -1),
            (b"tRNS", wide[2, 3, :3].tobytes()),
        ),
        "bits_16_rgba.png": png(19, 13, 16, 6, wide.view(np.uint8).reshape(13, -1)),
        "rgb.bmp": encoded(colours, "BMP"),
        "rgba.bmp": encoded(alpha, "BMP"),
        "gray.bmp": encoded(gray, "BMP"),
        "palette.bmp": encoded(palette, "BMP"),
        "bits_1.bmp": encoded(gray.convert("1"), "BMP"),
        "palette.gif": encoded(palette, "GIF"),
        "gray.gif": encoded(gray, "GIF"),
        "palette_key.gif": encoded(palette, "GIF", transparency=3),
        "animated.gif": encoded(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
        "rgb.tif": encoded(colours, "TIFF"),
        "rgb_lzw.tif": encoded(colours, "TIFF", compression="tiff_lzw"),
        "rgba.tif": encoded(alpha, "TIFF"),
        "gray.tif": encoded(gray, "TIFF"),
        "palette.tif": encoded(palette, "TIFF"),
        "bits_1.tif": encoded(gray.convert("1"), "TIFF"),
        "rgb.webp": encoded(colours, "WEBP", lossless=True),
        "gray.jpg": encoded(gray, "JPEG", quality=90),
        "rgb_420.jpg": encoded(colours, "JPEG", quality=90),
        "rgb_444.jpg": encoded(colours, "JPEG", quality=60, subsampling=0),
        "rgb_422_progressive.jpg": encoded(colours, "JPEG", subsampling=1, progressive=True),
        "rgb_rotated.jpg": encoded(colours, "JPEG", exif=rotated),
        "rgb_restarts.jpg": encoded(colours, "JPEG", restart_marker_blocks=1),
        "cmyk.jpg": encoded(colours.convert("CMYK"), "JPEG", quality=90),
        "profile_srgb.jpg": encoded(
            colours, "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        ),
        "profile_damaged.jpg": encoded(colours, "JPEG", icc_profile=b"no profile at all"),
        "text.jpg": b"this is no image\n",
        "zeros.png": b"\0" * 64,
    }
    gif = files["palette.gif"]
    files["frame_in_screen.gif"] = (
        gif[:6] + b"\x20\0\x18\0" + gif[10:]
    )  # a screen of 32 x 24 around the frame
    whole = files["rgb.png"]
    for cut in (1, 5, 12, 20, len(whole) // 2, len(whole) - 30):
        files[f"cut_{cut}.png"] = whole[:-cut]
    files["cut_header.jpg"] = files["rgb_420.jpg"][:100]
    return files


def run_java(jobs):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["javac", "-d", folder, HERE / "AwtGolden.java"], check=True)
        command = ["java", "-cp", folder, "AwtGolden"]
        answers = io.BytesIO(
            subprocess.run(command, input=jobs.encode(), capture_output=True, check=True).stdout
        )
    for _ in jobs.splitlines():
        shape = tuple(map(int, answers.readline().split()))
        count = max(0, int(np.prod(shape)))
        data = np.frombuffer(answers.read(count), np.uint8)
        yield data.reshape(shape) if count else data


def main():
    arrays, rows = {}, []
    resizes = list(resize_jobs())
    results = run_java("".join(f"resize {' '.join(map(str, job))}\n" for job in resizes))
    seen = set()
    for row, (job, result) in enumerate(zip(resizes, results, strict=True)):
        digest = hashlib.sha256(result.tobytes()).hexdigest()
        rows.append([*map(str, job), digest])
        if result.nbytes <= MOST_BYTES_KEPT and digest not in seen:
            arrays[f"full/{row}"] = result
        seen.add(digest)
    arrays["resize"] = np.array(rows)
    files = image_files()
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        decoded = list(run_java("".join(f"decode {folder}/{name}\n" for name in files)))
    for (name, data), pixels in zip(files.items(), decoded, strict=True):
        arrays[f"file/{name}"], arrays[f"java/{name}"] = np.frombuffer(data, np.uint8), pixels
    np.savez_compressed(HERE / "awt_golden.npz", **arrays)
    print(f"{len(rows)} resizes, {len(files)} files, {(HERE / 'awt_golden.npz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
