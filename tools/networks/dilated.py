"""Units of several dilations side by side: ESPNetv2, RegSeg."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.networks.blocks import Excite, depthwise, enlarged, like, normalized, separable, unit


class EESP(nn.Module):
    """ESPNetv2's unit: depthwise convolutions of growing dilations, each added to the next; `down` halves."""

    def __init__(self, inputs: int, outputs: int, limit: int, down: bool = False) -> None:
        super().__init__()
        paths, each = 4, outputs // 4
        self.first = unit(inputs, each, 1, groups=paths, act="prelu")
        stride = 2 if down else 1
        sizes = [min(2 * i + 3, limit) for i in range(paths)]
        dilations = [1 + (size - 3) // 2 for size in sizes]
        self.paths = nn.ModuleList(nn.Conv2d(each, each, 3, stride, d, d, each, bias=False) for d in dilations)
        self.norm = normalized(outputs)
        self.last = unit(outputs, outputs, 1, groups=paths, act="none")
        self.act = nn.PReLU(outputs)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        sums = [self.paths[0](first)]
        for path in self.paths[1:]:
            sums.append(path(first) + sums[-1])
        made = self.last(self.norm(torch.cat(sums, 1)))
        return made if self.down else self.act(made + x)


class EESPDown(nn.Module):
    """Half the size: a mean beside an EESP unit, and the image itself once more."""

    def __init__(self, inputs: int, outputs: int, limit: int) -> None:
        super().__init__()
        self.unit = EESP(inputs, outputs - inputs, limit, True)
        self.image = nn.Sequential(unit(3, 3, act="prelu"), unit(3, outputs, 1, act="none"))
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        made = torch.cat([F.avg_pool2d(x, 3, 2, 1), self.unit(x)], 1)
        while image.shape[2] > made.shape[2]:
            image = F.avg_pool2d(image, 3, 2, 1)
        return self.act(made + self.image(image))


class ESPNetV2(nn.Module):
    """Mehta et al. 2019, with the decoder of pyramids of depthwise convolutions."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = unit(3, 32, 3, 2, act="prelu")
        self.down = nn.ModuleList([EESPDown(32, 64, 13), EESPDown(64, 128, 11), EESPDown(128, 256, 9)])
        chain = lambda channels, limit, count: nn.Sequential(*(EESP(channels, channels, limit) for _ in range(count)))
        self.stages = nn.ModuleList([nn.Identity(), chain(128, 11, 3), chain(256, 7, 7)])
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(256, 128, 1, groups=2), nn.Sigmoid())
        self.project = unit(256, 128, 3, groups=128, act="prelu")
        self.pyramid = nn.ModuleList(depthwise(128, act="prelu") for _ in range(4))
        self.join = nn.Sequential(normalized(512), unit(512, 128, 1, act="prelu"))
        self.skips = nn.ModuleList([unit(128, 64, 1, act="prelu"), unit(64, 64, 1, act="prelu")])
        self.merge = nn.ModuleList([separable(192, 64, act="prelu"), separable(128, 64, act="prelu")])
        self.last = nn.Conv2d(64, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        x, skips = self.stem(image), []
        for down, stage in zip(self.down, self.stages):
            x = stage(down(x, image))
            skips.append(x)
        x = self.gate(x) * self.project(x)
        height, width = x.shape[-2:]
        scales = []
        for factor, stage in zip((2.0, 1.5, 1.0, 0.5), self.pyramid):
            size = (int(height * factor), int(width * factor))
            scaled = x if factor == 1.0 else F.interpolate(x, size=size, mode="bilinear", align_corners=True)
            scales.append(like(stage(scaled), x, True) if factor != 1.0 else stage(scaled))
        x = self.join(torch.cat(scales, 1))
        for merge, skip, lateral in zip(self.merge, (skips[1], skips[0]), self.skips):
            x = merge(torch.cat([enlarged(x, 2, True), lateral(skip)], 1))
        return enlarged(self.last(x), 4, True)


class DBlock(nn.Module):
    """RegSeg's: a grouped convolution whose halves have two dilations, squeeze and excite."""

    def __init__(self, inputs: int, outputs: int, dilations: tuple[int, int], stride: int = 1) -> None:
        super().__init__()
        half = outputs // 2
        self.first = unit(inputs, outputs, 1)
        self.paths = nn.ModuleList(
            nn.Conv2d(half, half, 3, stride, d, d, max(1, half // 16), bias=False) for d in dilations
        )
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU())
        self.rest = nn.Sequential(Excite(outputs, max(inputs // 4, 8)), unit(outputs, outputs, 1, act="none"))
        pool = [nn.AvgPool2d(2, 2, ceil_mode=True)] if stride == 2 else []
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*pool, unit(inputs, outputs, 1, act="none"))

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.split(self.first(x), self.norm[0].num_features // 2, 1)
        joined = torch.cat([path(part) for path, part in zip(self.paths, parts)], 1)
        return F.relu(self.rest(self.norm(joined)) + self.shortcut(x))


class RegSeg(nn.Module):
    """Gao 2021."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, 32, 3, 2), DBlock(32, 48, (1, 1), 2))
        self.eighth = nn.Sequential(DBlock(48, 128, (1, 1), 2), *(DBlock(128, 128, (1, 1)) for _ in range(2)))
        plan = [(1, 2)] + [(1, 4)] * 4 + [(1, 14)] * 6
        self.sixteenth = nn.Sequential(
            DBlock(128, 256, (1, 1), 2), *(DBlock(256, 256, d) for d in plan), DBlock(256, 320, (1, 14))
        )
        self.head16, self.head8, self.head4 = unit(320, 128, 1), unit(128, 128, 1), unit(48, 8, 1)
        self.conv8, self.conv4 = unit(128, 64), unit(72, 64)
        self.last = nn.Conv2d(64, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        quarter = self.stem(image)
        eighth = self.eighth(quarter)
        deep = self.head16(self.sixteenth(eighth))
        x = self.conv8(self.head8(eighth) + like(deep, eighth))
        x = self.conv4(torch.cat([like(x, quarter), self.head4(quarter)], 1))
        return enlarged(self.last(x), 4)
