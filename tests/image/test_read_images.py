"""Frames of images: ImageSchema.readImages and spark.read.format("image")."""

import _thread
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from image.synthetic import encoded, picture
from PIL import Image

from pydeepl import ImageSchema, SparkSession, lit, readImages
from pydeepl.images import IMAGE_TYPE, ImageError, decode, failures, limits, source, streams
from pydeepl.images.files import Listing
from pydeepl.images.source import ImageSource
from pydeepl.images.streams import ahead, grouped

FAILED_ROW = (-1, -1, -1, -1, b"")


@pytest.fixture
def folder(tmp_path):
    """Nine files: five images, three that fail, an empty one; and an image in a folder below."""
    rgb = picture(20, 30)
    files = {
        "a.jpg": encoded(rgb, "JPEG"),
        "b é.png": encoded(rgb, "PNG"),
        "c_gray.png": encoded(Image.fromarray(rgb).convert("L"), "PNG"),
        "d_alpha.png": encoded(np.dstack([rgb, rgb[..., :1]]), "PNG"),
        "e_text.jpg": b"no image",
        "f_cut.jpg": encoded(rgb, "JPEG")[:500],
        "g_cut.png": encoded(rgb, "PNG")[:-200],
        "h_empty.png": b"",
        "i.gif": encoded(rgb, "GIF"),
        "below/j.png": encoded(rgb, "PNG"),
        "_hidden.png": encoded(rgb, "PNG"),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


READABLE = ["a.jpg", "b%20é.png", "c_gray.png", "d_alpha.png", "i.gif"]
UNREADABLE = ["e_text.jpg", "f_cut.jpg", "g_cut.png"]


def origins(rows):
    return [row.image.origin.rsplit("/", 1)[1] for row in rows]


def test_rows_hold_what_decode_gives(folder):
    rows = ImageSchema.readImages(str(folder), dropImageFailures=True).collect()
    assert origins(rows) == READABLE
    assert rows[0].image.origin == f"file://{folder}/a.jpg"
    for row, name in zip(rows, ["a.jpg", "b é.png", "c_gray.png", "d_alpha.png", "i.gif"], strict=True):
        pixels = decode((folder / name).read_bytes())
        np.testing.assert_array_equal(ImageSchema.toNDArray(row.image), pixels)
        assert tuple(row.image)[1:5] == (*pixels.shape, {1: 0, 3: 16, 4: 24}[pixels.shape[2]])


def test_failed_images_are_rows_of_minus_one_or_dropped(folder):
    rows = readImages(folder).collect()
    assert origins(rows) == sorted(READABLE + UNREADABLE)
    failed = [row for row in rows if row.image.height == -1]
    assert origins(failed) == UNREADABLE
    assert all(tuple(row.image)[1:] == FAILED_ROW for row in failed)
    assert readImages(folder).count() == 8
    assert readImages(folder, dropImageFailures=True).count() == 5


@pytest.mark.parametrize("drop", [False, True])
def test_the_frame_says_what_failed_and_why(folder, drop):
    frame = readImages(folder, dropImageFailures=drop).withColumn("label", lit(1))
    union = frame.union(readImages(folder / "below").withColumn("label", lit(2)))
    expected = [*UNREADABLE, "h_empty.png"]
    for each in (frame, union, union.filter("label > 0").select("label")):
        found = failures(each)
        assert [origin.rsplit("/", 1)[1] for origin, _ in found] == expected
        assert [
            "no JPEG" in found[0][1],
            "truncated JPEG" in found[1][1],
            "truncated PNG" in found[2][1],
        ] == [True] * 3
        assert found[3][1] == "the file is empty"


def test_schema_is_sparks(folder, capsys):
    frame = readImages(folder)
    frame.printSchema()
    assert capsys.readouterr().out.rstrip().splitlines() == [
        "root",
        " |-- image: struct (nullable = true)",
        " |    |-- origin: string (nullable = true)",
        " |    |-- height: integer (nullable = false)",
        " |    |-- width: integer (nullable = false)",
        " |    |-- nChannels: integer (nullable = false)",
        " |    |-- mode: integer (nullable = false)",
        " |    |-- data: binary (nullable = false)",
    ]
    assert frame.schema == ImageSchema.imageSchema
    assert frame.toArrow().schema.field("image").type == IMAGE_TYPE


def test_recursive(folder):
    assert origins(readImages(folder, recursive=True, dropImageFailures=True).collect()) == [
        "a.jpg", "b%20é.png", "j.png", "c_gray.png", "d_alpha.png", "i.gif",
    ]  # fmt: skip


def test_sampling_is_deterministic_and_a_share(tmp_path):
    image = encoded(picture(4, 4), "PNG")
    for i in range(200):
        (tmp_path / f"{i:03}.png").write_bytes(image)

    def sample(ratio, seed):
        return origins(readImages(tmp_path, sampleRatio=ratio, seed=seed).collect())

    assert sample(0.5, 1) == sample(0.5, 1) != sample(0.5, 2)
    assert 60 < len(sample(0.5, 1)) < 140
    assert set(sample(0.2, 1)) < set(sample(0.5, 1))
    assert sample(0.0, 1) == [] and len(sample(1.0, 1)) == 200
    assert readImages(tmp_path, seed=-1, sampleRatio=0.5).count() > 0
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="sampleRatio"):
            readImages(tmp_path, sampleRatio=wrong)


