"""ImageSchema: reading folders of images, and image rows as arrays. PySpark's pyspark.ml.image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydeepl.images.files import PathLike
from pydeepl.images.reader import sampled_frame
from pydeepl.images.schema import FAILED, IMAGE_FIELDS, IMAGE_TYPE, MODE_OF_CHANNELS

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame, Row
    from pydeepl.frame.types import StructType


class _ImageSchema:
    """The schema of images and functions on them; ImageSchema is the instance. Source: pyspark.ml.image."""

    @property
    def imageSchema(self) -> StructType:
        """The schema of a frame of images: a single column `image`, nullable."""
        from pydeepl.frame.types import StructField, StructType

        return StructType([StructField("image", self.columnSchema, True)])

    @property
    def columnSchema(self) -> StructType:
        """The schema of the image column: struct<origin, height, width, nChannels, mode, data>."""
        from pydeepl.frame.types import StructType, from_arrow

        schema = from_arrow(IMAGE_TYPE)
        assert isinstance(schema, StructType)
        return schema

    @property
    def ocvTypes(self) -> dict[str, int]:
        """OpenCV's type numbers that an image's `mode` can have, by name."""
        return {
            self.undefinedImageType: FAILED,
            **{f"CV_8UC{n}": mode for n, mode in MODE_OF_CHANNELS.items()},
        }

    @property
    def imageFields(self) -> list[str]:
        """The names of the image struct's fields."""
        return list(IMAGE_FIELDS)

    @property
    def undefinedImageType(self) -> str:
        """The name of the type of a failed image."""
        return "Undefined"

    def toNDArray(self, image: Row) -> npt.NDArray[np.uint8]:
        """An image row's pixels.

        Parameters: image, a row with the fields of imageFields (Row, or a dict).
        Returns: uint8 [height, width, nChannels], gray or B, G, R (A); it shares the row's memory and is
        read-only.
        Raises TypeError for anything else, ValueError where the data does not have the size the row says.
        """
        values = _image_values(image)
        shape = (values["height"], values["width"], values["nChannels"])
        if min(shape) < 0:
            raise ValueError(
                f"the image {values['origin']!r} could not be read when it was loaded: it has no pixels"
            )
        if len(values["data"]) != np.prod(shape):
            raise ValueError(f"the image has {len(values['data'])} bytes, expected {list(shape)}")
        return np.frombuffer(values["data"], np.uint8).reshape(shape)

    def toImage(self, array: npt.NDArray[np.uint8], origin: str = "") -> Row:
        """An image row of pixels.

        Parameters: array, uint8 [height, width, 1 | 3 | 4], gray or B, G, R (A); origin, where it came from.
        Raises TypeError for another type, ValueError for another shape or dtype.
        """
        from pydeepl.frame.row import named_row

        if not isinstance(array, np.ndarray):
            raise TypeError(f"array is {type(array).__name__}, expected numpy.ndarray")
        if array.ndim != 3 or array.shape[2] not in MODE_OF_CHANNELS:
            raise ValueError(f"array has shape {list(array.shape)}, expected [height, width, 1 | 3 | 4]")
        if array.dtype != np.uint8:
            raise ValueError(f"array is {array.dtype}, expected uint8")
        height, width, channels = array.shape
        return named_row(
            IMAGE_FIELDS, (origin, height, width, channels, MODE_OF_CHANNELS[channels], array.tobytes())
        )

    def readImages(
        self,
        path: PathLike | Iterable[PathLike],
        recursive: bool = False,
        numPartitions: int = -1,
        dropImageFailures: bool = False,
        sampleRatio: float = 1.0,
        seed: int = 0,
    ) -> DataFrame:
        """A frame of the images in a folder, which is read when its rows are asked for.

        Parameters
        ----------
        path: a folder, a file, a glob pattern or a file: URI, or several of them.
        recursive: read the folders inside it, too.
        numPartitions: partitions the frame reports; -1 for as many as threads. It changes nothing else.
        dropImageFailures: leave out files that are no readable image. Otherwise they are rows of -1.
        sampleRatio: share of the files to read, in [0, 1]; each file is in or out by chance.
        seed: of that chance.

        Returns: a frame with one column `image` (columnSchema), files in the order of their names. `failures`
        of pydeepl.images tells which failed and why. Names that begin with _ or . and empty files are left
        out.
        Raises FileNotFoundError for a path that is not there, ValueError for a ratio outside [0, 1].
        Source: pyspark.ml.image.ImageSchema.readImages of Spark 2.4.
        """
        return sampled_frame(path, recursive, numPartitions, dropImageFailures, sampleRatio, seed)


def _image_values(image: Any) -> dict[str, Any]:
    values = image.asDict() if hasattr(image, "asDict") else image
    if not isinstance(values, dict) or not set(IMAGE_FIELDS) <= set(values):
        raise TypeError(
            f"expected an image row with the fields {', '.join(IMAGE_FIELDS)}, got {type(image).__name__}"
        )
    return values


ImageSchema = _ImageSchema()
