"""Networks of two or three branches of unequal detail: Fast-SCNN, BiSeNetV2, PP-LiteSeg, DDRNet-23-slim, PIDNet-S."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.networks.blocks import (
    Head,
    PyramidPooling,
    Residual,
    basic,
    depthwise,
    enlarged,
    like,
    narrow,
    separable,
    unit,
)


def inverted(inputs: int, outputs: int, stride: int, factor: int = 6) -> nn.Module:
    """MobileNetV2's inverted bottleneck."""
    middle = factor * inputs
    body = nn.Sequential(unit(inputs, middle, 1), depthwise(middle, 3, stride), unit(middle, outputs, 1, act="none"))
    return Residual(body, inputs, outputs, act="none") if stride == 1 and inputs == outputs else body


class FastSCNN(nn.Module):
    """Poudel et al. 2019."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.detail = nn.Sequential(unit(3, 32, 3, 2), separable(32, 48, 2), separable(48, 64, 2))
        plan = [(64, 64, 2), (64, 64, 1), (64, 64, 1), (64, 96, 2), (96, 96, 1), (96, 96, 1)]
        plan += [(96, 128, 1), (128, 128, 1), (128, 128, 1)]
        self.context = nn.Sequential(*(inverted(*row) for row in plan), PyramidPooling(128, 128, (1, 2, 3, 6), True))
        self.deep = nn.Sequential(depthwise(128, dilation=4), unit(128, 128, 1, act="none"))
        self.fine = unit(64, 128, 1, act="none")
        self.head = nn.Sequential(separable(128, 128), separable(128, 128), nn.Dropout(0.1), nn.Conv2d(128, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        detail = self.detail(image)
        context = enlarged(self.context(detail), 4, True)
        return like(self.head(F.relu(self.deep(context) + self.fine(detail))), image, True)


class GatherExpand(nn.Module):
    """BiSeNetV2's layers of the semantic branch."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = 6 * inputs
        wide = lambda i, step, act: unit(i, middle, 3, step, groups=i, act=act)
        parts = [unit(inputs, inputs), wide(inputs, stride, "relu" if stride == 1 else "none")]
        if stride == 2:
            parts.append(depthwise(middle))
        self.body = nn.Sequential(*parts, unit(middle, outputs, 1, act="none"))
        short = nn.Sequential(depthwise(inputs, 3, 2, act="none"), unit(inputs, outputs, 1, act="none"))
        self.shortcut = short if stride == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class BiSeNetV2(nn.Module):
    """Yu et al. 2021."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        plan = [
            (3, 64, 2),
            (64, 64, 1),
            (64, 64, 2),
            (64, 64, 1),
            (64, 64, 1),
            (64, 128, 2),
            (128, 128, 1),
            (128, 128, 1),
        ]
        self.detail = nn.Sequential(*(unit(i, o, 3, s) for i, o, s in plan))
        self.stem = unit(3, 16, 3, 2)
        self.stem_left = nn.Sequential(unit(16, 8, 1), unit(8, 16, 3, 2))
        self.stem_join = unit(32, 16)
        plan = [(16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), *[(128, 128, 1)] * 3]
        self.semantic = nn.Sequential(*(GatherExpand(*row) for row in plan))
        self.whole_norm = nn.BatchNorm2d(128)
        self.whole = unit(128, 128, 1)
        self.context = unit(128, 128)
        mixed = lambda last: nn.Sequential(depthwise(128, act="none"), last)
        self.detail_keep = mixed(nn.Conv2d(128, 128, 1, bias=False))
        self.detail_down = nn.Sequential(unit(128, 128, 3, 2, act="none"), nn.AvgPool2d(3, 2, 1))
        self.semantic_up = unit(128, 128, act="none")
        self.semantic_keep = mixed(nn.Conv2d(128, 128, 1, bias=False))
        self.join = unit(128, 128, act="none")
        self.head = Head(128, 256, classes, 8)

    def forward(self, image: Tensor) -> Tensor:
        detail, stem = self.detail(image), self.stem(image)
        x = self.stem_join(torch.cat([self.stem_left(stem), F.max_pool2d(stem, 3, 2, 1)], 1))
        x = self.semantic(x)
        x = self.context(x + self.whole(self.whole_norm(x.mean((2, 3), keepdim=True))))
        fine = self.detail_keep(detail) * torch.sigmoid(enlarged(self.semantic_up(x), 4))
        coarse = self.detail_down(detail) * torch.sigmoid(self.semantic_keep(x))
        return self.head(self.join(fine + enlarged(coarse, 4)))


class STDC(nn.Module):
    """Short-term dense concatenation: convolutions of halving widths, all outputs joined."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half, quarter, eighth = outputs // 2, outputs // 4, outputs // 8
        self.first = unit(inputs, half, 1)
        self.down = depthwise(half, 3, 2, act="none") if stride == 2 else nn.Identity()
        self.pool = nn.AvgPool2d(3, 2, 1) if stride == 2 else nn.Identity()
        self.rest = nn.ModuleList([unit(half, quarter), unit(quarter, eighth), unit(eighth, eighth)])

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        outputs, x = [self.pool(first)], self.down(first)
        for stage in self.rest:
            x = stage(x)
            outputs.append(x)
        return torch.cat(outputs, 1)


