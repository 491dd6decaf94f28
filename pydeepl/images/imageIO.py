"""Image rows and arrays: the functions of sparkdl.image.imageIO.

An image row is a Row (or dict) of the fields origin, height, width, nChannels, mode, data; pixels are B, G, R
(A).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydeepl.images.files import PathLike
from pydeepl.images.opencv import SUPPORTED, OcvType, type_by_name, type_by_ordinal
from pydeepl.images.resize import resizeImage
from pydeepl.images.schema import IMAGE_FIELDS

if TYPE_CHECKING:
    from PIL.Image import Image

    from pydeepl.frame import Column, DataFrame, Row

__all__ = [
    "PIL_decode",
    "PIL_decode_and_resize",
    "PIL_to_imageStruct",
    "createResizeImageUDF",
    "filesToDF",
    "fixColorChannelOrdering",
    "imageArrayToStruct",
    "imageStructToArray",
    "imageStructToPIL",
    "imageTypeByName",
    "imageTypeByOrdinal",
    "readImagesWithCustomFn",
    "resizeImage",
    "supportedOcvTypes",
]

supportedOcvTypes: tuple[OcvType, ...] = SUPPORTED
Array = npt.NDArray[Any]


def imageTypeByOrdinal(ord: int) -> OcvType:
    """The image type (name, ord, nChannels, dtype) of an OpenCV type number. Raises KeyError for others."""
    return type_by_ordinal(ord)


def imageTypeByName(name: str) -> OcvType:
    """The image type (name, ord, nChannels, dtype) of a name as "CV_8UC3". Raises KeyError for others."""
    return type_by_name(name)


def imageArrayToStruct(imgArray: Array, origin: str = "") -> Row:
    """An image row of an array.

    Parameters: imgArray, uint8 or float32 [height, width] or [height, width, 1 | 3 | 4], gray or B, G, R (A);
    or [1, height, width, channels]; origin, where it came from. Raises ValueError for another shape or dtype.
    """
    from pydeepl.frame.row import named_row

    array = np.asarray(imgArray)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., np.newaxis]
    known = [each for each in SUPPORTED if array.ndim == 3 and each.nChannels == array.shape[2]]
    kind = next((each for each in known if each.dtype == array.dtype.name), None)
    if kind is None:
        raise ValueError(
            f"an image array is {array.dtype} {list(np.shape(imgArray))}, "
            "expected uint8 or float32 [height, width, 1 | 3 | 4]"
        )
    height, width, channels = array.shape
    return named_row(IMAGE_FIELDS, (origin, height, width, channels, kind.ord, array.tobytes()))


def imageStructToArray(imageRow: Any) -> Array:
    """An image row's pixels, [height, width, nChannels] in the dtype of its mode.

    Raises ValueError for a failed image, and where the data does not have the size the row says.
    """
    try:
        origin, height, width, channels, mode, data = (imageRow[field] for field in IMAGE_FIELDS)
    except (TypeError, KeyError, ValueError) as error:
        fields = ", ".join(IMAGE_FIELDS)
        raise TypeError(f"expected an image struct ({fields}), got {imageRow!r:.60}") from error
    if mode < 0:
        raise ValueError(f"the image {origin!r} could not be read when it was loaded: it has no pixels")
    dtype = np.dtype(type_by_ordinal(mode).dtype)
    if len(data) != height * width * channels * dtype.itemsize:
        raise ValueError(
            f"the image {origin!r} has {len(data)} bytes, expected {dtype} [{height}, {width}, {channels}]"
        )
    return np.frombuffer(data, dtype).reshape(height, width, channels)


def imageStructToPIL(imageRow: Any) -> Image:
    """An image row as Pillow's image, mode L, RGB or RGBA. Raises ValueError for one that is not uint8."""
    from PIL import Image

    array = imageStructToArray(imageRow)
    if array.dtype != np.uint8:
        raise ValueError(f"the image is {array.dtype}, expected uint8")
    height, width, channels = array.shape
    mode, layout = {1: ("L", "L"), 3: ("RGB", "BGR"), 4: ("RGBA", "BGRA")}[channels]
    return Image.frombytes(mode, (width, height), array.tobytes(), "raw", layout)


