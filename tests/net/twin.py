"""A graph and its naive twin: a builder call also notes how to compute its layer in float64 with numpy."""

import functools
import math

import numpy as np

from pydeepl._core import Graph, Network

AUTO, DIRECT, SMALL_TILES, LARGE_TILES = range(4)  # algorithms of a Network
FLOAT32, BFLOAT16 = range(2)  # precisions of a Network


def window_padding(extent, kernel, stride, dilation, padding):
    """(before, after, outputs) on one axis by Keras' documented rules."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, 0, (extent - reach) // stride + 1
    outputs = -(-extent // stride)
    total = max((outputs - 1) * stride + reach - extent, 0)
    return total // 2, total - total // 2, outputs


def windows(x, kernel, stride, dilation, padding, fill):
    """[n, oh, ow, kh, kw, c]: the elements under every window, `fill` outside the image."""
    top, bottom, rows = window_padding(x.shape[1], kernel[0], stride[0], dilation[0], padding)
    left, right, columns = window_padding(x.shape[2], kernel[1], stride[1], dilation[1], padding)
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    out = np.empty((x.shape[0], rows, columns, *kernel, x.shape[3]))
    for i in range(rows):
        for j in range(columns):
            y0, x0 = i * stride[0], j * stride[1]
            y1, x1 = y0 + (kernel[0] - 1) * dilation[0] + 1, x0 + (kernel[1] - 1) * dilation[1] + 1
            out[:, i, j] = x[:, y0 : y1 : dilation[0], x0 : x1 : dilation[1]]
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sparsemax(x):
    """Martins and Astudillo's algorithm 1, by sorting, with Keras' sum of all the sums of the support."""
    z = -np.sort(-x, axis=-1)
    sums, count = np.cumsum(z, axis=-1), np.arange(1, x.shape[-1] + 1)
    support = 1 + count * z > sums
    total = np.where(support, sums, 0).sum(axis=-1, keepdims=True)
    return np.maximum(x - (total - 1) / support.sum(axis=-1, keepdims=True), 0)


def bounded_relu(x, slope=0.0, most=6.0, threshold=0.0):
    return np.where(x >= most, most, np.where(x >= threshold, x, slope * (x - threshold)))


def elu(x, alpha=1.0):
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


erf = np.vectorize(math.erf, otypes=[float])

# Keras' definitions (keras.io/api/layers/activations), with its default parameters.
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "bounded_relu": bounded_relu,
    "leaky_relu": lambda x, slope=0.2: np.where(x < 0, slope * x, x),
    "elu": elu,
    "selu": lambda x: 1.05070098735548 * elu(x, 1.673263242354377),
    "celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "silu": lambda x: x * sigmoid(x),
    "hard_sigmoid": lambda x, slope=1 / 6, offset=0.5: np.clip(slope * x + offset, 0, 1),
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + abs(x)),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x, t=0.5: np.where(x > t, x - t, np.where(x < -t, x + t, 0)),
    "hard_shrink": lambda x, t=0.5: np.where(abs(x) > t, x, 0),
    "squareplus": lambda x, b=4.0: (x + np.sqrt(x**2 + b)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "threshold": lambda x, t=0.0, value=0.0: np.where(x > t, x, value),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "sparsemax": sparsemax,
}


def over_rows(function, x):
    return function(x, axis=-1, keepdims=True)


NORMS = {
    "layer": lambda x, e: (x - over_rows(np.mean, x)) / np.sqrt(over_rows(np.var, x) + e),
    "rms": lambda x, e: x / np.sqrt(over_rows(np.mean, x**2) + e),
    "variance": lambda x, e: x / np.sqrt(over_rows(np.var, x) + e),
    "unit": lambda x, e: x / np.sqrt(np.maximum(over_rows(np.sum, x**2), e)),
}

MERGES = {
    "add": lambda *x: sum(x),
    "multiply": lambda *x: functools.reduce(np.multiply, x),
    "subtract": np.subtract,
    "divide": np.divide,
    "average": lambda *x: sum(x) / len(x),
    "maximum": lambda *x: functools.reduce(np.maximum, x),
    "minimum": lambda *x: functools.reduce(np.minimum, x),
}


def activate(x, activation, parameters=()):
    return ACTIVATIONS[activation or "linear"](x, *parameters)


def as_maps(x):
    """Vectors [n, c] as maps [n, 1, 1, c] where there are maps among the arrays."""
    rank = max(each.ndim for each in x)
    return [each.reshape(len(each), *[1] * (rank - each.ndim), *each.shape[1:]) for each in x]


class Twin:
    """Builds a Graph and, beside it, functions from earlier values and parameters to a layer's value."""

    def __init__(self, height=9, width=8, channels=3, seed=0):
        self.graph = Graph()
        self.rng = np.random.default_rng(seed)
        self.layers = []  # (inputs, function of inputs and parameters)
        self.params = []
        self.first = []
        self.graph.input("input", height, width, channels)
        self._note([], None)

    def _note(self, inputs, function):
        _, _, _, shape, params = self.graph.layers[-1]
        self.first.append(len(self.params))
        for name, extents in params:
            values = self.rng.standard_normal(extents) * (1.0 / np.sqrt(max(1, np.prod(extents[:-1]))))
            if name in ("moving_variance", "variance"):
                values = self.rng.uniform(0.3, 2.0, extents)
            if name == "gamma":
                values = self.rng.uniform(0.5, 1.5, extents)
            self.params.append(values.astype(np.float32))
        self.layers.append((list(inputs), function))
        self.shape = shape
        return len(self.layers) - 1

    def name(self, kind):
        return f"{kind}_{len(self.layers)}"

    def shape_of(self, node):
        return self.graph.layers[node][3]

    def conv2d(self, x, filters, kernel, *, stride=(1, 1), dilation=(1, 1), padding="valid", **more):
        self.graph.conv2d(
            self.name("conv"), x, filters, kernel, stride=stride, dilation=dilation, padding=padding, **more
        )

        def function(x, weight, bias=0.0):
            groups = more.get("groups", 1)
            parts = [
                np.einsum("nijhwc,hwcf->nijf", windows(part, kernel, stride, dilation, padding, 0), kernels)
                for part, kernels in zip(np.split(x, groups, -1), np.split(weight, groups, -1), strict=True)
            ]
            return activate(np.concatenate(parts, -1) + bias, more.get("activation"))

        return self._note([x], function)

    def conv2d_transpose(
        self, x, filters, kernel, *, stride=(1, 1), dilation=(1, 1), padding="valid", **more
    ):
        more = {"stride": stride, "dilation": dilation, "padding": padding, **more}
        self.graph.conv2d_transpose(self.name("transposed"), x, filters, kernel, **more)
        height, width, _ = self.graph.layers[-1][3]

        def function(x, weight, bias=0.0):
            top, bottom, _ = window_padding(height, kernel[0], stride[0], dilation[0], padding)
            left, right, _ = window_padding(width, kernel[1], stride[1], dilation[1], padding)
            y = np.zeros((len(x), top + height + bottom, left + width + right, filters))
            for (n, i, j, di, dj), _ in np.ndenumerate(np.empty((*x.shape[:3], *kernel))):
                y[n, i * stride[0] + di * dilation[0], j * stride[1] + dj * dilation[1]] += (
                    weight[di, dj] @ x[n, i, j]
                )
            return activate(y[:, top : top + height, left : left + width] + bias, more.get("activation"))

        return self._note([x], function)

    def moved(self, call, x, arguments, function):
        """A layer that the graph's method `call` makes, and its values by a function of x."""
        getattr(self.graph, call)(self.name(call), x, *arguments)
        return self._note([x], function)

    def depthwise_conv2d(self, x, kernel, *, stride=(1, 1), dilation=(1, 1), padding="valid", **more):
        self.graph.depthwise_conv2d(
            self.name("depthwise"), x, kernel, stride=stride, dilation=dilation, padding=padding, **more
        )

        def function(x, weight, bias=0.0):
            y = np.einsum("nijhwc,hwcm->nijcm", windows(x, kernel, stride, dilation, padding, 0), weight)
            return activate(y.reshape(*y.shape[:3], -1) + bias, more.get("activation"))

        return self._note([x], function)

    def separable_conv2d(
        self, x, filters, kernel, *, stride=(1, 1), dilation=(1, 1), padding="valid", **more
    ):
        self.graph.separable_conv2d(
            self.name("separable"),
            x,
            filters,
            kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            **more,
        )

        def function(x, depthwise, pointwise, bias=0.0):
            y = np.einsum("nijhwc,hwcm->nijcm", windows(x, kernel, stride, dilation, padding, 0), depthwise)
            y = y.reshape(*y.shape[:3], -1) @ pointwise[0, 0]
            return activate(y + bias, more.get("activation"))

        return self._note([x], function)

    def batch_norm(self, x, *, epsilon=1e-3, scale=True, center=True):
        self.graph.batch_norm(self.name("bn"), x, epsilon=epsilon, scale=scale, center=center)

        def function(x, *params):
            params = list(params)
            gamma = params.pop(0) if scale else 1.0
            beta = params.pop(0) if center else 0.0
            mean, variance = params
            return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta

        return self._note([x], function)

    def activation(self, x, activation, parameters=()):
        self.graph.activation(self.name("activation"), x, activation, parameters)
        return self._note([x], lambda x: activate(x, activation, parameters))

    def prelu(self, x, shared=(False, False, False)):
        self.graph.prelu(self.name("prelu"), x, shared)
        return self._note([x], lambda x, alpha: np.where(x > 0, x, alpha * x))

    def layer_norm(self, x, *, norm="layer", epsilon=1e-3, scale=True, center=True):
        self.graph.layer_norm(self.name("norm"), x, norm=norm, epsilon=epsilon, scale=scale, center=center)

        def function(x, *params):
            params = list(params)
            gamma = params.pop(0) if scale else 1.0
            beta = params.pop(0) if center else 0.0
            return gamma * NORMS[norm](x, epsilon) + beta

        return self._note([x], function)

    def rescale(self, x, scale, offset):
        self.graph.rescale(self.name("rescale"), x, scale, offset)
        return self._note([x], lambda x: np.array(scale) * x + np.array(offset))

    def normalization(self, x, invert=False):
        self.graph.normalization(self.name("normalization"), x, invert=invert)

        def function(x, mean, variance):
            return x * np.sqrt(variance) + mean if invert else (x - mean) / np.sqrt(variance)

        return self._note([x], function)

    def layer_scale(self, x, *, scale=True, center=False):
        self.graph.layer_scale(self.name("layer_scale"), x, scale=scale, center=center)
        first = (lambda x, gamma, beta=0.0: gamma * x + beta) if scale else (lambda x, beta=0.0: x + beta)
        return self._note([x], first)

    def merge(self, how, x):
        self.graph.merge(self.name(how), how, x)
        return self._note(x, lambda *x: MERGES[how](*as_maps(x)))

    def max_pool2d(self, x, size, *, stride=None, padding="valid"):
        stride = stride or size
        self.graph.max_pool2d(self.name("max_pool"), x, size, stride=stride, padding=padding)
        return self._note([x], lambda x: windows(x, size, stride, (1, 1), padding, -np.inf).max(axis=(3, 4)))

    def avg_pool2d(self, x, size, *, stride=None, padding="valid"):
        stride = stride or size
        self.graph.avg_pool2d(self.name("avg_pool"), x, size, stride=stride, padding=padding)
        return self._note(
            [x], lambda x: np.nanmean(windows(x, size, stride, (1, 1), padding, np.nan), axis=(3, 4))
        )

    def global_avg_pool(self, x, keepdims=False):
        self.graph.global_avg_pool(self.name("global_avg"), x, keepdims=keepdims)
        return self._note([x], lambda x: x.mean(axis=(1, 2), keepdims=keepdims))

    def global_max_pool(self, x, keepdims=False):
        self.graph.global_max_pool(self.name("global_max"), x, keepdims=keepdims)
        return self._note([x], lambda x: x.max(axis=(1, 2), keepdims=keepdims))

    def add(self, x):
        self.graph.add(self.name("add"), x)
        return self._note(x, lambda *x: sum(x))

    def concat(self, x):
        self.graph.concat(self.name("concat"), x)
        return self._note(x, lambda *x: np.concatenate(x, axis=-1))

    def zero_pad(self, x, top, bottom, left, right):
        self.graph.zero_pad(self.name("pad"), x, top, bottom, left, right)
        return self._note([x], lambda x: np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0))))

    def flatten(self, x):
        self.graph.flatten(self.name("flatten"), x)
        return self._note([x], lambda x: x.reshape(len(x), -1))

    def dense(self, x, units, **more):
        self.graph.dense(self.name("dense"), x, units, **more)
        return self._note([x], lambda x, w, b=0.0: activate(x @ w + b, more.get("activation")))

    def images(self, batch):
        return self.rng.standard_normal((batch, *self.shape_of(0))).astype(np.float32)

    def expected(self, images, output):
        """The output node's value, in float64, from every layer's definition."""
        values = {0: np.asarray(images, np.float64)}
        for node in range(1, output + 1):
            inputs, function = self.layers[node]
            count = len(self.graph.layers[node][4])
            params = [p.astype(np.float64) for p in self.params[self.first[node] : self.first[node] + count]]
            values[node] = function(*(values[i] for i in inputs), *params)
        return values[output]

    def network(self, output, preprocess=0, threads=2, algorithm=DIRECT, precision=FLOAT32):
        return Network(self.graph, output, self.params, preprocess, threads, algorithm, precision)

    def check(self, output, batches=(2,), tolerance=2e-6, algorithm=DIRECT):
        """Runs the network and compares with the twin; relative to the output's own size."""
        network = self.network(output, algorithm=algorithm)
        for batch in batches:
            images = self.images(batch)
            found, expected = network.run(images), self.expected(images, output)
            assert found.shape == expected.shape and found.dtype == np.float32
            error = np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-30)
            assert error < tolerance, f"relative L2 error {error:.2e} at batch {batch}"
            for layer, _, implementation, _ in network.steps(batch):
                assert "ref" not in implementation, f"{layer}: {implementation}"
        return network
