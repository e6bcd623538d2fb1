"""Writes the operator tests of the installed `onnx` package as small networks: a convolution, the node, a convolution.

    python3 operators.py FOLDER

The first float32 input of a test becomes the output of a 3x3 convolution of a picture, scaled to the range of the test's own
numbers, to either side of 0 but where a function is not defined there; so do other inputs of the same standing, such as the
second one of Add. Behind the node a 1x1 convolution gives four scores. Of a batch the first element is kept. FOLDER gets NAME.onnx and cases.json: a list of {name, type, size: [height, width]}.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

warnings.simplefilter("ignore")

# Kinds of nodes that networks for pictures are made of.
TYPES = set(
    """
    Conv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool MaxUnpool Resize Upsample
    BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization LpNormalization
    MeanVarianceNormalization LRN Gemm MatMul QLinearConv
    Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity
    LeakyRelu Log LogSoftmax Mish Mod Neg PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus
    Softsign SwiGLU Swish Sqrt Tan Tanh ThresholdedRelu Dropout
    Add Sub Mul Div Max Min Mean Sum Where Greater GreaterOrEqual Less LessOrEqual IsInf IsNaN
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
    ArgMax ArgMin TopK Concat DepthToSpace SpaceToDepth Expand Tile Flatten Gather GatherElements GatherND CenterCropPad
    Pad Reshape Slice Split Squeeze Transpose Unsqueeze GridSample DeformConv Einsum CastLike Cast
    """.split()
)
# Those whose other float inputs are activations too.
ALIKE = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "Concat", "Where"}
# Those that work along the last axis, where networks have their channels if it is this one: tried in both ways.
LAST = {"MatMul", "Gemm", "LayerNormalization", "RMSNormalization", "Softmax", "LogSoftmax", "LpNormalization", "Flatten"}

# Those that are defined, or steep without end, on part of the numbers: convolutions in front are clamped to the test's range.
BOUNDED = {"Acos", "Acosh", "Asin", "Atanh", "Cosh", "Sinh", "Exp", "Log", "Sqrt", "Reciprocal", "Pow", "Div", "Tan", "ReduceLogSum"}

OLDEST_OPSET = 7
NEWEST_OPSET = 23
IR_VERSION = 9
# Pictures that ranges of convolutions in front are found with.
PICTURES = 24
CLASSES = 4


class Wrapped:
    """A network in the making."""

    def __init__(self, seed: int, opset: int) -> None:
        self.opset = opset
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.size: tuple[int, int] | None = None

    def constant(self, values: np.ndarray, name: str = "") -> str:
        name = name or f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        output = f"wrap{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=f"node_{output}", **attributes))
        return output

    def reshape(self, value: str, shape: list[int]) -> str:
        return self.node("Reshape", value, self.constant(np.array(shape, np.int64)))

    def activation(self, values: np.ndarray, is_last: bool, is_bounded: bool) -> str:
        """A convolution of the picture with the shape, and nearly the range, of an array of up to four axes."""
        channels, height, width = planes_of(values.shape, is_last)
        self.size = self.size or (height, width)
        finite = values[np.isfinite(values) & (np.abs(values) < 1e4)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 1.0)
        if not is_bounded:
            high = max(abs(low), abs(high)) or 1.0
            low = -high
        picture = "picture"
        if (height, width) != self.size:
            ends = self.constant(np.array([height, width], np.int64))
            picture = self.node("Slice", picture, self.constant(np.zeros(2, np.int64)), ends, self.constant(np.array([2, 3])))
        weights = self.random.normal(size=(channels, 3, 3, 3)).astype(np.float32)
        # taps that lie beyond every pixel would only make the others coarse
        if height == 1:
            weights[:, :, [0, 2]] = 0
        if width == 1:
            weights[:, :, :, [0, 2]] = 0
        convolution = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        trial = self.node("Conv", picture, self.constant(weights), **convolution)
        found = np.stack(run(self.model(trial), pictures(*self.size)))
        factor = (high - low) / (found.max() - found.min())
        bias = np.full(channels, low - factor * found.min(), np.float32)
        self.nodes.pop()
        made = self.node("Conv", picture, self.constant(weights * factor), self.constant(bias), **convolution)
        if is_bounded:
            made = self.node("Clip", made, self.constant(np.float32(low)), self.constant(np.float32(high)))
        if is_last:
            made = self.node("Transpose", made, perm=[0, 2, 3, 1])
        return self.reshape(made, list(values.shape))

    def scores(self, value: str, shape: tuple[int, ...], is_last: bool) -> None:
        """Four scores of a tensor of up to four axes, as the output."""
        channels, _, _ = planes_of(shape, is_last)
        whole = self.reshape(value, [1] * (4 - len(shape)) + list(shape))
        if is_last:
            whole = self.node("Transpose", whole, perm=[0, 3, 1, 2])
        weights = self.random.normal(size=(CLASSES, channels, 1, 1)).astype(np.float32)
        trial = self.node("Conv", whole, self.constant(weights), kernel_shape=[1, 1])
        found = np.stack(run(self.model(trial), pictures(*self.size)))
        self.nodes.pop()
        bias = -np.nan_to_num(found, posinf=0, neginf=0).mean(axis=(0, 1, 3, 4)).astype(np.float32)
        self.node("Conv", whole, self.constant(weights), self.constant(bias), kernel_shape=[1, 1])

    def model(self, output: str) -> onnx.ModelProto:
        """The network so far, with a tensor as its output."""
        picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, *self.size])
        outputs = [helper.make_empty_tensor_value_info(output)]
        made = helper.make_graph(self.nodes, "wrapped", [picture], outputs, self.constants)
        return helper.make_model(made, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=IR_VERSION)


def pictures(height: int, width: int) -> list[np.ndarray]:
    """Some pictures of smooth waves with noise, float32 [1, 3, height, width] in 0..1."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    result = []
    for _ in range(PICTURES):
        down, across, phase = random.uniform(size=(3, 3, 3, 1, 1))
        waves = np.sin(2 * np.pi * (2 * across * x + 2 * down * y + phase)).sum(axis=1)
        levels = 128 + 40 * waves + random.uniform(-20, 20, size=waves.shape)
        result.append((np.clip(levels, 0, 255) / 255).astype(np.float32)[None])
    return result