def test_partitions_are_reported(folder):
    assert readImages(folder, numPartitions=7).rdd.getNumPartitions() == 7
    assert readImages(folder).rdd.getNumPartitions() >= 1


def test_spark_reader(folder):
    spark = SparkSession.builder.getOrCreate()
    load = spark.read.format("image").option("dropInvalid", True).load
    assert origins(load(str(folder)).collect()) == READABLE
    assert spark.read.format("image").option("dropinvalid", True).load(str(folder)).count() == len(READABLE)
    with pytest.raises(ValueError, match="no option of the format image 'dropFailed'"):
        spark.read.format("image").option("dropFailed", True).load(str(folder))
    assert origins(load([str(folder / "below"), f"{folder}/a.*"]).collect()) == ["j.png", "a.jpg"]
    everything = spark.read.format("image").option("recursiveFileLookup", "true").load(str(folder))
    assert everything.count() == 9
    images = spark.read.format("image").option("pathGlobFilter", "*.{jpg,gif}").load(str(folder))
    assert origins(images.collect()) == ["a.jpg", "e_text.jpg", "f_cut.jpg", "i.gif"]


def test_missing_folder_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file or folder: .*/nowhere"):
        readImages(tmp_path / "nowhere")


def test_empty_folder_is_an_empty_frame_with_a_warning(folder):
    (folder / "none").mkdir()
    with pytest.warns(UserWarning, match=r"no image files in .*none .recursive=True"):
        frame = readImages(folder / "none")
    assert frame.count() == 0 and frame.collect() == [] and failures(frame) == []
    with pytest.warns(UserWarning, match=r"no image files in .*none .*recursiveFileLookup"):
        frame = SparkSession.builder.getOrCreate().read.format("image").load(str(folder / "none"))
    assert frame.count() == 0 and frame.collect() == [] and frame.columns == ["image"]


