"""The image struct, Spark's row of an image, as an Arrow type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

IMAGE_TYPE = pa.struct(
    [
        pa.field("origin", pa.string()),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("nChannels", pa.int32(), nullable=False),
        pa.field("mode", pa.int32(), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
    ]
)
"""struct<origin: string, height, width, nChannels, mode: int32, data: binary>. data holds the pixels row by
row, their channels in the order B, G, R (A); mode is OpenCV's type number. A failed image is -1 in all
numbers, with no data."""

IMAGE_FIELDS = [field.name for field in IMAGE_TYPE]

MODE_OF_CHANNELS = {1: 0, 3: 16, 4: 24}  # OpenCV's CV_8UC1, CV_8UC3, CV_8UC4
FAILED = -1


def image_array(
    origins: Sequence[str | None], images: Sequence[npt.NDArray[np.uint8] | None]
) -> pa.StructArray:
    """An Arrow array of image structs.

    Parameters
    ----------
    origins: where each image came from, a URI.
    images: uint8 [height, width, 1 | 3 | 4], gray or BGR(A); None for a failed image.

    Raises ValueError where one array's pixels exceed 2 GiB.
    """
    shapes = [(FAILED, FAILED, FAILED) if image is None else image.shape for image in images]
    sizes = [0 if image is None else image.nbytes for image in images]
    ends = np.cumsum([0, *sizes])
    if ends[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"{ends[-1]} bytes of pixels exceed what one Arrow array of binary holds (2 GiB)")
    data = b"".join(np.ascontiguousarray(image).data for image in images if image is not None)
    modes = [MODE_OF_CHANNELS.get(channels, FAILED) for _, _, channels in shapes]
    numbers = [[shape[axis] for shape in shapes] for axis in range(3)]
    columns = [
        pa.array(origins, pa.string()),
        *(pa.array(np.asarray(values, np.int32)) for values in (*numbers, modes)),
        pa.Array.from_buffers(
            pa.binary(), len(images), [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(data)]
        ),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(IMAGE_TYPE))
