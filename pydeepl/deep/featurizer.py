"""Featurizer: images in, features of a pretrained network out, as NumPy arrays."""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.deep.batching import Features, Pixels, Request, run_requests
from pydeepl.deep.networks import LoadedNetwork, shared_network
from pydeepl.deep.plan import FeatureSpec, plan_network
from pydeepl.images.batch import load_batch
from pydeepl.images.resize import hint_number
from pydeepl.progress import progress_bar

Image = str | os.PathLike[str] | bytes | NDArray[np.uint8]

DEFAULT_BATCH_SIZE = 8


class Featurizer:
    """Turns images into feature vectors with a pretrained convolutional network.

    Parameters
    ----------
    modelName : "InceptionV3", "Xception", "ResNet50", "VGG16" or "VGG19".
    weights : path of a weights file, or a name that `pydeepl weights list` shows; None for the official
        ImageNet weights, from the places described in pydeepl.weights.
    precision : "float32", the arithmetic of the network.
    pooling : None flattens the layer's output; "avg" or "max" first pools a map over its height and width.
    layer : name of the layer to read (see spec.layerNames); None for the network's last map, as sparkdl takes
        it: InceptionV3 8*8*2048, Xception 10*10*2048, VGG 7*7*512, ResNet50 2048 after its average pooling
        (`pooling` then takes that one's place).
    threads : threads for loading and for the network; None for all CPUs that the process may use.
    batchSize : images that go through the network together; None for 8.
    channelOrder : "RGB" or "BGR": the channels of arrays that are passed in. Files know theirs.
    scaleHint : java.awt.Image's scaling hint for images that do not have the network's input size.

    Attributes: the parameters by their names, and `spec`, a FeatureSpec (input size, feature shape, layer
    names). The weights are loaded at the first call, once for all Featurizers of the process that want the
    same network. Calls from several threads and in forked children are safe.

    Raises ValueError for a value that is not among those above. Source: Keras applications, sparkdl.

    >>> Featurizer("ResNet50").spec.featureShape
    (2048,)
    """

    def __init__(
        self,
        modelName: str,
        weights: str | os.PathLike[str] | None = None,
        precision: str = "float32",
        pooling: str | None = None,
        layer: str | None = None,
        threads: int | None = None,
        batchSize: int | None = None,
        channelOrder: str = "RGB",
        scaleHint: str = "SCALE_AREA_AVERAGING",
    ) -> None:
        self._plan = plan_network(modelName, layer, pooling)
        self.spec: FeatureSpec = self._plan.spec
        self.modelName = modelName
        self.weights = None if weights is None else os.fspath(weights)
        self.precision = check_precision(precision)
        self.pooling = pooling
        self.layer = layer
        self.threads = None if threads is None else check_positive("threads", threads)
        self.batchSize = DEFAULT_BATCH_SIZE if batchSize is None else check_positive("batchSize", batchSize)
        if channelOrder not in ("RGB", "BGR"):
            raise ValueError(f"channelOrder {channelOrder!r} is unknown: expected 'RGB' or 'BGR'")
        self.channelOrder = channelOrder
        hint_number(scaleHint)
        self.scaleHint = scaleHint
        self._loaded: LoadedNetwork | None = None

    def __repr__(self) -> str:
        return f"Featurizer({self.modelName!r}: {self.spec.layer}, features {list(self.spec.featureShape)})"

    def __reduce__(self) -> Any:
        """Pickled as its parameters: another process loads the network itself."""
        parameters = (self.modelName, self.weights, self.precision, self.pooling, self.layer, self.threads)
        return (Featurizer, (*parameters, self.batchSize, self.channelOrder, self.scaleHint))

    def load(self) -> str:
        """Loads the weights where that is not done yet; returns where they came from, in plain words."""
        return self._network().source

    def __call__(self, images: Sequence[Image] | NDArray[np.uint8], out: Features | None = None) -> Features:
        """The features of each image, float32 [n, spec.numFeatures].

        images: paths, encoded files as bytes, or uint8 [height, width, channels] arrays with 1, 3 or 4
        channels, mixed at will; a uint8 [n, height, width, channels] array is n images. out: a float32 array
        of the result's shape to write into, C-contiguous. Raises ValueError naming the image and the reason
        where one cannot be read.
        """
        if isinstance(images, (str, bytes, os.PathLike)):
            raise TypeError(f"images must be a list of images, got one {type(images).__name__}: pass [image]")
        images = [self._checked(image, index) for index, image in enumerate(images)]
        shape = (len(images), self.spec.numFeatures)
        if out is None:
            out = np.empty(shape, np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f"out must be a C-contiguous float32 array {shape}, got {out.dtype} {out.shape}")
        named = [(_name_of(image, index), image) for index, image in enumerate(images)]
        with (
            progress_bar(len(named), f"{self.modelName} features", unit="image") as bar,
            closing(self._run([Request(named, out)], self._load_own, bar.update)) as answers,
        ):
            next(answers)
        return out

    def stream(self, batches: Iterable[Sequence[tuple[str, Any]]]) -> Generator[Features, None, None]:
        """The features of each batch of (name, image) pairs: float32 [len(batch), spec.numFeatures].

        Names are for error messages. Images are as load_batch takes them, arrays with channels B, G, R (A).
        Batches are read ahead, in another thread, and regrouped to batchSize; memory stays bounded by the
        batches' sizes.
        """
        return self._run(map(Request, batches), self._load)

    def _run(
        self, requests: Iterable[Request], load: Any, advance: Any = None
    ) -> Generator[Features, None, None]:
        loaded = self._network()

        def run(pixels: Pixels, out: Features) -> None:
            loaded.network.run(pixels, out.reshape(len(out), *self.spec.featureShape))
            if advance is not None:
                advance(len(out))

        return run_requests(requests, load, run, self.batchSize, self.spec.numFeatures)

    def _network(self) -> LoadedNetwork:
        if self._loaded is None:
            self._loaded = shared_network(self._plan, self.weights, self.threads or 0)
        return self._loaded

    def _load_own(self, pairs: list[tuple[str, Any]]) -> Pixels:
        return self._load(pairs, self.channelOrder)

    def _load(self, pairs: list[tuple[str, Any]], channelOrder: str = "BGR") -> Pixels:
        images = [image for _, image in pairs]
        pixels, reasons = load_batch(images, *self.spec.inputSize, self.scaleHint, channelOrder, self.threads)
        for (name, _), reason in zip(pairs, reasons, strict=True):
            if reason is not None:
                raise ValueError(f"{name}: {reason}")
        return pixels

    def _checked(self, image: Any, index: int) -> Any:
        if isinstance(image, np.ndarray):
            if (
                image.dtype != np.uint8
                or image.ndim != 3
                or image.shape[2] not in (1, 3, 4)
                or image.size == 0
            ):
                expected = "expected uint8 [height, width, channels] with 1, 3 or 4 channels"
                raise ValueError(f"image {index}: {expected}, got {image.dtype} {list(image.shape)}")
        elif not isinstance(image, (str, os.PathLike, bytes, bytearray, memoryview)):
            kind = type(image).__name__
            raise TypeError(f"image {index}: expected a path, bytes or a uint8 array, got {kind}")
        return image


def check_precision(precision: str) -> str:
    """`precision` when it is supported, else ValueError."""
    if precision != "float32":
        raise ValueError(f"precision {precision!r} is not supported: this version computes in 'float32'")
    return precision


def check_positive(name: str, value: int) -> int:
    """`value` when it is a whole number above 0, else ValueError or TypeError naming the parameter."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)


def _name_of(image: Any, index: int) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else f"image {index}"
