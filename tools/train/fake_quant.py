"""The quantized form of a `Network`, made of the parts of arithmetic.py.

Activations that arithmetic reads have 7 bits (0..127) or, if asked for, 8; those that only a gate's table or the final
argmax reads always have 8 (-128..127).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from tools.train.arithmetic import Activation, Add, Convolution, Gate, Input, Pool, Range, Upsample
from tools.train.network import SCALES, Block, Condenser, ConvNorm, Network, Refine, Separable


def ceiling_of(activation: nn.Module) -> float | None:
    """What `Range` takes for an activation."""
    if isinstance(activation, nn.ReLU6):
        return 6.0
    return float("inf") if isinstance(activation, nn.ReLU) else None


def conv_norm(layer: ConvNorm, bits: int) -> Convolution:
    """The quantized form of a `ConvNorm`."""
    conv, norm, activation = layer
    return Convolution(conv, norm, Range(bits, ceiling_of(activation)))


class QuantizedCondenser(nn.Module):
    """The quantized form of a `Condenser`."""

    def __init__(self, condenser: Condenser, bits: int) -> None:
        super().__init__()
        self.pool = Pool(condenser.pool) if condenser.pool > 1 else nn.Identity()
        self.reduce = conv_norm(condenser.reduce, bits)
        self.mix = conv_norm(condenser.mix, bits)
        self.restore = Convolution(condenser.restore, None, Range(8))
        self.gate = Gate(condenser.pool, condenser.scale, Range(bits))

    def forward(self, value: Activation) -> Activation:
        """[N, channels, H, W] -> the same shape."""
        return self.gate(value, self.restore(self.mix(self.reduce(self.pool(value)))))


def condenser_or_nothing(module: nn.Module, bits: int) -> nn.Module:
    """The quantized form of a block's condenser, or of the identity in its place."""
    return QuantizedCondenser(module, bits) if isinstance(module, Condenser) else nn.Identity()


class QuantizedBlock(nn.Module):
    """The quantized form of a `Block`."""

    def __init__(self, block: Block, bits: int) -> None:
        super().__init__()
        self.expand = conv_norm(block.expand, bits)
        self.depthwise = conv_norm(block.depthwise, bits)
        self.condenser = condenser_or_nothing(block.condenser, bits)
        self.project = conv_norm(block.project, bits)
        self.add = Add(Range(bits)) if block.adds else None

    def forward(self, x: Activation) -> Activation:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        y = self.project(self.condenser(self.depthwise(self.expand(x))))
        return self.add(x, y) if self.add else y


class QuantizedRefine(nn.Module):
    """The quantized form of a `Refine`."""

    def __init__(self, refine: Refine, bits: int) -> None:
        super().__init__()
        self.upsample = Upsample()
        self.lateral = conv_norm(refine.lateral, bits)
        self.add = Add(Range(bits, ceiling_of(refine.activation)))
        self.depthwise = conv_norm(refine.depthwise, bits)
        self.condenser = condenser_or_nothing(refine.condenser, bits)
        self.pointwise = conv_norm(refine.pointwise, bits)

    def forward(self, x: Activation, skip: Activation) -> Activation:
        """x [N, width, H, W], skip [N, skip, 2H, 2W] -> [N, width, 2H, 2W]."""
        return self.pointwise(self.condenser(self.depthwise(self.add(self.upsample(x), self.lateral(skip)))))


class QuantizedNetwork(nn.Module):
    """The quantized form of a `Network`; `calibrate` gives it its first ranges.

    [N, 3, H, W] in [0, 1], H and W multiples of 32 -> whole numbers [N, classes, H/4, W/4] in steps of `scale`.
    ValueError for a network that does not refine at those scales that are the default (its upsamplings are twofold), or
    that shrinks the image.
    """

    def __init__(self, network: Network, bits: int = 7) -> None:
        super().__init__()
        if network.scales != SCALES:
            raise ValueError(f"refinement.scales: expected {SCALES}, got {network.scales}")
        if "shrink" in network.architecture:
            raise ValueError("shrink: a network that shrinks the image cannot be trained quantized")
        self.architecture, self.bits = network.architecture, bits
        self.input = Input()
        self.stem = conv_norm(network.stem, bits)
        separable = network.separable if isinstance(network.separable, Separable) else []
        self.separable = nn.Sequential(*(conv_norm(layer, bits) for layer in separable))
        self.stages = nn.ModuleList(
            nn.Sequential(*(QuantizedBlock(block, bits) for block in stage)) for stage in network.stages
        )
        self.top = conv_norm(network.top, bits)
        self.refinement = nn.ModuleList(QuantizedRefine(refine, bits) for refine in network.refinement)
        self.head = Convolution(network.head, None, Range(8))

    @property
    def scale(self) -> Tensor:
        """The real score that a step of the result stands for."""
        return self.head.range.scale

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.separable(self.stem(self.input(image)))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        x = self.top(x)
        for refine, skip in zip(self.refinement, reversed(maps[:-1])):
            x = refine(x, skip)
        return self.head(x).values


@torch.no_grad()
def calibrate(network: QuantizedNetwork, images: Iterable[Tensor]) -> None:
    """Gives every range the scale and zero point that suit some images ([N, 3, H, W] in [0, 1])."""
    ranges = [m for m in network.modules() if isinstance(m, Range) and m is not network.input.range]
    for part in ranges:
        part.observe()
    for image in images:
        network(image)
    for part in ranges:
        part.settle()
