"""Kept columns: computed once, read often, spilled beyond the budget."""

import gc
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from frame.sources import CountingSource, CountingStage

from pydeepl.frame import SparkSession, udf
from pydeepl.frame.keep import LEDGER, Kept, memory_budget
from pydeepl.linalg import vector_matrix

EXPECTED = np.stack([np.arange(30), np.arange(30) ** 2], 1).astype(np.float32)


def features(frame):
    return vector_matrix(frame.select("features").toArrow()["features"])


def test_a_kept_stage_computes_each_row_once():
    source, stage = CountingSource(30), CountingStage()
    frame = stage.of(source.frame, keep=True)
    for _ in range(3):
        assert np.array_equal(features(frame), EXPECTED)
        assert frame.filter("kind = 1").select("features", "id").count() == 10
        frame.toPandas()
    assert stage.seen == list(range(30)) and stage.runs == 1


def test_a_stage_that_is_not_kept_computes_again():
    stage = CountingStage()
    frame = stage.of(CountingSource(30).frame)
    features(frame), features(frame)
    assert stage.runs == 2


def test_shown_rows_are_computed_once_and_gone_on_from(capsys):
    stage = CountingStage()
    frame = stage.of(CountingSource(30).frame, keep=True)
    frame.show(5)
    assert stage.seen == list(range(8))
    assert np.array_equal(features(frame), EXPECTED) and stage.seen == list(range(30)) and stage.runs == 1
    capsys.readouterr()


def test_frames_made_from_a_kept_one_share_it():
    stage = CountingStage()
    frame = stage.of(CountingSource(30).frame, keep=True)
    train, test = frame.randomSplit([0.5, 0.5], 1)
    found = np.concatenate([features(train), features(test)])
    assert np.array_equal(found[np.argsort(found[:, 0])], EXPECTED)
    assert np.array_equal(features(frame.union(frame)), np.concatenate([EXPECTED, EXPECTED]))
    assert stage.seen == list(range(30))


def test_heavy_columns_beside_kept_ones_are_made_for_the_rows_that_pass():
    source, stage = CountingSource(30), CountingStage()
    frame = stage.of(source.frame, keep=True)
    rows = frame.filter("kind = 1").select("payload", "features", "id").collect()
    assert (
        source.payloads
        == list(range(1, 30, 3))
        == [row.id for row in rows]
        == [row.features[0] for row in rows]
    )
    source.payloads.clear()
    test = frame.randomSplit([0.8, 0.2], 1)[1].select("features", "payload").collect()
    assert source.payloads == [row.features[0] for row in test]
    by_feature = frame.filter(udf(lambda v: bool(v[1] > 700), "boolean")("features")).collect()
    assert [row.id for row in by_feature] == [27, 28, 29] and stage.seen == list(range(30))


def test_readers_that_take_turns_see_the_same_rows():
    stage = CountingStage()
    frame = stage.of(CountingSource(30).frame, keep=True)
    readers = [frame.select("features")._arrow() for _ in range(3)]
    for batches in zip(*readers, strict=True):
        assert batches[0].equals(batches[1]) and batches[1].equals(batches[2])
    assert stage.seen == list(range(30))


