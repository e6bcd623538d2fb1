"""EdgeSegNet (Lin, Chwyl, Wong 2019), after the two public re-implementations, which agree with each other.

For an input of height H and width W (multiples of 32):

    stem       7x7 stride 2, 3 -> 13, ReLU                      [N, 13, H/2, W/2]
    pool       3x3 stride 2                                     [N, 13, H/4, W/4]
    reduction  3x3 stride 8 of the stem, 1x1, 3x3, then x2      [N, 193, H/8, W/8]
    residual   bottleneck with stride 2 of the pool             [N, 193, H/8, W/8]
    refine     refine0(residual) + reduction -> refine1 -> x2, + refine2(pool) -> refine3
    head       1x1, 217 -> classes                              [N, classes, H/4, W/4]

The head stands before the last upsampling (x4) instead of behind it: both are linear and the weights of the
upsampling add up to 1, so the logits are the same, and whoever takes the maximum does the upsampling.
"""

import torch.nn.functional as F
from torch import Tensor, nn

STEM, INNER, OUTER = 13, 193, 217


def double(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, C, 2H, 2W], bilinear with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Residual(nn.Module):
    """Bottleneck with pre-activation: three times norm, ReLU, convolution, plus a 3x3 shortcut.

    [N, inputs, H, W] -> [N, outputs, H/2, W/2].
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
        second = nn.Conv2d(outputs, outputs, 3, 2, 1, bias=False)
        self.second = nn.Sequential(second, nn.BatchNorm2d(outputs), nn.ReLU())
        self.third = nn.Conv2d(outputs, outputs, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.third(self.second(self.first(F.relu(self.norm(x))))) + self.shortcut(x)


class Refine(nn.Module):
    """1x1 to the new width, then 1x1, ReLU, 3x3, ReLU, 3x3 beside it: [N, inputs, H, W] -> [N, outputs, H, W]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, outputs, 1)
        self.body = nn.Sequential(
            nn.Conv2d(outputs, outputs, 1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.enter(x)
        return self.body(x) + x


class EdgeSegNet(nn.Module):
    """The whole network: [N, 3, H, W] in [0, 1] -> logits [N, classes, H/4, W/4]."""

    def __init__(self, classes: int = 32, divide: int = 1) -> None:
        super().__init__()
        stem, inner, outer = (max(4, width // divide) for width in (STEM, INNER, OUTER))
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 7, 2, 3), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.reduction = nn.Sequential(
            nn.Conv2d(stem, inner, 3, 8, 1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1),
        )
        self.residual = Residual(stem, inner)
        self.refine0 = Refine(inner, inner)
        self.refine1 = Refine(inner, outer)
        self.refine2 = Refine(stem, outer)
        self.refine3 = Refine(outer, outer)
        self.head = nn.Conv2d(outer, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        stem = self.stem(image)
        pool = self.pool(stem)
        x = self.refine0(self.residual(pool)) + double(self.reduction(stem))
        x = double(self.refine1(x)) + self.refine2(pool)
        return self.head(self.refine3(x))
