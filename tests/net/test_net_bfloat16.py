"""Networks in bfloat16: rounding, every layer and tile beside its naive twin, processors that lack it."""

import os
import subprocess
import sys

import numpy as np
import pytest
from net.test_net_winograd import NASTY, filters
from net.twin import AUTO, BFLOAT16, DIRECT, FLOAT32, LARGE_TILES, SMALL_TILES, Twin

from pydeepl import _core

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("emulated_bfloat16")]

UNIT = 2.0**-8  # the largest relative error of rounding to 8 significant bits


@pytest.fixture(params=["portable", "avx2", "avx512", "avx512_bf16"])
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def rounded(values):
    """The nearest bfloat16, of two the even one: by the distances to both neighbours, in float64."""
    values = np.asarray(values, np.float32)
    lower = (values.view(np.uint32) & 0xFFFF0000).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        upper = (lower.view(np.uint32) + np.uint32(0x10000)).view(np.float32)
        beyond = np.where(
            np.isinf(upper), np.sign(upper).astype(np.float64) * 2.0**128, upper.astype(np.float64)
        )
        below, above = np.abs(values - lower.astype(np.float64)), np.abs(beyond - values)
        odd = (lower.view(np.uint32) >> 16 & 1).astype(bool)
    up = (above < below) | ((above == below) & odd)
    return np.where(np.isfinite(values), np.where(up, upper, lower), values)


class RoundedTwin(Twin):
    """A twin whose convolutions and dense layers have weights that bfloat16 holds."""

    def _note(self, inputs, function):
        node = super()._note(inputs, function)
        for i, (name, _) in enumerate(self.graph.layers[node][4], self.first[node]):
            if name.endswith("kernel"):
                self.params[i] = rounded(self.params[i])
        return node

    def images(self, batch):
        return rounded(super().images(batch))


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def assert_rounded(found, expected):
    """Every value is the exact one's rounding, up to sums in float32."""
    assert found.shape == expected.shape and found.dtype == np.float32
    sums = 2e-6 * np.abs(expected).max()
    assert (np.abs(found - expected) <= UNIT * np.abs(expected) + sums).all()


# ---- rounding


def test_rounding_is_to_the_nearest_even_and_keeps_what_is_no_number():
    """All upper halves of a float32, with lower halves around a tie."""
    upper = np.arange(1 << 16, dtype=np.uint32)[:, None] << 16
    values = (upper | np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)).view(np.float32).ravel()
    twin = Twin(1, 1 << 16, 6)
    network = twin.network(0, precision=BFLOAT16)
    found, expected = network.run(values.reshape(1, 1, 1 << 16, 6)).ravel(), rounded(values)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(found[number].view(np.uint32), expected[number].view(np.uint32))
    assert np.isnan(found[~number]).all() and np.array_equal(np.signbit(found), np.signbit(values))


@pytest.mark.parametrize("channels", [1, 3, 16, 21, 64])
def test_kernels_round_their_results_the_same_way(kernels, channels):
    rng = np.random.default_rng(channels)
    images = rounded(rng.standard_normal((2, 6, 400, channels)).astype(np.float32))
    images[0, 0, :4, 0] = [np.inf, -np.inf, np.nan, 3.3e38]
    twin = Twin(6, 400, channels)
    network = twin.network(twin.avg_pool2d(0, (2, 2)), precision=BFLOAT16)
    with np.errstate(invalid="ignore"):
        expected = rounded(images.reshape(2, 3, 2, 200, 2, channels).mean((2, 4), np.float64))
    assert np.isnan(expected[0, 0, :2, 0]).sum() == 2
    np.testing.assert_allclose(network.run(images), expected, rtol=UNIT, equal_nan=True)
    assert (
        np.mean(network.run(images) == expected) > 0.99
    )  # a sum in float32 may fall on the other side of a tie


# ---- layers

