"""Broadcast values and added files, as scripts for a cluster use them, in one process."""

import os

import pytest

from pydeepl import SparkSession
from pydeepl.frame import udf
from pydeepl.frame.sharing import SparkFiles


@pytest.fixture
def context(own_session):
    return own_session.sparkContext


def test_a_broadcast_value_serves_functions_of_rows(own_session, context):
    names = context.broadcast({1: "one", 2: "two"})
    frame = own_session.createDataFrame([(1,), (2,)], ["n"])
    spelled = frame.select(udf(lambda n: names.value[n], "string")("n").alias("name"))
    assert [row.name for row in spelled.collect()] == ["one", "two"]
    names.unpersist()
    assert names.value[1] == "one"
    names.destroy()
    with pytest.raises(RuntimeError, match="was destroyed"):
        _ = names.value


def test_added_files_are_found_by_their_names_until_the_session_ends(context, tmp_path):
    (tmp_path / "a b.txt").write_text("first")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner.txt").write_text("inner")
    context.addFile((tmp_path / "a b.txt").as_uri())
    context.addFile(str(tmp_path / "folder"), recursive=True)
    (tmp_path / "a b.txt").write_text("second")
    context.addFile(tmp_path / "a b.txt")  # a copy, made once
    with open(SparkFiles.get("a b.txt")) as file:
        assert file.read() == "first"
    root = SparkFiles.getRootDirectory()
    assert sorted(os.listdir(root)) == ["a b.txt", "folder"]
    assert os.listdir(SparkFiles.get("folder")) == ["inner.txt"]
    context.stop()
    assert not os.path.exists(root)
    SparkSession.builder.getOrCreate()
    assert not os.path.exists(SparkFiles.get("a b.txt"))


def test_files_that_cannot_be_added_are_named(context, tmp_path):
    (tmp_path / "folder").mkdir()
    for folder in (tmp_path, tmp_path / "folder"):
        (folder / "x.txt").write_text("")
    context.addFile(tmp_path / "x.txt")
    with pytest.raises(ValueError, match=r"/x\.txt has the name of .*/folder/x\.txt"):
        context.addFile(tmp_path / "folder" / "x.txt")
    with pytest.raises(FileNotFoundError, match=r"addFile: no such file: .*nowhere"):
        context.addFile(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError, match="recursive=True"):
        context.addFile(tmp_path / "folder")
    with pytest.raises(ValueError, match="hdfs://x/y: expected a file of this machine"):
        context.addFile("hdfs://x/y")
