"""Fused programs compute what the layers say, and fuse where they should."""

import numpy as np
import pytest
from net.twin import Twin

pytestmark = pytest.mark.core


def kinds(network, batch=2):
    return [kind for _, kind, _, _ in network.steps(batch)]


def conv_bn_relu(twin, x, filters, kernel=(3, 3), relu=True, **more):
    y = twin.batch_norm(twin.conv2d(x, filters, kernel, padding="same", **more))
    return twin.activation(y, "relu") if relu else y


def test_batch_norm_and_relu_fold_into_every_weighted_layer():
    twin = Twin(8, 7, 6)
    y = conv_bn_relu(twin, 0, 16)
    y = twin.activation(twin.batch_norm(twin.depthwise_conv2d(y, (3, 3), multiplier=2)), "relu")
    y = twin.activation(twin.batch_norm(twin.separable_conv2d(y, 8, (3, 3), use_bias=False)), "relu")
    y = twin.batch_norm(twin.dense(twin.flatten(y), 5))
    network = twin.check(y, (1, 4))
    assert kinds(network) == ["convolution", "depthwise", "depthwise", "convolution", "dense"]


def test_a_chain_of_batch_norms_is_one_step():
    twin = Twin()
    y = twin.batch_norm(twin.batch_norm(twin.batch_norm(0), center=False), scale=False)
    assert kinds(twin.check(twin.activation(y, "relu"))) == ["affine"]


def test_nothing_folds_past_a_relu_or_a_second_reader():
    twin = Twin(8, 7, 6)
    a = twin.conv2d(0, 6, (3, 3), padding="same", activation="relu")
    b = twin.batch_norm(a)
    assert kinds(twin.check(b)) == ["convolution", "affine"]
    c = twin.conv2d(0, 6, (3, 3), padding="same")
    assert kinds(twin.check(twin.add([twin.batch_norm(c), c])))[:2] == ["convolution", "affine"]
    twin.check(c)  # the output itself is no intermediate value


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_zero_pads_become_a_convolutions_padding(padding):
    twin = Twin(10, 9, 6)
    pad = twin.zero_pad(0, 2, 1, 0, 2)
    assert (
        kinds(twin.check(twin.conv2d(pad, 8, (5, 5), padding=padding))) == ["convolution"]
        or padding == "same"
    )
    assert kinds(twin.check(twin.depthwise_conv2d(pad, (3, 3)))) == ["depthwise"]
    too_wide = twin.zero_pad(0, 3, 3, 3, 3)
    assert kinds(twin.check(twin.conv2d(too_wide, 8, (3, 3)))) == ["pad", "convolution"]


def test_zero_pads_stay_before_pools_that_see_negative_values():
    twin = Twin(10, 9, 6)
    positive = twin.zero_pad(twin.conv2d(0, 8, (1, 1), activation="relu"), 1, 1, 1, 1)
    assert kinds(twin.check(twin.max_pool2d(positive, (3, 3), stride=(2, 2)))) == ["convolution", "pooling"]
    signed = twin.zero_pad(twin.conv2d(0, 8, (1, 1)), 1, 1, 1, 1)
    assert kinds(twin.check(twin.max_pool2d(signed, (3, 3), stride=(2, 2)))) == [
        "convolution",
        "pad",
        "pooling",
    ]
    assert "pad" in kinds(twin.check(twin.avg_pool2d(positive, (3, 3), stride=(2, 2))))


def test_residual_blocks_add_in_place():
    twin = Twin(8, 8, 16)
    x = conv_bn_relu(twin, 0, 16)
    for _ in range(3):
        y = conv_bn_relu(twin, conv_bn_relu(twin, x, 8, (1, 1)), 16, relu=False)
        x = twin.activation(twin.add([x, y]), "relu")
    shortcut = conv_bn_relu(twin, x, 24, (1, 1), relu=False)
    y = conv_bn_relu(twin, conv_bn_relu(twin, x, 8), 24, (1, 1), relu=False)
    x = twin.activation(twin.add([shortcut, y]), "relu")
    assert set(kinds(twin.check(x, (1, 3)))) == {"convolution"}


def test_a_summand_that_is_read_later_is_kept():
    twin = Twin(8, 8, 16)
    x = twin.conv2d(0, 16, (1, 1))
    total = twin.add([x, twin.conv2d(twin.conv2d(x, 16, (3, 3), padding="same"), 16, (1, 1))])
    late = twin.concat([total, x])
    assert "add" in kinds(twin.check(late))


