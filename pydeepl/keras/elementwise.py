"""Builders of merging layers and of arithmetic.

Keras 3 writes arithmetic on tensors as operations (classes Add, Multiply, TrueDivide, ... of keras.src.ops),
Keras 2 as TFOpLambda with a function's name. Those listed here are built from their names and numbers;
nothing of a file is executed.
"""

from typing import Any

from pydeepl.keras.activations import Builder, Config
from pydeepl.keras.errors import Unsupported
from pydeepl.keras.topology import Node


def _merge(how: str) -> Builder:
    def merge(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        if len(inputs) == 1:
            raise Unsupported("expected at least two inputs, found one")
        return int(graph.merge(name, how, inputs))

    return merge


def _negative(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.rescale(name, inputs[0], [-1.0], [0.0]))


def _clip(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    low, high = config["x_min"], config["x_max"]
    if not all(isinstance(limit, int | float) for limit in (low, high)) or low > high:
        raise Unsupported(f"from {low} to {high}: expected two numbers that rise")
    above = graph.rescale(f"{name}/above", inputs[0], [1.0], [-low])
    kept = graph.activation(f"{name}/kept", above, "bounded_relu", (0.0, high - low, 0.0))
    return int(graph.rescale(name, kept, [1.0], [low]))


def _square(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.merge(name, "multiply", [inputs[0], inputs[0]]))


def has_numbers(node: Node) -> bool:
    """Whether some of an operation's operands are numbers."""
    return any(number is not None for number in node.numbers)


def build_arithmetic(graph: Any, name: str, node: Node, inputs: list[int]) -> int:
    """An operation of one tensor and one number, in either order."""
    kind = operation(node)
    if len(node.numbers) != 2 or len(inputs) != 1:
        raise Unsupported(f"{kind} of {list(node.numbers)}: expected a tensor and a number")
    first, number = node.numbers[0] is None, next(each for each in node.numbers if each is not None)
    match kind:
        case "Add":
            scale, offset = 1.0, number
        case "Multiply":
            scale, offset = number, 0.0
        case "Subtract":
            scale, offset = (1.0, -number) if first else (-1.0, number)
        case "Divide" | "TrueDivide" if first and number != 0.0:
            scale, offset = 1.0 / number, 0.0
        case "Maximum" if number == 0.0:
            return int(graph.activation(name, inputs[0], "relu"))
        case _:
            raise Unsupported(f"{kind} of a tensor and the number {number}")
    return int(graph.rescale(name, inputs[0], [scale], [offset]))


# TensorFlow's functions in TFOpLambda layers -> Keras 3's operations.
_TENSORFLOW = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "add": "Add",
    "__operators__.mul": "Multiply",
    "math.multiply": "Multiply",
    "multiply": "Multiply",
    "__operators__.sub": "Subtract",
    "math.subtract": "Subtract",
    "subtract": "Subtract",
    "__operators__.truediv": "TrueDivide",
    "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.negative": "Negative",
    "math.square": "Square",
    "math.sigmoid": "Sigmoid",
    "nn.sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.tanh": "Tanh",
    "math.softplus": "Softplus",
    "math.exp": "Exp",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.silu": "Silu",
    "nn.swish": "Silu",
    "nn.elu": "Elu",
    "nn.selu": "Selu",
    "nn.softplus": "Softplus",
    "nn.softsign": "Softsign",
}


def operation(node: Node) -> str:
    """A node's class name, or the operation's that a TFOpLambda is."""
    if node.kind != "TFOpLambda":
        return node.kind
    return _TENSORFLOW.get(str(node.config.get("function")), node.kind)


def _custom_scale(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """InceptionResNetV2's: its first input and `scale` times its second."""
    scaled = graph.rescale(f"{name}/scaled", inputs[1], [config["scale"]], [0.0])
    return int(graph.add(name, [inputs[0], scaled]))


BUILDERS: dict[str, Builder] = {
    "Add": _merge("add"),
    "Multiply": _merge("multiply"),
    "Subtract": _merge("subtract"),
    "Divide": _merge("divide"),
    "TrueDivide": _merge("divide"),
    "Average": _merge("average"),
    "Maximum": _merge("maximum"),
    "Minimum": _merge("minimum"),
    "Clip": _clip,
    "Negative": _negative,
    "Square": _square,
    "CustomScaleLayer": _custom_scale,
}
