"""Many photos made of a few: crops of real ones, some mirrored, at about 1024 x 800 pixels, as JPEG files.

Their bytes decide what decoding costs: 4:2:0 at Pillow's quality 90 is about 190 KiB a photo.
"""

from pathlib import Path

import numpy as np

from benchmarks.harness import ROOT

SOURCES = ROOT.parent / "shared" / "data" / "flowers"
WIDTH, HEIGHT, SPREAD = 1024, 800, 24  # pixels; sides differ by up to SPREAD
SMALLEST_CROP = 0.85  # of a source's sides


def ensure(count: int, sources: Path, folder: Path, quality: int) -> list[Path]:
    """The first `count` photos in the folder, made on the first call."""
    files = [folder / f"{number:05d}.jpg" for number in range(count)]
    if not all(file.exists() for file in files):
        folder.mkdir(parents=True, exist_ok=True)
        print(f"making {count} photos from those in {sources}", flush=True)
        make(files, sources, quality)
    return files


def make(files: list[Path], sources: Path, quality: int) -> None:
    from PIL import Image

    photos = [Image.open(file).convert("RGB") for file in sorted(sources.glob("*.[jp][pn]g"))]
    if not photos:
        raise SystemExit(f"{sources}: no photos (*.jpg, *.png); --photos names another folder")
    upright = [photo.height > photo.width for photo in photos]
    photos = [
        photo.transpose(Image.Transpose.ROTATE_90) if turn else photo
        for photo, turn in zip(photos, upright, strict=True)
    ]
    rng = np.random.default_rng(5)
    for number, file in enumerate(files):
        photo = photos[number % len(photos)]
        share = rng.uniform(SMALLEST_CROP, 1)
        width, height = int(photo.width * share), int(photo.height * share)
        left, top = rng.integers(0, photo.width - width + 1), rng.integers(0, photo.height - height + 1)
        size = WIDTH + int(rng.integers(-SPREAD, SPREAD + 1)), HEIGHT + int(rng.integers(-SPREAD, SPREAD + 1))
        box = (int(left), int(top), int(left) + width, int(top) + height)
        made = photo.resize(size, Image.Resampling.LANCZOS, box)
        if rng.random() < 0.5:
            made = made.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        made.save(file, "JPEG", quality=quality)
