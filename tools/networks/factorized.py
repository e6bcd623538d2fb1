"""Factorized convolutions: ERFNet, LEDNet, DABNet, CGNet, LETNet."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.networks.blocks import (
    ConvPool,
    Excite,
    depthwise,
    enlarged,
    like,
    normalized,
    shuffled,
    unit,
)


def factorized(channels: int, kernel: int, dilation: int, transposed: bool = False, act: str = "relu") -> nn.Sequential:
    """A kernel of one column, then one of one row (or the other way round), with an activation between."""
    sizes = [((kernel, 1), (dilation, 1)), ((1, kernel), (1, dilation))]
    (first, d1), (second, d2) = reversed(sizes) if transposed else sizes
    pad = lambda k, d: tuple(b * (a - 1) // 2 for a, b in zip(k, d))
    conv = nn.Conv2d(channels, channels, first, padding=pad(first, d1), dilation=d1)
    return nn.Sequential(conv, nn.ReLU(), unit(channels, channels, second, dilation=d2, act=act))


class NonBottleneck(nn.Module):
    """ERFNet's non-bottleneck-1D."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        last = factorized(channels, 3, dilation, act="none")
        self.body = nn.Sequential(factorized(channels, 3, 1), last, nn.Dropout2d(0.3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + x)


class ERFNet(nn.Module):
    """Romera et al. 2018."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            ConvPool(3, 16),
            ConvPool(16, 64),
            *(NonBottleneck(64, 1) for _ in range(5)),
            ConvPool(64, 128),
            *(NonBottleneck(128, d) for d in (2, 4, 8, 16) * 2),
        )
        up = lambda i, o: nn.Sequential(
            nn.ConvTranspose2d(i, o, 3, 2, 1, output_padding=1),
            nn.BatchNorm2d(o),
            nn.ReLU(),
            NonBottleneck(o, 1),
            NonBottleneck(o, 1),
        )
        self.decoder = nn.Sequential(up(128, 64), up(64, 16), nn.ConvTranspose2d(16, classes, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class SplitShuffle(nn.Module):
    """LEDNet's SS-nbt: each half of the channels through factorized convolutions, joined, added, shuffled."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        half = channels // 2
        path = lambda turned: nn.Sequential(
            factorized(half, 3, 1, turned), factorized(half, 3, dilation, turned, act="none")
        )
        self.left, self.right = path(False), path(True)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        return shuffled(F.relu(x + torch.cat([self.left(left), self.right(right)], 1)), 2)


class LEDNet(nn.Module):
    """Wang et al. 2019."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            ConvPool(3, 32),
            *(SplitShuffle(32, 1) for _ in range(3)),
            ConvPool(32, 64),
            *(SplitShuffle(64, 1) for _ in range(2)),
            ConvPool(64, 128),
            *(SplitShuffle(128, d) for d in (1, 2, 5, 9, 2, 5, 9, 17)),
        )
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), unit(128, classes, 1))
        self.middle = unit(128, classes, 1)
        self.down = nn.ModuleList([unit(128, 1, 7, 2), unit(1, 1, 5, 2), unit(1, 1, 3, 2)])
        self.side = nn.ModuleList([unit(1, 1, 7), unit(1, 1, 5), unit(1, 1, 3)])

    def forward(self, image: Tensor) -> Tensor:
        x = self.encoder(image)
        first = self.down[0](x)
        second = self.down[1](first)
        attention = like(self.side[2](self.down[2](second)), second) + self.side[1](second)
        attention = like(like(attention, first) + self.side[0](first), x)
        return enlarged(attention * self.middle(x) + like(self.context(x), x), 8)


class DAB(nn.Module):
    """DABNet's depthwise asymmetric bottleneck."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        half = channels // 2
        path = lambda d: nn.Sequential(
            depthwise(half, (3, 1), dilation=(d, 1), act="prelu"),
            depthwise(half, (1, 3), dilation=(1, d), act="prelu"),
        )
        self.first = nn.Sequential(normalized(channels), unit(channels, half, act="prelu"))
        self.near, self.far = path(1), path(dilation)
        self.last = nn.Sequential(normalized(half), nn.Conv2d(half, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        half = self.first(x)
        return self.last(self.near(half) + self.far(half)) + x


def halves(image: Tensor) -> list[Tensor]:
    """The image at 1/2 and 1/4 of its size."""
    half = F.avg_pool2d(image, 3, 2, 1)
    return [half, F.avg_pool2d(half, 3, 2, 1)]


class DABNet(nn.Module):
    """Li et al. 2019."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, 32, 3, 2, act="prelu"), *(unit(32, 32, act="prelu") for _ in range(2)))
        self.down1 = nn.Sequential(normalized(35), ConvPool(35, 64, "prelu"))
        self.stage1 = nn.Sequential(*(DAB(64, 2) for _ in range(3)))
        self.down2 = nn.Sequential(normalized(131), nn.Conv2d(131, 128, 3, 2, 1, bias=False), normalized(128))
        self.stage2 = nn.Sequential(*(DAB(128, d) for d in (4, 4, 8, 8, 16, 16)))
        self.last = nn.Sequential(normalized(259), nn.Conv2d(259, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        half, quarter = halves(image)
        x = self.down1(torch.cat([self.stem(image), half], 1))
        x = self.down2(torch.cat([self.stage1(x), x, quarter], 1))
        eighth = F.avg_pool2d(quarter, 3, 2, 1)
        return enlarged(self.last(torch.cat([self.stage2(x), x, eighth], 1)), 8)


class ContextGuided(nn.Module):
    """CGNet's block: near and dilated neighbours joined, weighted by the whole image; half the size where `down`."""

    def __init__(self, inputs: int, outputs: int, dilation: int, reduction: int, down: bool = False) -> None:
        super().__init__()
        width = outputs if down else outputs // 2
        self.first = unit(inputs, width, 3 if down else 1, 2 if down else 1, act="prelu")
        near = lambda d: nn.Conv2d(width, width, 3, 1, d, d, width, bias=False)
        self.near, self.far = near(1), near(dilation)
        self.norm = normalized(2 * width)
        self.reduce = nn.Conv2d(2 * width, outputs, 1, bias=False) if down else nn.Identity()
        self.whole = Excite(outputs, outputs // reduction, linear=True)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        joined = self.norm(torch.cat([self.near(first), self.far(first)], 1))
        made = self.whole(self.reduce(joined))
        return made if self.down else x + made


class CGNet(nn.Module):
    """Wu et al. 2018; 3 blocks at 1/4, 21 at 1/8."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, 32, 3, 2, act="prelu"), *(unit(32, 32, act="prelu") for _ in range(2)))
        self.norm1, self.norm2, self.norm3 = normalized(35), normalized(131), normalized(256)
        self.down2, self.down3 = ContextGuided(35, 64, 2, 8, True), ContextGuided(131, 128, 4, 16, True)
        self.stage2 = nn.Sequential(*(ContextGuided(64, 64, 2, 8) for _ in range(2)))
        self.stage3 = nn.Sequential(*(ContextGuided(128, 128, 4, 16) for _ in range(20)))
        self.last = nn.Conv2d(256, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        half, quarter = halves(image)
        x = self.down2(self.norm1(torch.cat([self.stem(image), half], 1)))
        x = self.down3(self.norm2(torch.cat([self.stage2(x), x, quarter], 1)))
        return like(self.last(self.norm3(torch.cat([x, self.stage3(x)], 1))), image)


class Attention(nn.Module):
    """Attention of all pixels to all pixels, then a dense layer: the transformer of LETNet."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.parts, self.join = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.dense = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        parts = self.parts(self.norm1(tokens)).view(batch, height * width, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-2, -1) * (channels // self.heads) ** -0.5).softmax(-1)
        tokens = tokens + self.join((weights @ value).transpose(1, 2).reshape(tokens.shape))
        tokens = tokens + self.dense(self.norm2(tokens))
        return tokens.transpose(1, 2).reshape(x.shape)


class LDB(nn.Module):
    """LETNet's lightweight dilated bottleneck."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        half = channels // 2
        self.first = nn.Sequential(unit(channels, half, 1, act="prelu"), factorized(half, 3, 1))
        self.near = depthwise(half, act="prelu")
        self.far = depthwise(half, dilation=dilation, act="prelu")
        self.gates = nn.ModuleList(Excite(half, half // 4) for _ in range(2))
        self.last = unit(half, channels, 1, act="prelu")

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        joined = self.gates[0](self.near(first)) + self.gates[1](self.far(first)) + first
        return shuffled(self.last(joined) + x, 2)


class LETNet(nn.Module):
    """Xu et al. 2023: bottlenecks around a transformer at 1/8."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, 32, 3, 2, act="prelu"), *(unit(32, 32, act="prelu") for _ in range(2)))
        self.stage1 = nn.Sequential(ConvPool(32, 64, "prelu"), *(LDB(64, 2) for _ in range(3)))
        self.stage2 = nn.Sequential(ConvPool(64, 128, "prelu"), *(LDB(128, d) for d in (4, 4, 8, 8, 16, 16)))
        self.middle = Attention(128)
        self.back2 = nn.Sequential(unit(128, 64, 1), LDB(64, 2))
        self.back1 = nn.Sequential(unit(64, 32, 1), LDB(32, 2))
        self.last = nn.Conv2d(32, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        half = self.stem(image)
        quarter = self.stage1(half)
        x = self.back2(self.middle(self.stage2(quarter)))
        x = self.back1(like(x, quarter) + quarter)
        return enlarged(self.last(like(x, half) + half), 2)
