"""What several networks are made of. All tensors are float32 [batch, channels, height, width]."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = int | tuple[int, int]


def unit(
    inputs: int,
    outputs: int,
    kernel: Size = 3,
    stride: int = 1,
    *,
    dilation: Size = 1,
    groups: int = 1,
    act: str = "relu",
) -> nn.Sequential:
    """Convolution that keeps the size (but for the stride), batch normalization, activation."""
    pair = lambda size: size if isinstance(size, tuple) else (size, size)
    padding = tuple(d * (k - 1) // 2 for k, d in zip(pair(kernel), pair(dilation)))
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *activation(act, outputs))


def activation(name: str, channels: int) -> list[nn.Module]:
    """A list of one module, or of none for "none"; a PReLU has a slope for each channel."""
    if name == "none":
        return []
    return [nn.PReLU(channels) if name == "prelu" else nn.ReLU()]


def normalized(channels: int) -> nn.Sequential:
    """Batch normalization and PReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


def depthwise(channels: int, kernel: Size = 3, stride: int = 1, dilation: Size = 1, act: str = "relu") -> nn.Sequential:
    return unit(channels, channels, kernel, stride, dilation=dilation, groups=channels, act=act)


def separable(inputs: int, outputs: int, stride: int = 1, act: str = "relu") -> nn.Sequential:
    """Depthwise 3x3, then 1x1."""
    return nn.Sequential(depthwise(inputs, 3, stride, act=act), unit(inputs, outputs, 1, act=act))


def like(x: Tensor, other: Tensor, align: bool = False) -> Tensor:
    """Resized bilinearly to the height and width of `other`."""
    return F.interpolate(x, size=other.shape[-2:], mode="bilinear", align_corners=align)


def enlarged(x: Tensor, factor: int, align: bool = False) -> Tensor:
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=align)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels of the groups interleaved."""
    batch, channels, height, width = x.shape
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


class Residual(nn.Module):
    """act(body(x) + shortcut(x)); a 1x1 convolution is the shortcut where sizes differ."""

    def __init__(self, body: nn.Module, inputs: int, outputs: int, stride: int = 1, act: str = "relu") -> None:
        super().__init__()
        self.body = body
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else unit(inputs, outputs, 1, stride, act="none")
        self.act = nn.Sequential(*activation(act, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.body(x) + self.shortcut(x))


def basic(inputs: int, outputs: int, stride: int = 1, act: str = "relu") -> Residual:
    """The block of ResNet-18."""
    body = nn.Sequential(unit(inputs, outputs, 3, stride), unit(outputs, outputs, act="none"))
    return Residual(body, inputs, outputs, stride, act)


def narrow(inputs: int, middle: int, stride: int = 1, act: str = "none") -> Residual:
    """The bottleneck of ResNet-50, twice as wide outside as inside."""
    body = nn.Sequential(
        unit(inputs, middle, 1), unit(middle, middle, 3, stride), unit(middle, 2 * middle, 1, act="none")
    )
    return Residual(body, inputs, 2 * middle, stride, act)


class ConvPool(nn.Module):
    """Half the size: a convolution of stride 2 beside a maximum of 2x2, joined, normalized."""

    def __init__(self, inputs: int, outputs: int, act: str = "relu") -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs - inputs, 3, 2, 1)
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), *activation(act, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.cat([self.conv(x), F.max_pool2d(x, 2)], 1))


class PyramidPooling(nn.Module):
    """PSPNet's: means over grids of several sizes, each through a 1x1 convolution, enlarged and joined to the input."""

    def __init__(self, inputs: int, outputs: int, bins: tuple[int, ...], align: bool = False) -> None:
        super().__init__()
        middle = inputs // len(bins)
        self.paths = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(size), unit(inputs, middle, 1)) for size in bins)
        self.last = unit(inputs + middle * len(bins), outputs, 1)
        self.align = align

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x, *(like(path(x), x, self.align) for path in self.paths)], 1))


class Excite(nn.Module):
    """Squeeze and excite: channels weighted by a function of their means."""

    def __init__(self, channels: int, middle: int, linear: bool = False) -> None:
        super().__init__()
        layer = nn.Linear if linear else lambda i, o: nn.Conv2d(i, o, 1)
        self.linear = linear
        self.gate = nn.Sequential(layer(channels, middle), nn.ReLU(), layer(middle, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        if self.linear:
            means = F.adaptive_avg_pool2d(x, 1).view(x.shape[0], x.shape[1])
            return x * self.gate(means).view(x.shape[0], x.shape[1], 1, 1)
        return x * self.gate(F.adaptive_avg_pool2d(x, 1))


class Head(nn.Module):
    """3x3 convolution, 1x1 to the classes, enlarged."""

    def __init__(self, inputs: int, middle: int, classes: int, factor: int = 1, align: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(unit(inputs, middle), nn.Conv2d(middle, classes, 1))
        self.factor, self.align = factor, align

    def forward(self, x: Tensor) -> Tensor:
        return enlarged(self.body(x), self.factor, self.align)
