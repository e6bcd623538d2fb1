"""Reads networks back from .aseg files (src/format.md): dequantized weights as the start of a training."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tools.train.network import Condenser, Network

HEADER, TENSOR, OP = 64, 16, 64
CONVOLUTIONS, GATE = (2, 3, 4), 8
NO_TENSOR = 0xFFFF


@dataclass
class Layer:
    """A convolution: weights [outputs, inputs / groups, kernel, kernel] and bias [outputs], real numbers."""

    weight: Tensor
    bias: Tensor


@dataclass
class Stored:
    """What a file holds of a network, in the order of execution: convolutions, and for each gate the real numbers of
    its attention and the factors that belong to them; the names of its classes."""

    layers: list[Layer]
    gates: list[tuple[Tensor, Tensor]]
    classes: list[str]


def read_aseg(path: str | Path) -> Stored:
    """The contents of a model file; ValueError, naming the file, if it is none of version 1 or is broken."""
    data = Path(path).read_bytes()
    if len(data) < HEADER or data[:4] != b"ASEG" or int.from_bytes(data[4:8], "little") != 1:
        raise ValueError(f"{path}: not an .aseg file of version 1")
    size, checksum = np.frombuffer(data, "<u4", 2, 8).tolist()
    if size != len(data) or zlib.crc32(data[16:]) != checksum:
        raise ValueError(f"{path}: is damaged: its length or checksum is wrong")
    tensors, ops = np.frombuffer(data, "<u2", 2, 16).tolist()
    card = json.loads(data[len(data) - int.from_bytes(data[24:28], "little") :])
    records = [data[HEADER + TENSOR * i :][:TENSOR] for i in range(tensors)]
    channels = [int.from_bytes(record[:2], "little") for record in records]
    zeros = [int.from_bytes(record[2:4], "little", signed=True) for record in records]
    scales = [float(np.frombuffer(record, "<f4", 1, 4)[0]) for record in records]
    stored = Stored([], [], card["classes"])
    for i in range(ops):
        record = data[HEADER + TENSOR * tensors + OP * i :][:OP]
        output, *inputs = np.frombuffer(record, "<u2", 5, 2).tolist()
        offsets = np.frombuffer(record, "<u4", 4, 32).tolist()  # of weights, bias, scales, table
        if record[0] in CONVOLUTIONS:
            count = channels[output]
            kernel = record[12:14] if record[0] != CONVOLUTIONS[2] else b"\1\1"
            depth = 1 if record[0] == CONVOLUTIONS[1] else channels[inputs[0]]
            if record[0] == CONVOLUTIONS[0]:
                depth //= int.from_bytes(record[22:24], "little")
            shape = (count, kernel[0], kernel[1], depth)
            weights = np.frombuffer(data, "<i1", int(np.prod(shape)), offsets[0]).reshape(shape).astype(np.float64)
            steps = np.frombuffer(data, "<f4", count, offsets[2]).astype(np.float64)  # a scale for each output
            bias = np.frombuffer(data, "<i4", count, offsets[1]) + zeros[inputs[0]] * weights.sum((1, 2, 3))
            real = torch.from_numpy(weights * steps[:, None, None, None]).permute(0, 3, 1, 2)
            stored.layers.append(Layer(real.float(), torch.from_numpy(bias * steps * scales[inputs[0]]).float()))
        elif record[0] == GATE:
            q = np.arange(-128, 128)
            factors = np.frombuffer(data, "<i2", 256, offsets[3]) * np.frombuffer(data, "<f4", 1, offsets[2])
            attention = (q - zeros[inputs[1]]) * scales[inputs[1]]
            stored.gates.append((torch.from_numpy(attention).float(), torch.from_numpy(factors).float()))
    return stored


@torch.no_grad()
def start_from_aseg(network: Network, path: str | Path, classes: list[str], images: Iterable[Tensor]) -> list[str]:
    """Gives a network the weights of a model file; the names of the parameters that have them.

    classes  names of the network's classes; classes that the file has too keep their weights, others are new: with
             any of them the head counts as new
    images   [N, 3, H, W] in [0, 1]: batch normalisations get their statistics from them, and undo them, so that the
             network computes what the file does
    ValueError, naming the file, if it holds another architecture.
    """
    stored = read_aseg(path)
    layers, gates = iter(stored.layers), iter(stored.gates)
    batch = torch.cat(list(images))
    known = stored.classes == classes

    def fault(module: nn.Module) -> ValueError:
        name = next(name for name, other in network.named_modules() if other is module)
        return ValueError(f"{path}: holds another architecture: {name} does not fit")

    def convolution(conv: nn.Conv2d, _: tuple) -> None:
        layer = next(layers, None)
        if conv is network.head and not known:
            keep_classes(conv, layer, stored.classes, classes)
        elif layer is None or layer.weight.shape != conv.weight.shape:
            raise fault(conv)
        else:
            conv.weight.copy_(layer.weight)
            if conv.bias is not None:
                conv.bias.copy_(layer.bias)
            else:
                biases[conv.out_channels] = layer.bias

    biases: dict[int, Tensor] = {}  # of the convolution before a normalization

    def normalization(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(biases.pop(norm.num_features) + mean)

    def gate(condenser: Condenser, _: tuple) -> None:
        attention, factors = next(gates, (None, None))
        if attention is None:
            raise fault(condenser)
        if condenser.scale is not None:
            sigmoid = torch.sigmoid(attention)
            condenser.scale.copy_((sigmoid * (factors - 1)).sum() / sigmoid.square().sum())

    hooks = {nn.Conv2d: convolution, nn.BatchNorm2d: normalization, Condenser: gate}
    handles = [m.register_forward_pre_hook(hooks[type(m)]) for m in network.modules() if type(m) in hooks]
    try:
        network.eval()(batch)
    finally:
        for handle in handles:
            handle.remove()
        network.train()
    if next(layers, None) or next(gates, None):
        raise ValueError(f"{path}: holds another architecture: a larger one")
    return [name for name, _ in network.named_parameters() if known or not name.startswith("head.")]


def keep_classes(head: nn.Conv2d, layer: Layer | None, stored: list[str], classes: list[str]) -> None:
    """Copies the weights of the classes that both lists name into a head."""
    for i, name in enumerate(classes):
        if layer is not None and name in stored and layer.weight.shape[1:] == head.weight.shape[1:]:
            head.weight[i] = layer.weight[stored.index(name)]
            head.bias[i] = layer.bias[stored.index(name)]
