"""The folder of cached features: crash-safe, bounded, shared by processes, and never a reason to fail."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from pydeepl.deep.cache import FeatureStore, NetworkKey, cached_networks, clear_cache, image_key
from pydeepl.deep.cache import folder as layout
from pydeepl.deep.cache.folder import blocks, entry_path

FEATURES = 3000
LARGE = 1 << 30


def network_key(model="ResNet50", **changes):
    fields = {
        "model": model, "layer": "avg_pool", "pooling": None, "precision": "float32",
        "scaleHint": "SCALE_FAST", "inputSize": (224, 224), "featureShape": (FEATURES,), "weights": "0" * 32,
    }  # fmt: skip
    return NetworkKey(**(fields | changes))


def store_in(folder, limit=LARGE, **changes):
    return FeatureStore(folder, network_key(**changes), FEATURES, limit)


def image(number):
    return image_key(number.to_bytes(4, "big"), "RGB")


def features(number):
    """Dense, so that each entry takes 12,016 bytes: three blocks."""
    return np.random.default_rng(number).standard_normal(FEATURES).astype(np.float32)


ENTRY = blocks(16 + 4 * FEATURES)


def kept(store, number):
    """Whether an image's features are there, and right."""
    found = store.get(image(number))
    if found is None:
        return False
    out = np.empty(FEATURES, np.float32)
    found.unpack(out)
    np.testing.assert_array_equal(out, features(number))
    return True


def fill(store, numbers):
    for number in numbers:
        store.put(image(number), features(number))


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def entries_of(folder):
    return [path for path in files_of(folder) if path.name not in ("about.json", "CACHEDIR.TAG")]


def test_what_is_kept_is_found_by_another_store(tmp_path):
    store = store_in(tmp_path / "new" / "folder")
    assert not kept(store, 1)
    assert not (tmp_path / "new").exists()  # looking up makes nothing
    fill(store, range(5))
    again = store_in(tmp_path / "new" / "folder")
    assert [kept(again, number) for number in range(6)] == [True] * 5 + [False]


def test_networks_do_not_mix(tmp_path):
    fill(store_in(tmp_path), [1])
    for change in (
        {"model": "VGG16"}, {"layer": "conv1_conv"}, {"pooling": "max"}, {"precision": "bfloat16"},
        {"scaleHint": "SCALE_SMOOTH"}, {"inputSize": (299, 299)}, {"featureShape": (FEATURES, 1)},
        {"weights": "1" * 32}, {"numerics": network_key().numerics + 1},
    ):  # fmt: skip
        assert not kept(store_in(tmp_path, **change), 1)
    assert kept(store_in(tmp_path), 1)


