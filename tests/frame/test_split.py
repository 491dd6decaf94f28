"""randomSplit and sample."""

import numpy as np
import pytest
from frame.sources import CountingSource

from pydeepl.frame import SparkSession, lit
from pydeepl.frame.plan import uniform

spark = SparkSession.builder.getOrCreate()


def ids(frame):
    return [row.id for row in frame.select("id").collect()]


def test_cells_are_disjoint_complete_and_of_about_the_weights_size():
    parts = [ids(part) for part in spark.range(20_000).randomSplit([2, 1, 1], seed=5)]
    assert sorted([row for part in parts for row in part]) == list(range(20_000)) and all(
        part == sorted(part) for part in parts
    )
    # four standard deviations of a binomial share
    for part, share in zip(parts, [0.5, 0.25, 0.25], strict=True):
        assert abs(len(part) - 20_000 * share) < 4 * np.sqrt(20_000 * share * (1 - share))


def test_a_split_depends_on_data_and_seed_alone():
    first, other = CountingSource(100, batch=4), CountingSource(100, batch=33, selects=False)
    splits = [[ids(part) for part in source.frame.randomSplit([0.7, 0.3], 9)] for source in (first, other)]
    assert splits[0] == splits[1]
    assert splits[0] != [ids(part) for part in first.frame.randomSplit([0.7, 0.3], 10)]
    # columns, stages and conditions around it change nothing
    around = first.frame.withColumn("label", lit(1)).repartition(9).randomSplit([0.7, 0.3], 9)[0]
    assert ids(around.filter("kind >= 0")) == splits[0][0]


def test_every_split_without_a_seed_is_another():
    frame = spark.range(1000)
    assert ids(frame.randomSplit([0.5, 0.5])[0]) != ids(frame.randomSplit([0.5, 0.5])[0])


def test_a_splits_split_with_the_same_seed_is_fair():
    train = spark.range(10_000).randomSplit([0.5, 0.5], 3)[0]
    again = train.randomSplit([0.5, 0.5], 3)[0]
    share = again.count() / train.count()
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / train.count())


def test_branches_of_a_union_draw_their_own_numbers():
    frame = spark.range(5000)
    part = (
        frame.withColumn("side", lit(0)).union(frame.withColumn("side", lit(1))).randomSplit([0.5, 0.5], 1)[0]
    )
    sides = [set(ids(part.filter(f"side = {side}"))) for side in (0, 1)]
    agree = len(sides[0] & sides[1]) + len(set(range(5000)) - sides[0] - sides[1])
    assert abs(agree / 5000 - 0.5) < 4 * np.sqrt(0.25 / 5000)


def test_numbers_are_uniform_and_independent_of_neighbours():
    numbers = uniform(np.arange(100_000), seed=0)
    counts, _ = np.histogram(numbers, 64, (0, 1))
    chi2 = ((counts - 100_000 / 64) ** 2 / (100_000 / 64)).sum()
    assert chi2 < 63 + 4 * np.sqrt(2 * 63)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4 / np.sqrt(100_000)
    assert abs(np.corrcoef(numbers, uniform(np.arange(100_000), seed=1))[0, 1]) < 4 / np.sqrt(100_000)


def test_sample():
    frame = spark.range(10_000)
    part = frame.sample(0.1, 7)
    assert ids(part) == ids(frame.sample(fraction=0.1, seed=7)) == ids(frame.sample(False, 0.1, 7))
    assert abs(part.count() - 1000) < 4 * np.sqrt(900)
    assert frame.sample(fraction=0.0).count() == 0 and frame.sample(fraction=1.0).count() == 10_000


@pytest.mark.parametrize("weights", [[], [-1, 2], [0, 0], [float("nan")]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match="weights must be positive"):
        spark.range(3).randomSplit(weights)


def test_bad_fractions():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got 1.5"):
        spark.range(3).sample(fraction=1.5)
    with pytest.raises(ValueError, match="withReplacement"):
        spark.range(3).sample(True, 0.5)
