"""Writes a small network as onnxruntime quantizes it to nodes that compute with integers: python integer-operators.py FOLDER

FOLDER gets int8.onnx, uint8.onnx and channels.onnx (uint8, weights with a scale a channel).
"""

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

logging.disable(logging.WARNING)
SIZE = (64, 64)


def network() -> onnx.ModelProto:
    """Convolutions, and at least one of each operator that onnxruntime has a form of integers for."""
    random = np.random.default_rng(3)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def add(kind: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"t{len(nodes)}"], f"node{len(nodes)}", **attributes))
        return nodes[-1].output[0]

    def constant(values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(values, f"c{len(constants)}"))
        return constants[-1].name

    def conv(x: str, inputs: int, outputs: int, size: int = 3, **attributes: object) -> str:
        weights = random.normal(0, 1.5 / np.sqrt(inputs * size * size), (outputs, inputs, size, size))
        bias = constant(random.normal(0, 0.3, outputs).astype(np.float32))
        pads = [size // 2] * 4
        return add("Conv", x, constant(weights.astype(np.float32)), bias, pads=pads, **attributes)

    half = add("Relu", conv("image", 3, 8, strides=[2, 2]))
    small = add("MaxPool", half, kernel_shape=[2, 2], strides=[2, 2])
    gated = conv(small, 8, 8)
    gated = add("Mul", gated, add("Sigmoid", gated))
    mean = add("AveragePool", gated, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    both = add("LeakyRelu", add("Add", gated, mean), alpha=0.1)
    weight = add("Sigmoid", conv(add("GlobalAveragePool", both), 8, 8, 1))
    wide = add("Resize", add("Mul", both, weight), "", constant(np.float32([1, 1, 2, 2])), mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    last = add("Transpose", add("Concat", wide, half, axis=1), perm=[0, 2, 3, 1])
    product = add("MatMul", last, constant(random.normal(0, 0.4, (16, 8)).astype(np.float32)))
    scores = conv(add("Transpose", product, perm=[0, 3, 1, 2]), 8, 4, 1)
    nodes[-1].output[0] = "scores"
    assert scores
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *SIZE])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "network", [image], [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Noise(CalibrationDataReader):
    """Some images of noise, each up to a brightness of its own."""

    def __init__(self) -> None:
        random = np.random.default_rng(5)
        images = [random.uniform(0, brightest, (1, 3, *SIZE)) for brightest in np.linspace(0.4, 1, 8)]
        self.images = iter([{"image": image.astype(np.float32)} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.images, None)


def main(folder: Path) -> None:
    onnx.save(onnx.shape_inference.infer_shapes(network()), folder / "float.onnx")
    for name, kind, is_per_channel in (
        ("int8", QuantType.QInt8, False),
        ("uint8", QuantType.QUInt8, False),
        ("channels", QuantType.QUInt8, True),
    ):
        quantize_static(
            folder / "float.onnx",
            folder / f"{name}.onnx",
            Noise(),
            quant_format=QuantFormat.QOperator,
            per_channel=is_per_channel,
            activation_type=kind,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": False},
        )


main(Path(sys.argv[1]))
