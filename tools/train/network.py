"""The segmentation network, built from one architecture file (JSON).

Shape of the network, for an input of height H and width W (multiples of 32):

    stem        [N, 3, H, W]         -> [N, stem, H/2, W/2], or at 1/4
    stages      four of them         -> maps at 1/4, 1/8, 1/16, 1/32
    refinement  from 1/32 upwards    -> [N, width, H/4, W/4], or at 1/8 or 1/16
    head        1x1 convolution      -> [N, classes, H/4, W/4], logits, at the last refined scale

The input is rgb / 255 in [0, 1]; there is no further normalisation, so the zero padding of the first
convolution is black. Only one kind of ReLU is used besides the sigmoid of the attention condensers, and every
convolution but the last of a condenser and the head is followed by a batch normalisation that folds into it.

Fields of the architecture file:

    name         a word for people
    classes      number of classes of the head
    shrink       if given, the image is first averaged over blocks of so many times so many pixels; the network sees the
                 smaller image, and all scales are those of that one
    activation   "relu" (if left out) or "relu6", whose values end at 6
    epsilon      that of the batch normalisations, 1e-5 if left out
    stem         width, kernel; stride: 2 (if left out) or 4, and then the first stage does not halve its map;
                 project: if given, a depthwise 3x3 and a linear pointwise convolution to this width follow
    stages       four of {width, kernel, blocks}; the first block of each halves the map
    blocks       {expand, condenser}: the width inside the block, and null or the condenser's form; width: that of
                 the block's result, if it is not the stage's
    condenser    {pool, ratio, residual}: see `Condenser`
    refinement   width, kernel; scales: the maps that refine, coarse to fine, some of 16, 8, 4 and 2 (the stem's),
                 [16, 8, 4] if left out; condensers: for each of them null or the form of one on the fused map, none if
                 left out
"""

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 32
"""Height and width of an input must be multiples of this, times what the network shrinks it by."""

SCALES = [16, 8, 4]
"""Maps that refine if nothing else is said: one side of the input is so many times larger."""

PLACES = ("4", "8", "16", "32")
"""Names of the stages: the scales of their maps."""

FINEST = 2
"""The scale of the stem's map, which can refine, too."""


def multiple_of_8(width: float) -> int:
    """The multiple of 8 nearest to `width`, and at least 8."""
    return max(8, int(width / 8 + 0.5) * 8)


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation and, if asked for, ReLU.

    [N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]; `kernel` is odd, padding is zero.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True) if relu else nn.Identity(),
        )


class Condenser(nn.Module):
    """Attention condenser: self-attention computed on a condensed map.

    V  [N, channels, H, W]            input; H and W are multiples of pool
    Q  [N, channels, H/pool, W/pool]  condensation: maximum over pool x pool
    K  [N, channels, H/pool, W/pool]  embedding: pointwise to round(channels * ratio), ReLU, depthwise 3x3,
                                      ReLU, pointwise back
    A  [N, channels, H, W]            expansion: every condensed value repeated pool x pool times

    result = V * A with A = 1 + S * sigmoid(K) (residual) or sigmoid(K) (plain), S one learned number.
    Sigmoid, scale and sum happen before the upsampling, so they cost one look-up a condensed value.

    The embedding starts near zero: the gate is then nearly the same for every value (1.5 or 0.5), which the
    batch normalisation behind it removes.
    Form after TinySpeech (Wong et al., 2020): V' = F(V, A, S), K = E(Q), Q = C(V), A = X(K).
    """

    def __init__(self, channels: int, pool: int, ratio: float, residual: bool) -> None:
        super().__init__()
        width = multiple_of_8(channels * ratio)
        self.pool = pool
        self.reduce = ConvNorm(channels, width)
        self.mix = ConvNorm(width, width, 3, groups=width)
        self.restore = nn.Conv2d(width, channels, 1)
        nn.init.normal_(self.restore.weight, std=0.01)
        nn.init.zeros_(self.restore.bias)
        self.scale = nn.Parameter(torch.ones(())) if residual else None

    def forward(self, value: Tensor) -> Tensor:
        """[N, channels, H, W] -> the same shape."""
        condensed = F.max_pool2d(value, self.pool) if self.pool > 1 else value
        gate = torch.sigmoid(self.restore(self.mix(self.reduce(condensed))))
        if self.scale is not None:
            gate = 1 + self.scale * gate
        if self.pool > 1:
            gate = F.interpolate(gate, scale_factor=float(self.pool), mode="nearest")
        return value * gate


