"""Winograd convolutions compute the direct sum, up to their rounding; the twin's float64 is the judge."""

from fractions import Fraction

import numpy as np
import pytest
from net.twin import AUTO, DIRECT, LARGE_TILES, SMALL_TILES, Twin

from pydeepl._core import Network

pytestmark = pytest.mark.core

# Kernel, algorithm, the tile it takes, a bound for its relative L2 error: two to three times the worst that
# any of the kernels shows for the tests' shapes (2x2_3x3 1.8e-7, 4x4_3x3 1.3e-6, 6_7x1 6.8e-6; direct 2e-7).
TILES = [
    ((3, 3), SMALL_TILES, "2x2_3x3", 5e-7),
    ((3, 3), LARGE_TILES, "4x4_3x3", 4e-6),
    ((5, 5), SMALL_TILES, "2x2_5x5", 4e-6),
    ((5, 5), LARGE_TILES, "4x4_5x5", 6e-6),
    ((1, 3), SMALL_TILES, "4_1x3", 1e-6),
    ((1, 3), LARGE_TILES, "8_1x3", 7e-6),
    ((3, 1), SMALL_TILES, "4_3x1", 1e-6),
    ((3, 1), LARGE_TILES, "8_3x1", 7e-6),
    ((1, 7), SMALL_TILES, "4_1x7", 6e-6),
    ((1, 7), LARGE_TILES, "6_1x7", 2e-5),
    ((7, 1), SMALL_TILES, "4_7x1", 6e-6),
    ((7, 1), LARGE_TILES, "6_7x1", 2e-5),
]
KERNELS = ["portable", "avx2", "avx512"]


def implementations(network, batch=2):
    return [implementation for _, kind, implementation, _ in network.steps(batch) if kind == "convolution"]


@pytest.fixture(params=KERNELS)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


@pytest.mark.parametrize("kernel, algorithm, tile, tolerance", TILES)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_every_tile_computes_the_direct_sum(kernels, kernel, algorithm, tile, tolerance, padding):
    twin = Twin(13, 11, 32)
    y = twin.conv2d(0, 48, kernel, padding=padding, activation="relu")
    network = twin.check(y, (1, 3), tolerance, algorithm)
    assert implementations(network, 3) == [f"pdl:winograd_{tile}"]


@pytest.mark.parametrize("kernel, algorithm, tile, tolerance", TILES)
@pytest.mark.parametrize("extent", range(1, 10))
def test_tiles_that_hang_over_the_edge(kernel, algorithm, tile, tolerance, extent):
    twin = Twin(extent, 10 - extent, 16, seed=extent)
    twin.check(twin.conv2d(0, 16, kernel, padding="same", use_bias=False), (1,), tolerance, algorithm)


@pytest.mark.parametrize("algorithm", [SMALL_TILES, LARGE_TILES])
@pytest.mark.parametrize(
    "height, width, channels, outputs, batch",
    [(4, 4, 512, 96, 1), (7, 7, 64, 544, 3), (37, 41, 16, 16, 4), (33, 35, 544, 32, 2), (16, 16, 16, 272, 9)],
)
def test_few_tiles_and_many_channels_and_the_other_way_round(
    kernels, algorithm, height, width, channels, outputs, batch
):
    twin = Twin(height, width, channels)
    twin.check(twin.conv2d(0, outputs, (3, 3), padding="same"), (batch,), 1e-5, algorithm)


def test_maps_larger_than_the_caches_are_written_past_them(kernels):
    twin = Twin(90, 100, 16)
    y = twin.conv2d(0, 384, (3, 3), activation="relu")
    images = twin.images(2)
    found = twin.network(y, algorithm=LARGE_TILES).run(images)
    assert found.nbytes > 24 << 20
    expected = twin.network(y, algorithm=DIRECT).run(images)
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)
    unaligned = np.empty(found.size + 1, np.float32)[1:].reshape(found.shape)
    np.testing.assert_array_equal(twin.network(y, algorithm=LARGE_TILES).run(images, unaligned), found)


