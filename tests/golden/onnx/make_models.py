#!/usr/bin/env python3
"""Makes the small ONNX files of this folder as exporters write them, and what onnxruntime computes from them.

torch.onnx, torch_traced.onnx   PyTorch's two exporters: residual, depthwise, dense and pooling layers
keras.onnx                      Keras' own export by tf2onnx: channels last, then transposed
outputs.npz                     for each: x and y, in the file's own order

Run the parts where their packages are: `make_models.py torch` (torch, onnx, onnxscript), `make_models.py
keras` (keras, tensorflow, tf2onnx), then `make_models.py outputs` (onnxruntime).
"""

import os
import pathlib
import sys

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def torch_net():
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
            )
            self.pool = nn.MaxPool2d(3, stride=2, padding=1)
            self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.point = nn.Conv2d(8, 8, (1, 3), padding=(0, 2), dilation=(1, 2))
            self.norm = nn.BatchNorm2d(8)
            self.mean = nn.AvgPool2d(3, stride=1, padding=1)
            self.drop = nn.Dropout(0.5)
            self.wide = nn.Linear(16 * 3 * 4, 10)
            self.last = nn.Linear(10 + 16, 5)

        def forward(self, x):
            x = self.pool(self.stem((x - 0.5) / 0.25))
            y = torch.relu(x + self.norm(self.point(self.depthwise(x))))
            maps = torch.cat([y, self.mean(y)], dim=1)
            wide = torch.relu(self.wide(self.drop(torch.flatten(maps, 1))))
            both = torch.cat([wide, maps.mean((2, 3))], dim=1)
            return torch.softmax(self.last(both), dim=1)

    torch.manual_seed(3)
    net = Net().eval()
    for norm in (net.stem[1], net.norm):
        norm.running_mean.normal_(0, 0.2)
        norm.running_var.uniform_(0.5, 1.5)
    return net, torch.randn(2, 3, 12, 16)


def make_torch():
    import torch

    net, x = torch_net()
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(
        net, (x,), HERE / "torch_traced.onnx", dynamo=False, dynamic_axes={"x": {0: "n"}}, **names
    )
    torch.onnx.export(net, (x[:1],), HERE / "torch.onnx", dynamo=True, external_data=False, **names)


def make_keras():
    import keras
    from keras import layers as L

    x = image = L.Input((14, 12, 3), name="image")
    x = L.Rescaling(1 / 127.5, offset=-1)(x)
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = y = L.ReLU()(L.BatchNormalization()(x))
    y = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(y)
    y = L.Conv2D(8, 1)(L.ZeroPadding2D(((1, 0), (0, 1)))(y))
    y = L.BatchNormalization()(L.Conv2D(8, (2, 2), padding="valid")(y))
    x = L.Activation("relu")(L.Add()([x, y]))
    x = L.Concatenate()([L.MaxPooling2D(2, padding="same")(x), L.AveragePooling2D(3, 2, padding="same")(x)])
    x = L.Dense(12, activation="relu")(L.Flatten()(x))
    model = keras.Model(image, L.Dense(5, activation="softmax")(L.Dropout(0.5)(x)), name="small")
    random = np.random.default_rng(5)
    for layer in model.layers:
        values = [random.uniform(-0.5, 0.5, weight.shape).astype(np.float32) for weight in layer.weights]
        if "batch_normalization" in layer.name:
            values[-1] = abs(values[-1]) + np.float32(0.5)
        layer.set_weights(values)
    model(np.zeros((1, *model.input_shape[1:]), np.float32))
    model.export(HERE / "keras.onnx", format="onnx", verbose=False)


def make_outputs():
    import onnxruntime

    arrays = {}
    random = np.random.default_rng(9)
    for path in sorted(HERE.glob("*.onnx")):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (image,) = session.get_inputs()
        batch = image.shape[0] if isinstance(image.shape[0], int) else 3
        x = random.standard_normal((batch, *image.shape[1:])).astype(np.float32)
        if path.stem.startswith("keras"):
            x = np.rint(np.clip(x * 60 + 128, 0, 255)).astype(np.float32)
        arrays |= {f"{path.stem}_x": x, f"{path.stem}_y": session.run(None, {image.name: x})[0]}
    np.savez_compressed(HERE / "outputs.npz", **arrays)


if __name__ == "__main__":
    {"torch": make_torch, "keras": make_keras, "outputs": make_outputs}[sys.argv[1]]()
