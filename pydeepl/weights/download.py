"""Downloads a published file into the cache: resumed when it breaks off, checked by its MD5, placed whole."""

import os
import time
from pathlib import Path
from typing import IO, Any

from pydeepl.progress import progress_bar
from pydeepl.weights.places import cache_folder
from pydeepl.weights.registry import PublishedFile

_CONNECT_SECONDS, _READ_SECONDS = 5, 30
_ATTEMPTS = 4
_PIECE = 1 << 20


def download(file: PublishedFile, progress: bool = True) -> Path:
    """The file in the cache folder, downloaded unless it is there.

    Raises OSError (of requests too) where the host or the folder cannot be reached, ValueError where what
    came does not have the file's MD5.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would tell of every download on stderr; our bar does that
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = pooch.retrieve(
        file.url,
        f"md5:{file.md5}",
        fname=file.name,
        path=folder,
        downloader=_Resuming(folder, file, progress),
    )
    return Path(path)


class _Resuming:
    """A pooch downloader that keeps what has come in NAME.part, and asks only for the rest after a break."""

    def __init__(self, folder: Path, file: PublishedFile, progress: bool) -> None:
        self.part = folder / f"{file.name}.part"
        self.title = file.name
        self.progress = progress

    def __call__(self, url: str, output_file: str | IO[bytes], pooch: Any, check_only: bool = False) -> None:
        """Leaves the whole file in `output_file`, a path that pooch then checks and moves into its place."""
        import requests

        for attempt in range(_ATTEMPTS):
            try:
                self._continue(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                # What never began will not begin a second later: only a broken transfer is taken up again.
                if attempt == _ATTEMPTS - 1 or not self._size():
                    raise
                time.sleep(2**attempt)
        os.replace(self.part, str(output_file))

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _continue(self, url: str) -> None:
        import requests

        size = self._size()
        headers = {"Range": f"bytes={size}-"} if size else {}
        timeout = (_CONNECT_SECONDS, _READ_SECONDS)
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
            if answer.status_code == 416:  # nothing is left to send: the part is whole, or not of this file
                return
            answer.raise_for_status()
            resumed = answer.status_code == 206
            rest = int(answer.headers.get("content-length", 0))
            with open(self.part, "ab" if resumed else "wb") as out:
                self._receive(answer, out, size if resumed else 0, rest)

    def _receive(self, answer: Any, out: IO[bytes], size: int, rest: int) -> None:
        import requests

        received = 0
        total = size + rest if rest else None
        bar: Any = None
        if self.progress:
            bar = progress_bar(total, self.title, unit="B", unit_scale=True)
            bar.update(size)
        try:
            for piece in answer.iter_content(_PIECE):
                out.write(piece)
                received += len(piece)
                if bar is not None:
                    bar.update(len(piece))
        finally:
            if bar is not None:
                bar.close()
        if received < rest:
            raise requests.ConnectionError(
                f"{self.title}: the transfer ended after {size + received} of {total} bytes"
            )
