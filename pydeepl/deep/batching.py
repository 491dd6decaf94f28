"""Batches of any size in, batches of the network's size through it, batches of the first sizes out.

requests (lists of images)    |--- 5 ---|------ 9 ------|-- 4 --|      made ahead, in a thread
chunks (one network run)      |----- 8 -----|----- 8 -----|- 2 -|      files announced to the system there
answers (float32 arrays)      |--- 5 ---|------ 9 ------|-- 4 --|      rows written in place where they fit

The thread ahead waits for files, and looks features up; it does not decode. A network's layers end when their
slowest thread does: a decoder on one of its CPUs would hold up all the others at every layer. So all threads
decode, then all run the network, in turns:

caller      | load 8 | run 8 ....... | load 8 | run 8 ....... |       never more busy threads than CPUs
ahead       |~ read 8 and announce ~~|~ read 8 and announce ~~|       waits for disks

Images whose features are known already take no place in a run; they lie between the chunk's others, in order:

chunk                         |a b . . . c d e f . g h|                8 images to run, 4 known
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pydeepl.deep.ahead import read_ahead

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]

# Chunks that are made before they are needed: one in the making while one waits.
CHUNKS_AHEAD = 2
# The most images of a chunk whose features are known, for requests that go on and on.
MOST_KNOWN = 256


class Stored(Protocol):
    """The features of an image that were computed before."""

    def unpack(self, out: Features) -> None:
        """Fills out, float32 [features]."""
        ...


@dataclass(frozen=True)
class Missing:
    """An image that has to be run."""

    image: Any
    key: Any = None
    """What its features are to be kept under; None where they are not."""


class Known(Protocol):
    """Features that were computed before."""

    def look_up(self, images: Sequence[Any]) -> Iterator[Stored | Missing]:
        """What is known of each image, in order. Called in the thread that loads."""
        ...

    def keep(self, key: Any, features: Features) -> None:
        """Takes note of features, float32 [features]. Called in the thread that runs."""
        ...


class Nothing:
    """Nothing is known, and nothing is kept."""

    def look_up(self, images: Sequence[Any]) -> Iterator[Stored | Missing]:
        """Every image has to be run."""
        return map(Missing, images)

    def keep(self, key: Any, features: Features) -> None:
        """Forgets them."""


class Request:
    """Images whose features are wanted together."""

    def __init__(self, images: Sequence[Any], out: Features | None = None) -> None:
        self.images = images
        self.out = out
        """float32 [len(images), features], made when the first rows are ready unless the caller gives it."""
        self.missing = len(images)

    def rows(self, start: int, stop: int, features: int) -> Features:
        """The answer's rows from start to stop."""
        if self.out is None:
            self.out = np.empty((len(self.images), features), np.float32)
        return self.out[start:stop]

    def answer(self, features: int) -> Features:
        """The whole answer, which from now on is the caller's alone."""
        self.rows(0, 0, features)
        out, self.out = self.out, None
        assert out is not None
        return out


class _Part:
    """Neighbouring rows of a request: images to run, or features that are known."""

    def __init__(self, request: Request, start: int) -> None:
        self.request, self.start = request, start
        self.images: list[Missing] = []
        self.stored: list[Stored] = []

    def __len__(self) -> int:
        return len(self.images) or len(self.stored)


class _Chunk:
    """What goes through the network at once, and the known rows around it."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.to_run, self.known = 0, 0
        self.pixels: Pixels | None = None

    def add(self, request: Request, row: int, found: Stored | Missing) -> None:
        """The request's next row."""
        missing = isinstance(found, Missing)
        last = self.parts[-1] if self.parts else None
        if last is None or last.request is not request or bool(last.images) != missing:
            last = _Part(request, row)
            self.parts.append(last)
        if isinstance(found, Missing):
            last.images.append(found)
            self.to_run += 1
        else:
            last.stored.append(found)
            self.known += 1

    def full(self, batch: int) -> bool:
        """Whether the chunk has to be run before it takes any more."""
        return self.to_run == batch or self.known == MOST_KNOWN

    def holds_back(self, batch: int) -> bool:
        """Whether known rows, of requests that are complete, would wait in vain or in too great a number.

        A request's images stay in memory until it is answered: no more of them wait for a full batch than
        make one themselves.
        """
        return self.known >= batch or (self.known > 0 and not self.to_run)

    def announce(self, announce: Callable[[list[Any]], object] | None) -> "_Chunk":
        """Tells which images are going to be loaded."""
        if announce is not None and self.to_run:
            announce(self.images())
        return self

    def images(self) -> list[Any]:
        """The images that have to be run."""
        return [missing.image for part in self.parts for missing in part.images]


