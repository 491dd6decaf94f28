"""Types of the C core's binding. Arrays passed here are C-contiguous and of the dtype named."""

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

def default_threads() -> int: ...

# Fills the arrays from an open file's descriptor, each from where its bytes begin; the numbers of those
# that cannot be read whole or hold values that are not finite.
def read_floats(file: int, offsets: tuple[int, ...], arrays: tuple[_F32, ...], /) -> list[int]: ...

# ---- image

# max_pixels: most height * width a JPEG's header may claim; 0 = no limit.
def jpeg_info(
    data: bytes | bytearray | memoryview | NDArray[np.uint8], max_pixels: int, /
) -> tuple[int, int, int]: ...

# height, width: decode to the smallest of 1/8, 1/4, 1/2 and all of the size that is not below; 0 = to all.
def jpeg_decode(
    data: bytes | bytearray | memoryview | NDArray[np.uint8],
    max_pixels: int,
    height: int = 0,
    width: int = 0,
    /,
) -> NDArray[np.uint8]: ...

# hint: java.awt.Image's integer. path: a name of resize_paths(), for tests.
def resize(
    pixels: NDArray[np.uint8], height: int, width: int, hint: int, path: str | None = None, /
) -> NDArray[np.uint8]: ...
def resize_paths() -> list[str]: ...

# A source is a JPEG's bytes, or a uint8 [h, w, 1 | 3 | 4] array; a failed one is zeros, its text in the list.
# reduce: decode JPEGs no larger than averaging to height x width needs.
def load_images(
    sources: Sequence[bytes | bytearray | memoryview | NDArray[np.uint8]],
    height: int,
    width: int,
    hint: int,
    max_pixels: int,
    threads: int,
    out: NDArray[np.uint8] | None = None,
    reduce: bool = False,
    /,
) -> tuple[NDArray[np.uint8], list[str | None]]: ...

# ---- graph, network, zoo

_Pair = tuple[int, int]  # (height, width)

class Graph:
    """A network as layers and shapes. Methods append a layer, behaving as Keras', and return its node."""

    def __init__(self) -> None: ...
    def input(self, name: str, *shape: int) -> int: ...  # one sample: 1 to 3 extents, channels last
    def conv2d(
        self,
        name: str,
        x: int,
        filters: int,
        kernel: _Pair,
        *,
        stride: _Pair = (1, 1),
        dilation: _Pair = (1, 1),
        padding: str = "valid",
        multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        groups: int = 1,
    ) -> int: ...
    def depthwise_conv2d(
        self,
        name: str,
        x: int,
        kernel: _Pair,
        *,
        stride: _Pair = (1, 1),
        dilation: _Pair = (1, 1),
        padding: str = "valid",
        multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
    ) -> int: ...
    def separable_conv2d(
        self,
        name: str,
        x: int,
        filters: int,
        kernel: _Pair,
        *,
        stride: _Pair = (1, 1),
        dilation: _Pair = (1, 1),
        padding: str = "valid",
        multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
    ) -> int: ...
    def batch_norm(
        self, name: str, x: int, *, epsilon: float = 1e-3, scale: bool = True, center: bool = True
    ) -> int: ...
    def activation(
        self, name: str, x: int, activation: str | None, parameters: Sequence[float] = ()
    ) -> int: ...
    def prelu(self, name: str, x: int, shared: tuple[bool, bool, bool]) -> int: ...
    def layer_norm(
        self,
        name: str,
        x: int,
        *,
        norm: str = "layer",
        epsilon: float = 1e-3,
        scale: bool = True,
        center: bool = True,
    ) -> int: ...
    def rescale(self, name: str, x: int, scale: Sequence[float], offset: Sequence[float]) -> int: ...
    def normalization(self, name: str, x: int, *, invert: bool = False) -> int: ...
    def layer_scale(self, name: str, x: int, *, scale: bool = True, center: bool = False) -> int: ...
    def merge(self, name: str, how: str, x: Sequence[int]) -> int: ...
    def max_pool2d(
        self, name: str, x: int, size: _Pair, *, stride: _Pair = ..., padding: str = "valid"
    ) -> int: ...
    def avg_pool2d(
        self, name: str, x: int, size: _Pair, *, stride: _Pair = ..., padding: str = "valid"
    ) -> int: ...
    def global_avg_pool(self, name: str, x: int, *, keepdims: bool = False) -> int: ...
    def global_max_pool(self, name: str, x: int, *, keepdims: bool = False) -> int: ...
    def add(self, name: str, x: Sequence[int]) -> int: ...
    # axis: of one sample's shape, None for the last
    def concat(self, name: str, x: Sequence[int], *, axis: int | None = None) -> int: ...
    def conv2d_transpose(
        self,
        name: str,
        x: int,
        filters: int,
        kernel: _Pair,
        *,
        stride: _Pair = (1, 1),
        dilation: _Pair = (1, 1),
        padding: str = "valid",
        output_padding: _Pair | None = None,
        use_bias: bool = True,
        activation: str | None = None,
    ) -> int: ...
    def reshape(self, name: str, x: int, shape: tuple[int, ...]) -> int: ...
    def permute(self, name: str, x: int, order: tuple[int, ...]) -> int: ...
    def crop(self, name: str, x: int, first: tuple[int, ...], extent: tuple[int, ...]) -> int: ...
    def repeat(self, name: str, x: int, n: int) -> int: ...
    def upsample(self, name: str, x: int, factor: _Pair) -> int: ...
    def resize(self, name: str, x: int, size: _Pair, interpolation: str) -> int: ...
    def zero_pad(self, name: str, x: int, top: int, bottom: int, left: int, right: int) -> int: ...
    def flatten(self, name: str, x: int) -> int: ...
    def dense(
        self, name: str, x: int, units: int, *, use_bias: bool = True, activation: str | None = None
    ) -> int: ...
    @property
    def layers(self) -> list[tuple[str, str, list[int], tuple[int, ...], list[tuple[str, tuple[int, ...]]]]]:
        """(name, kind, inputs, one sample's shape, [(parameter, shape)]) of every layer, in order."""
    def shape(self, node: int) -> tuple[int, ...]:
        """One sample's shape at the output of a node."""
    def find(self, name: str) -> int:
        """The node of the layer with this name; KeyError when there is none."""