def test_padding_of_its_own_on_every_side():
    twin = Twin(10, 9, 16)
    pad = twin.zero_pad(0, 2, 1, 0, 2)
    for algorithm in (SMALL_TILES, LARGE_TILES):
        network = twin.check(twin.conv2d(pad, 16, (3, 3)), (2,), 1e-5, algorithm)
        assert len(network.steps(2)) == 1


def test_residual_sums_and_slices_of_a_concat():
    twin = Twin(12, 12, 32)
    a = twin.conv2d(0, 32, (1, 1))
    b = twin.activation(twin.add([twin.conv2d(a, 32, (3, 3), padding="same"), a]), "relu")
    branches = [twin.conv2d(b, 16, (1, 7), padding="same"), twin.conv2d(b, 48, (3, 3), padding="same")]
    y = twin.concat([*branches, twin.conv2d(b, 16, (1, 1)), twin.conv2d(b, 32, (3, 1), padding="same")])
    for algorithm in (SMALL_TILES, LARGE_TILES):
        network = twin.check(y, (1, 2), 2e-5, algorithm)
        assert sum("winograd" in name for name in implementations(network)) == 4


@pytest.mark.parametrize("relu", [None, "relu"])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "shape", [(1, 1, 64, 16), (5, 7, 12, 48), (8, 8, 300, 208), (17, 17, 2048, 80), (40, 30, 16, 32)]
)
def test_parts_of_a_concat_by_convolutions_of_one_pixel(kernels, shape, batch, relu):
    height, width, channels, outputs = shape
    twin = Twin(height, width, channels)
    parts = [twin.conv2d(0, outputs, (1, 1), activation=relu), twin.conv2d(0, 16, (1, 1), use_bias=False)]
    network = twin.check(
        twin.concat([parts[0], twin.activation(0, "relu"), parts[1]]), (batch,), algorithm=AUTO
    )
    assert implementations(network, batch) == ["pdl:pointwise", "pdl:pointwise"]
    images = twin.images(batch)
    y = twin.graph.find(twin.graph.layers[-1][0])
    one, three = (twin.network(y, threads=threads, algorithm=AUTO).run(images) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("extent", [(8, 8), (13, 11), (6, 9), (5, 5), (2, 3), (19, 3)])
@pytest.mark.parametrize("algorithm", [SMALL_TILES, LARGE_TILES])
def test_max_pools_of_two_by_two_are_done_on_the_way(kernels, extent, algorithm):
    twin = Twin(*extent, 32)
    conv = twin.conv2d(0, 48, (3, 3), padding="same", activation="relu")
    network = twin.check(twin.max_pool2d(conv, (2, 2)), (1, 3), 1e-5, algorithm)
    assert implementations(network, 3)[0].endswith("_max_pool") and len(network.steps(3)) == 1


def test_max_pools_of_two_by_two_with_much_work_around():
    twin = Twin(12, 12, 16)
    y = twin.max_pool2d(twin.conv2d(0, 64, (3, 3), padding="same"), (2, 2))
    y = twin.max_pool2d(twin.conv2d(y, 512, (3, 3), padding="same", activation="relu"), (2, 2))
    z = twin.activation(twin.max_pool2d(twin.conv2d(y, 512, (3, 3), padding="same"), (2, 2)), "relu")
    network = twin.check(z, (1, 40), 1e-5, LARGE_TILES)
    assert [name.endswith("_max_pool") for name in implementations(network, 40)] == [True] * 3


def test_other_pools_stay_by_themselves():
    twin = Twin(9, 9, 16)
    conv = twin.conv2d(0, 16, (3, 3), padding="same")
    both = twin.concat(
        [twin.max_pool2d(conv, (2, 2), padding="same"), twin.max_pool2d(conv, (2, 2), padding="same")]
    )
    pools = [
        twin.max_pool2d(conv, (3, 3), stride=(2, 2)),
        twin.max_pool2d(conv, (2, 2), stride=(1, 1)),
        twin.max_pool2d(conv, (2, 2), padding="same"),
        twin.avg_pool2d(conv, (2, 2)),
        both,
    ]
    for pool in pools:
        network = twin.check(pool, (2,), 1e-5, LARGE_TILES)
        assert not any(name.endswith("_max_pool") for name in implementations(network))


def test_shapes_that_do_not_fit_are_summed_directly():
    twin = Twin(12, 12, 16)
    for arguments in [
        {"kernel": (3, 3), "stride": (2, 2)},
        {"kernel": (3, 3), "dilation": (2, 2)},
        {"kernel": (4, 4)},
        {"kernel": (1, 1)},
    ]:
        network = twin.check(twin.conv2d(0, 16, **arguments), (2,), algorithm=LARGE_TILES)
        assert not any("winograd" in name for name in implementations(network))
    odd = Twin(12, 12, 3)
    assert "winograd" not in implementations(odd.check(odd.conv2d(0, 16, (3, 3)), algorithm=LARGE_TILES))[0]


@pytest.mark.parametrize("size", [(6, 6, 256, 256), (40, 40, 32, 64)])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 7)])
def test_results_depend_neither_on_threads_nor_on_the_batch(size, kernel):
    height, width, channels, outputs = size
    twin = Twin(height, width, channels)
    y = twin.conv2d(0, outputs, kernel, padding="same")
    images = twin.images(5)
    expected = twin.network(y, threads=1, algorithm=LARGE_TILES).run(images)
    for threads in (2, 3, 5):
        network = twin.network(y, threads=threads, algorithm=LARGE_TILES)
        np.testing.assert_array_equal(network.run(images), expected)
        np.testing.assert_array_equal(network.run(images[2:3]), expected[2:3])