def test_the_folder_explains_itself(tmp_path):
    fill(store_in(tmp_path), [1])
    assert (tmp_path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    (about,) = tmp_path.glob("ResNet50-*/about.json")
    assert json.loads(about.read_text())["layer"] == "avg_pool"


def test_damaged_files_are_dropped_with_one_warning_and_kept_anew(tmp_path):
    rng = np.random.default_rng(7)
    fill(store_in(tmp_path), range(40))
    for path in entries_of(tmp_path):
        whole = bytearray(path.read_bytes())
        place = int(rng.integers(len(whole)))
        if rng.random() < 0.5:
            path.write_bytes(whole[:place])
        else:
            whole[place] ^= int(rng.integers(1, 256))
            path.write_bytes(whole)
    store = store_in(tmp_path)
    with pytest.warns(RuntimeWarning, match="are damaged and computed anew: .*ResNet50") as told:
        assert not any(kept(store, number) for number in range(40))
    assert len(told) == 1
    assert entries_of(tmp_path) == []
    fill(store, range(40))
    assert all(kept(store, number) for number in range(40))


def test_an_entry_under_anothers_name_is_damaged(tmp_path):
    store = store_in(tmp_path)
    fill(store, [1, 2])
    paths = [entry_path(tmp_path, store.network.folder, image(number)) for number in (1, 2)]
    shutil.copy(paths[0], paths[1])
    with pytest.warns(RuntimeWarning, match="checksum"):
        assert not kept(store, 2)
    assert kept(store, 1)


def test_a_folder_where_an_entry_should_be(tmp_path):
    store = store_in(tmp_path)
    path = entry_path(tmp_path, store.network.folder, image(1))
    os.makedirs(path)
    with pytest.warns(RuntimeWarning, match="cannot be read"):
        assert not kept(store, 1)
    with pytest.warns(RuntimeWarning, match="not cached"):
        fill(store, [1])
    assert not list(tmp_path.rglob("*.tmp"))


def set_used(folder, number, seconds_ago, **changes):
    path = entry_path(folder, network_key(**changes).folder, image(number))
    os.utime(path, (time.time() - seconds_ago,) * 2)


def test_the_bound_is_kept_and_the_least_recently_used_go_first(tmp_path):
    limit = 32 * ENTRY
    store = store_in(tmp_path, limit)
    fill(store, range(32))
    for number in range(32):
        set_used(tmp_path, number, 10_000 - number)
    assert kept(store, 3)  # used now
    fill(store, [100])
    sizes = [each.bytes for each in cached_networks(tmp_path)]
    assert sum(sizes) <= limit
    reader = store_in(tmp_path)
    alive = [number for number in range(32) if kept(reader, number)]
    assert 3 in alive and kept(reader, 100)
    assert set(range(32)) - set(alive) == {0, 1, 2, 4, 5}  # down to seven eighths, with the new one
    for number in range(200, 400):
        fill(store, [number])
        assert sum(each.bytes for each in cached_networks(tmp_path)) <= limit


def test_the_bound_is_of_all_networks(tmp_path):
    limit = 16 * ENTRY
    fill(store_in(tmp_path, limit, model="VGG16"), range(16))
    for number in range(16):
        set_used(tmp_path, number, 10_000, model="VGG16")
    fill(store_in(tmp_path, limit), range(10))
    counts = {each.model: each.entries for each in cached_networks(tmp_path)}
    assert counts["ResNet50"] == 10 and 0 < counts["VGG16"] <= 6


def test_a_new_store_counts_what_is_there(tmp_path):
    limit = 16 * ENTRY
    for number in range(50):
        fill(store_in(tmp_path, limit), [number])
    assert cached_networks(tmp_path)[0].bytes <= limit


@pytest.mark.parametrize("limit", [0, 1, ENTRY - 1])
def test_a_limit_below_one_entry_keeps_nothing(tmp_path, limit):
    store = store_in(tmp_path, limit)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fill(store, range(3))
    assert len(told) == (limit > 0)
    assert entries_of(tmp_path) == []


def test_reading_notes_the_use_but_not_each_time(tmp_path):
    store = store_in(tmp_path)
    fill(store, [1])
    set_used(tmp_path, 1, 5000)
    kept(store, 1)
    noted = cached_networks(tmp_path)[0].used
    assert noted > time.time() - 100
    kept(store, 1)
    assert cached_networks(tmp_path)[0].used == noted


def test_a_folder_that_cannot_be_written(tmp_path):
    fill(store_in(tmp_path), [1])
    (tmp_path / "file").write_text("")
    for place in (
        tmp_path / "file",
        tmp_path / "file" / "below",
    ):  # for root, too, no folder can be made there
        store = store_in(place)
        with pytest.warns(RuntimeWarning, match="features are not cached in .*file") as told:
            fill(store, range(5))
        assert len(told) == 1
        assert not kept(store, 1)


@pytest.mark.parametrize(
    "code, text", [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only file system")]
)
def test_a_write_that_fails_is_told_once_and_leaves_nothing(tmp_path, monkeypatch, code, text):
    fill(store_in(tmp_path), [1])
    store = store_in(tmp_path)

    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(layout.os, "replace", fail)
    with pytest.warns(RuntimeWarning, match=text) as told:
        fill(store, range(2, 9))
    assert len(told) == 1
    monkeypatch.undo()
    assert len(entries_of(tmp_path)) == 1
    assert kept(store, 1)  # what is there is read on


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the platform has no full device")
def test_a_disk_that_fills_up_in_mid_write(tmp_path, monkeypatch):
    """The temporary file is opened on a device on which every write ends with ENOSPC."""
    store = store_in(tmp_path)
    fill(store, [1])
    really_open = os.open
    monkeypatch.setattr(
        layout.os, "open",
        lambda path, flags, mode=0: really_open("/dev/full" if path.endswith(".tmp") else path,
                                                flags & ~os.O_EXCL, mode),
    )  # fmt: skip
    with pytest.warns(RuntimeWarning, match="the disk is full"):
        fill(store, [2])
    assert not kept(store, 2) and kept(store, 1)


WRITE_MANY = """
import sys
sys.path.insert(0, sys.argv[1])
import test_cache_store as tests
from pathlib import Path
folder, start, stop, limit = Path(sys.argv[2]), *map(int, sys.argv[3:])
store = tests.store_in(folder, limit)
for _ in range(3):
    tests.fill(store, range(start, stop))
    for number in range(start, stop):
        tests.kept(store, number)
"""


def write_at_once(folder, limit):
    """Two processes with overlapping keys, so that some are written by both at the same time."""
    here = str(Path(__file__).parent)
    commands = [
        [sys.executable, "-c", WRITE_MANY, here, str(folder), str(start), str(stop), str(limit)]
        for start, stop in ((0, 60), (30, 90))
    ]
    workers = [subprocess.Popen(command) for command in commands]
    assert [worker.wait(120) for worker in workers] == [0, 0]


def test_processes_at_once(tmp_path):
    write_at_once(tmp_path, LARGE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = store_in(tmp_path)
        assert all(kept(store, number) for number in range(90))
    assert len(entries_of(tmp_path)) == 90


def test_processes_at_once_in_a_small_cache(tmp_path):
    limit = 64 * ENTRY
    write_at_once(tmp_path, limit)
    assert cached_networks(tmp_path)[0].bytes <= limit * (1 + 2 / 16)


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
import test_cache_store as tests
from pathlib import Path
store = tests.store_in(Path(sys.argv[1]))
print("writing", flush=True)
number = 0
while True:
    tests.fill(store, [number])
    number += 1
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the platform has no SIGKILL")
def test_a_writer_that_is_killed(tmp_path, environment):
    for delay in (0, 0.05, 0.15):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), os.path.dirname(__file__)],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert process.stdout.readline() == "writing\n"
        time.sleep(delay)
        process.kill()
        process.communicate()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing that is there is damaged
            store = store_in(tmp_path)
            found = [kept(store, number) for number in range(2000)]
            fill(store, range(10))
            assert all(kept(store, number) for number in range(10))
        assert sum(found) <= len(entries_of(tmp_path)) + 1


def test_abandoned_temporary_files_go(tmp_path):
    store = store_in(tmp_path)
    fill(store, [1])
    shard = entries_of(tmp_path)[0].parent
    old, young, other = shard / f".{'0' * 16}.tmp", shard / f".{'1' * 16}.tmp", shard / "notes.txt"
    for path in (old, young, other):
        path.write_text("part")
    os.utime(old, (time.time() - 7200,) * 2)
    fill(store_in(tmp_path), [2])
    assert not old.exists() and young.exists() and other.exists()


def test_clearing_removes_ours_and_nothing_else(tmp_path):
    fill(store_in(tmp_path), range(3))
    fill(store_in(tmp_path, model="VGG16"), range(2))
    (tmp_path / "photos").mkdir()
    theirs = tmp_path / "photos" / "a.png", next(tmp_path.glob("VGG16-*")) / "notes.txt"
    for path in theirs:
        path.write_text("mine")
    assert [(each.model, each.entries) for each in clear_cache(tmp_path, "ResNet50")] == [("ResNet50", 3)]
    assert [(each.model, each.entries) for each in cached_networks(tmp_path)] == [("VGG16", 2)]
    assert [(each.model, each.entries) for each in clear_cache(tmp_path)] == [("VGG16", 2)]
    assert files_of(tmp_path) == sorted(theirs)
    assert clear_cache(tmp_path / "nowhere") == []


def test_clearing_under_a_writer_only_costs_it_what_is_cleared(tmp_path):
    store = store_in(tmp_path)
    fill(store, range(3))
    clear_cache(tmp_path)
    assert not kept(store, 1)
    fill(store, range(3))
    assert all(kept(store, number) for number in range(3))
    assert cached_networks(tmp_path)[0].about["layer"] == "avg_pool"
