"""Makes what the engines share: a network with random or trained weights, in every engine's format.

    Keras model ── He-normal kernels, batch norms with random statistics; or a file's weights
        ├── NET.weights.h5    Keras' own file: TensorFlow and pydeepl read it
        ├── NET.onnx          written here, layer by layer, channels first: ONNX Runtime and OpenVINO read it
        └── NET.npz           a batch of pixels (uint8, RGB) and Keras' features of it, to check all against

A process of its own (`python -m benchmarks.models NET FOLDER BATCH [WEIGHTS]`), so that TensorFlow's
threads are gone.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

CAFFE_MEANS = np.array([103.939, 116.779, 123.68], np.float32)  # B, G, R
TF_STYLE = ("InceptionV3", "Xception")
INPUT_SIZE = {"InceptionV3": 299, "Xception": 299, "ResNet50": 224, "VGG16": 224, "VGG19": 224}


def preprocess(net: str, rgb: np.ndarray) -> np.ndarray:
    """uint8 RGB [n, h, w, 3] -> the network's float32 input, channels last."""
    if net in TF_STYLE:
        return rgb.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return rgb[..., ::-1].astype(np.float32) - CAFFE_MEANS


def keras_model(net: str) -> Any:
    """Keras' network as sparkdl's features define it, with the weights still as Keras makes them."""
    import keras

    pooling = "avg" if net == "ResNet50" else None
    size = INPUT_SIZE[net]
    shape = (size, size, 3)
    return getattr(keras.applications, net)(
        weights=None, include_top=False, input_shape=shape, pooling=pooling
    )


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Weights under which activations keep their scale through all layers."""

    def values(path: str, shape: tuple[int, ...]) -> np.ndarray:
        kind = path.rsplit("/", 1)[-1]
        if kind in ("kernel", "pointwise_kernel"):
            return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        if kind == "depthwise_kernel":
            return rng.normal(0, np.sqrt(2 / np.prod(shape[:2])), shape)
        if kind in ("gamma", "moving_variance"):
            return rng.uniform(0.5, 1.5, shape)
        return rng.normal(0, 0.1, shape)

    for variable in model.weights:
        variable.assign(values(variable.path, tuple(variable.shape)).astype(np.float32))


class OnnxWriter:
    """Writes a Keras functional model as ONNX nodes, channels first."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def conv(self, layer: Any, x: str, kernel: np.ndarray, bias: Any, groups: int = 1, name: str = "") -> str:
        """kernel: [out, in / groups, kh, kw]; strides are the layer's unless it is a pointwise part."""
        name = name or layer.name
        pointwise = kernel.shape[2:] == (1, 1) and name != layer.name
        inputs = [x, self.constant(f"{name}/kernel", kernel)]
        if bias is not None:
            inputs.append(self.constant(f"{name}/bias", bias))
        return self.node(
            "Conv",
            inputs,
            name,
            strides=[1, 1] if pointwise else list(layer.strides),
            auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
            group=groups,
        )

    def activation(self, layer: Any, x: str) -> str:
        name = layer.activation.__name__
        if name == "linear":
            return x
        if name != "relu":
            raise ValueError(f"{layer.name}: activation {name} is not written here")
        return self.node("Relu", [x], f"{layer.name}/relu")

    def layer(self, layer: Any, inputs: list[str]) -> str:
        """Appends one layer's nodes; returns the name of its output."""
        kind, x = type(layer).__name__, inputs[0]
        weights = layer.get_weights()
        if kind == "Conv2D":
            bias = weights[1] if layer.use_bias else None
            return self.activation(layer, self.conv(layer, x, weights[0].transpose(3, 2, 0, 1), bias))
        if kind == "SeparableConv2D":
            depthwise = weights[0].transpose(2, 3, 0, 1)
            middle = self.conv(layer, x, depthwise, None, groups=len(depthwise))
            bias = weights[2] if layer.use_bias else None
            pointwise = weights[1].transpose(3, 2, 0, 1)
            return self.activation(
                layer, self.conv(layer, middle, pointwise, bias, name=f"{layer.name}/pointwise")
            )
        if kind == "BatchNormalization":
            return self.batch_norm(layer, x)
        if kind == "Activation":
            return self.activation(layer, x)
        if kind in ("MaxPooling2D", "AveragePooling2D"):
            return self.node(
                "MaxPool" if kind.startswith("Max") else "AveragePool",
                [x],
                layer.name,
                kernel_shape=list(layer.pool_size),
                strides=list(layer.strides),
                auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
            )
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = layer.padding
            pads = self.constant(
                f"{layer.name}/pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            )
            return self.node("Pad", [x, pads], layer.name)
        if kind == "GlobalAveragePooling2D":
            return self.node("GlobalAveragePool", [x], layer.name)
        if kind == "Add":
            return self.node("Add", inputs, layer.name)
        if kind == "Concatenate":
            return self.node("Concat", inputs, layer.name, axis=1)
        raise ValueError(f"{layer.name}: layer {kind} is not written here")

    def batch_norm(self, layer: Any, x: str) -> str:
        channels = layer.moving_mean.shape[0]
        gamma = np.array(layer.gamma) if layer.scale else np.ones(channels, np.float32)
        beta = np.array(layer.beta) if layer.center else np.zeros(channels, np.float32)
        parts = {"gamma": gamma, "beta": beta, "mean": layer.moving_mean, "variance": layer.moving_variance}
        inputs = [self.constant(f"{layer.name}/{part}", np.array(value)) for part, value in parts.items()]
        return self.node("BatchNormalization", [x, *inputs], layer.name, epsilon=layer.epsilon)


def write_onnx(model: Any, path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    writer, outputs = OnnxWriter(), {}
    height, width, channels = model.input_shape[1:]
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            outputs[layer.output.name] = "input"
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        outputs[layer.output.name] = writer.layer(layer, [outputs[tensor.name] for tensor in inputs])
    result = helper.make_tensor_value_info(outputs[model.output.name], TensorProto.FLOAT, None)
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", channels, height, width])
    graph = helper.make_graph(writer.nodes, "network", [entry], [result], writer.constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(proto, path)


def make(net: str, folder: Path, batch: int, *weights: str) -> None:
    rng = np.random.default_rng(20)
    model = keras_model(net)
    if weights:
        model.load_weights(weights[0])
    else:
        randomize(model, rng)
    size = INPUT_SIZE[net]
    pixels = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
    features = np.asarray(model.predict_on_batch(preprocess(net, pixels))).reshape(batch, -1)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / f"{net}.weights.h5")
    write_onnx(model, folder / f"{net}.onnx")
    np.savez(folder / f"{net}.npz", pixels=pixels, features=features)


def ensure(net: str, folder: Path, batch: int, weights: Path | None = None) -> Path:
    """The folder, with the network's files in it: made on the first call. weights: None for random ones."""
    if not (folder / f"{net}.npz").exists():
        print(f"{net}: making its files", flush=True)
        command = [sys.executable, "-m", "benchmarks.models", net, str(folder), str(batch)]
        command += [] if weights is None else [str(weights)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
