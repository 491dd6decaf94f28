"""Random weights in Keras' layouts, the same wherever they are made, and random pictures.

They keep a network's signal alive: kernels are scaled as He et al. (arXiv:1502.01852) propose, batch norms
shift and scale a little, and so activations neither vanish nor explode on the way to the output. Every array
is drawn from a generator of its own, seeded by network, layer and parameter: any part can be made alone.
"""

import zlib

import numpy as np


def generator(*names):
    return np.random.Generator(np.random.Philox([zlib.crc32(str(name).encode()) for name in names]))


# Layers that see pixels in the range of +-150, which the first kernel brings to about 1.
PIXEL_LAYERS = {("ResNet50", "conv1_conv"), ("VGG16", "block1_conv1"), ("VGG19", "block1_conv1")}


def parameter(network, layer, name, shape):
    """The float32 values of one parameter of a layer."""
    random = generator(network, layer, name)
    if name == "gamma":
        scale = 0.3 if layer.endswith("_3_bn") else 1.0  # ResNet50's residuals, which add up
        return (scale * random.uniform(0.8, 1.2, shape)).astype(np.float32)
    if name == "moving_variance":
        return random.uniform(0.6, 1.4, shape).astype(np.float32)
    values = random.standard_normal(shape, np.float32)
    if name in ("bias", "beta", "moving_mean"):
        return values * np.float32(0.1)
    if name == "depthwise_kernel":  # each output channel sees one input channel
        fan_in, gain = shape[0] * shape[1], 1.0
    else:
        fan_in, gain = int(np.prod(shape[:-1])), 2.0
        if name == "pointwise_kernel" or layer == "predictions":
            gain = 1.0
        if (network, layer) in PIXEL_LAYERS:
            gain /= 64**2
    return values * np.float32(np.sqrt(gain / fan_in))


def parameters(network, layers):
    """All parameters of the layers of a core graph, in order of building."""
    return [parameter(network, layer[0], name, shape) for layer in layers for name, shape in layer[4]]


def pictures(network, count, height, width):
    """uint8 [count, height, width, 3], B, G, R: smooth shapes under grain, as photographs have."""
    random = generator(network, "pictures")
    coarse = random.uniform(0, 255, (count, 8, 8, 3)).astype(np.float32)
    rows, columns = np.linspace(0, 7, height), np.linspace(0, 7, width)
    smooth = _interpolate(_interpolate(coarse, rows, 1), columns, 2)
    grain = random.standard_normal((count, height, width, 3), np.float32) * 12
    return np.clip(np.rint(smooth + grain), 0, 255).astype(np.uint8)


def _interpolate(values, places, axis):
    """Linear interpolation at fractional places along an axis."""
    low = np.minimum(places.astype(int), values.shape[axis] - 2)
    shape = [1] * values.ndim
    shape[axis] = len(places)
    part = (places - low).reshape(shape).astype(np.float32)
    return np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part
