"""Wraps the operator tests of the installed onnx package as networks: python operators.py FOLDER

Each becomes NAME.onnx: an image [1, 3, height, width] in 0..1, a 3x3 convolution whose results have the shape and the
range of the test's first input, the tested nodes, a 1x1 convolution to four scores. The other inputs are constants, as
the test has them. Prints JSON: {name: {type, height, width}}. Tests whose data are no maps of real numbers, or that
onnxruntime cannot run so, are left out.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

LARGEST = 64 * 64 * 64
KNOWN = 22
"""An operator set that every onnxruntime knows: operators that have not changed since are taken from it."""


def first_convolution(random: np.random.Generator, values: np.ndarray) -> list[onnx.TensorProto]:
    """Weights and bias from 3 colors to the channels of `values`: each a mean of two taps, spread over their range."""
    channels = values.shape[1]
    low, high = float(values.min()), float(values.max())
    spread = (high - low) or 1.0
    weights, bias = np.zeros((channels, 3, 3, 3), np.float32), np.full(channels, low, np.float32)
    for channel in range(channels):
        for share in (0.8, 0.2):
            sign = random.choice((-1, 1))
            weights[channel, random.integers(3), random.integers(3), random.integers(3)] += sign * share * spread
            bias[channel] += share * spread if sign < 0 else 0
    return [numpy_helper.from_array(weights, "first#w"), numpy_helper.from_array(bias, "first#b")]


def as_map(values: np.ndarray, rank: int) -> np.ndarray | None:
    """The test's tensor as one map: of several images the first, of [c, h, w] an image; None if it is neither."""
    if values.ndim == 4:
        return values[:1]
    return values[None] if values.ndim == rank == 3 else None


def wrap(case: TestCase, random: np.random.Generator) -> tuple[onnx.ModelProto, str] | None:
    """The network and the type of its tested node; None where the test is about something else than maps."""
    model, graph = case.model, case.model.graph
    inputs = list(case.data_sets[0][0])
    is_array = all(isinstance(each, np.ndarray) for each in inputs)
    if not inputs or not is_array or len(inputs) != len(graph.input) or inputs[0].dtype != np.float32:
        return None
    values = as_map(inputs[0], inputs[0].ndim)
    if values is None or values.size > LARGEST or not values.size:
        return None
    opset = model.opset_import[0].version
    if all(onnx.defs.get_schema(node.op_type, opset).since_version <= KNOWN for node in graph.node):
        opset = min(opset, KNOWN)
    first, constants = graph.input[0].name, []
    for value, tensor in zip(graph.input[1:], inputs[1:]):
        same = tensor.shape == inputs[0].shape
        constants.append(numpy_helper.from_array(values_of(tensor) if same else tensor, value.name))
    height, width = values.shape[2:]
    kind = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("Conv", ["image", "first#w", "first#b"], [first], **kind), *graph.node]
    constants += [*graph.initializer, *first_convolution(random, values)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])
    output = graph.output[0].name

    def made(last: str, more: list[onnx.NodeProto], own: list[onnx.TensorProto]) -> onnx.ModelProto:
        result = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
        body = helper.make_graph([*nodes, *more], case.name, [image], [result], [*constants, *own])
        return helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)

    shape = run(made(output, [], []), (height, width))
    if len(shape) != 4 or shape[0] != 1:
        return None
    weights = random.normal(size=(4, shape[1], 1, 1)).astype(np.float32)
    own = [numpy_helper.from_array(weights, "last#w"), numpy_helper.from_array(np.zeros(4, np.float32), "last#b")]
    whole = made("scores", [helper.make_node("Conv", [output, "last#w", "last#b"], ["scores"])], own)
    run(whole, (height, width))
    return whole, next(node.op_type for node in graph.node if node.op_type != "Constant")


def values_of(tensor: np.ndarray) -> np.ndarray:
    """A further input of the first one's shape: of several images the first."""
    return tensor[:1] if tensor.ndim == 4 else tensor


def run(model: onnx.ModelProto, size: tuple[int, int]) -> tuple[int, ...]:
    """Shape of what onnxruntime gives; it raises where it cannot run the model, or gives what is no real number."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(2).random((1, 3, *size)).astype(np.float32)
    (result,) = session.run(None, {"image": image})
    if not np.isfinite(result).all():
        raise ValueError("not finite")
    return result.shape


def main() -> None:
    """Writes all that can be wrapped."""
    out = Path(sys.argv[1])
    found = {}
    for case in sorted(load_model_tests(kind="node"), key=lambda each: each.name):
        if "_expanded" in case.name or "training" in case.name:
            continue
        try:
            made = wrap(case, np.random.default_rng(len(found)))
        except Exception:  # whatever onnxruntime or onnx say: it cannot be run so
            continue
        if made:
            onnx.save(made[0], out / f"{case.name}.onnx")
            dims = made[0].graph.input[0].type.tensor_type.shape.dim
            found[case.name] = {"type": made[1], "height": dims[2].dim_value, "width": dims[3].dim_value}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
