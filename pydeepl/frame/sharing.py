"""What Spark sends to its workers, and what is in one process here: broadcast values and files."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import unquote, urlparse

__all__ = ["Broadcast", "SparkFiles"]

T = TypeVar("T")


class Broadcast(Generic[T]):
    """A value for functions of rows, which SparkContext.broadcast makes: the very object that it was given.

    Source: pyspark.Broadcast.
    """

    def __init__(self, value: T) -> None:
        self._values = [value]

    @property
    def value(self) -> T:
        """The value. Raises RuntimeError after destroy()."""
        if not self._values:
            raise RuntimeError("this broadcast value was destroyed: destroy() comes after its last use")
        return self._values[0]

    def unpersist(self, blocking: bool = False) -> None:
        """Accepted: there are no copies."""

    def destroy(self, blocking: bool = False) -> None:
        """Lets go of the value."""
        self._values.clear()


class SparkFiles:
    """The files that SparkContext.addFile has copied, until the session ends. Source: pyspark.SparkFiles."""

    _lock: ClassVar[Any] = threading.Lock()
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None
    _sources: ClassVar[dict[str, str]] = {}  # by name: the absolute path that was given

    @classmethod
    def get(cls, filename: str) -> str:
        """The path of a file that was added, by its name."""
        return os.path.join(cls.getRootDirectory(), filename)

    @classmethod
    def getRootDirectory(cls) -> str:
        """The folder of all files that were added."""
        with cls._lock:
            if cls._folder is None:
                cls._folder = tempfile.TemporaryDirectory(prefix="pydeepl-files-")
            return cls._folder.name

    @classmethod
    def _add(cls, path: str | os.PathLike[str], recursive: bool) -> None:
        source = Path(os.path.abspath(_local(path)))
        if not source.exists():
            raise FileNotFoundError(f"addFile: no such file: {path}")
        if source.is_dir() and not recursive:
            raise IsADirectoryError(f"addFile: {path} is a folder: give recursive=True")
        target = cls.get(source.name)
        with cls._lock:
            known = cls._sources.setdefault(source.name, str(source))
            if known != str(source):
                raise ValueError(
                    f"addFile: {known} has the name of {path}: files are told apart by their names"
                )
            if os.path.exists(target):
                return  # added before: as in Spark it stays what it was
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)

    @classmethod
    def _clear(cls) -> None:
        with cls._lock:
            if cls._folder is not None:
                cls._folder.cleanup()
            cls._folder = None
            cls._sources.clear()


def _local(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if text.startswith("file:"):
        return unquote(urlparse(text).path)
    if "://" in text:
        raise ValueError(f"addFile: {text}: expected a file of this machine: a path or a file: URI")
    return text