class Fusion(nn.Module):
    """PP-LiteSeg's unified attention fusion: deep and fine features weighted pixel by pixel."""

    def __init__(self, fine: int, deep: int, outputs: int) -> None:
        super().__init__()
        self.fine = unit(fine, deep)
        self.attention = nn.Sequential(unit(4, 2), unit(2, 1, act="none"))
        self.last = unit(deep, outputs)

    def forward(self, fine: Tensor, deep: Tensor) -> Tensor:
        fine = self.fine(fine)
        deep = like(deep, fine)
        maps = [
            f(x) for x in (fine, deep) for f in (lambda x: x.mean(1, keepdim=True), lambda x: x.amax(1, keepdim=True))
        ]
        alpha = torch.sigmoid(self.attention(torch.cat(maps, 1)))
        return self.last(fine * alpha + deep * (1 - alpha))


class PPLiteSeg(nn.Module):
    """Peng et al. 2022, on STDC1."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        pair = lambda i, o: nn.Sequential(STDC(i, o, 2), STDC(o, o, 1))
        self.stem = nn.Sequential(unit(3, 32, 3, 2), unit(32, 64, 3, 2))
        self.stages = nn.ModuleList([pair(64, 256), pair(256, 512), pair(512, 1024)])
        self.bins = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(n), unit(1024, 128, 1)) for n in (1, 2, 4))
        self.pyramid = unit(128, 128)
        self.fuse16, self.fuse8 = Fusion(512, 128, 64), Fusion(256, 64, 32)
        self.head = Head(32, 32, classes, 8)

    def forward(self, image: Tensor) -> Tensor:
        levels = [self.stem(image)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        deep = levels[-1]
        x = self.pyramid(sum(like(path(deep), deep) for path in self.bins))
        return self.head(self.fuse8(levels[1], self.fuse16(levels[2], x)))


def early(inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    """Batch normalization, ReLU, convolution."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), conv)


POOLS = ((5, 2, 2), (9, 4, 4), (17, 8, 8))


