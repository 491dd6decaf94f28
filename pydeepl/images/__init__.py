"""Images: folders of files as frames, rows as arrays, decoding and resizing as Spark and Java do them."""

from pydeepl.images import imageIO
from pydeepl.images.batch import load_batch
from pydeepl.images.decode import decode
from pydeepl.images.errors import ImageError
from pydeepl.images.image_schema import ImageSchema
from pydeepl.images.imageIO import resizeImage
from pydeepl.images.limits import DEFAULT_MAX_PIXELS
from pydeepl.images.reader import failures, read_image_frame
from pydeepl.images.schema import IMAGE_TYPE, image_array

readImages = ImageSchema.readImages

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "IMAGE_TYPE",
    "ImageError",
    "ImageSchema",
    "decode",
    "failures",
    "imageIO",
    "image_array",
    "load_batch",
    "readImages",
    "read_image_frame",
    "resizeImage",
]
