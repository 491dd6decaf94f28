"""What features are kept under: the network that makes them, and the image they are of.

    network   model, layer, pooling, precision, exact, scaling hint, fastDecode, preprocessing, weights,
              NUMERICS: a folder
    image     a file's bytes, or an array's pixels with their shape and channel order: a file in it

Keys are hashes of contents: a renamed or copied image is found again, an image that was changed under its old
name is another one. What changes features by rounding alone (batch size, threads, the CPU's instructions) is
in no key.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pydeepl.deep.plan import FeatureSpec

NUMERICS = 1
"""Raised with every change of decoding, resizing, preprocessing or the network that changes features by more
than rounding: what was kept before is then not found any more."""

IMAGE_KEY_BYTES = 20


@dataclass(frozen=True)
class NetworkKey:
    """All that decides an image's features, but for the image."""

    model: str
    layer: str
    pooling: str | None
    precision: str
    scaleHint: str
    inputSize: tuple[int, int]
    featureShape: tuple[int, ...]
    weights: str
    """The MD5 of the weights' file; several, of a model in several files."""
    exact: bool = False
    fastDecode: bool = False
    preprocess: int = 0
    """The core's pdl_preprocess."""
    numerics: int = NUMERICS

    @classmethod
    def of(
        cls,
        spec: FeatureSpec,
        pooling: str | None,
        precision: str,
        scaleHint: str,
        weights: str,
        exact: bool = False,
        fastDecode: bool = False,
        preprocess: int = 0,
    ) -> "NetworkKey":
        """The key of a Featurizer's network."""
        return cls(
            spec.modelName,
            spec.layer,
            pooling,
            precision,
            scaleHint,
            spec.inputSize,
            spec.featureShape,
            weights,
            exact,
            fastDecode,
            preprocess,
        )

    @cached_property
    def digest(self) -> bytes:
        """Tells this network from any other."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16, person=b"network").digest()

    @property
    def folder(self) -> str:
        """The name of the network's folder."""
        name = re.sub("[^A-Za-z0-9]", "", self.model) or "model"  # a user's own may be called anything
        return f"{name}-{self.digest.hex()}"

    def about(self) -> dict[str, Any]:
        """The key in words, for people who look into the folder."""
        return asdict(self)


def image_key(image: Any, channelOrder: str) -> bytes:
    """The key of an image: a file's bytes, or a uint8 [height, width, channels] array in that order."""
    if not isinstance(image, np.ndarray):
        return hashlib.blake2b(image, digest_size=IMAGE_KEY_BYTES, person=b"file").digest()
    digest = hashlib.blake2b(digest_size=IMAGE_KEY_BYTES, person=b"pixels")
    digest.update(f"{channelOrder} {list(image.shape)}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()
