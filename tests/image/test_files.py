"""Which files a path stands for, and their URIs."""

import os

import pytest

from pydeepl.images.files import file_uri, list_files, local_path


@pytest.fixture
def tree(tmp_path):
    names = [
        "b.png",
        "a.jpg",
        "_hidden.png",
        ".dot.png",
        "c d é.png",
        "sub/x.png",
        "sub/deep/y.png",
        "_skip/z.png",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "empty.png").write_bytes(b"")
    return tmp_path


def names(listing, root):
    return [os.path.relpath(file, root) for file in listing.files]


def test_a_folder_gives_its_visible_files_by_name(tree):
    listing = list_files(tree)
    assert names(listing, tree) == ["a.jpg", "b.png", "c d é.png"]
    assert listing.empty == [str(tree / "empty.png")]


def test_recursive_goes_down_but_not_into_hidden_folders(tree):
    (tree / "sub" / "loop").symlink_to(tree)
    found = names(list_files(str(tree), recursive=True), tree)
    assert found == ["a.jpg", "b.png", "c d é.png", "sub/deep/y.png", "sub/x.png"]


def test_patterns_lists_and_uris(tree):
    assert names(list_files(f"{tree}/*.png"), tree) == ["b.png", "c d é.png"]
    assert names(list_files(f"{tree}/{{b,c*}}.png"), tree) == ["b.png", "c d é.png"]
    assert names(list_files(f"{tree}/s*"), tree) == ["sub/x.png"]
    assert names(list_files([tree / "b.png", f"{tree}/a.jpg"]), tree) == ["b.png", "a.jpg"]
    assert names(list_files(tree.as_uri()), tree) == names(list_files(tree), tree)
    assert names(list_files((tree / "c d é.png").as_uri()), tree) == ["c d é.png"]
    assert names(list_files(tree).matching("*.{png,gif}"), tree) == ["b.png", "c d é.png"]


def test_a_name_that_looks_like_a_pattern_stands_for_itself(tree):
    (tree / "[1]*.png").write_bytes(b"x")
    assert names(list_files(tree / "[1]*.png"), tree) == ["[1]*.png"]


@pytest.mark.parametrize("missing", ["nowhere", "*.tiff", "sub/none.png"])
def test_what_is_not_there_is_an_error(tree, missing):
    with pytest.raises(FileNotFoundError, match=r"no (such )?file or folder"):
        list_files(tree / missing)


def test_other_schemes_are_refused():
    for uri in ("hdfs://host/images", "s3://bucket/images", "file://host/images"):
        with pytest.raises(ValueError, match="only local files"):
            list_files(uri)


def test_what_is_no_path_is_refused(monkeypatch, tree):
    monkeypatch.chdir(tree)
    with pytest.raises(ValueError, match="the path is empty"):
        list_files("")
    for wrong in (3, None, b"folder"):
        with pytest.raises(TypeError, match=f"expected a path or several, got {type(wrong).__name__}"):
            list_files(wrong)


def test_a_dangling_link_is_listed_so_that_it_becomes_a_failure(tree):
    (tree / "gone.png").symlink_to(tree / "nothing")
    assert "gone.png" in names(list_files(tree), tree)


def test_pipes_are_not_opened(tree):
    os.mkfifo(tree / "pipe.png")
    assert "pipe.png" not in names(list_files(tree), tree)


def test_uris_are_javas():
    """java.net.URI's quoting, seen with new URI("file", "", path, null, null) on OpenJDK 17."""
    path = "/d/ a b+c%dé中\u00a0#?[x]{y}|^`\"<>~!*'();:@&=+$,.png\u0001\u2028"
    quoted = "file:///d/%20a%20b+c%25dé中%C2%A0%23%3F%5Bx%5D%7By%7D%7C%5E%60%22%3C%3E~!*'();:@&=+$,.png%01%E2%80%A8"
    assert file_uri(path) == quoted
    assert local_path(quoted) == path
    assert local_path("file:/d/a%20b") == "/d/a b"
    assert local_path("/d/a%20b") == "/d/a%20b"
