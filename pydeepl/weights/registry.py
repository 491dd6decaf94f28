"""The official weight files of keras.applications: where they lie and what their MD5 is."""

from dataclasses import dataclass
from typing import Protocol

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/"


class PublishedFile(Protocol):
    """What is known of a file before it is downloaded."""

    @property
    def name(self) -> str:
        """The file's name, in Keras' cache as on the server."""

    @property
    def url(self) -> str: ...

    @property
    def md5(self) -> str: ...


@dataclass(frozen=True)
class OfficialFile:
    """A file of ImageNet weights as Keras publishes it. Source of the sums: Keras 3.15."""

    network: str
    include_top: bool
    path: str
    md5: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def url(self) -> str:
        return _FOLDER + self.path


@dataclass(frozen=True)
class _File:
    name: str
    url: str
    md5: str


# {"0": ["n01440764", "tench"], ...}: the classes of every network's top, in its order. Source: Keras 3.15.
CLASS_INDEX: PublishedFile = _File(
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)


def _files(network: str, stem: str, with_top: str, without_top: str) -> list[OfficialFile]:
    path = f"{stem}_weights_tf_dim_ordering_tf_kernels"
    return [
        OfficialFile(network, False, f"{path}_notop.h5", without_top),
        OfficialFile(network, True, f"{path}.h5", with_top),
    ]


OFFICIAL_FILES = [
    *_files(
        "InceptionV3",
        "inception_v3/inception_v3",
        "9a0d58056eeedaa3f26cb7ebd46da564",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    *_files(
        "Xception",
        "xception/xception",
        "0a58e3b7378bc2990ea3b43d5981f1f6",
        "b0042744bf5b25fce3cb969f33bebb97",
    ),
    *_files(
        "ResNet50", "resnet/resnet50", "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    *_files("VGG16", "vgg16/vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    *_files("VGG19", "vgg19/vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
]


def official_file(network: str, include_top: bool) -> OfficialFile:
    """The official file of a known network, with or without its top."""
    return next(file for file in OFFICIAL_FILES if (file.network, file.include_top) == (network, include_top))