LAYERS = {
    "conv": lambda t: t.conv2d(0, 24, (3, 3), padding="same", activation="relu"),
    "conv without bias": lambda t: t.conv2d(0, 32, (3, 3), use_bias=False),
    "conv with stride": lambda t: t.conv2d(0, 24, (3, 3), stride=(2, 2), padding="same"),
    "conv with dilation": lambda t: t.conv2d(0, 24, (3, 3), dilation=(2, 2), padding="same"),
    "conv of 5x5": lambda t: t.conv2d(0, 7, (5, 5), padding="same"),
    "conv of 1x1": lambda t: t.conv2d(0, 40, (1, 1), activation="relu"),
    "conv of 1x7": lambda t: t.conv2d(0, 16, (1, 7), padding="same"),
    "depthwise": lambda t: t.depthwise_conv2d(0, (3, 3), padding="same", activation="relu"),
    "depthwise of two each": lambda t: t.depthwise_conv2d(0, (3, 3), multiplier=2, stride=(2, 2)),
    "batch norm": lambda t: t.batch_norm(0),
    "relu": lambda t: t.activation(0, "relu"),
    "softmax": lambda t: t.activation(0, "softmax"),
    "max pool": lambda t: t.max_pool2d(0, (3, 3), stride=(2, 2), padding="same"),
    "mean pool": lambda t: t.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same"),
    "global mean": lambda t: t.global_avg_pool(0),
    "global maximum": lambda t: t.global_max_pool(0),
    "add": lambda t: t.add([0, 0, 0]),
    "concat": lambda t: t.concat([0, t.activation(0, "relu"), t.max_pool2d(0, (1, 1))]),
    "pad": lambda t: t.zero_pad(0, 1, 2, 3, 0),
    "flatten": lambda t: t.flatten(0),
    "dense": lambda t: t.dense(t.flatten(0), 37, activation="relu"),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("shape", [(9, 11, 16), (12, 7, 3), (8, 8, 37)])
def test_layers_compute_in_float32_and_round_once(layer, shape):
    """Inputs and weights are rounded already: every value is the exact one's rounding, up to float32 sums."""
    twin = RoundedTwin(*shape)
    output = LAYERS[layer](twin)
    network = twin.network(output, precision=BFLOAT16)
    for batch in (1, 3):
        images = twin.images(batch)
        assert_rounded(network.run(images), twin.expected(images, output))
        for name, _, implementation, _ in network.steps(batch):
            assert "ref" not in implementation, f"{name}: {implementation}"


@pytest.mark.parametrize("channels", [1024, 1025, 3000])
def test_rows_longer_than_a_kernel_takes_at_once(channels):
    twin = RoundedTwin(2, 3, channels)
    for output in (
        twin.activation(twin.batch_norm(0), "relu"),
        twin.add([0, 0]),
        twin.activation(0, "softmax"),
        twin.depthwise_conv2d(0, (2, 2), multiplier=3),
    ):
        images = twin.images(2)
        found = twin.network(output, precision=BFLOAT16).run(images)
        assert_rounded(found, twin.expected(images, output))


# ---- convolutions of one pixel, in parts of a concat


@pytest.mark.parametrize("outputs", [1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 48, 70])
def test_every_rest_of_outputs(kernels, outputs):
    twin = RoundedTwin(5, 3, 20)
    parts = [twin.conv2d(0, outputs, (1, 1), activation="relu"), twin.conv2d(0, 24, (1, 1), use_bias=False)]
    output = twin.concat([parts[0], twin.activation(0, "relu"), parts[1]])
    network = twin.network(output, algorithm=AUTO, precision=BFLOAT16)
    for batch in (1, 2):
        images = twin.images(batch)
        assert_rounded(network.run(images), twin.expected(images, output))
    convolutions = [step[2] for step in network.steps(2) if step[1] == "convolution"]
    assert convolutions == ["pdl:pointwise", "pdl:pointwise"]


@pytest.mark.parametrize(
    "shape", [(1, 1, 4, 5), (7, 7, 516, 36), (16, 16, 32, 260), (23, 29, 64, 12), (1, 13, 8, 40)]
)
def test_every_rest_of_pixels_and_many_channels(kernels, shape):
    height, width, channels, outputs = shape
    twin = RoundedTwin(height, width, channels)
    output = twin.concat([twin.conv2d(0, outputs, (1, 1), activation="relu"), twin.activation(0, "relu")])
    for batch in (1, 3):
        images = twin.images(batch)
        expected = twin.expected(images, output)
        one, three = (
            twin.network(output, threads=threads, algorithm=AUTO, precision=BFLOAT16).run(images)
            for threads in (1, 3)
        )
        assert_rounded(one, expected)
        np.testing.assert_array_equal(one, three)


# ---- Winograd

# Kernel, algorithm, the tile it takes, a bound for its relative L2 error: a third above what is measured on
# noise, 0.33, 0.85, 0.4 and 0.9 % where the direct sum has 0.2 %.
TILES = [
    ((3, 3), SMALL_TILES, "2x2_3x3", 4.5e-3),
    ((3, 3), LARGE_TILES, "4x4_3x3", 1.15e-2),
    ((1, 3), SMALL_TILES, "4_1x3", 5.5e-3),
    ((3, 1), SMALL_TILES, "4_3x1", 5.5e-3),
    ((1, 7), SMALL_TILES, "2_1x7", 1.2e-2),
    ((7, 1), SMALL_TILES, "2_7x1", 1.2e-2),
]


@pytest.mark.parametrize("kernel, algorithm, tile, bound", TILES)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_tiles_compute_the_direct_sum(kernels, kernel, algorithm, tile, bound, padding):
    twin = Twin(13, 11, 32)
    output = twin.conv2d(0, 48, kernel, padding=padding)
    network = twin.network(output, algorithm=algorithm, precision=BFLOAT16)
    for batch in (1, 3):
        images = twin.images(batch)
        assert relative_error(network.run(images), twin.expected(rounded(images), output)) < bound
    assert [step[2] for step in network.steps(3)] == [f"pdl:winograd_{tile}"]


@pytest.mark.parametrize("kernel, algorithm, tile, bound", TILES)
@pytest.mark.parametrize("extent", range(1, 10))
def test_tiles_that_hang_over_the_edge(kernel, algorithm, tile, bound, extent):
    twin = Twin(extent, 10 - extent, 16, seed=extent)
    output = twin.conv2d(0, 16, kernel, padding="same", use_bias=False)
    images = twin.images(1)
    found = twin.network(output, algorithm=algorithm, precision=BFLOAT16).run(images)
    assert relative_error(found, twin.expected(rounded(images), output)) < 2 * bound  # sums of fewer taps


@pytest.mark.parametrize("kernel, algorithm, tile, bound", TILES)
def test_kernels_agree(monkeypatch, kernel, algorithm, tile, bound):
    """Those with fused multiplications and additions to the bit; portable ones round float32 more often."""
    twin = Twin(14, 15, 64)
    output = twin.conv2d(0, 96, kernel, padding="same", activation="relu")
    images, found = twin.images(2), {}
    for name in ("portable", "avx2", "avx512"):
        monkeypatch.setenv("PYDEEPL_KERNELS", name)
        found[name] = twin.network(output, algorithm=algorithm, precision=BFLOAT16).run(images)
    np.testing.assert_array_equal(found["avx2"], found["avx512"])
    assert relative_error(found["portable"], found["avx2"]) < 2e-3


@pytest.mark.parametrize("algorithm", [SMALL_TILES, LARGE_TILES])
@pytest.mark.parametrize(
    "height, width, channels, outputs, batch",
    [(4, 4, 512, 96, 1), (7, 7, 48, 544, 3), (37, 41, 16, 16, 4), (33, 35, 544, 32, 2)],
)
def test_few_tiles_and_many_channels_and_the_other_way_round(
    kernels, algorithm, height, width, channels, outputs, batch
):
    twin = Twin(height, width, channels)
    output = twin.conv2d(0, outputs, (3, 3), padding="same")
    images = twin.images(batch)
    network = twin.network(output, algorithm=algorithm, precision=BFLOAT16)
    assert relative_error(network.run(images), twin.expected(rounded(images), output)) < 1.6e-2


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize("kernel", [(3, 3), (1, 7), (7, 1), (1, 3)])
def test_no_weights_make_the_error_of_a_layer_large(kernel, kind):
    twin = Twin(17, 17, 192)
    output = twin.conv2d(0, 192, kernel, padding="same", use_bias=False)
    twin.params[0][:] = filters(kind, twin.params[0].shape)
    images = twin.images(4)
    network = twin.network(output, algorithm=AUTO, precision=BFLOAT16)
    assert relative_error(network.run(images), twin.expected(rounded(images), output)) < 2.5e-2
    assert "winograd" in network.steps(4)[0][2]


def test_filters_for_edges_do_not_get_tiles_that_are_wrong_where_a_map_is_constant():
    """A white background times weights whose sum is next to nothing."""
    errors = {}
    for algorithm in (AUTO, LARGE_TILES):
        twin = Twin(16, 16, 64)
        output = twin.conv2d(0, 64, (3, 3), use_bias=False)
        weights = twin.params[0]
        weights[1, 1] = -0.9 * (weights.sum(axis=(0, 1)) - weights[1, 1])
        images = np.ones((2, 16, 16, 64), np.float32)
        found = twin.network(output, algorithm=algorithm, precision=BFLOAT16).run(images)
        errors[algorithm] = relative_error(found, twin.expected(images, output))
    assert errors[AUTO] < 4e-3 < 1.5e-2 < errors[LARGE_TILES]


@pytest.mark.parametrize("extent, tile", [(14, "2x2_3x3"), (28, "4x4_3x3")])
def test_small_tiles_where_they_cost_little_more(extent, tile):
    """Large ones hang over the edge of 14 x 14."""
    twin = Twin(extent, extent, 128)
    network = twin.network(
        twin.conv2d(0, 128, (3, 3), padding="same"), algorithm=AUTO, precision=BFLOAT16, threads=1
    )
    network.run(twin.images(8))
    assert [step[2] for step in network.steps(8)] == [f"pdl:winograd_{tile}"]


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_weights_at_the_ends_of_float32_are_summed_directly(size):
    twin = Twin(17, 17, 64)
    output = twin.conv2d(0, 64, (3, 3), padding="same", use_bias=False)
    twin.params[0] *= np.float32(size)
    images = twin.images(8)
    network = twin.network(output, algorithm=AUTO, precision=BFLOAT16)
    assert relative_error(network.run(images), twin.expected(rounded(images), output)) < 5e-3
    assert "winograd" not in network.steps(8)[0][2]


@pytest.mark.parametrize("extent", [(8, 8), (13, 11), (2, 3)])
@pytest.mark.parametrize("algorithm", [SMALL_TILES, LARGE_TILES])
def test_max_pools_of_two_by_two_are_done_on_the_way(kernels, extent, algorithm):
    twin = Twin(*extent, 32)
    output = twin.max_pool2d(twin.conv2d(0, 48, (3, 3), padding="same", activation="relu"), (2, 2))
    network = twin.network(output, algorithm=algorithm, precision=BFLOAT16)
    images = twin.images(2)
    assert relative_error(network.run(images), twin.expected(rounded(images), output)) < 1.6e-2
    assert len(network.steps(2)) == 1


# ---- networks


def small_net(seed=0):
    twin = Twin(21, 20, 3, seed=seed)
    x = twin.conv2d(0, 32, (3, 3), stride=(1, 1), padding="same", activation="relu")
    a = twin.batch_norm(twin.conv2d(x, 32, (1, 1), use_bias=False), scale=False)
    x = twin.activation(twin.add([twin.conv2d(a, 32, (3, 3), padding="same"), x]), "relu")
    parts = [
        twin.conv2d(x, 16, (1, 7), padding="same"),
        twin.max_pool2d(x, (3, 3), stride=(1, 1), padding="same"),
        twin.conv2d(x, 13, (1, 1)),
        twin.conv2d(twin.activation(x, "relu"), 48, (3, 3), padding="same"),
    ]
    y = twin.separable_conv2d(
        twin.concat(parts), 40, (3, 3), stride=(2, 2), padding="same", activation="relu"
    )
    return twin, twin.dense(twin.global_avg_pool(twin.batch_norm(y)), 7)


@pytest.mark.parametrize("algorithm", [AUTO, DIRECT, SMALL_TILES, LARGE_TILES])
@pytest.mark.parametrize("seed", range(3))
def test_networks_stay_near_their_twins(algorithm, seed):
    twin, output = small_net(seed)
    images = twin.images(4)
    found = twin.network(output, algorithm=algorithm, precision=BFLOAT16).run(images)
    assert relative_error(found, twin.expected(images, output)) < 1.5e-2


def test_results_depend_neither_on_threads_nor_on_what_was_prepared_before():
    twin, output = small_net()
    images = twin.images(6)
    expected = twin.network(output, threads=1, algorithm=LARGE_TILES, precision=BFLOAT16).run(images)
    for threads in (2, 3):
        network = twin.network(output, threads=threads, algorithm=LARGE_TILES, precision=BFLOAT16)
        for batch in (1, 6, 3, 6):
            np.testing.assert_array_equal(network.run(images[:batch]), expected[:batch])


@pytest.mark.parametrize("batches", [(1, 32, 1, 8), (32, 1, 8, 2, 3, 4, 5, 32)])
def test_weights_are_rounded_once_whatever_was_prepared_before(batches):
    """Winograd's weights are made of those that were given, not of those that direct sums rounded."""
    twin = Twin(7, 7, 256)
    output = twin.conv2d(0, 256, (3, 3), padding="same")
    used = twin.network(output, algorithm=AUTO, precision=BFLOAT16)
    for batch in batches:
        images = twin.images(batch)
        fresh = twin.network(output, algorithm=AUTO, precision=BFLOAT16)
        np.testing.assert_array_equal(used.run(images), fresh.run(images))


@pytest.mark.parametrize("preprocess", range(6))
def test_pixels_are_preprocessed_in_float32_and_rounded(preprocess):
    twin = Twin(65, 67, 3)
    images = twin.rng.integers(0, 256, (3, 65, 67, 3), dtype=np.uint8)
    exact = twin.network(0, preprocess).run(images)
    np.testing.assert_array_equal(twin.network(0, preprocess, precision=BFLOAT16).run(images), rounded(exact))


def test_inputs_are_not_written_and_outputs_can_be_the_callers():
    twin, output = small_net()
    images = twin.images(3)
    images.flags.writeable = False
    network = twin.network(output, precision=BFLOAT16)
    room = np.full(3 * 7 + 2, 9.0, np.float32)
    out = room[1:-1].reshape(3, 7)
    assert network.run(images, out) is out
    np.testing.assert_array_equal(out, network.run(images))
    assert room[0] == 9.0 and room[-1] == 9.0


# ---- processors


def test_an_unknown_precision_is_refused():
    twin = Twin()
    for precision in (-1, 2):
        with pytest.raises(ValueError, match=f"unknown precision {precision}"):
            twin.network(0, precision=precision)
        with pytest.raises(ValueError, match=f"unknown precision {precision}"):
            _core.check_precision(precision)


LACKING = """
from net.twin import BFLOAT16, Twin

try:
    Twin().network(0, precision=BFLOAT16)
except NotImplementedError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "isa, emulate, found",
    [("AVX512_CORE", "0", "AVX-512 alone"), ("AVX2", "1", "AVX2 alone"), ("SSE41", "1", "SSE4.1 alone")],
)
def test_processors_without_it_are_told(isa, emulate, found):
    more = {
        "ONEDNN_MAX_CPU_ISA": isa,
        "PYDEEPL_EMULATE_BF16": emulate,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", LACKING], env=os.environ | more, capture_output=True, text=True
    )
    assert f"needs a processor with AVX512_BF16 or AMX-BF16; found one with {found}" in done.stdout, (
        done.stderr
    )
    assert "use 'float32'" in done.stdout and ("EMULATE" in done.stdout) == (isa == "AVX512_CORE")


def test_float32_needs_nothing():
    assert _core.check_precision(FLOAT32) is None


EMULATED = """
import sys
from pathlib import Path

from net.twin import AUTO, BFLOAT16, Twin
from pydeepl._core import Network

twin = Twin(9, 9, 64)
output = twin.conv2d(0, 64, (1, 1))
for precision, decides in ((BFLOAT16, False), (0, True)):
    network = Network(twin.graph, output, twin.params, 0, 2, AUTO, precision, sys.argv[1])
    network.prepare(4)
    path = Path(sys.argv[1])
    assert (path.exists() and path.stat().st_size > 0) == decides
"""


def test_emulation_decides_nothing(tmp_path):
    """Its times are not those of the processors that it stands for."""
    more = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", EMULATED, str(tmp_path / "decisions.txt")]
    done = subprocess.run(command, env=os.environ | more, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
