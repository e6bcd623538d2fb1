"""RefineNet (Lin et al. 2017) on ResNet-101 (He et al. 2016), in the form of the Semantic-Segmentation-Suite.

For an input of height H and width W (multiples of 32):

    backbone   ResNet-101 without its classifier: maps at 1/4 (256), 1/8 (512), 1/16 (1024), 1/32 (2048), each
               taken before the unit that halves it, which is the last of its stage
    lateral    1x1 to 256, 256, 256 and 512
    blocks     from 1/32 upwards; each: two residual units, fusion with the block below, chained pooling, one unit
    head       two residual units, then 1x1, 256 -> classes     [N, classes, H/4, W/4]

The head stands before the last upsampling (x4), as in edgesegnet.py.
"""

import torch.nn.functional as F
from torch import Tensor, nn

DEPTHS = (3, 4, 23, 3)
WIDTHS = (64, 128, 256, 512)
GROWTH = 4


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut: [N, inputs, H, W] -> [N, 4 * width, H / stride, W / stride].

    The shortcut is a 1x1 convolution where the width changes, else every stride-th value. The last norm begins
    small, so that the sum over many units neither grows nor is drowned in any one of them.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = GROWTH * width
        self.first = conv_norm(inputs, width, 1)
        self.second = conv_norm(width, width, 3, stride)
        self.third = conv_norm(width, outputs, 1)
        nn.init.constant_(self.third[1].weight, 0.25)
        if inputs != outputs:
            self.shortcut = conv_norm(inputs, outputs, 1, stride)
        else:
            self.shortcut = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.relu(self.third(F.relu(self.second(F.relu(self.first(x))))) + self.shortcut(x))


class Unit(nn.Module):
    """Residual convolution unit: ReLU, 3x3, ReLU, 3x3, plus the input. The shape stays."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.second(F.relu(self.first(F.relu(x)))) + x


class Chain(nn.Module):
    """Chained residual pooling: ReLU, then twice a 5x5 maximum and a 3x3 convolution, all summed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The shape stays."""
        total = path = F.relu(x)
        for conv in self.convs:
            path = conv(F.max_pool2d(path, 5, 1, 2))
            total = total + path
        return total


class Block(nn.Module):
    """One RefineNet block; the lowest (below = 0) has nothing to fuse with, only a convolution in its place.

    high [N, width, H, W], low [N, below, H/2, W/2] -> [N, width, H, W].
    """

    def __init__(self, width: int, below: int) -> None:
        super().__init__()
        self.units = nn.Sequential(Unit(width), Unit(width))
        self.high = nn.Conv2d(width, width, 3, padding=1)
        self.low = nn.Conv2d(below, width, 3, padding=1) if below else None
        self.chain = Chain(width)
        self.last = Unit(width)

    def forward(self, high: Tensor, low: Tensor | None) -> Tensor:
        """See the class."""
        x = self.high(self.units(high))
        if self.low is not None:
            x = x + F.interpolate(self.low(low), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.last(self.chain(x))


class RefineNet(nn.Module):
    """The whole network: [N, 3, H, W] in [0, 1] -> logits [N, classes, H/4, W/4]."""

    def __init__(self, classes: int = 32, divide: int = 1) -> None:
        super().__init__()
        width = WIDTHS[0] // divide
        self.stem = nn.Sequential(*conv_norm(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        for stage, (depth, inner) in enumerate(zip(DEPTHS, WIDTHS)):
            blocks = []
            for index in range(depth):
                stride = 2 if stage < len(DEPTHS) - 1 and index == depth - 1 else 1
                blocks.append(Bottleneck(width, inner // divide, stride))
                width = GROWTH * inner // divide
            self.stages.append(nn.ModuleList(blocks))
        refined = [256 // divide] * 3 + [512 // divide]
        inner = [GROWTH * w // divide for w in WIDTHS]
        self.laterals = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(inner, refined))
        self.blocks = nn.ModuleList(Block(w, below) for w, below in zip(refined, [*refined[1:], 0]))
        self.head = nn.Sequential(Unit(refined[0]), Unit(refined[0]), nn.Conv2d(refined[0], classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.stem(image)
        highs = []
        for stage, lateral in zip(self.stages, self.laterals):
            for block in stage[:-1]:
                x = block(x)
            halved = stage[-1](x)
            highs.append(lateral(halved if lateral is self.laterals[-1] else x))
            x = halved
        low = None
        for block, high in zip(reversed(self.blocks), reversed(highs)):
            low = block(high, low)
        return self.head(low)
