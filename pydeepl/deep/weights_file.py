"""A file on the disk as it was at some time."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights as it lay on the disk at some time: equal as long as nobody changes it."""

    path: str
    size: int
    changed: int
    others: tuple["WeightsFile", ...] = ()
    """Files beside it that belong to it: an ONNX model's arrays."""

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> "WeightsFile":
        """The file as it is now. Raises OSError."""
        status = os.stat(path)
        return cls(os.path.realpath(path), status.st_size, status.st_mtime_ns)

    def now(self) -> "WeightsFile":
        """The same files as they are now. Raises OSError."""
        file = self.at(self.path)
        return WeightsFile(file.path, file.size, file.changed, tuple(other.now() for other in self.others))
