"""The demo's images: scikit-learn's handwritten digits as PNG folders."""

from pathlib import Path

import numpy as np
from PIL import Image

DIGITS = 10
SIDE = 180  # pixels: the size of the article's images
_NO_SKLEARN = (
    "the demo's digits come with scikit-learn, which is not installed: `pip install 'pydeepl[demo]'`, "
    "or show your own images with --images DIR"
)


def write_digits(folder: Path, per_class: int) -> None:
    """Writes per_class images of each digit as folder/0/0000.png ... folder/9/....

    The 8 x 8 scans (ink 0 to 16) become dark ink on white paper, SIDE x SIDE pixels, gray. Files that are
    there already are kept. Source: sklearn.datasets.load_digits (UCI ML hand-written digits, the test set).
    Raises ImportError where scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(_NO_SKLEARN) from error
    scans, labels = load_digits(return_X_y=True)
    for digit in range(DIGITS):
        target = folder / str(digit)
        target.mkdir(parents=True, exist_ok=True)
        for index, scan in enumerate(scans[labels == digit][:per_class]):
            path = target / f"{index:04d}.png"
            if not path.exists():
                paper = np.uint8(255 - np.round(scan.reshape(8, 8) * (255 / 16)))
                temporary = path.with_name(f".{path.name}")  # readers pass over such names
                image = Image.fromarray(paper).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
                image.save(temporary, "PNG")
                temporary.replace(path)
