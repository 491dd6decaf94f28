"""Which files a path stands for, and the URIs that name them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote, urlsplit

PathLike = str | os.PathLike[str]


@dataclass
class Listing:
    """Files to read, in order, and those left out because they are empty."""

    files: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def matching(self, pattern: str) -> Listing:
        """The files whose names match a glob pattern."""
        choices = list(_alternatives(pattern))
        kept = [
            [file for file in files if any(fnmatchcase(os.path.basename(file), choice) for choice in choices)]
            for files in (self.files, self.empty)
        ]
        return Listing(*kept)


def list_files(paths: PathLike | Iterable[PathLike], recursive: bool = False) -> Listing:
    """The files under paths, as Spark's file sources choose them.

    Parameters
    ----------
    paths: a file, a folder, a glob pattern (*, ?, [..], {a,b}) or a file: URI, or several of them.
    recursive: whether folders inside folders are read, too.

    Names that begin with _ or . and files of zero bytes are left out. Files of one folder come in the order
    of their names, paths in the order given. Raises FileNotFoundError for a path that is not there and a
    pattern that matches nothing, PermissionError for a folder that cannot be listed, ValueError for a URI of
    another scheme and an empty path, TypeError for what is no path.
    """
    listing = Listing()
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(several, Iterable) or isinstance(several, bytes):
        raise TypeError(f"expected a path or several, got {type(paths).__name__}")
    for path in several:
        for found in _expand(local_path(path)):
            for file in _files_under(found, recursive) if os.path.isdir(found) else [found]:
                (listing.empty if _is_empty(file) else listing.files).append(file)
    return listing


def local_path(path: PathLike) -> str:
    """The absolute path of a path or file: URI."""
    text = os.fspath(path)
    if not text:  # it would stand for the current folder, which nobody means by it
        raise ValueError("the path is empty, expected a file, a folder or a file: URI")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        parts = urlsplit(text)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ValueError(f"{text!r}: only local files are read, expected a path or a file: URI")
        text = unquote(text.split(":", 1)[1].removeprefix("//" + parts.netloc))
    return os.path.abspath(text)


def file_uri(path: str) -> str:
    """A file's URI as Java writes it: what it cannot hold is percent-encoded, letters beyond ASCII stay."""
    return "file://" + "".join(_quoted(character) for character in os.path.abspath(path))


def _quoted(character: str) -> str:
    if character.isascii() or character.isspace() or not character.isprintable():
        return quote(character, safe="/_-!.~'()*:@&=+$,;", errors="surrogateescape")
    return character


def _expand(path: str) -> list[str]:
    """The paths a pattern matches, in the order of their names; a path that exists stands for itself."""
    if os.path.lexists(path):
        return [path]
    if not re.search(r"[*?\[{]", path):
        raise FileNotFoundError(f"no such file or folder: {path}")
    found = sorted({match for pattern in _alternatives(path) for match in glob.glob(pattern)})
    found = [match for match in found if not _is_hidden(os.path.basename(match))]
    if not found:
        raise FileNotFoundError(f"no file or folder matches {path}")
    return found


def _alternatives(pattern: str) -> Iterator[str]:
    """a{b,c}d -> abd, acd."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces is None:
        yield pattern
        return
    for choice in braces[1].split(","):
        yield from _alternatives(pattern[: braces.start()] + choice + pattern[braces.end() :])


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _is_empty(file: str) -> bool:
    try:
        return os.stat(file).st_size == 0
    except OSError:  # it becomes a failed image, with the reason, when it is read
        return False


def _files_under(folder: str, recursive: bool, parents: tuple[str, ...] = ()) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in parents:  # a link back up
        return
    with os.scandir(folder) as entries:
        visible = sorted(
            (entry for entry in entries if not _is_hidden(entry.name)), key=lambda entry: entry.name
        )
    for entry in visible:
        if not entry.is_dir():
            yield entry.path
        elif recursive:
            yield from _files_under(entry.path, True, (*parents, real))