def test_a_summand_that_is_the_convolutions_input_is_kept():
    twin = Twin(8, 8, 16)
    x = twin.conv2d(0, 16, (1, 1))
    twin.check(twin.add([x, twin.conv2d(x, 16, (1, 1))]))
    twin.check(twin.add([0, twin.conv2d(0, 16, (1, 1))]))
    y = twin.conv2d(0, 16, (1, 1))
    twin.check(twin.add([y, y]))


def test_a_summand_with_a_second_name_is_kept():
    twin = Twin(4, 4, 8)
    x = twin.conv2d(0, 8, (1, 1))
    flat = twin.flatten(x)
    total = twin.add([x, twin.conv2d(0, 8, (3, 3), padding="same")])
    twin.check(twin.add([twin.dense(flat, 5), twin.dense(twin.flatten(total), 5)]))


def test_an_early_convolution_moves_past_no_writer_of_its_input():
    """c reads v, is added at the end, and v is overwritten in between by the other addition."""
    twin = Twin(6, 6, 8)
    v = twin.conv2d(0, 8, (1, 1))
    c = twin.conv2d(v, 8, (3, 3), padding="same")
    first = twin.add([twin.conv2d(0, 8, (3, 3), padding="same"), v])
    twin.check(twin.add([c, twin.conv2d(first, 8, (1, 1), activation="relu")]), (1, 2))
    twin.check(twin.add([c, twin.max_pool2d(first, (1, 1))]), (1, 2))


def test_concats_nest_and_repeat():
    twin = Twin(6, 5, 4)
    a, b = twin.conv2d(0, 5, (1, 1)), twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same")
    c = twin.max_pool2d(0, (3, 3), stride=(1, 1), padding="same")
    inner = twin.concat([a, b])
    assert kinds(twin.check(twin.concat([c, inner, 0]))).count("concat") == 1
    twin.check(twin.concat([inner, c, inner, a, a]))
    twin.check(
        twin.concat([twin.activation(0, "relu"), twin.zero_pad(twin.max_pool2d(0, (2, 2)), 1, 2, 1, 2)])
    )