def PIL_to_imageStruct(img: Image) -> Array:
    """A Pillow image's pixels as an array (no struct, whatever sparkdl's name says).

    Parameters: img, of any mode. Returns: uint8 [height, width, 3], B, G, R.
    """
    return np.ascontiguousarray(np.asarray(img.convert("RGB"))[..., ::-1])


def PIL_decode(raw_bytes: bytes) -> Array:
    """Decodes an image file's bytes with Pillow: uint8 [height, width, 3], B, G, R."""
    return PIL_to_imageStruct(_pil_open(raw_bytes))


def PIL_decode_and_resize(size: tuple[int, int]) -> Callable[[bytes], Array]:
    """A function that decodes an image file's bytes with Pillow and resizes with Pillow's default filter.

    Parameters: size, (width, height) in pixels. Returns: bytes -> uint8 [height, width, 3], B, G, R.
    """

    def decode(raw_bytes: bytes) -> Array:
        return PIL_to_imageStruct(_pil_open(raw_bytes).resize(size))

    return decode


def _pil_open(raw_bytes: bytes) -> Image:
    from PIL import Image

    return Image.open(io.BytesIO(raw_bytes))


def fixColorChannelOrdering(currentOrder: str, imgAry: Array) -> Array:
    """An array's channels in the order B, G, R.

    Parameters: currentOrder, "RGB", "BGR" or "L" (gray); imgAry, [..., channels].
    Raises ValueError for another order, or "L" with more than one channel.
    """
    if currentOrder == "RGB":
        return imgAry[..., ::-1]
    if currentOrder == "BGR":
        return imgAry
    if currentOrder == "L":
        if imgAry.shape[-1] != 1:
            raise ValueError(f"channel order 'L' is of 1 channel, the array has {imgAry.shape[-1]}")
        return imgAry
    raise ValueError(f"channel order is {currentOrder!r}, expected 'RGB', 'BGR' or 'L'")


def createResizeImageUDF(size: Sequence[int]) -> Callable[..., Column]:
    """A function of an image column that gives resized images, by area averaging (resizeImage).

    Parameters: size, (height, width) in pixels. Raises ValueError for anything else.

    >>> resize = createResizeImageUDF((224, 224))
    >>> frame.withColumn("image", resize("image"))                          # doctest: +SKIP
    """
    from pydeepl.frame import udf
    from pydeepl.images.image_schema import ImageSchema

    made: Callable[..., Column] = udf(image_resizer(size), ImageSchema.columnSchema)
    return made


def image_resizer(size: Sequence[int]) -> Callable[[Any], Row | None]:
    """The function of an image row that createResizeImageUDF makes one of columns of."""
    if (
        not isinstance(size, Sequence)
        or len(size) != 2
        or not all(isinstance(side, int) and side > 0 for side in size)
    ):
        raise ValueError(f"size is {size!r}, expected (height, width) in pixels")
    height, width = size

    def resize(imageRow: Any) -> Row | None:
        if imageRow is None:
            return None
        array = imageStructToArray(imageRow)
        if array.shape == (height, width, array.shape[2]):
            return imageArrayToStruct(array, imageRow["origin"])
        return imageArrayToStruct(resizeImage(array, height, width), imageRow["origin"])

    return resize


def filesToDF(sc: Any, path: PathLike | Iterable[PathLike], numPartitions: int | None = None) -> DataFrame:
    """A frame of files: columns filePath (a URI) and fileData (the bytes).

    Parameters: sc, ignored (sparkdl's SparkContext); path, a folder, file or glob pattern, or several;
    numPartitions, the number of partitions the frame reports. Raises FileNotFoundError for a path that is not
    there.
    """
    from pydeepl.images.custom import file_frame

    return file_frame(path, numPartitions)


def readImagesWithCustomFn(
    path: PathLike | Iterable[PathLike],
    decode_f: Callable[[bytes], Array | None],
    numPartition: int | None = None,
) -> DataFrame:
    """A frame of images decoded by a function of one's own.

    Parameters
    ----------
    path: a folder, file or glob pattern, or several.
    decode_f: a file's bytes -> array as imageArrayToStruct takes it; None, or any exception, gives a null
        image.
    numPartition: the number of partitions the frame reports.

    Returns: a frame with one column `image`. Raises FileNotFoundError for a path that is not there.
    """
    from pydeepl.images.custom import decoded_frame

    return decoded_frame(path, decode_f, numPartition)