def planes_of(shape: tuple[int, ...], is_last: bool) -> tuple[int, int, int]:
    """Channels, height and width of a shape of up to four axes."""
    _, a, b, c = [1] * (4 - len(shape)) + list(shape)
    return (c, a, b) if is_last else (a, b, c)


def first_of_batch(test: onnx.backend.test.case.test_case.TestCase, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The inputs of a test with a batch of one, where the first one has four axes."""
    first = arrays[0]
    if first.ndim != 4 or first.shape[0] == 1:
        return arrays
    kind = test.model.graph.node[0].op_type
    batch = first.shape[0]
    alike = [kind in ALIKE and a.ndim == 4 and a.shape[0] == batch for a in arrays[1:]]
    return [first[:1], *(a[:1] if is_alike else a for a, is_alike in zip(arrays[1:], alike))]


def wrapped(test: onnx.backend.test.case.test_case.TestCase, is_last: bool) -> tuple[onnx.ModelProto, tuple[int, int]] | str:
    """The network around a test, and the size of its picture; or why there is none."""
    graph = test.model.graph
    kind = graph.node[0].op_type
    arrays = list(test.data_sets[0][0])
    if not all(isinstance(array, np.ndarray) for array in arrays):
        return "an input that is no tensor"
    if arrays[0].dtype != np.float32 or not 1 <= arrays[0].ndim <= 4:
        return "its input is not float32 of one to four axes"
    arrays = first_of_batch(test, arrays)
    if arrays[0].ndim == 4 and arrays[0].shape[0] != 1 or arrays[0].size == 0:
        return "a batch"
    version = next(entry.version for entry in test.model.opset_import if entry.domain == "")
    network = Wrapped(sum(test.name.encode()), min(NEWEST_OPSET, max(OLDEST_OPSET, version)))
    inputs: dict[str, str] = {}
    names = [value.name for value in graph.input]
    for at, (name, array) in enumerate(zip(names, arrays)):
        is_real = array.dtype == np.float32 and 1 <= array.ndim <= 4 and array.size > 0
        if at == 0 or (kind in ALIKE and is_real):
            try:
                inputs[name] = network.activation(array, is_last, kind in BOUNDED)
            except ValueError:
                return "shapes"
        else:
            inputs[name] = network.constant(array, f"test {name}")
    outputs = [value.name for value in graph.output]
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"tested_{len(network.nodes)}"
        copy.input[:] = [inputs.get(name, f"inner {name}" if name else "") for name in node.input]
        copy.output[:] = [f"inner {name}" if name else "" for name in node.output]
        network.nodes.append(copy)
    # onnxruntime says what shape comes out.
    inner = f"inner {outputs[0]}"
    try:
        value = run(network.model(inner), pictures(*network.size)[:1])[0]
    except Exception as error:
        return f"onnxruntime: {str(error)[:150]}"
    shape = value.shape
    if len(shape) > 4 or (len(shape) == 4 and shape[0] != 1) or value.size == 0:
        return f"it gives a shape of {list(shape)}"
    if value.dtype != np.float32:
        inner = network.node("Cast", inner, to=TensorProto.FLOAT)
    network.scores(inner, shape, is_last and len(shape) > 1)
    output = network.nodes[-1].output[0]
    return network.model(output), network.size


def run(model: onnx.ModelProto, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The output of a network for each of some pictures."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [session.run(None, {"picture": picture})[0] for picture in inputs]


def main(folder: Path) -> None:
    cases = []
    left: dict[str, str] = {}
    for test in collect_testcases(None):
        if test.model is None or not test.data_sets or not test.data_sets[0][0]:
            continue
        kind = test.model.graph.node[0].op_type
        is_part = len(test.model.graph.node) > 1
        if is_part or kind not in TYPES:
            continue
        for is_last in (False, True) if kind in LAST else (False,):
            made = wrapped(test, is_last)
            name = test.name + ("_channels_last" if is_last else "")
            if isinstance(made, str):
                left[name] = made
                continue
            model, size = made
            (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
            cases.append({"name": name, "type": kind, "size": size})
    (folder / "cases.json").write_text(json.dumps({"cases": cases, "left": left}), encoding="utf-8")


main(Path(sys.argv[1]))