def test_the_direct_sum_can_be_had_after_winograd_and_the_other_way_round():
    """A network keeps weights that several batch sizes' algorithms can be made from."""
    twin = Twin(7, 7, 256)
    y = twin.conv2d(0, 256, (3, 3), padding="same")
    for batches in [(1, 32, 1, 8), (32, 1, 8, 2, 3, 4, 5, 32)]:
        network = twin.network(y, algorithm=AUTO)
        for batch in batches:
            images = twin.images(batch)
            expected = twin.network(y, algorithm=DIRECT).run(images)
            assert np.linalg.norm(network.run(images) - expected) < 1e-5 * np.linalg.norm(expected)


def filters(kind, shape):
    """Weights [taps down, taps along, channels, outputs] that are hard on an algorithm."""
    rng = np.random.default_rng(5)
    weight = rng.standard_normal(shape)
    taps = weight.reshape(-1, *shape[2:])
    if kind == "first tap":
        taps[1:] = 0
    elif kind == "last tap":
        taps[:-1] = 0
    elif kind == "smooth":
        taps[:] = taps[0]
    elif kind == "taps of any size":
        taps *= 10.0 ** rng.uniform(-6, 6, (len(taps), 1, 1))
    elif kind == "channels of any size":
        taps *= 10.0 ** rng.uniform(-6, 6, (1, shape[2], 1))
    elif kind == "outputs of any size":
        taps *= 10.0 ** rng.uniform(-6, 6, (1, 1, shape[3]))
    return weight.astype(np.float32)


NASTY = ["first tap", "last tap", "smooth", "taps of any size", "channels of any size", "outputs of any size"]


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (1, 7), (7, 1), (1, 3)])
def test_no_weights_make_the_error_of_a_layer_large(kernel, kind):
    twin = Twin(17, 17, 192)
    y = twin.conv2d(0, 64, kernel, padding="same", use_bias=False)
    twin.params[0][:] = filters(kind, twin.params[0].shape)
    twin.check(y, (4,), 2.5e-5, AUTO)


