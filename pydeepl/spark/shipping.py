"""How stages and their weights come from the driver to the workers."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark import cloudpickle

from pydeepl.deep.model_files import keep_files_in, one_file
from pydeepl.ml.persistence import load_stage
from pydeepl.ml.pipeline import PipelineModel
from pydeepl.weights.class_index import class_index
from pydeepl.weights.hashes import md5_of


@dataclass(frozen=True)
class ShippedFile:
    """A file of weights as the driver has it."""

    path: str
    size: int
    md5: str

    @property
    def name(self) -> str:
        """Its name among the files that Spark distributes: other weights have other names."""
        return f"pydeepl-{self.md5[:12]}-{Path(self.path).name}"

    def locate(self) -> str:
        """The file on this node: where the driver has it, or where Spark has brought it.

        Raises RuntimeError naming the node where it is at neither place.
        """
        from pyspark import SparkFiles

        shipped = Path(SparkFiles.getRootDirectory()) / self.name if SparkFiles._root_directory else None
        for path in [Path(self.path), *([shipped] if shipped is not None else [])]:
            if path.is_file() and path.stat().st_size == self.size and md5_of(path) == self.md5:
                return str(path)
        raise RuntimeError(
            f"node {socket.gethostname()} has no weights: looked for {self.path} and for {shipped}, "
            f"{self.size} bytes, MD5 {self.md5}; Spark brings them by addFile, but not over Spark Connect: "
            "there the file has to lie on each node at the driver's path"
        )


def keep_files_with_sparks() -> None:
    """Has a worker keep models' files where Spark removes them: its processes end without notice."""
    from pyspark import SparkFiles

    if SparkFiles._root_directory is not None:  # a worker
        keep_files_in(Path(SparkFiles._root_directory) / "pydeepl-models")


def stages_with(stage: Any, attribute: str) -> Iterator[Any]:
    """The stage, and those inside a pipeline, that have an attribute."""
    if isinstance(stage, PipelineModel):
        for each in stage.stages:
            yield from stages_with(each, attribute)
    elif hasattr(stage, attribute):
        yield stage


def packed_rest(stage: Any) -> bytes:
    """What a stage needs and save() leaves out: imageLoaders, as Spark sends its users' functions, and the
    names of ImageNet's classes, which the driver alone may have. Raises WeightsUnavailable.
    """
    functions = [each.getOrDefault("imageLoader") for each in stages_with(stage, "imageLoader")]
    decoding = any(each.getOrDefault("decodePredictions") for each in stages_with(stage, "decodePredictions"))
    data: bytes = cloudpickle.dumps((functions, class_index() if decoding else None))
    return data


def set_rest(stage: Any, data: bytes) -> None:
    """Gives a stage that was unpacked what packed_rest() packed."""
    functions, names = cloudpickle.loads(data)
    for each, function in zip(stages_with(stage, "imageLoader"), functions, strict=True):
        each._set(imageLoader=function)
    for each in stages_with(stage, "decodePredictions"):
        each.classNames = names


def ship_weights(session: Any, stage: Any) -> list[ShippedFile]:
    """Has Spark bring the weights of a stage to every node, once; each stage's own path says which it wants.

    Weights that the driver does not have are downloaded there. Raises WeightsUnavailable.
    """
    files = []
    for each in stages_with(stage, "weightsFile"):
        path = one_file(each.weightsFile())
        each._set(weights=path)
        file = ShippedFile(path, os.stat(path).st_size, md5_of(Path(path)))
        _add_file(session, file)
        files.append(file)
    return files


# Searches fit in several threads at once.
_adding = threading.Lock()


def _add_file(session: Any, file: ShippedFile) -> None:
    """addFile names a file by its path's end: a link gives it the name that tells weights apart.

    As a URI: of a plain path Spark follows the link, and takes the name of what it leads to.
    """
    try:
        context = session.sparkContext
    except Exception:  # Spark Connect has none: the nodes need the file where the driver has it
        return
    if context.master.startswith("local"):
        return  # the workers see the driver's disk
    folder = Path(context._temp_dir) / "pydeepl"
    link = folder / file.name
    with _adding:
        folder.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(Path(file.path).resolve())
            try:
                context.addFile(link.as_uri())
            except BaseException:  # the link says that Spark has the file
                link.unlink()
                raise


def packed(stage: Any) -> bytes:
    """A stage as an archive of the folder that its save() writes; times are left out of it.

    Raises TypeError for a stage that cannot be saved, and what save() raises.
    """
    if not hasattr(stage, "save"):
        kind = type(stage).__name__
        raise TypeError(f"{stage.uid} cannot be sent to Spark's workers: {kind} has no save()")
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="pydeepl-") as folder:
        stage.save(f"{folder}/stage")
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in sorted(Path(folder).rglob("*")):
                archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_without_times)
    return buffer.getvalue()


def _without_times(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = 0
    return entry


def unpacked(data: bytes) -> Any:
    """The stage of an archive that packed() made."""
    with tempfile.TemporaryDirectory(prefix="pydeepl-") as folder:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, filter="data")
        return load_stage(f"{folder}/stage")
