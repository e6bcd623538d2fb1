"""Writes a checkpoint's averaged weights as an ONNX model: a float one of train.py, a quantized one of qat.py.

    python -m tools.train.export RUN/checkpoint.pt model.onnx

The float graph has one input `image` [1, 3, H, W] (rgb / 255) and one output `logits` [1, classes, H/4, W/4], and
consists of Conv, Relu, Clip, MaxPool, AveragePool, Sigmoid, Mul, Add and Resize only: batch normalisations are folded. That of a
baseline may keep those that follow no convolution. The quantized graph is that of qdq.py. Both are checked against
PyTorch with onnxruntime before they are written under their final name.
"""

import argparse
import copy
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tools.train.baselines import build
from tools.train.fake_quant import QuantizedNetwork
from tools.train.network import Network
from tools.train.qdq import qdq_model

OPSET = 18
OPERATIONS = {"Add", "AveragePool", "Clip", "Conv", "MaxPool", "Mul", "Relu", "Resize", "Sigmoid"}


def fold(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose batch normalisations are folded into the convolutions before them."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = nn.Identity()
    return folded


def load_network(checkpoint: str | Path) -> nn.Module:
    """The averaged weights of a checkpoint as a network in evaluation mode; ValueError if it is none."""
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network = build(state["architecture"])
        if "bits" in state:
            network = QuantizedNetwork(network, state["bits"])
        network.load_state_dict(state["ema"])
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{checkpoint}: not a checkpoint of train.py ({str(error).splitlines()[0]})") from None
    return network.eval()


def onnx_model(network: nn.Module, height: int, width: int) -> onnx.ModelProto:
    """The network, folded, as a checked ONNX model for one size; ValueError if it needs other operations."""
    folded = fold(network)
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            folded,
            (image,),
            input_names=["image"],
            output_names=["logits"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    strip(model)
    onnx.checker.check_model(model, full_check=True)
    allowed = OPERATIONS if isinstance(network, Network) else OPERATIONS | {"BatchNormalization"}
    others = {node.op_type for node in model.graph.node} - allowed
    if others:
        raise ValueError(f"the exported graph has other operations: {', '.join(sorted(others))}")
    return model


def strip(model: onnx.ModelProto) -> None:
    """Removes what the exporter notes about its own source lines and paths: doc strings and metadata."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def difference(network: nn.Module, model: onnx.ModelProto, height: int, width: int) -> tuple[float, float]:
    """(largest absolute difference, largest absolute score) of onnxruntime against PyTorch on random frames.

    Of a quantized network the first is the mean absolute difference: onnxruntime may round a value the other way,
    and what follows from that.
    """
    options = onnxruntime.SessionOptions()
    # Integer kernels of some processors saturate with 8 bits; as it is written the graph is computed in float.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    is_quantized = isinstance(network, QuantizedNetwork)
    worst, largest = 0.0, 0.0
    for seed in range(3):
        image = np.random.default_rng(seed).random((1, 3, height, width), np.float32)
        (got,) = session.run(None, {"image": image})
        with torch.no_grad():
            wanted = network.eval()(torch.from_numpy(image))
            wanted = (wanted * network.scale if is_quantized else wanted).numpy()
        apart = np.abs(got - wanted)
        worst = max(worst, float(apart.mean() if is_quantized else apart.max()))
        largest = max(largest, float(np.abs(wanted).max()))
    return worst, largest


def write(network: nn.Module, model: onnx.ModelProto, path: str | Path, height: int, width: int) -> tuple[float, float]:
    """Writes an ONNX model of a network and returns `difference`.

    ValueError, and no file, if the difference is above 0.1 % of the largest score (quantized: 1 %).
    """
    worst, largest = difference(network, model, height, width)
    if worst > (1e-2 if isinstance(network, QuantizedNetwork) else 1e-3) * max(1.0, largest):
        raise ValueError(f"{path}: onnxruntime differs from PyTorch by {worst:.3g} (logits up to {largest:.3g})")
    part = Path(f"{path}.part")
    onnx.save(model, part)
    part.replace(path)
    return worst, largest


def export(checkpoint: str | Path, path: str | Path, height: int = 512, width: int = 512) -> tuple[float, float]:
    """Writes the ONNX file of a checkpoint; see `write`."""
    network = load_network(checkpoint)
    model = (qdq_model if isinstance(network, QuantizedNetwork) else onnx_model)(network, height, width)
    return write(network, model, path, height, width)


def main() -> None:
    """The command line: exit code 1 and one line for a file that is no checkpoint."""
    parser = argparse.ArgumentParser(description="Write a checkpoint's averaged weights as ONNX.")
    parser.add_argument("checkpoint", help="checkpoint.pt of train.py or qat.py")
    parser.add_argument("onnx", help="file to write")
    parser.add_argument("--size", default="512x512", help="input size, WxH (default 512x512)")
    options = parser.parse_args()
    try:
        width, height = (int(n) for n in options.size.split("x"))
        worst, largest = export(options.checkpoint, options.onnx, height, width)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.onnx}: difference to PyTorch {worst:.2e}, logits up to {largest:.2f}")


if __name__ == "__main__":
    main()