class DeepPyramid(nn.Module):
    """DDRNet's pyramid: means of growing windows, each added to the one before; PIDNet's has them side by side."""

    def __init__(self, inputs: int, middle: int, outputs: int, parallel: bool) -> None:
        super().__init__()
        pools = [*(nn.AvgPool2d(*row) for row in POOLS), nn.AdaptiveAvgPool2d(1)]
        self.first = early(inputs, middle, 1)
        self.scales = nn.ModuleList(nn.Sequential(pool, early(inputs, middle, 1)) for pool in pools)
        self.steps = nn.ModuleList([] if parallel else [early(middle, middle) for _ in pools])
        self.step = early(4 * middle, 4 * middle, groups=4) if parallel else None
        self.last, self.shortcut = early(5 * middle, outputs, 1), early(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        scales = [like(scale(x), x) for scale in self.scales]
        if self.step:
            parts.append(self.step(torch.cat([scale + parts[0] for scale in scales], 1)))
        else:
            for step, scale in zip(self.steps, scales):
                parts.append(step(scale + parts[-1]))
        return self.last(torch.cat(parts, 1)) + self.shortcut(x)


class DDRNet(nn.Module):
    """Hong et al. 2021: DDRNet-23-slim."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        w = width
        pair = lambda i, o, s=1: nn.Sequential(basic(i, o, s), basic(o, o, act="none"))
        self.stem = nn.Sequential(
            unit(3, w, 3, 2), unit(w, w, 3, 2), pair(w, w), nn.ReLU(), pair(w, 2 * w, 2), nn.ReLU()
        )
        self.deep3, self.deep4, self.deep5 = pair(2 * w, 4 * w, 2), pair(4 * w, 8 * w, 2), narrow(8 * w, 8 * w, 2)
        self.fine3, self.fine4, self.fine5 = pair(2 * w, 2 * w), pair(2 * w, 2 * w), narrow(2 * w, 2 * w)
        self.up3, self.up4 = unit(4 * w, 2 * w, 1, act="none"), unit(8 * w, 2 * w, 1, act="none")
        self.down3 = unit(2 * w, 4 * w, 3, 2, act="none")
        self.down4 = nn.Sequential(unit(2 * w, 4 * w, 3, 2), unit(4 * w, 8 * w, 3, 2, act="none"))
        self.pyramid = DeepPyramid(16 * w, 4 * w, 4 * w, False)
        self.last = nn.Sequential(early(4 * w, 2 * w), nn.BatchNorm2d(2 * w), nn.ReLU(), nn.Conv2d(2 * w, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        deep, fine = self.deep3(x), self.fine3(x)
        deep, fine = deep + self.down3(F.relu(fine)), fine + like(self.up3(F.relu(deep)), fine)
        deep, fine = self.deep4(F.relu(deep)), self.fine4(F.relu(fine))
        deep, fine = deep + self.down4(F.relu(fine)), fine + like(self.up4(F.relu(deep)), fine)
        fine = self.fine5(F.relu(fine))
        x = like(self.pyramid(self.deep5(F.relu(deep))), fine)
        return enlarged(self.last(x + fine), 8)


class Guide(nn.Module):
    """PIDNet's pixel attention: how like two branches are at a pixel decides which of them is kept there."""

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.left, self.right = unit(channels, middle, 1, act="none"), unit(channels, middle, 1, act="none")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        similar = torch.sigmoid((self.left(x) * like(self.right(y), x)).sum(1, keepdim=True))
        return (1 - similar) * x + similar * like(y, x)


class PIDNet(nn.Module):
    """Xu et al. 2023: PIDNet-S."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        w = width
        chain = lambda i, o, n, s: nn.Sequential(basic(i, o, s), *(basic(o, o) for _ in range(n - 1)))
        plain = lambda i, o: nn.Sequential(basic(i, o, act="none"))
        self.stem = nn.Sequential(unit(3, w, 3, 2), unit(w, w, 3, 2), chain(w, w, 2, 1), chain(w, 2 * w, 2, 2))
        self.i3, self.i4 = chain(2 * w, 4 * w, 3, 2), chain(4 * w, 8 * w, 3, 2)
        self.i5 = nn.Sequential(narrow(8 * w, 8 * w, 2, "relu"), narrow(16 * w, 8 * w))
        self.p3, self.p4, self.p5 = chain(2 * w, 2 * w, 2, 1), chain(2 * w, 2 * w, 2, 1), narrow(2 * w, 2 * w)
        self.d3, self.d4, self.d5 = plain(2 * w, w), narrow(w, w), narrow(2 * w, 2 * w)
        self.compress3, self.compress4 = unit(4 * w, 2 * w, 1, act="none"), unit(8 * w, 2 * w, 1, act="none")
        self.guide3, self.guide4 = Guide(2 * w, w), Guide(2 * w, w)
        self.diff3, self.diff4 = unit(4 * w, w, act="none"), unit(8 * w, 2 * w, act="none")
        self.pyramid = DeepPyramid(16 * w, 3 * w, 4 * w, True)
        self.fine, self.deep = unit(4 * w, 4 * w, 1, act="none"), unit(4 * w, 4 * w, 1, act="none")
        self.last = nn.Sequential(early(4 * w, 4 * w), nn.BatchNorm2d(4 * w), nn.ReLU(), nn.Conv2d(4 * w, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        p, d, i = self.p3(x), self.d3(x), self.i3(x)
        p, d = self.guide3(p, self.compress3(i)), d + like(self.diff3(i), d)
        p, d, i = self.p4(F.relu(p)), self.d4(F.relu(d)), self.i4(F.relu(i))
        p, d = self.guide4(p, self.compress4(i)), d + like(self.diff4(i), d)
        p, d = self.p5(F.relu(p)), self.d5(F.relu(d))
        i = like(self.pyramid(self.i5(F.relu(i))), p)
        border = torch.sigmoid(d)
        joined = self.fine((1 - border) * i + p) + self.deep(i + border * p)
        return enlarged(self.last(joined), 8)
