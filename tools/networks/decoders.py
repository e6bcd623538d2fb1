"""Encoders with a mirrored decoder: ENet, SegNet, U-Net, U2-Netp."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.networks.blocks import activation, like, unit


class Bottleneck(nn.Module):
    """ENet's: 1x1, the main convolution, 1x1, added to the input."""

    def __init__(self, channels: int, act: str, main: nn.Module | None = None, dilation: int = 1) -> None:
        super().__init__()
        middle = channels // 4
        self.body = nn.Sequential(
            unit(channels, middle, 1, act=act),
            main or unit(middle, middle, dilation=dilation, act=act),
            unit(middle, channels, 1, act=act),
            nn.Dropout2d(0.1),
        )
        self.act = activation(act, channels)[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.body(x))


class Down(nn.Module):
    """ENet's bottleneck of half the size; its shortcut is a maximum whose places are kept, filled up with zeros."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = inputs // 4
        first = nn.Sequential(nn.Conv2d(inputs, middle, 2, 2, bias=False), nn.BatchNorm2d(middle), nn.PReLU(middle))
        self.body = nn.Sequential(first, unit(middle, middle, act="prelu"), unit(middle, outputs, 1, act="prelu"))
        self.act = nn.PReLU(outputs)
        self.more = outputs - inputs

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        largest, places = F.max_pool2d(x, 2, return_indices=True)
        batch, _, height, width = largest.shape
        zeros = torch.zeros(batch, self.more, height, width)
        return self.act(self.body(x) + torch.cat([largest, zeros], 1)), places


class Up(nn.Module):
    """ENet's bottleneck of twice the size; its shortcut puts values back to the places of the maxima."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = inputs // 4
        self.body = nn.Sequential(
            unit(inputs, middle, 1),
            nn.ConvTranspose2d(middle, middle, 2, 2, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(),
            unit(middle, outputs, 1),
        )
        self.shortcut = unit(inputs, outputs, 1, act="none")

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        return F.relu(self.body(x) + F.max_unpool2d(self.shortcut(x), places, 2))


def asymmetric(channels: int) -> nn.Sequential:
    return nn.Sequential(unit(channels, channels, (5, 1), act="prelu"), unit(channels, channels, (1, 5), act="prelu"))


class ENet(nn.Module):
    """Paszke et al. 2016."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 13, 3, 2, 1, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm2d(16), nn.PReLU(16))
        self.down1, self.down2 = Down(16, 64), Down(64, 128)
        self.stage1 = nn.Sequential(*(Bottleneck(64, "prelu") for _ in range(4)))
        plan = (1, 2, 0, 4, 1, 8, 0, 16) * 2
        self.stage2 = nn.Sequential(*(Bottleneck(128, "prelu", None if d else asymmetric(32), d or 1) for d in plan))
        self.up4, self.up5 = Up(128, 64), Up(64, 16)
        self.stage4 = nn.Sequential(Bottleneck(64, "relu"), Bottleneck(64, "relu"))
        self.stage5 = Bottleneck(16, "relu")
        self.last = nn.ConvTranspose2d(16, classes, 3, 2, 1, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(torch.cat([self.first(x), F.max_pool2d(x, 2)], 1))
        x, places1 = self.down1(x)
        x, places2 = self.down2(self.stage1(x))
        x = self.stage4(self.up4(self.stage2(x), places2))
        return self.last(self.stage5(self.up5(x, places1)))


class SegNet(nn.Module):
    """Badrinarayanan et al. 2017: VGG16 without its dense layers, and the same backwards."""

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        sizes = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        depths = [2, 2, 3, 3, 3]
        inputs = [3, *sizes[:-1]]
        chain = lambda i, o, n: nn.Sequential(unit(i, o), *(unit(o, o) for _ in range(n - 1)))
        self.encoder = nn.ModuleList(map(chain, inputs, sizes, depths))
        back = [
            nn.Sequential(*(unit(o, o) for _ in range(n - 1)), unit(o, i)) for i, o, n in zip(inputs, sizes, depths)
        ]
        back[0] = nn.Sequential(unit(width, width), nn.Conv2d(width, classes, 3, 1, 1))
        self.decoder = nn.ModuleList(reversed(back))

    def forward(self, x: Tensor) -> Tensor:
        places = []
        for stage in self.encoder:
            x, at = F.max_pool2d(stage(x), 2, return_indices=True)
            places.append(at)
        for stage in self.decoder:
            x = stage(F.max_unpool2d(x, places.pop(), 2))
        return x


class UNet(nn.Module):
    """Ronneberger et al. 2015, padded convolutions with batch normalization; `bilinear` or transposed upsampling."""

    def __init__(self, classes: int, bilinear: bool, width: int = 32) -> None:
        super().__init__()
        sizes = [width, 2 * width, 4 * width, 8 * width, 8 * width if bilinear else 16 * width]
        double = lambda i, o: nn.Sequential(unit(i, o), unit(o, o))
        self.encoder = nn.ModuleList(double(i, o) for i, o in zip([3, *sizes], sizes))
        self.up, self.decoder = nn.ModuleList(), nn.ModuleList()
        deep = sizes[-1]
        for skip in sizes[-2::-1]:
            self.up.append(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
                if bilinear
                else nn.ConvTranspose2d(deep, skip, 2, 2)
            )
            outputs = max(width, skip // 2) if bilinear else skip
            self.decoder.append(double(skip + (deep if bilinear else skip), outputs))
            deep = outputs
        self.last = nn.Conv2d(deep, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for stage in self.encoder:
            skips.append(stage(F.max_pool2d(skips[-1], 2) if skips else x))
        x = skips.pop()
        for up, stage in zip(self.up, self.decoder):
            skip, x = skips.pop(), up(x)
            down, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
            x = F.pad(x, [right // 2, right - right // 2, down // 2, down - down // 2])
            x = stage(torch.cat([skip, x], 1))
        return self.last(x)


class Nested(nn.Module):
    """The residual U-block of U2-Net: a small U-Net of `depth` levels, or of growing dilations where `flat`."""

    def __init__(self, depth: int, inputs: int, middle: int, outputs: int, flat: bool = False) -> None:
        super().__init__()
        self.first = unit(inputs, outputs)
        dilations = [2**i if flat else 1 for i in range(depth)]
        dilations[-1] = 2 ** (depth - 1) if flat else 2
        self.down = nn.ModuleList(
            unit(outputs if i == 0 else middle, middle, dilation=d) for i, d in enumerate(dilations)
        )
        self.up = nn.ModuleList(
            unit(2 * middle, outputs if i == 0 else middle, dilation=d) for i, d in enumerate(dilations[:-1])
        )
        self.flat = flat

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        skips = [self.down[0](first)]
        for i, stage in enumerate(self.down[1:]):
            pools = not self.flat and i < len(self.down) - 2
            skips.append(stage(F.max_pool2d(skips[-1], 2, 2, ceil_mode=True) if pools else skips[-1]))
        x = skips.pop()
        for stage in reversed(self.up):
            skip = skips.pop()
            x = stage(torch.cat([like(x, skip), skip], 1))
        return x + first


class U2NetP(nn.Module):
    """Qin et al. 2020, the small one; gives the joined map and the six of the sides, as probabilities."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        depths = [7, 6, 5, 4, 4, 4]
        self.down = nn.ModuleList(Nested(d, 64 if i else 3, 16, 64, i > 3) for i, d in enumerate(depths))
        self.up = nn.ModuleList(Nested(d, 128, 16, 64, i > 3) for i, d in enumerate(depths[:-1]))
        self.sides = nn.ModuleList(nn.Conv2d(64, classes, 3, 1, 1) for _ in depths)
        self.last = nn.Conv2d(6 * classes, classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        skips = [self.down[0](x)]
        for stage in self.down[1:]:
            skips.append(stage(F.max_pool2d(skips[-1], 2, 2, ceil_mode=True)))
        maps = [skips.pop()]
        for stage in reversed(self.up):
            skip = skips.pop()
            maps.insert(0, stage(torch.cat([like(maps[0], skip), skip], 1)))
        sides = [like(side(value), x) for side, value in zip(self.sides, maps)]
        return tuple(torch.sigmoid(value) for value in [self.last(torch.cat(sides, 1)), *sides])
