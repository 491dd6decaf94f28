"""Image rows and arrays: ImageSchema's functions and imageIO's."""

import io

import numpy as np
import pytest
from image.synthetic import encoded, picture
from PIL import Image

from pydeepl import ImageSchema, Row, imageIO, readImages

SHAPES = [(5, 7, 1), (5, 7, 3), (5, 7, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_to_image_and_back(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    row = ImageSchema.toImage(array, origin="here")
    assert (
        row.__fields__
        == ImageSchema.imageFields
        == ["origin", "height", "width", "nChannels", "mode", "data"]
    )
    assert tuple(row) == ("here", *shape, {1: 0, 3: 16, 4: 24}[shape[2]], array.tobytes())
    for image in (row, row.asDict()):
        np.testing.assert_array_equal(ImageSchema.toNDArray(image), array)


def test_wrong_images_and_arrays_are_refused():
    good = ImageSchema.toImage(np.zeros((2, 3, 3), np.uint8))
    for wrong in (3, "image", Row(a=1), {"origin": "x"}):
        with pytest.raises(TypeError, match="fields origin"):
            ImageSchema.toNDArray(wrong)
    with pytest.raises(ValueError, match=r"18 bytes, expected \[2, 3, 4\]"):
        ImageSchema.toNDArray({**good.asDict(), "nChannels": 4})
    failed = dict(zip(ImageSchema.imageFields, ("x", -1, -1, -1, -1, b""), strict=True))
    for read in (ImageSchema.toNDArray, imageIO.imageStructToArray):
        with pytest.raises(ValueError, match="'x' could not be read"):
            read(failed)
    with pytest.raises(TypeError, match=r"list, expected numpy\.ndarray"):
        ImageSchema.toImage([[1]])
    for wrong in (np.zeros((2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3))):
        with pytest.raises(ValueError, match="expected"):
            ImageSchema.toImage(wrong)


def test_names_of_types():
    assert ImageSchema.undefinedImageType == "Undefined"
    assert ImageSchema.ocvTypes == {"Undefined": -1, "CV_8UC1": 0, "CV_8UC3": 16, "CV_8UC4": 24}
    numbers = {"CV_8UC1": 0, "CV_32FC1": 5, "CV_8UC3": 16, "CV_32FC3": 21, "CV_8UC4": 24, "CV_32FC4": 29}
    assert {kind.name: kind.ord for kind in imageIO.supportedOcvTypes} == numbers
    for name, number in numbers.items():
        assert imageIO.imageTypeByName(name) == imageIO.imageTypeByOrdinal(number)
    assert imageIO.imageTypeByOrdinal(21).dtype == "float32" and imageIO.imageTypeByOrdinal(21).nChannels == 3
    with pytest.raises(KeyError, match="CV_8UC3 = 16"):
        imageIO.imageTypeByOrdinal(99)
    with pytest.raises(KeyError, match="CV_64FC1"):
        imageIO.imageTypeByName("CV_64FC1")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
def test_array_to_struct_and_back(dtype, shape):
    array = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    row = imageIO.imageArrayToStruct(array, "there")
    assert row.origin == "there" and row.mode == imageIO.imageTypeByOrdinal(row.mode).ord
    back = imageIO.imageStructToArray(row)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(imageIO.imageStructToArray(imageIO.imageArrayToStruct(array[None])), array)


def test_gray_array_needs_no_channel_axis():
    assert imageIO.imageArrayToStruct(np.zeros((2, 3), np.uint8)).nChannels == 1


def test_wrong_structs_are_refused():
    for wrong in (np.zeros((2, 2, 3)), np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 2, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected uint8 or float32"):
            imageIO.imageArrayToStruct(wrong)
    row = imageIO.imageArrayToStruct(np.zeros((2, 2, 3), np.uint8)).asDict()
    with pytest.raises(ValueError, match=r"12 bytes, expected uint8 \[3, 2, 3\]"):
        imageIO.imageStructToArray({**row, "height": 3})
    for no_struct in ("photo.png", 3, {"height": 3}):
        with pytest.raises(TypeError, match=r"expected an image struct \(origin, height"):
            imageIO.imageStructToArray(no_struct)


def test_struct_to_pil():
    rgb = picture(6, 8)
    for mode, layout in (("L", [0]), ("RGB", [2, 1, 0]), ("RGBA", [2, 1, 0, 3])):
        image = Image.fromarray(np.dstack([rgb, rgb[..., :1]])).convert(mode)
        pixels = np.asarray(image).reshape(6, 8, -1)[..., layout]
        back = imageIO.imageStructToPIL(imageIO.imageArrayToStruct(pixels))
        assert back.mode == mode
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image))
    with pytest.raises(ValueError, match="float32"):
        imageIO.imageStructToPIL(imageIO.imageArrayToStruct(np.zeros((2, 2, 3), np.float32)))


def test_pil_decoders():
    data = encoded(picture(20, 30), "PNG")
    rgb = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(imageIO.PIL_decode(data), np.asarray(rgb)[..., ::-1])
    np.testing.assert_array_equal(imageIO.PIL_to_imageStruct(rgb), np.asarray(rgb)[..., ::-1])
    small = imageIO.PIL_decode_and_resize((7, 5))(data)
    np.testing.assert_array_equal(small, np.asarray(rgb.resize((7, 5)))[..., ::-1])


def test_channel_order():
    array = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(imageIO.fixColorChannelOrdering("RGB", array), array[..., ::-1])
    assert imageIO.fixColorChannelOrdering("BGR", array) is array
    assert imageIO.fixColorChannelOrdering("L", array[..., :1]).shape == (2, 2, 1)
    with pytest.raises(ValueError, match="has 3"):
        imageIO.fixColorChannelOrdering("L", array)
    with pytest.raises(ValueError, match="'GBR'"):
        imageIO.fixColorChannelOrdering("GBR", array)


@pytest.fixture
def folder(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(encoded(picture(10 + i, 12, seed=i), "PNG"))
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


def test_resize_udf(folder):
    (folder / "bad.png").unlink()
    frame = readImages(folder)
    resized = frame.withColumn("image", imageIO.createResizeImageUDF((4, 6))("image"))
    for before, after in zip(frame.collect(), resized.collect(), strict=True):
        expected = imageIO.resizeImage(ImageSchema.toNDArray(before.image), 4, 6)
        np.testing.assert_array_equal(ImageSchema.toNDArray(after.image), expected)
        assert after.image.origin == before.image.origin
    for wrong in ((4,), (4, 0), (4, 6, 3), ("4", 6), 4):
        with pytest.raises(ValueError, match="height, width"):
            imageIO.createResizeImageUDF(wrong)


def test_own_decoder(folder):
    calls = []

    def decode(data):
        calls.append(1)
        return imageIO.PIL_decode_and_resize((3, 2))(data)

    frame = imageIO.readImagesWithCustomFn(str(folder), decode, numPartition=3)
    assert frame.count() == 6 and calls == [] and frame.rdd.getNumPartitions() == 3
    rows = frame.collect()
    assert [row.image is None for row in rows] == [False] * 5 + [True]
    assert [tuple(row.image)[1:5] for row in rows[:5]] == [(2, 3, 3, 16)] * 5
    assert rows[0].image.origin == f"file://{folder}/0.png"
    assert imageIO.readImagesWithCustomFn(folder, lambda data: None).filter("image is null").count() == 6


def test_files_as_a_frame(folder):
    frame = imageIO.filesToDF(None, folder, 2)
    assert frame.columns == ["filePath", "fileData"] and frame.rdd.getNumPartitions() == 2
    rows = frame.collect()
    assert rows[5].filePath == f"file://{folder}/bad.png" and rows[5].fileData == b"no image"
    assert [bytes(row.fileData) for row in rows[:5]] == [(folder / f"{i}.png").read_bytes() for i in range(5)]
    assert [row.filePath for row in frame.select("filePath").collect()] == [row.filePath for row in rows]