def test_threads_share_one_computation():
    class SlowStage(CountingStage):
        def __call__(self, batches):
            for arrays in super().__call__(batches):
                time.sleep(0.001)
                yield arrays

    stage = SlowStage()
    frame = stage.of(CountingSource(30).frame, keep=True)
    found = [None] * 4

    def read(place):
        found[place] = features(frame)

    threads = [threading.Thread(target=read, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(each, EXPECTED) for each in found) and stage.seen == list(range(30))


def test_beyond_the_budget_chunks_go_to_a_file(monkeypatch):
    monkeypatch.setenv("PYDEEPL_MEMORY", str(LEDGER.used + 100))
    stage = CountingStage()
    frame = stage.of(CountingSource(30).frame, keep=True)
    assert np.array_equal(features(frame), EXPECTED) and np.array_equal(features(frame), EXPECTED)
    store = frame._node.kept.store
    assert 0 < store.spilled < len(store) == 8 and stage.runs == 1
    assert [row.features[0] for row in frame.filter("kind = 0").collect()] == list(range(0, 30, 3))


def test_the_budget_is_given_back():
    gc.collect()
    before = LEDGER.used
    frame = CountingStage().of(CountingSource(30).frame, keep=True)
    features(frame)
    assert LEDGER.used > before
    del frame
    assert LEDGER.used == before


def test_arrays_outlive_the_store(monkeypatch):
    monkeypatch.setenv("PYDEEPL_MEMORY", "0")
    frame = CountingStage().of(CountingSource(30).frame, keep=True)
    features(frame)
    table = frame.select("features").toArrow()
    del frame
    gc.collect()
    assert np.array_equal(vector_matrix(table["features"]), EXPECTED)


def test_an_interrupted_stage_goes_on_after_the_rows_it_gave():
    class Interrupted(CountingStage):
        def __call__(self, batches):
            for place, arrays in enumerate(super().__call__(batches)):
                if self.runs == 1 and place == 2:
                    raise KeyboardInterrupt
                yield arrays

    stage = Interrupted()
    frame = stage.of(CountingSource(30).frame, keep=True)
    with pytest.raises(KeyboardInterrupt):
        features(frame)
    assert np.array_equal(features(frame), EXPECTED)
    assert stage.seen == [
        *range(12),
        *range(8, 30),
    ]  # the third batch was lost, the first two were not made again


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PYDEEPL_MEMORY", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match=r"cannot be kept in .*missing.*TMPDIR"):
        features(CountingStage().of(CountingSource(30).frame, keep=True))


def test_small_views_of_large_buffers_are_not_held():
    table = pa.table({"x": np.zeros(1_000_000)})
    kept = Kept(table.schema, lambda skip: iter(table.slice(10, 5).to_batches()))
    list(kept.batches())
    assert kept.store[0].get_total_buffer_size() < 1000


def test_cache_keeps_all_columns_and_unpersist_forgets():
    source = CountingSource(30)
    frame = source.frame.filter("kind <> 2").cache()
    assert frame.is_cached and frame.count() == 20 and len(source.payloads) == 20
    derived = frame.select("id")
    assert derived.count() == 20 and frame.collect() == frame.collect()
    assert len(source.payloads) == 20
    parts = frame.randomSplit([0.5, 0.5], 2)
    plain = source.frame.filter("kind <> 2").randomSplit([0.5, 0.5], 2)
    assert [part.select("id").collect() for part in parts] == [part.select("id").collect() for part in plain]
    frame.unpersist()
    assert not frame.is_cached and frame.count() == 20
    assert frame.persist().is_cached


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("512M", 512 * 2**20), ("2GiB", 2**31), ("1.5 kb", 1536), ("0", 0)]
)
def test_the_budgets_spelling(monkeypatch, text, size):
    monkeypatch.setenv("PYDEEPL_MEMORY", text)
    assert memory_budget() == size


def test_a_budget_that_cannot_be_read(monkeypatch):
    monkeypatch.setenv("PYDEEPL_MEMORY", "lots")
    with pytest.raises(
        ValueError, match="PYDEEPL_MEMORY: expected a size such as 512M or 2GiB, found 'lots'"
    ):
        memory_budget()
    monkeypatch.delenv("PYDEEPL_MEMORY")
    assert 0 < memory_budget() <= 2**31


def test_readers_are_read_once_and_kept():
    batches = (pa.record_batch({"x": [i]}) for i in range(5))
    reader = pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), batches)
    frame = SparkSession.builder.getOrCreate().createDataFrame(reader)
    assert frame.first().x == 0 and next(batches).column(0)[0].as_py() == 1
    assert [row.x for row in frame.collect()] == [0, 2, 3, 4] == [row.x for row in frame.collect()]
