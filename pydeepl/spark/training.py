"""LogisticRegression on a PySpark DataFrame: on the driver where the rows fit there, else on the executors.

Both ways read the same blocks (blocks.py), which Spark keeps for as long as the fit takes, and both take the
path of pydeepl's own engine: the sums over parts differ from sums over rows by rounding alone.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pydeepl import _core
from pydeepl.ml.classification import LogisticRegression, LogisticRegressionModel
from pydeepl.ml.columns import input_column
from pydeepl.ml.training_set import Floats, classes_among, count_classes
from pydeepl.sizes import size_text
from pydeepl.spark.blocks import BLOCKS, SUMS, Names, Sums, merged, read_blocks
from pydeepl.spark.calls import in_worker
from pydeepl.spark.columns import map_batches, own_schema, select_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["fit_logistic", "room_on_driver"]

_MODULE = "pydeepl.spark.blocks"


def room_on_driver() -> int:
    """Bytes of training rows that the driver takes where nobody says: half of its free memory."""
    try:
        meminfo = Path("/proc/meminfo").read_text()
        free = int(meminfo.split("MemAvailable:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return free // 2


def fit_logistic(
    estimator: LogisticRegression, dataset: DataFrame, room: int | None = None
) -> tuple[LogisticRegressionModel, Floats]:
    """The model, without a summary, and the objective's history.

    Parameters: dataset, with columns as the estimator names them; room: most bytes of training rows (float32
    features, or the non-zeros of sparse ones) that are brought to the driver; None: room_on_driver().
    Raises ValueError and TypeError for bad columns, and ValueError where solver "newton-cg", which needs the
    rows themselves, has no room for them. What is wrong with a row is said by the job that reads it.
    """
    from pyspark import StorageLevel

    schema = own_schema(dataset.schema)
    names = _names(estimator, schema)
    wanted = list(dict.fromkeys(filter(None, names)))
    rows = select_columns(dataset, wanted)
    own = own_schema(rows.schema)
    make = in_worker(_MODULE, "make_blocks", own.serialize().to_pybytes(), tuple(names))
    blocks = map_batches(rows, make, BLOCKS).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        count, size, parts = _measure(blocks)
        if not count:
            raise ValueError(
                f"expected rows to train on, found none with a weight (columns {', '.join(wanted)})"
            )
        room = room_on_driver() if room is None else room
        label = own.field(names.label)
        if size <= room:
            return _on_driver(estimator, blocks, names, label)
        if estimator.getSolver() == "newton-cg":
            raise ValueError(
                f"{estimator.uid}: solver 'newton-cg' needs the training rows on the driver: they are "
                f"{size_text(size)}, and there is room for {size_text(room)}; set maxDriverBytes, or "
                "solver 'l-bfgs', which trains on the executors"
            )
        return _on_executors(estimator, _Parts(blocks, names, parts, estimator.getAggregationDepth()), label)
    finally:
        blocks.unpersist()


def _names(estimator: LogisticRegression, schema: Any) -> Names:
    from pydeepl.frame.convert import from_table
    from pydeepl.ml.columns import to_numbers, weight_column

    empty = schema.empty_table()
    frame = from_table(empty)
    names = Names(
        input_column(estimator, estimator.featuresCol, frame),
        input_column(estimator, estimator.labelCol, frame),
        weight_column(estimator, frame),
    )
    for name in filter(None, (names.label, names.weight)):
        to_numbers(empty[name], name)
    return names


def _measure(blocks: DataFrame) -> tuple[int, int, int]:
    """Rows, their bytes, and the parts that have any. The job that makes Spark keep the blocks."""
    from pyspark.sql.functions import coalesce, countDistinct, lit, sum

    (found,) = blocks.agg(
        coalesce(sum("rows"), lit(0)), coalesce(sum("bytes"), lit(0)), countDistinct("part")
    ).collect()
    return int(found[0]), int(found[1]), int(found[2])


def _model(
    estimator: LogisticRegression, trained: Any, classes: int, multinomial: bool
) -> tuple[LogisticRegressionModel, Floats]:
    model = LogisticRegressionModel(trained[0], trained[1], classes, multinomial)
    estimator._copyValues(model._resetUid(estimator.uid))
    return model, trained[2]


# ---- on the driver


def _on_driver(
    estimator: LogisticRegression, blocks: DataFrame, names: Names, label: Any
) -> tuple[LogisticRegressionModel, Floats]:
    rows = blocks.select("block").toLocalIterator(prefetchPartitions=True)
    data = read_blocks((bytes(row.block) for row in rows), names)
    classes = count_classes(data, label)
    estimator._checkThresholds(classes)
    return _model(
        estimator, estimator._train(data, classes, 0, None), classes, estimator._is_multinomial(classes)
    )


# ---- on the executors


class _Parts:
    """Sums over the blocks of all partitions, added up in a tree."""

    def __init__(self, blocks: DataFrame, names: Names, parts: int, depth: int) -> None:
        self._blocks, self._names, self._parts, self._depth = blocks, tuple(names), parts, depth

    def sums(self, function: str, *arguments: Any) -> Sums:
        """What a function of blocks.py gives for each part, merged."""
        from pyspark.sql.functions import col

        sums = self._blocks.mapInArrow(in_worker(_MODULE, function, self._names, *arguments), SUMS)
        count, fan = self._parts, max(2, math.ceil(self._parts ** (1 / self._depth)))
        while count > fan + math.ceil(count / fan):  # as Spark's treeAggregate: no level that saves nothing
            count = math.ceil(count / fan)
            sums = sums.repartition(count, col("part") % count).mapInArrow(
                in_worker(_MODULE, "merge_parts"), SUMS
            )
        return merged((row.part, bytes(row.sums)) for row in sums.collect())


def _on_executors(
    estimator: LogisticRegression, parts: _Parts, label: Any
) -> tuple[LogisticRegressionModel, Floats]:
    found = parts.sums("survey_part")
    classes = classes_among(found["labels"], label, lambda _: "a row")
    multinomial = estimator._is_multinomial(classes)
    estimator._checkThresholds(classes)
    estimator._warn_of_one_class(found["labels"])
    weight, squares = found["weight"]
    denominator = weight - squares / weight
    spread = np.maximum(found["spread"], 0)
    deviation = np.sqrt(spread / denominator) if denominator > 0 else np.zeros_like(spread)
    class_weight = np.zeros(classes)
    class_weight[found["labels"].astype(np.int64)] = found["label_weights"]
    mean, intercept = found["mean"], estimator.getFitIntercept()

    def evaluate(point: Floats) -> tuple[float, Floats]:
        sums = parts.sums("evaluate_part", classes, multinomial, intercept, mean, deviation, point)
        return float(sums["value"][0]), sums["gradient"]

    trained = _core.logistic_fit_parts(
        evaluate,
        float(weight),
        mean,
        deviation,
        class_weight,
        multinomial,
        estimator.getMaxIter(),
        estimator.getRegParam(),
        estimator.getElasticNetParam(),
        estimator.getTol(),
        intercept,
        estimator.getStandardization(),
        0,
    )
    return _model(estimator, trained, classes, multinomial)