def run_requests(
    requests: Iterable[Request],
    load: Callable[[list[Any]], Pixels],
    run: Callable[[Pixels, Features], object],
    batch: int,
    features: int,
    known: Known | None = None,
    advance: Callable[[int], object] | None = None,
    announce: Callable[[list[Any]], object] | None = None,
    together: int = 1,
) -> Generator[Features, None, None]:
    """Each request's features [len(images), features], in order.

    load(images) gives uint8 [n, height, width, 3]; run(pixels, out) fills float32 [n, features], with `batch`
    images at most; advance(n) follows n finished rows. All are called here. announce(images) is called ahead
    of load, in a thread. load gets one chunk's images, and those of further chunks that are ready as long as
    they are fewer than `together`. Memory: CHUNKS_AHEAD + 1 chunks (or twice as many as make `together`
    images), the requests they belong to, and one answer.
    """
    known = known or Nothing()
    most = max(1, -(-together // batch))
    chunks = _chunks(requests, batch, known, announce)
    with closing(read_ahead(chunks, max(CHUNKS_AHEAD, most), most)) as lists:
        for ready in lists:
            _load_chunks(ready, load)
            for chunk in ready:
                _finish_chunk(chunk, run, features, known)
                if advance is not None:
                    advance(chunk.to_run + chunk.known)
                for part in chunk.parts:
                    part.request.missing -= len(part)
                    if part.request.missing == 0:
                        yield part.request.answer(features)
            del ready, chunk


def _chunks(
    requests: Iterable[Request],
    batch: int,
    known: Known,
    announce: Callable[[list[Any]], object] | None,
) -> Iterator[_Chunk]:
    """Cuts the requests' images into chunks of `batch` to run, the last one smaller."""
    chunk = _Chunk()
    for request in requests:
        if not len(request.images):
            chunk.parts.append(_Part(request, 0))  # answered in its turn
        for row, found in enumerate(known.look_up(request.images)):
            chunk.add(request, row, found)
            if chunk.full(batch):
                yield chunk.announce(announce)
                chunk = _Chunk()
        if chunk.holds_back(batch):
            yield chunk.announce(announce)
            chunk = _Chunk()
    if chunk.parts:
        yield chunk.announce(announce)


def _load_chunks(chunks: list[_Chunk], load: Callable[[list[Any]], Pixels]) -> None:
    """Loads the images that have to be run, of several chunks together."""
    images = [image for chunk in chunks for image in chunk.images()]
    if not images:
        return
    pixels, start = load(images), 0
    for chunk in chunks:
        if chunk.to_run:
            chunk.pixels = pixels[start : start + chunk.to_run]
            start += chunk.to_run


def _finish_chunk(
    chunk: _Chunk, run: Callable[[Pixels, Features], object], features: int, known: Known
) -> None:
    """Fills the rows of a chunk in its requests' answers."""
    targets = []
    for part in chunk.parts:
        rows = part.request.rows(part.start, part.start + len(part), features)
        for stored, row in zip(part.stored, rows, strict=False):
            stored.unpack(row)
        if part.images:
            targets.append(rows)
    if chunk.pixels is None:
        return
    _run(chunk.pixels, targets, run, features)
    for part, rows in zip((part for part in chunk.parts if part.images), targets, strict=True):
        for missing, row in zip(part.images, rows, strict=True):
            if missing.key is not None:
                known.keep(missing.key, row)


def _run(
    pixels: Pixels, targets: list[Features], run: Callable[[Pixels, Features], object], features: int
) -> None:
    """Runs the network once, into the rows of several arrays."""
    direct = len(targets) == 1 and targets[0].flags.c_contiguous
    out = targets[0] if direct else np.empty((len(pixels), features), np.float32)
    run(pixels, out)
    if not direct:
        start = 0
        for target in targets:
            target[:] = out[start : start + len(target)]
            start += len(target)