@pytest.mark.parametrize("activation", [None, "relu", "softmax"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_average_pools_change_places_with_a_narrowing_convolution(activation, padding):
    twin = Twin(7, 6, 24)
    pool = twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding=padding)
    branch = twin.conv2d(pool, 8, (1, 1), activation=activation)
    network = twin.check(branch, (1, 3))
    order = kinds(network)[:2]
    assert order == (["convolution", "pooling"] if padding == "same" else ["pooling", "convolution"])
    twin.check(twin.concat([branch, twin.max_pool2d(0, (3, 3), stride=(1, 1), padding=padding)]))
    twin.check(twin.concat([branch, pool]))  # the pool is read twice: it stays first


def flops(network, batch=2):
    return sum(step[3] for step in network.steps(batch) if step[1] == "convolution")


def test_pixels_that_nobody_reads_are_not_computed():
    """The end of a stage of ResNet: all readers of its output have stride 2."""
    twin = Twin(9, 8, 16)
    x = conv_bn_relu(twin, 0, 16)
    narrow = conv_bn_relu(twin, x, 8, (1, 1))
    wide = conv_bn_relu(twin, conv_bn_relu(twin, narrow, 8), 16, (1, 1), relu=False)
    end = twin.activation(twin.add([x, wide]), "relu")
    a = twin.conv2d(end, 24, (1, 1), stride=(2, 2))
    b = twin.conv2d(end, 24, (1, 1), stride=(2, 2), activation="relu")
    network = twin.check(twin.add([a, b]), (1, 2))
    assert kinds(network).count("pooling") == 1  # the summand, thinned
    thinned = 5 * 4 * (8 * 8 * 9 + 8 * 16 + 2 * 16 * 24)
    assert flops(network) == 2 * 2 * (9 * 8 * (16 * 16 * 9 + 16 * 8) + thinned)


def test_a_stride_stays_where_a_reader_wants_all_pixels():
    twin = Twin(9, 8, 6)
    x = twin.conv2d(0, 8, (3, 3), padding="same")
    a = twin.conv2d(x, 8, (1, 1), stride=(2, 2))
    twin.check(twin.add([a, twin.conv2d(x, 8, (2, 2), stride=(2, 2), padding="same")]))
    twin.check(
        twin.add([twin.global_max_pool(a), twin.global_max_pool(twin.conv2d(x, 8, (1, 1), stride=(3, 2)))])
    )
    twin.check(twin.concat([twin.flatten(x), twin.flatten(a)]))
    twin.check(a)


@pytest.mark.parametrize("stride", [(2, 2), (1, 2), (3, 1)])
def test_strides_pass_through_pools_and_elementwise_layers(stride):
    twin = Twin(11, 10, 6)
    for y in (
        twin.depthwise_conv2d(0, (3, 3), stride=(2, 1), padding="same"),
        twin.max_pool2d(0, (3, 3), stride=(1, 2), padding="same"),
        twin.avg_pool2d(0, (3, 2), stride=(1, 1), padding="same"),
        twin.activation(twin.batch_norm(0), "relu"),
        twin.add([0, twin.max_pool2d(0, (1, 1)), 0]),
        twin.max_pool2d(0, (1, 1), stride=(2, 2)),
        twin.concat([0, twin.conv2d(0, 3, (1, 1))]),
    ):
        twin.check(twin.conv2d(y, 5, (1, 1), stride=stride))
        twin.check(twin.max_pool2d(y, (1, 1), stride=stride))
        twin.check(twin.depthwise_conv2d(y, (1, 1), stride=stride))


def test_only_what_the_output_needs_is_run():
    twin = Twin(6, 6, 3)
    a = twin.conv2d(0, 4, (3, 3))
    twin.conv2d(a, 4, (3, 3))
    params = [p if i < 2 else None for i, p in enumerate(twin.params)]
    twin.params = params
    assert kinds(twin.network(a)) == ["convolution"]


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(seed):
    """Random directed graphs of 24 layers with long-lived values: memory is never reused too early."""
    rng = np.random.default_rng(seed)
    twin = Twin(6, 6, 8, seed=seed)
    maps = [0]
    for _ in range(24):
        x = int(rng.choice(maps[-6:]))
        y = int(rng.choice(maps))
        choice = rng.integers(10)
        if choice == 0:
            node = twin.conv2d(x, 8, (1, 1), activation=rng.choice(["linear", "relu"]))
        elif choice == 1:
            node = twin.conv2d(x, 8, (3, 3), padding="same")
        elif choice == 2:
            node = twin.batch_norm(x)
        elif choice == 3:
            node = twin.activation(x, "relu")
        elif choice in (4, 5):
            node = twin.add([x, y])
        elif choice == 6:
            node = twin.conv2d(twin.concat([x, y, int(rng.choice(maps))]), 8, (1, 1))
        elif choice == 7:
            node = twin.max_pool2d(x, (3, 3), stride=(1, 1), padding="same")
        elif choice == 8:
            thin = twin.conv2d(x, 8, (1, 1), stride=(2, 2), activation=rng.choice(["linear", "relu"]))
            thin = thin if rng.integers(2) else twin.add([thin, twin.max_pool2d(x, (1, 1), stride=(2, 2))])
            node = twin.zero_pad(thin, 1, 2, 0, 3)
        else:
            node = twin.conv2d(twin.avg_pool2d(x, (3, 3), stride=(1, 1), padding="same"), 8, (1, 1))
        maps.append(node)
    twin.check(maps[-1], (1, 3), tolerance=1e-5)
    twin.check(twin.concat(maps[-5:]), (2,), tolerance=1e-5)


@pytest.mark.parametrize("change", ["norm", "residual", "merge"])
@pytest.mark.parametrize("twice", [False, True])
def test_a_continued_concat_that_is_read_after_the_whole(change, twice):
    """What is written over the whole must not reach the parts that are read later."""
    twin = Twin(9, 8, 8)
    part = twin.concat([twin.max_pool2d(0, (3, 3), stride=(1, 1), padding="same"), 0])
    whole = twin.concat([part, twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same")])
    if twice:
        early = twin.max_pool2d(whole, (2, 2))
        whole = twin.concat([whole, twin.max_pool2d(0, (5, 5), stride=(1, 1), padding="same")])
    filters = twin.shape_of(whole)[2]
    if change == "norm":
        changed = twin.batch_norm(whole)
    elif change == "residual":
        changed = twin.add([twin.conv2d(0, filters, (3, 3), padding="same"), whole])
    else:
        changed = twin.merge("multiply", [whole, twin.conv2d(0, filters, (1, 1))])
    outputs = [twin.max_pool2d(changed, (2, 2)), twin.max_pool2d(part, (2, 2))] + ([early] if twice else [])
    twin.check(twin.concat(outputs))
