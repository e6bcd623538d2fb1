"""Networks for people: SINet (portraits) and MODNet (mattes)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.networks.blocks import Excite, depthwise, enlarged, normalized, separable, shuffled, unit
from tools.networks.branches import inverted


class Squeeze(nn.Module):
    """SINet's S2 block: a smaller copy of the image's features, filtered, enlarged."""

    def __init__(self, channels: int, kernel: int, factor: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(factor) if factor > 1 else nn.Identity()
        self.body = nn.Sequential(
            depthwise(channels, kernel, act="prelu"), nn.Conv2d(channels, channels, 1, bias=False)
        )
        self.factor = factor
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        made = self.body(self.pool(x))
        return self.norm(enlarged(made, self.factor, True) if self.factor > 1 else made)


class SpatialSqueeze(nn.Module):
    """Two S2 blocks on half of the channels each."""

    def __init__(self, inputs: int, outputs: int, plan: tuple[tuple[int, int], ...], grouped: int = 2) -> None:
        super().__init__()
        half = outputs // 2
        self.first = nn.Conv2d(inputs, half, 1, groups=grouped if inputs % grouped == 0 else 1, bias=False)
        self.grouped = grouped
        self.paths = nn.ModuleList(Squeeze(half, *row) for row in plan)
        self.last = normalized(outputs)
        self.adds = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        half = self.first(x)
        if self.grouped > 1:
            half = shuffled(half, self.grouped)
        joined = torch.cat([path(half) for path in self.paths], 1)
        return self.last(joined + x if self.adds else joined)


class SqueezeDown(nn.Module):
    """Half the size, depthwise, squeeze and excite."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            depthwise(inputs, 3, 2, act="none"),
            Excite(inputs, max(1, inputs // 4), linear=True),
            unit(inputs, outputs, 1, act="none"),
        )
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.body(x))


class SINet(nn.Module):
    """Park et al. 2020: where the coarse map is sure, the fine features are blocked."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        chain = lambda i, o, rows: nn.Sequential(
            *(SpatialSqueeze(i if at == 0 else o, o, row) for at, row in enumerate(rows))
        )
        self.stem = unit(3, 12, 3, 2, act="prelu")
        self.down1, self.down2 = SqueezeDown(12, 16), SqueezeDown(64, 48)
        self.stage1 = chain(16, 48, [((3, 1), (5, 1)), ((3, 1), (3, 1))])
        rows = [((3, 1), (5, 1)), ((3, 1), (3, 1)), ((5, 1), (3, 2)), ((5, 2), (3, 4)), ((3, 1), (3, 1))]
        self.stage2 = chain(48, 96, rows * 2)
        self.norm1 = normalized(64)
        self.coarse = nn.Conv2d(96, classes, 1, bias=False)
        self.coarse_norm = nn.BatchNorm2d(classes)
        self.fine = unit(48, classes, 1, act="prelu")
        self.fine_norm = nn.BatchNorm2d(classes)
        self.last = nn.Sequential(
            nn.ConvTranspose2d(classes, classes, 2, 2, bias=False), nn.Conv2d(classes, classes, 3, 1, 1, bias=False)
        )

    def forward(self, image: Tensor) -> Tensor:
        first = self.down1(self.stem(image))
        second = self.stage1(first)
        x = self.stage2(self.down2(self.norm1(torch.cat([second, first], 1))))
        coarse = self.coarse_norm(enlarged(self.coarse(x), 2, True))
        sure = F.softmax(coarse, 1).max(1, keepdim=True)[0]
        blocked = (1 - sure) * self.fine(second)
        return enlarged(self.last(self.fine_norm(coarse + blocked)), 2, True)


class HalfNorm(nn.Module):
    """MODNet's: half of the channels normalized over the batch, half over the image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2
        self.batch = nn.BatchNorm2d(self.half)
        self.image = nn.InstanceNorm2d(channels - self.half)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.batch(x[:, : self.half]), self.image(x[:, self.half :])], 1)


def matte(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution, normalization by halves, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
    return nn.Sequential(conv, HalfNorm(outputs), *([nn.ReLU()] if act else []))


class MODNet(nn.Module):
    """Ke et al. 2022, on MobileNetV2."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        w = width
        chain = lambda i, o, s, n, t=6: nn.Sequential(*(inverted(o if k else i, o, 1 if k else s, t) for k in range(n)))
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(unit(3, 32, 3, 2), chain(32, 16, 1, 1, 1)),
                chain(16, 24, 2, 2),
                chain(24, 32, 2, 3),
                nn.Sequential(chain(32, 64, 2, 4), chain(64, 96, 1, 3)),
                nn.Sequential(chain(96, 160, 2, 3), chain(160, 320, 1, 1), unit(320, 1280, 1)),
            ]
        )
        self.excite = Excite(1280, 320, linear=True)
        self.low16, self.low8 = matte(1280, 96, 5), matte(96, 32, 5)
        self.detail2 = matte(16, w, 1, act=False)
        self.down4 = matte(w + 3, 2 * w, 3, 2)
        self.high4 = nn.Sequential(matte(2 * w + 24, 2 * w), matte(2 * w, 2 * w), matte(2 * w, 2 * w))
        self.context = matte(32 + 2 * w, 2 * w)
        self.high2 = nn.Sequential(matte(3 * w, 2 * w), matte(2 * w, w), matte(w, w))
        self.last = nn.Sequential(matte(w + 3, w // 2), nn.Conv2d(w // 2, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        features, x = [], image
        for stage in self.encoder:
            x = stage(x)
            features.append(x)
        low = self.low16(enlarged(self.excite(features[4]), 2))
        low = self.low8(enlarged(low, 2))
        half = F.interpolate(image, scale_factor=0.5, mode="bilinear", align_corners=False)
        detail = self.detail2(features[0])
        x = self.down4(torch.cat([half, detail], 1))
        x = self.high4(torch.cat([x, features[1]], 1))
        x = self.context(torch.cat([x, enlarged(low, 2)], 1))
        x = self.high2(torch.cat([enlarged(x, 2), detail], 1))
        return torch.sigmoid(self.last(torch.cat([enlarged(x, 2), image], 1)))