class Network:
    """A graph with its weights, ready to run. Several threads may use it (runs take turns), and forks."""

    def __init__(
        self,
        graph: Graph,
        output: int,
        params: Sequence[NDArray[np.float32] | None],  # all layers' parameters, in order of building
        preprocess: int,  # of uint8 BGR: 0 none, 1 "tf", 2 "caffe", 3 RGB, 4 RGB / 255, 5 "torch"
        threads: int = 0,
        algorithm: int = 0,  # 0 auto, 1 direct, 2 Winograd with small tiles where possible, 3 with large ones
        precision: int = 0,  # 0 float32, 1 bfloat16
        decisions: str | os.PathLike[str] | None = None,  # file of what trials of algorithms decided
        streams: int = 0,  # at most; 0: trials decide
    ) -> None: ...
    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    def prepare(self, batch: int) -> None: ...
    def run(
        self, images: NDArray[np.uint8] | NDArray[np.float32], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The output of n images, written to `out` where it is given; `out` shares no memory with them."""
    def steps(self, batch: int) -> list[tuple[str, str, str, float]]:
        """(layer, kind, implementation, flops) of every step for this batch size."""
    def streams(self, batch: int) -> int:
        """How many parts of a batch of this size run side by side, each on a part of the threads."""
    def seconds(self, batch: int) -> list[float]:
        """Every step's fastest run so far for this batch size."""

def check_precision(precision: int, /) -> None:
    """NotImplementedError, with what was found and expected, where this processor does not compute so."""

def zoo_names() -> list[str]: ...
def zoo_spec(name: str) -> tuple[str, int, int, int, str]:
    """(name, height, width, preprocess, layer of the features).

    preprocess is 1: RGB / 127.5 - 1, or 2: BGR minus the means.
    """

def zoo_graph(name: str, include_top: bool) -> Graph: ...

# ---- linear

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]

class FeatureMatrix:
    """Features that arrive in batches and that many fits share.

    It keeps float32: the arrays given to append themselves, or where few values are not 0, those alone. A
    fit, or finish(), decides by the density of all rows; no row can be appended afterwards. Safe from
    several threads.
    """

    def __init__(self, columns: int, threads: int = 0) -> None: ...
    def append(self, block: _F32) -> bool:
        """Appends [rows, columns], finite; True when the matrix keeps the array, which must not change."""
    def append_csr(
        self,
        indptr: NDArray[np.int64],  # [rows + 1]
        indices: NDArray[np.int32] | NDArray[np.int64],  # [n] strictly rising within a row
        values: _F32 | _F64,  # [n] finite in float32
    ) -> None:
        """Appends compressed rows, which are copied."""
    def finish(self) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def density(self) -> float:
        """Share of the values that are not 0."""
    @property
    def is_sparse(self) -> bool:
        """Whether the matrix is finished and holds its non-zeros alone."""
    @property
    def nbytes(self) -> int:
        """Bytes of its own that hold features; arrays kept by append are not counted."""

