"""A quantized network as ONNX with QuantizeLinear and DequantizeLinear, in the form that `attendseg convert` keeps.

Activations are uint8: q where they have 7 bits, kept there by a Clip of the integers, else q + 128. Weights and
biases are dequantized integers; a gate is a Gather from its 256 entries. A ReLU is the lower bound of its tensor.
"""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tools.train.arithmetic import Activation, Add, Convolution, Gate, Input, Pool, Range, Upsample
from tools.train.fake_quant import QuantizedNetwork

OPSET = 17
PARTS = (Add, Convolution, Upsample, Gate, Input, Pool)


class Writer:
    """Collects the nodes of a graph; every method that adds nodes returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        """Adds one node."""
        self.nodes.append(helper.make_node(kind, inputs, [result], result, **attributes))
        return result

    def constant(self, name: str, values: Any, kind: type) -> str:
        """Adds a constant, unless there is one of that name."""
        if name not in self.constants:
            array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
            self.constants[name] = numpy_helper.from_array(array.astype(kind), name)
        return name

    def quantize(self, name: str, range: Range) -> str:
        """The real numbers `name` quantized and dequantized again."""
        offset = -range.first
        parameters = [
            self.constant(f"{name}_scale", range.scale, np.float32),
            self.constant(f"{name}_zero", range.zero + offset, np.uint8),
        ]
        integers = self.node("QuantizeLinear", [name, *parameters], f"{name}_quantized")
        if range.last + offset < 255:
            bounds = [
                self.constant(f"{name}_min", 0, np.uint8),
                self.constant(f"{name}_max", range.last + offset, np.uint8),
            ]
            integers = self.node("Clip", [integers, *bounds], f"{name}_clipped")
        return self.node("DequantizeLinear", [integers, *parameters], f"{name}_dequantized")

    def integers(self, name: str, values: Tensor, scales: Tensor, kind: type) -> str:
        """A constant of whole numbers with a scale for each entry of its first axis."""
        inputs = [
            self.constant(f"{name}_quantized", values, kind),
            self.constant(f"{name}_scale", scales, np.float32),
            self.constant(f"{name}_zero", torch.zeros(len(scales)), kind),
        ]
        return self.node("DequantizeLinear", inputs, name, axis=0)

    def part(self, module: nn.Module, name: str, inputs: list[str], ranges: list[Range]) -> str:
        """One part of a network on dequantized inputs of the given ranges; its real numbers, before rounding."""
        if isinstance(module, Convolution):
            weights, bias, scales = module.integers(ranges[0].scale)
            parameters = [
                self.integers(f"{name}_weights", weights, scales, np.int8),
                self.integers(f"{name}_bias", bias, ranges[0].scale * scales, np.int32),
            ]
            pads = [*module.padding, *module.padding]
            form = {"strides": module.stride, "pads": pads, "group": module.groups}
            return self.node("Conv", [*inputs, *parameters], name, kernel_shape=weights.shape[2:], **form)
        if isinstance(module, Gate):
            return self.gate(module, name, inputs, ranges[1])
        if isinstance(module, Pool):
            size = [module.size, module.size]
            return self.node("MaxPool", inputs, name, kernel_shape=size, strides=size)
        if isinstance(module, Upsample):
            return self.upsample(inputs[0], 2, name, mode="linear", coordinate_transformation_mode="half_pixel")
        return self.node("Add", inputs, name)

    def gate(self, module: Gate, name: str, inputs: list[str], attention: Range) -> str:
        """value * upsample(table[q + 128])."""
        entries, scale = module.table(attention)
        integers = inputs[1].removesuffix("_dequantized") + "_quantized"  # 8 bits: no Clip, and q + 128
        index = self.node("Cast", [integers], f"{name}_integers", to=TensorProto.INT32)
        index = self.node("Add", [index, self.constant(f"{name}_shift", 0, np.int32)], f"{name}_index")
        entry = self.node("Gather", [self.constant(f"{name}_table", entries, np.int32), index], f"{name}_entries")
        factor_scale = self.constant(f"{name}_tableScale", scale, np.float32)
        factor = self.node("DequantizeLinear", [entry, factor_scale], f"{name}_factor")
        if module.pool > 1:
            form = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            factor = self.upsample(factor, module.pool, f"{name}_upsampled", mode="nearest", **form)
        return self.node("Mul", [inputs[0], factor], name)

    def upsample(self, name: str, factor: int, result: str, **attributes: Any) -> str:
        """Height and width times a whole factor."""
        scales = self.constant(f"{result}_scales", [1, 1, factor, factor], np.float32)
        return self.node("Resize", [name, "", scales], result, **attributes)


@torch.no_grad()
def qdq_model(network: QuantizedNetwork, height: int, width: int) -> onnx.ModelProto:
    """The network as a checked ONNX model for one size: input `image`, output `logits`.

    The graph is what the network does in one forward pass: each part, as it runs, is added to it.
    """
    writer = Writer()
    names: dict[int, str] = {}
    alive: list[Activation] = []  # ids are unique only while the objects live

    def add(module: nn.Module, inputs: tuple[Activation, ...], result: Activation, name: str) -> None:
        if isinstance(module, Input):
            real = "image"
        else:
            tensors, ranges = [names[id(x)] for x in inputs], [x.range for x in inputs]
            real = writer.part(module, name, tensors, ranges)
        names[id(result)] = writer.quantize(real, result.range)
        alive.append(result)

    handles = [
        module.register_forward_hook(lambda m, inputs, result, name=name: add(m, inputs, result, name))
        for name, module in network.named_modules()
        if isinstance(module, PARTS)
    ]
    logits = network.eval()(torch.zeros(1, 3, height, width))
    for handle in handles:
        handle.remove()
    writer.nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        writer.nodes,
        "attendseg",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, list(logits.shape))],
        list(writer.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model