def test_folder_with_no_image(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    assert readImages(tmp_path).count() == 1
    assert readImages(tmp_path, dropImageFailures=True).collect() == []
    assert failures(readImages(tmp_path, dropImageFailures=True))[0][0] == f"file://{tmp_path}/notes.txt"


def test_unreadable_files_are_failed_images(folder, monkeypatch):
    real = open

    def refuse(path, *args, **kwargs):
        if str(path).endswith("a.jpg"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(limits, "open", refuse, raising=False)
    (folder / "k_gone.png").symlink_to(folder / "nothing")
    frame = readImages(folder, dropImageFailures=True)
    assert origins(frame.collect()) == READABLE[1:]
    reasons = {origin.rsplit("/", 1)[1]: reason for origin, reason in failures(frame)}
    assert reasons["a.jpg"] == "cannot be read: Permission denied"
    assert reasons["k_gone.png"] == "cannot be read: No such file or directory"


def test_unreadable_folder_is_an_error(tmp_path, monkeypatch):
    from pydeepl.images import files

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files.os, "scandir", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        readImages(tmp_path)


def test_huge_image_is_a_failed_image(folder, monkeypatch):
    monkeypatch.setenv("PYDEEPL_MAX_PIXELS", "599")
    assert all(row.image.height == -1 for row in readImages(folder).collect())
    assert "limit of 599 pixels" in failures(readImages(folder))[0][1]


def test_file_too_long_for_an_image_is_not_read(folder, monkeypatch):
    with open(folder / "a.jpg", "r+b") as file:
        file.truncate(1 << 40)  # a sparse file
    assert readImages(folder).first().image.height == -1
    assert "1099511627776 bytes, more than" in failures(readImages(folder))[0][1]


def counted_decodes(monkeypatch):
    calls = []
    monkeypatch.setattr(source, "decode", lambda data, limit: calls.append(1) or decode(data, limit))
    return calls


def test_images_nobody_asks_for_are_not_decoded(folder, monkeypatch):
    calls = counted_decodes(monkeypatch)
    frame = readImages(folder).withColumn("label", lit(3))
    assert frame.count() == 8 and len(frame.select("label").collect()) == 8
    assert calls == []
    dropped = readImages(folder, dropImageFailures=True).withColumn("label", lit(3))
    assert dropped.count() == 5 and len(calls) == 8
    assert dropped.count() == 5 and len(dropped.select("label").collect()) == 5
    assert len(calls) == 8  # which files can be read is remembered


def test_rows_of_another_split_are_not_decoded(tmp_path, monkeypatch):
    for i in range(40):
        (tmp_path / f"{i:02}.png").write_bytes(encoded(picture(4, 4), "PNG"))
    first, second = readImages(tmp_path).randomSplit([0.5, 0.5], 5)
    calls = counted_decodes(monkeypatch)
    one = first.collect()
    assert len(calls) == len(one) < 40
    assert sorted(origins(one) + origins(second.collect())) == [f"{i:02}.png" for i in range(40)]


def test_a_file_that_vanishes_between_two_passes_is_told(folder):
    frame = readImages(folder, dropImageFailures=True)
    assert frame.count() == 5
    (folder / "a.jpg").unlink()
    with pytest.raises(ImageError, match=r"a\.jpg was readable and is no more: cannot be read"):
        frame.collect()


def test_interrupt_ends_the_reading(tmp_path, monkeypatch):
    for i in range(100):
        (tmp_path / f"{i:02}.png").write_bytes(encoded(picture(4, 4), "PNG"))
    calls = []

    def interrupt(data, limit):
        calls.append(1)
        if len(calls) == 5:
            _thread.interrupt_main()
        time.sleep(0.01)
        return decode(data, limit)

    monkeypatch.setattr(source, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        readImages(tmp_path).collect()
    assert len(calls) < 50


def test_batches_are_bounded_and_any_selection_of_rows_is_served(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "BATCH_BYTES", 3 * 4 * 5 * 6)
    files = []
    for i in range(20):
        files.append(str(tmp_path / f"{i:02}.png"))
        (tmp_path / f"{i:02}.png").write_bytes(encoded(picture(4, 5, seed=i), "PNG"))
    for threads in (1, 3):
        images = ImageSource(Listing(files), False, threads)
        batches = list(images.batches(["image", "__row__"]))
        assert [batch.num_rows for batch in batches] == [6, 6, 6, 2]
        rows = iter([np.array([1, 4]), np.array([], np.int64), np.array([19])])
        (chosen,) = images.batches(["__row__", "image"], rows)
        assert chosen.column(0).to_pylist() == [1, 4, 19]
        assert chosen.column(1).equals(
            pa.concat_arrays([b.column(0) for b in batches]).take(pa.array([1, 4, 19]))
        )
        counted = list(images.batches(["__row__"], iter([np.arange(5)])))
        assert [batch.to_pydict() for batch in counted] == [{"__row__": [0, 1, 2, 3, 4]}]


def test_ahead_keeps_order_reads_a_bounded_number_and_stops():
    started, lock = [], threading.Lock()

    def work(item):
        with lock:
            started.append(item)
        return item * item

    stream = ahead(work, range(1000), 3)
    assert [next(stream) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert max(started) <= 5 + 2 * 3
    stream.close()
    assert len(started) < 30
    assert list(ahead(work, range(50), 4)) == [i * i for i in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda item: 1 // (item - 7), range(20), 2))


def test_grouped_bounds_items_and_bytes(monkeypatch):
    monkeypatch.setattr(streams, "BATCH_BYTES", 10)
    monkeypatch.setattr(streams, "BATCH_ROWS", 4)
    assert list(grouped([3, 3, 3, 3, 50, 1, 1, 1, 1, 1], lambda size: size)) == [
        [3, 3, 3], [3], [50], [1, 1, 1, 1], [1],
    ]  # fmt: skip
