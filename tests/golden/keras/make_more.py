#!/usr/bin/env python3
"""Makes models/more.keras and .npz with Keras: layers that elementwise.keras does not have, one by one.

The arrays are x, the input, and what each layer gives under its name.
"""

import keras
import numpy as np
from keras import layers as L
from keras import ops
from make_elementwise import HERE, fill, save

# Those that change images at random, in training.
AUGMENTATION = (
    L.RandomFlip(), L.RandomRotation(0.2), L.RandomZoom(0.2), L.RandomTranslation(0.2, 0.2),
    L.RandomContrast(0.2), L.RandomBrightness(0.2), L.RandomColorDegeneration(0.2), L.RandomColorJitter(),
    L.RandomElasticTransform(), L.RandomErasing(), L.RandomGaussianBlur(), L.RandomGrayscale(),
    L.RandomHue(0.2), L.RandomInvert(), L.RandomPerspective(), L.RandomPosterization(3),
    L.RandomSaturation(0.2), L.RandomSharpness(0.2), L.RandomShear(0.2, 0.2), L.RandomCrop(6, 5),
    L.AugMix(), L.CutMix(), L.MixUp(), L.RandAugment(), L.Solarization(),
)  # fmt: skip


def augmented(x):
    yield from (layer(x) for layer in AUGMENTATION)
    yield L.Pipeline([L.RandomFlip(), L.RandomZoom(0.1)], name="pipeline")(x)
    yield L.CenterCrop(3, 4, name="middle")(x)
    yield L.CenterCrop(8, 4, name="middle_resized")(x)
    yield L.Identity(name="same")(x)


def activations(x):
    """x has an even number of channels."""
    yield from (L.Activation(name, name=f"activation_{name}")(x) for name in ("glu", "sparsemax"))
    yield L.Conv2D(4, 1, activation="glu", name="conv_glu")(x)
    yield L.Dense(5, activation="sparsemax", name="dense_sparsemax")(x)
    yield L.DepthwiseConv2D(2, activation=L.ELU(0.3), name="depthwise_elu")(x)
    yield L.SeparableConv2D(4, 2, activation=L.Softmax(), name="separable_softmax")(x)
    yield L.Conv2DTranspose(2, 2, activation="squareplus", name="transposed_squareplus")(x)
    yield L.Softmax(axis=1, name="softmax_of_rows")(x)
    yield L.Softmax(axis=-2, name="softmax_of_columns")(x)


def normalizations(x):
    yield L.LayerNormalization(rms_scaling=True, name="rms_scaled")(x)
    yield L.RMSNormalization(name="rms")(x)
    yield L.UnitNormalization(name="unit")(x)
    yield L.GroupNormalization(2, name="groups")(x)
    yield L.GroupNormalization(-1, scale=False, name="instance")(x)
    yield L.GroupNormalization(1, center=False, name="one_group")(x)
    yield L.GroupNormalization(2, scale=False, center=False, name="groups_alone")(x)
    line = L.Reshape((30, 4), name="line")(x)
    yield from (line, L.GroupNormalization(2, name="groups_of_lines")(line))
    yield L.AdaptiveAveragePooling1D(5, name="adaptive_line")(line)
    yield L.AdaptiveAveragePooling2D((3, 1), name="adaptive_mean")(x)
    yield L.AdaptiveMaxPooling2D((2, 5), name="adaptive_max")(x)
    vector = L.GlobalAveragePooling2D(name="vector")(x)
    yield from (vector, L.GroupNormalization(2, name="groups_of_a_vector")(vector))


def operations(x):
    """Keras names them after what they do."""
    yield ops.leaky_relu(x, 0.1)
    yield ops.elu(x, 0.5)
    yield ops.celu(x, 0.7)
    yield ops.gelu(x)
    yield ops.gelu(x, approximate=False)
    yield ops.glu(x)
    yield ops.hard_shrink(x, 0.3)
    yield ops.soft_shrink(x, 0.3)
    yield ops.squareplus(x, 2)
    yield ops.threshold(x, 0.2, -1.0)
    yield ops.softmax(x)
    yield ops.log_softmax(x, 1)
    yield ops.sparsemax(x, 2)
    yield ops.abs(x)
    yield ops.clip(x, -0.25, 0.5)
    yield ops.mean(x, axis=(1, 2))
    yield ops.max(x, axis=(1, 2), keepdims=True)
    yield ops.mean(ops.reshape(x, (-1, 30, 4)), axis=1)
    yield ops.concatenate([x, x], axis=-1)


def more():
    image = L.Input((6, 5, 3), name="image")
    wide = L.Conv2D(4, 1, name="wide")(image)
    ends = [
        *augmented(image),
        *(end for make in (activations, normalizations, operations) for end in make(wide)),
    ]
    return keras.Model(image, L.Concatenate(name="all")([L.Flatten()(end) for end in ends]), name="more")


def main():
    random = np.random.default_rng(12)
    model = more()
    fill(model, random)
    save(model, HERE / "more.keras")
    x = random.standard_normal((2, *model.input_shape[1:])).astype(np.float32)
    arrays = {"x": x}
    for each in model.operations:
        if each.name not in ("image", "all") and not each.name.startswith("flatten"):
            arrays[each.name] = keras.Model(model.inputs, each.output)(x, training=False).numpy()
    np.savez_compressed(HERE / "more.npz", **arrays)


if __name__ == "__main__":
    main()