class Block(nn.Module):
    """Inverted bottleneck: pointwise expand, depthwise, condenser (if any), pointwise project (linear).

    [N, inputs, H, W] -> [N, outputs, H / stride, W / stride]; the input is added where the shapes agree.
    """

    def __init__(
        self, inputs: int, outputs: int, expand: int, kernel: int, stride: int, condenser: dict[str, Any] | None
    ) -> None:
        super().__init__()
        self.expand = ConvNorm(inputs, expand)
        self.depthwise = ConvNorm(expand, expand, kernel, stride, groups=expand)
        self.condenser = Condenser(expand, **condenser) if condenser else nn.Identity()
        self.project = ConvNorm(expand, outputs, relu=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        y = self.project(self.condenser(self.depthwise(self.expand(x))))
        return x + y if self.adds else y


class Separable(nn.Sequential):
    """Depthwise 3x3, then pointwise without activation: [N, inputs, H, W] -> [N, outputs, H, W]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(ConvNorm(inputs, inputs, 3, groups=inputs), ConvNorm(inputs, outputs, relu=False))


class Refine(nn.Module):
    """One step upwards: activation(upsample(x) + pointwise(skip)), then depthwise, condenser (if any) and pointwise.

    x [N, width, H, W], skip [N, skip, fH, fW] -> [N, width, fH, fW], f the factor; the upsampling is bilinear
    with half-pixel centres.
    """

    def __init__(
        self, skip: int, width: int, kernel: int, factor: int = 2, condenser: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.factor = float(factor)
        self.lateral = ConvNorm(skip, width, relu=False)
        self.activation = nn.ReLU(inplace=True)
        self.depthwise = ConvNorm(width, width, kernel, groups=width)
        self.condenser = Condenser(width, **condenser) if condenser else nn.Identity()
        self.pointwise = ConvNorm(width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """x [N, width, H, W], skip [N, skip, fH, fW] -> [N, width, fH, fW]."""
        x = F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)
        return self.pointwise(self.condenser(self.depthwise(self.activation(x + self.lateral(skip)))))


class Network(nn.Module):
    """The whole network of an architecture (see the head of this file).

    [N, 3, H, W] in [0, 1], H and W multiples of 32 -> logits [N, classes, H/4, W/4], or at the last of the
    refinement's scales, all times `shrink`. Raises ValueError, naming the field, for an architecture that cannot be
    built.
    """

    def __init__(self, architecture: dict[str, Any]) -> None:
        super().__init__()
        check(architecture)
        self.architecture = architecture
        stem, refinement = architecture["stem"], architecture["refinement"]
        stem_stride = stem.get("stride", 2)
        self.shrink = nn.AvgPool2d(architecture["shrink"]) if "shrink" in architecture else nn.Identity()
        self.stem = ConvNorm(3, stem["width"], stem["kernel"], stem_stride)
        self.stages = nn.ModuleList()
        width = stem.get("project", stem["width"])
        self.separable = Separable(stem["width"], width) if "project" in stem else nn.Identity()
        widths = {FINEST: width}  # of the map at each scale
        for scale, first, stage in zip((4, 8, 16, 32), (4 // stem_stride, 2, 2, 2), architecture["stages"]):
            blocks = []
            for index, block in enumerate(stage["blocks"]):
                outputs, stride = block.get("width", stage["width"]), first if index == 0 else 1
                blocks.append(Block(width, outputs, block["expand"], stage["kernel"], stride, block["condenser"]))
                width = outputs
            widths[scale] = width
            self.stages.append(nn.Sequential(*blocks))
        self.top = ConvNorm(width, refinement["width"])
        self.scales = refinement.get("scales", SCALES)
        condensers = refinement.get("condensers", [None] * len(self.scales))
        self.refinement = nn.ModuleList(
            Refine(widths[scale], refinement["width"], refinement["kernel"], coarser // scale, condenser)
            for coarser, scale, condenser in zip([STRIDE, *self.scales], self.scales, condensers)
        )
        self.head = nn.Conv2d(refinement["width"], architecture["classes"], 1)
        for module in list(self.modules()):
            if isinstance(module, nn.BatchNorm2d):
                module.eps = architecture.get("epsilon", 1e-5)
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU) and architecture.get("activation") == "relu6":
                    setattr(module, name, nn.ReLU6(inplace=True))

    def forward(self, image: Tensor) -> Tensor:
        """[N, 3, H, W] in [0, 1] -> logits [N, classes, H/4, W/4], or at the last of the scales, times `shrink`."""
        x = self.separable(self.stem(self.shrink(image)))  # [N, stem, H/2, W/2]
        maps = {FINEST: x}
        for scale, stage in zip((4, 8, 16, 32), self.stages):
            x = maps[scale] = stage(x)  # [N, width, H/scale, W/scale]
        x = self.top(x)  # [N, width, H/32, W/32]
        for refine, scale in zip(self.refinement, self.scales):
            x = refine(x, maps[scale])
        return self.head(x)


def check(architecture: dict[str, Any]) -> None:
    """Raises ValueError, naming the field, unless `Network` can build the architecture.

    Besides the obvious: widths are multiples of 8, kernels odd, and a condenser's pool divides its map for
    every input whose size is a multiple of 32 (so at 1/4 it is at most 8, at 1/32 it is 1).
    """

    def width(field: str, value: Any) -> None:
        if not isinstance(value, int) or value < 8 or value % 8:
            raise ValueError(f"{field}: expected a positive multiple of 8, got {value!r}")

    def kernel(field: str, value: Any) -> None:
        if not isinstance(value, int) or value < 1 or value % 2 == 0:
            raise ValueError(f"{field}: expected an odd number, got {value!r}")

    def condenser(field: str, form: dict[str, Any] | None, scale: int) -> None:
        if form is None:
            return
        largest = STRIDE // scale
        if form["pool"] < 1 or largest % form["pool"]:
            raise ValueError(f"{field}.pool: expected a divisor of {largest}, got {form['pool']}")
        if not 0 < form["ratio"] <= 1:
            raise ValueError(f"{field}.ratio: expected a number in (0, 1]")

    try:
        for part in ("stem", "refinement"):
            width(f"{part}.width", architecture[part]["width"])
            kernel(f"{part}.kernel", architecture[part]["kernel"])
        if "project" in architecture["stem"]:
            width("stem.project", architecture["stem"]["project"])
        if architecture.get("activation", "relu") not in ("relu", "relu6"):
            raise ValueError(f"activation: expected relu or relu6, got {architecture['activation']!r}")
        epsilon = architecture.get("epsilon", 1e-5)
        if not isinstance(epsilon, float) or not 0 < epsilon < 1:
            raise ValueError(f"epsilon: expected a number in (0, 1), got {epsilon!r}")
        if architecture["stem"].get("stride", 2) not in (2, 4):
            raise ValueError(f"stem.stride: expected 2 or 4, got {architecture['stem']['stride']!r}")
        shrink = architecture.get("shrink", 2)
        if not isinstance(shrink, int) or not 2 <= shrink <= 8:
            raise ValueError(f"shrink: expected a whole number from 2 to 8, got {shrink!r}")
        scales = architecture["refinement"].get("scales", SCALES)
        possible = SCALES if architecture["stem"].get("stride", 2) == 4 else [*SCALES, FINEST]
        if not scales or scales != [scale for scale in possible if scale in scales]:
            raise ValueError(f"refinement.scales: expected some of {possible}, in this order, got {scales}")
        condensers = architecture["refinement"].get("condensers", [None] * len(scales))
        if len(condensers) != len(scales):
            raise ValueError(f"refinement.condensers: expected {len(scales)}, one a scale, got {len(condensers)}")
        for i, (form, scale) in enumerate(zip(condensers, scales)):
            condenser(f"refinement.condensers[{i}]", form, scale)
        if len(architecture["stages"]) != 4:
            raise ValueError(f"stages: expected 4, got {len(architecture['stages'])}")
        if architecture["classes"] < 2:
            raise ValueError(f"classes: expected at least 2, got {architecture['classes']}")
        for i, stage in enumerate(architecture["stages"]):
            width(f"stages[{i}].width", stage["width"])
            kernel(f"stages[{i}].kernel", stage["kernel"])
            if not stage["blocks"]:
                raise ValueError(f"stages[{i}].blocks: expected at least one block")
            for j, block in enumerate(stage["blocks"]):
                field = f"stages[{i}].blocks[{j}]"
                width(f"{field}.expand", block["expand"])
                if "width" in block:
                    width(f"{field}.width", block["width"])
                condenser(f"{field}.condenser", block["condenser"], 4 << i)
    except KeyError as missing:
        raise ValueError(f"architecture: field {missing} is missing") from None


def load_architecture(path: str | Path) -> dict[str, Any]:
    """The architecture read from a JSON file; ValueError, naming the file, if it cannot be built."""
    try:
        architecture = json.loads(Path(path).read_text(encoding="utf-8"))
        check(architecture)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return architecture