def test_a_filter_that_a_large_tile_rounds_too_much_takes_a_small_one():
    """The first tap meets the largest of the transform's factors."""
    twin = Twin(17, 17, 288)
    y = twin.conv2d(0, 64, (1, 7), padding="same", use_bias=False)
    mild = twin.check(y, (8,), 2e-5, AUTO)
    assert implementations(mild, 8) == ["pdl:winograd_6_1x7"]
    twin.params[0][:] = filters("first tap", twin.params[0].shape)
    assert implementations(twin.check(y, (8,), 2e-5, AUTO), 8) == ["pdl:winograd_4_1x7"]
    images = twin.images(8)
    large, expected = twin.network(y, algorithm=LARGE_TILES).run(images), twin.expected(images, y)
    assert np.linalg.norm(large - expected) > 2e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_weights_at_the_ends_of_float32_are_summed_directly(size):
    twin = Twin(17, 17, 64)
    y = twin.conv2d(0, 64, (3, 3), padding="same", use_bias=False)
    twin.params[0] *= np.float32(size)
    network = twin.check(y, (8,), 2e-6, AUTO)
    assert "winograd" not in implementations(network, 8)[0]


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_what_is_prepared_keeps_its_kernels(monkeypatch, kernel):
    """The weights lie as the kernels of their preparation want them, whatever is asked for afterwards."""
    twin = Twin(6, 6, 32)
    parts = [twin.conv2d(0, 48, kernel, padding="same"), twin.conv2d(0, 16, kernel, padding="same")]
    node = twin.concat(parts)
    network = twin.network(node, algorithm=AUTO)
    for batch, name in enumerate(KERNELS, start=1):
        monkeypatch.setenv("PYDEEPL_KERNELS", name)
        network.prepare(batch)
    for name in KERNELS:
        monkeypatch.setenv("PYDEEPL_KERNELS", name)
        for batch in range(1, len(KERNELS) + 1):
            images = twin.images(batch)
            found, expected = network.run(images), twin.expected(images, node)
            assert np.linalg.norm(found - expected) < 6e-6 * np.linalg.norm(expected)


def test_an_unknown_algorithm_is_refused():
    twin = Twin()
    y = twin.conv2d(0, 4, (3, 3))
    for algorithm in (-1, 4):
        with pytest.raises(ValueError, match=f"unknown algorithm {algorithm}"):
            Network(twin.graph, y, twin.params, 0, 2, algorithm)


# ---- the constants


def product_of_squares(points):
    """Coefficients of prod (x - p^2), lowest first."""
    factors = [Fraction(1)]
    for point in points:
        shifted = [Fraction(0), *factors]
        factors = [s - point**2 * f for s, f in zip(shifted, [*factors, Fraction(0)], strict=True)]
    return factors


@pytest.mark.parametrize(
    "points",
    [[1], [1, 2], [1, 2, "1/2"], [1, 2, "1/2", "3/2"], [1, 2, "1/2", "4/3"], [1, 2, "1/2", "3/2", "1/3"]],
)
def test_the_interpolation_is_exact_in_rational_numbers(points):
    """The formulas in lines.h, on integers: the transforms give exactly the sums of products."""
    points = [Fraction(p) for p in points]
    signed = [s * p for p in points for s in (1, -1)]
    inputs = 2 * len(points) + 2
    for taps in (3, 5, 7):
        outputs = inputs + 1 - taps
        if outputs < 1:
            continue
        d, g = [Fraction(i * i % 7 - 3) for i in range(inputs)], [Fraction(5 - 2 * i) for i in range(taps)]
        everything = product_of_squares(points)
        transformed = [sum(q * d[2 * i] for i, q in enumerate(everything))]
        for p in signed:
            others = product_of_squares([o for o in points if abs(p) != o])
            even = sum(q * d[2 * i + 2] for i, q in enumerate(others))
            transformed.append(even + p * sum(q * d[2 * i + 1] for i, q in enumerate(others)))
        transformed.append(sum(q * d[2 * i + 1] for i, q in enumerate(everything)))
        filtered = []
        for p in [Fraction(0), *signed]:
            scale = np.prod([p - q for q in [Fraction(0), *signed] if q != p], initial=Fraction(1))
            filtered.append(sum(p**i * g[i] for i in range(taps)) / scale)
        filtered.append(g[-1])
        products = [a * b for a, b in zip(transformed, filtered, strict=True)]
        for i in range(outputs):
            y = sum(p**i * m for p, m in zip([Fraction(0), *signed], products, strict=False))
            y += products[-1] if i == outputs - 1 else 0
            assert y == sum(d[i + k] * g[k] for k in range(taps))