def logistic_fit(
    features: FeatureMatrix,
    labels: _F64,
    weights: _F64 | None,
    classes: int,
    multinomial: bool,
    max_iterations: int,
    reg_param: float,
    elastic_net: float,
    tolerance: float,
    fit_intercept: bool,
    standardization: bool,
    uncentred: bool,
    threads: int,
    progress: Callable[[int, float], object] | None = None,
    initial: tuple[_F64, _F64] | None = None,
) -> tuple[_F64, _F64, _F64]:
    """Trains on a matrix' rows.

    A row of weight 0 is as if it were not there (its label may be any), and costs next to nothing; means and
    deviations are computed once for the same weights. initial: coefficients and intercepts to start from.

    Returns (coefficients [sets, features], intercepts [sets], objective history). sets is
    classes if multinomial, else 1. progress(iteration, objective) follows every recorded state.
    """

def logistic_optimum(
    features: FeatureMatrix,
    labels: _F64,
    weights: _F64 | None,
    classes: int,
    multinomial: bool,
    max_iterations: int,
    reg_param: float,
    elastic_net: float,
    tolerance: float,
    fit_intercept: bool,
    standardization: bool,
    threads: int,
    progress: Callable[[int, float], object] | None = None,
    initial: tuple[_F64, _F64] | None = None,
) -> tuple[_F64, _F64, _F64, tuple[float, float, float, str]]:
    """As logistic_fit, but to the optimum: a duality gap of at most tolerance times the objective.

    Returns also (objective, KKT residual, duality gap, outcome). The gap is NaN without penalty, where the
    residual has to be at most the tolerance. outcome: "converged"; "iterations" where max_iterations came
    first; "no optimum" where, without penalty, the objective falls for ever; "precision" where rounding hides
    any further decrease.
    """

def logistic_certify(
    features: FeatureMatrix,
    labels: _F64,
    weights: _F64 | None,
    classes: int,
    multinomial: bool,
    reg_param: float,
    elastic_net: float,
    fit_intercept: bool,
    standardization: bool,
    threads: int,
    model: tuple[_F64, _F64],
) -> tuple[float, float, float]:
    """(objective, KKT residual, duality gap or NaN) of a model (coefficients, intercepts)."""

def logistic_objective(
    features: FeatureMatrix,
    labels: _F64,
    weights: _F64 | None,
    classes: int,
    multinomial: bool,
    reg_param: float,
    elastic_net: float,
    fit_intercept: bool,
    standardization: bool,
    uncentred: bool,
    threads: int,
    point: _F64,
) -> tuple[float, _F64]:
    """The smooth objective and its gradient at a point of the scaled space.

    The point: [sets * features] coefficients, then [sets] intercepts if fit_intercept.
    """

def logistic_part(
    features: FeatureMatrix,
    labels: _F64,
    weights: _F64 | None,
    classes: int,
    multinomial: bool,
    fit_intercept: bool,
    threads: int,
    mean: _F64,
    deviation: _F64,
    point: _F64,
) -> tuple[float, _F64]:
    """A part's weighted sum of losses and its gradient, without penalty, for logistic_fit_parts.

    mean, deviation [features]: of all rows. point: as for logistic_objective.
    """

def features_spread(features: FeatureMatrix, weights: _F64 | None, threads: int) -> tuple[_F64, _F64]:
    """(mean [columns], sum_i w_i (x_ij - mean_j)^2 [columns]) of a part's rows, of weights > 0."""

def logistic_fit_parts(
    evaluate: Callable[[_F64], tuple[float, _F64]],
    total_weight: float,
    mean: _F64,
    deviation: _F64,
    class_weight: _F64,
    multinomial: bool,
    max_iterations: int,
    reg_param: float,
    elastic_net: float,
    tolerance: float,
    fit_intercept: bool,
    standardization: bool,
    threads: int,
    progress: Callable[[int, float], object] | None = None,
    initial: tuple[_F64, _F64] | None = None,
) -> tuple[_F64, _F64, _F64]:
    """As logistic_fit, on rows that lie elsewhere.

    evaluate(point) is the sum over all parts of logistic_part; total_weight, mean [features], deviation
    [features] and class_weight [classes] are those of all rows. What evaluate raises ends the fit.
    """

def logistic_margins(x: _F32, coefficients: _F64, intercepts: _F64, threads: int) -> _F64:
    """x [n, features] times coefficients [sets, features] plus intercepts [sets]: [n, sets]."""

def logistic_margins_csr(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32] | NDArray[np.int64],
    values: _F32 | _F64,
    first_row: int,  # row 0's number in messages
    coefficients: _F64,
    intercepts: _F64,
    threads: int,
) -> _F64:
    """The same for compressed rows, as FeatureMatrix.append_csr takes them."""
