"""Featurizer: images in, features of a pretrained network out, as NumPy arrays."""

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl._core import default_threads
from pydeepl.checks import check_positive
from pydeepl.deep.batching import Features, Pixels, Request, run_requests
from pydeepl.deep.cache import FeatureStore, NetworkKey, check_cache, feature_folder, size_limit
from pydeepl.deep.cache.lookup import CachedFeatures
from pydeepl.deep.networks import (
    PRECISIONS,
    Arithmetic,
    LoadedNetwork,
    shared_network,
    weights_in_use,
)
from pydeepl.deep.plan import FeatureSpec, plan_network
from pydeepl.deep.weights_file import WeightsFile
from pydeepl.images.batch import load_batch
from pydeepl.images.files import local_path
from pydeepl.images.limits import read_soon
from pydeepl.images.resize import hint_number
from pydeepl.progress import progress_bar
from pydeepl.weights.hashes import md5_of

Image = str | os.PathLike[str] | bytes | NDArray[np.uint8]

DEFAULT_BATCH_SIZE = 8
# Images that are loaded at one time, for each thread: lest threads wait long for the last ones.
LOADED_PER_THREAD = 4


class Featurizer:
    """Turns images into feature vectors with a pretrained convolutional network.

    Parameters
    ----------
    modelName : "InceptionV3", "Xception", "ResNet50", "VGG16" or "VGG19"; or the path of a model of your own,
        a whole model that Keras saved (.keras, .h5) or an ONNX file (.onnx), see pydeepl.keras.load_model; or
        another family of keras.applications ("MobileNetV2", "DenseNet121", "EfficientNetB0", ...; see
        pydeepl.deep.families) with `weights`, the path of such a model's file.
    weights : path of a weights file, or a name that `pydeepl weights list` shows; None for the official
        ImageNet weights, from the places described in pydeepl.weights. Of a family, and in place of a
        modelName that is a path, a whole model's file.
    precision : "float32", or "bfloat16" for weights and maps of half the size, with sums in float32: faster,
        on processors with AVX512_BF16 or AMX. Features are float32 still and differ by some 1 % of their size
        (cosine above 0.999). On other processors the first call raises NotImplementedError; with the
        environment variable PYDEEPL_EMULATE_BF16=1 those with AVX-512 compute the same slowly, to try what
        bfloat16 does to a task.
    pooling : None flattens the layer's output; "avg" or "max" first pools a map over its height and width.
    layer : name of the layer to read (see spec.layerNames); None for the network's last map, as sparkdl takes
        it: InceptionV3 8*8*2048, Xception 10*10*2048, VGG 7*7*512, ResNet50 2048 after its average pooling
        (`pooling` then takes that one's place). Of a model's file: the global pooling before its classifier,
        else the map before its last Flatten, else its output.
    threads : threads for loading and for the network; None for all CPUs that the process may use.
    batchSize : images that go through the network together; None for 8.
    channelOrder : "RGB" or "BGR": the channels of arrays that are passed in. Files know theirs.
    scaleHint : java.awt.Image's scaling hint for images that do not have the network's input size.
    cache : whether features are kept on disk, so that an image goes through the network once and for all:
        True for the default folder, a folder's path, False for no, None for what the environment variable
        PYDEEPL_FEATURE_CACHE says (unset: no). See pydeepl.deep.cache. What is read back has the bits that
        were computed. Where all images are known, the weights are not even loaded.
    exact : True computes every convolution as the direct sum. False takes faster algorithms of fewer
        multiplications (Winograd's) where they pay: features of photographs then move by 4e-6 of their size,
        by at most 6e-6 (InceptionV3 and VGG16, trained weights). Where two algorithms are close, the first
        call on a machine times both and keeps what it decided; see pydeepl.deep.decisions.
    fastDecode : True decodes large JPEGs at half, a quarter or an eighth of their sides where that is not
        below the network's input (see load_batch). Photos of 1024 x 800 then load in three quarters of the
        time; InceptionV3's features move by 0.15 of their size (cosine 0.99), its average-pooled ones by 0.12
        and at worst by 0.4 (cosine 0.92), in 160 crops of four photos.
    preprocessing : how pixels become the network's input; None for what the weights of modelName were trained
        with. A path has to say it: "tf" (R, G, B from -1 to 1), "caffe" (B, G, R less ImageNet's means),
        "torch" (R, G, B less PyTorch's means, divided by its deviations), "unit" (R, G, B from 0 to 1) or
        "none" (R, G, B from 0 to 255, of a model that scales them itself).

    Attributes: the parameters by their names, and `spec`, a FeatureSpec (input size, feature shape, layer
    names). The weights are loaded at the first call, once for all Featurizers of the process that want the
    same network. Calls from several threads and in forked children are safe.

    Raises ValueError for a value that is not among those above. Source: Keras applications, sparkdl.

    >>> Featurizer("ResNet50").spec.featureShape
    (2048,)
    """

    def __init__(
        self,
        modelName: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = None,
        precision: str = "float32",
        pooling: str | None = None,
        layer: str | None = None,
        threads: int | None = None,
        batchSize: int | None = None,
        channelOrder: str = "RGB",
        scaleHint: str = "SCALE_AREA_AVERAGING",
        cache: bool | str | os.PathLike[str] | None = None,
        exact: bool = False,
        fastDecode: bool = False,
        preprocessing: str | None = None,
    ) -> None:
        if isinstance(modelName, os.PathLike):
            modelName = os.fspath(modelName)
        self.weights = None if weights is None else os.fspath(weights)
        self.preprocessing = preprocessing
        self._plan = plan_network(modelName, layer, pooling, self.weights, preprocessing)
        self.spec: FeatureSpec = self._plan.spec
        self.modelName = modelName
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
        self.cache = check_cache(cache)
        self.exact = bool(exact)
        self.fastDecode = bool(fastDecode)
        self._loaded: LoadedNetwork | None = None
        self._store: FeatureStore | None = None

    def __repr__(self) -> str:
        return f"Featurizer({self.modelName!r}: {self.spec.layer}, features {list(self.spec.featureShape)})"

    def __reduce__(self) -> Any:
        """Pickled as its parameters: another process loads the network itself."""
        parameters = (self.modelName, self.weights, self.precision, self.pooling, self.layer, self.threads)
        more = (self.batchSize, self.channelOrder, self.scaleHint, self.cache, self.exact, self.fastDecode)
        return (Featurizer, (*parameters, *more, self.preprocessing))

    def load(self) -> str:
        """Loads the weights where that is not done yet; returns where they came from, in plain words."""
        return self._network().source

    def weightsFile(self) -> str:
        """The path of the weights' file, which is downloaded where it is not at hand; it is not read."""
        return weights_in_use(self._plan, self.weights, self.threads or 0, self._arithmetic()).path

    def __call__(self, images: Sequence[Image] | NDArray[np.uint8], out: Features | None = None) -> Features:
        """The features of each image, float32 [n, spec.numFeatures].

        images: paths, encoded files as bytes, or uint8 [height, width, channels] arrays with 1, 3 or 4
        channels, mixed at will; a uint8 [n, height, width, channels] array is n images. out: a float32 array
        of the result's shape to write into, C-contiguous. Raises ValueError naming the image and the reason
        where one cannot be read.
        """
        if isinstance(images, (str, bytes, os.PathLike)) or not hasattr(images, "__iter__"):
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
            closing(self._run([Request(named, out)], self.channelOrder, bar.update)) as answers,
        ):
            next(answers)
        return out

    def stream(
        self,
        batches: Iterable[Sequence[tuple[str, Any]]],
        describe: Callable[[str, str], str] = "{}: {}".format,
    ) -> Generator[Features, None, None]:
        """The features of each batch of (name, image) pairs: float32 [len(batch), spec.numFeatures].

        Names are for error messages; describe(name, reason) words that of an image which fails ("name:
        reason" by default). Images are as load_batch takes them, arrays with channels B, G, R (A). Batches
        are read ahead, in another thread, and regrouped to batchSize; memory stays bounded by their sizes.
        """
        return self._run(map(Request, batches), "BGR", describe=describe)

    def _run(
        self,
        requests: Iterable[Request],
        channelOrder: str,
        advance: Callable[[int], object] | None = None,
        describe: Callable[[str, str], str] = "{}: {}".format,
    ) -> Generator[Features, None, None]:
        cached, weights = self._cached_features(channelOrder)
        if cached is None:
            self._network()

        def load(pairs: list[tuple[str, Any]]) -> Pixels:
            return self._load(pairs, channelOrder, describe)

        def run(pixels: Pixels, out: Features) -> None:
            loaded = self._network()
            if cached is not None and loaded.weights != weights:
                raise RuntimeError(f"{loaded.weights.path}: the weights were changed while they were in use")
            loaded.network.run(pixels, out.reshape(len(out), *self.spec.featureShape))

        together = LOADED_PER_THREAD * (self.threads or default_threads())
        sizes = self.batchSize, self.spec.numFeatures
        return run_requests(requests, load, run, *sizes, cached, advance, _announce, together)

    def _cached_features(self, channelOrder: str) -> tuple[CachedFeatures | None, WeightsFile | None]:
        """The cache to ask, and the weights that its features are of."""
        folder = feature_folder(self.cache)
        if folder is None:
            return None, None
        if self._loaded is not None:
            weights = self._loaded.weights
        else:
            weights = weights_in_use(self._plan, self.weights, self.threads or 0, self._arithmetic())
        md5 = _md5_of(weights)
        if md5 is None:
            text = f"features are not cached: {weights.path} is no more the file that was loaded"
            warnings.warn(text, RuntimeWarning, stacklevel=4)
            return None, None
        key = NetworkKey.of(
            self.spec,
            self.pooling,
            self.precision,
            self.scaleHint,
            md5,
            self.exact,
            self.fastDecode,
            self._plan.preprocess,
        )
        store, limit = self._store, size_limit()
        if store is None or (store.folder, store.network, store.limit) != (folder, key, limit):
            store = self._store = FeatureStore(folder, key, self.spec.numFeatures, limit)
        return CachedFeatures(store, channelOrder, self.threads), weights

    def _arithmetic(self) -> Arithmetic:
        return Arithmetic(self.exact, self.precision)

    def _network(self) -> LoadedNetwork:
        if self._loaded is None:
            self._loaded = shared_network(self._plan, self.weights, self.threads or 0, self._arithmetic())
        return self._loaded

    def _load(
        self, pairs: list[tuple[str, Any]], channelOrder: str, describe: Callable[[str, str], str]
    ) -> Pixels:
        images = [image for _, image in pairs]
        height, width = self.spec.inputSize
        pixels, reasons = load_batch(
            images, height, width, self.scaleHint, channelOrder, self.threads, fastDecode=self.fastDecode
        )
        for (name, _), reason in zip(pairs, reasons, strict=True):
            if reason is not None:
                raise ValueError(describe(name, reason))
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


def _announce(pairs: list[tuple[str, Any]]) -> None:
    """Has the system read the files among (name, image) pairs."""
    for _, image in pairs:
        if isinstance(image, (str, os.PathLike)):
            with suppress(ValueError):  # no path of a local file: loading it says so
                read_soon(local_path(image))


def _md5_of(weights: WeightsFile) -> str | None:
    """The sum of a file as it was, with those beside it; None where one has been changed since."""
    try:
        md5 = "+".join(md5_of(Path(each.path)) for each in (weights, *weights.others))
        return md5 if weights.now() == weights else None
    except OSError:
        return None


def check_precision(precision: str) -> str:
    """`precision` when it is supported, else ValueError."""
    if precision not in PRECISIONS:
        names = " or ".join(repr(name) for name in PRECISIONS)
        raise ValueError(f"precision {precision!r} is unknown: expected {names}")
    return precision


def _name_of(image: Any, index: int) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else f"image {index}"
