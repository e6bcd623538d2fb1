"""The engine's arithmetic in PyTorch, part by part, for quantization-aware training.

A tensor is real = scale * (q - zero) with whole numbers q, as in src/format.md. Here it is held as q - zero in a
float32 tensor: every product and sum of such numbers below 2^24 is exact, and every other step is rounded to
binary32 in the engine's order, so that the forward pass gives the engine's integers. The backward pass goes
straight through a rounding, and stops where a value was clamped.

Weights are int8 in [-127, 127] with a scale for each output channel, chosen anew in every step from the largest
weight. Scales of activations are learned, beginning from what a `Range` has observed; zero points stay. Batch
normalisations are folded with the statistics they came with.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_BIAS = 2.0**29
SMALLEST_WEIGHT_SCALE = 2.0**-50
LARGEST_ENTRY = 32767
SAMPLES = 8192


class Round(torch.autograd.Function):
    """To the nearest whole number, ties to even, kept within low..high (whole numbers)."""

    @staticmethod
    def forward(ctx, x: Tensor, low: float, high: float) -> Tensor:
        """Remembers which values were not clamped."""
        rounded = x.round()
        result = rounded.clamp(low, high)
        ctx.save_for_backward(rounded == result)
        return result

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient itself, 0 where the value was clamped."""
        (kept,) = ctx.saved_tensors
        return gradient * kept, None, None


class Range(nn.Module):
    """Scale, zero point and bounds of an activation tensor.

    bits     7: first..last is 0..127; 8: -128..127
    ceiling  None; or negative values become 0, and while it observes, values above the ceiling become the ceiling

    While it observes, values stay as they are (scale 1, zero 0) and a sample of them is kept.
    """

    def __init__(self, bits: int, ceiling: float | None = None) -> None:
        super().__init__()
        self.first, self.last = (0, 127) if bits == 7 else (-128, 127)
        self.ceiling = ceiling
        self.register_buffer("base", torch.ones(()))
        self.register_buffer("zero", torch.zeros(()))
        self.growth = nn.Parameter(torch.zeros(()))
        self.samples: list[Tensor] | None = None

    @property
    def scale(self) -> Tensor:
        """float32, positive: base * exp(growth), of which the growth is learned."""
        return self.base * self.growth.exp()

    def observe(self) -> None:
        """Begins to observe."""
        self.base.fill_(1)
        self.zero.fill_(0)
        self.growth.data.fill_(0)
        self.samples = []

    def take(self, steps: Tensor, offset: float = 0.0) -> "Activation":
        """An activation from its real numbers / scale + offset, rounded and clamped."""
        if self.samples is not None:
            values = steps if self.ceiling is None else steps.clamp(0, self.ceiling)
            at = torch.randint(values.numel(), (SAMPLES,), generator=torch.Generator().manual_seed(len(self.samples)))
            self.samples.append(values.flatten()[at.to(values.device)])
            return Activation(values, self)
        shift = float(self.zero) - offset
        return Activation(Round.apply(steps, self.first - shift, self.last - shift) - offset, self)

    @torch.no_grad()
    def settle(self) -> None:
        """Ends observing: the range with the least mean square error on the samples, shrunk from either end."""
        values = torch.cat(self.samples or [torch.zeros(1)])
        self.samples = None
        low, high = float(values.min().clamp(max=0)), float(values.max().clamp(min=0))
        least = float("inf")
        for left in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5) if low < 0 else (1.0,):
            for right in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3):
                scale = max((high * right - low * left) / (self.last - self.first), 2.0**-29)
                zero = self.first + min(self.last - self.first, round(-low * left / scale))
                kept = (values / scale).round().clamp(self.first - zero, self.last - zero)
                error = float((kept * scale - values).square().mean())
                if error < least:
                    least = error
                    self.base.fill_(scale)
                    self.zero.fill_(zero)


@dataclass
class Activation:
    """An activation tensor: `values` are q - zero, float32 [N, C, H, W]."""

    values: Tensor
    range: Range


class Input(nn.Module):
    """[N, 3, H, W] in [0, 1] -> q = color - 128 at scale 1 / 255 and zero -128."""

    def __init__(self) -> None:
        super().__init__()
        self.range = Range(8)
        self.range.base.fill_(1 / 255)
        self.range.zero.fill_(-128)
        self.range.growth.requires_grad_(False)

    def forward(self, image: Tensor) -> Activation:
        """Whole levels of color, 0..255."""
        return Activation((image * 255).round(), self.range)


class Convolution(nn.Module):
    """A convolution with its batch normalisation folded in: requantize(bias + sum of q * weights).

    The norm's factor stays a parameter of its own, so that training goes on as it went before the folding.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None, result: Range) -> None:
        super().__init__()
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups
        self.weight = nn.Parameter(conv.weight.detach().clone())
        if norm is None:
            factor, bias, deviation = torch.ones(conv.out_channels), conv.bias, torch.ones(conv.out_channels)
        else:
            deviation = (norm.running_var + norm.eps).sqrt()
            factor, bias = norm.weight, norm.bias - norm.running_mean * norm.weight / deviation
        self.factor = nn.Parameter(factor.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())
        self.register_buffer("deviation", deviation.detach().clone())
        self.range = result

    def integers(self, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(weights, bias, scales) for an input of the given scale; the bias has the scale input * weight."""
        weight = self.weight * (self.factor / self.deviation).view(-1, 1, 1, 1)
        with torch.no_grad():
            largest = weight.abs().amax((1, 2, 3)) / 127
            scales = torch.maximum(largest, self.bias.abs() / scale / LARGEST_BIAS).clamp(min=SMALLEST_WEIGHT_SCALE)
        weights = Round.apply(weight / scales.view(-1, 1, 1, 1), -127, 127)
        return weights, Round.apply(self.bias / (scale * scales), -2 * LARGEST_BIAS, 2 * LARGEST_BIAS), scales

    def forward(self, x: Activation) -> Activation:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        weights, bias, scales = self.integers(x.range.scale)
        sums = F.conv2d(x.values, weights, None, self.stride, self.padding, 1, self.groups) + bias.view(-1, 1, 1)
        return self.range.take(sums * (x.range.scale * scales / self.range.scale).view(-1, 1, 1))


class Gate(nn.Module):
    """value * upsample(table[attention]), the table being 1 + S * sigmoid (residual) or sigmoid of all 256 values."""

    def __init__(self, pool: int, scale: Tensor | None, result: Range) -> None:
        super().__init__()
        self.pool = pool
        self.strength = None if scale is None else nn.Parameter(scale.detach().clone())
        self.range = result

    def factor(self, real: Tensor) -> Tensor:
        """The factor that belongs to a real number of the attention."""
        gate = torch.sigmoid(real)
        return gate if self.strength is None else 1 + self.strength * gate

    @torch.no_grad()
    def table(self, attention: Range) -> tuple[Tensor, Tensor]:
        """(entries for q = -128..127, whole numbers in int16; their scale)."""
        q = torch.arange(-128, 128, dtype=torch.float32, device=attention.zero.device)
        factors = self.factor(attention.scale * (q - attention.zero))
        scale = factors.abs().max() / LARGEST_ENTRY
        return (factors / scale).round().clamp(-LARGEST_ENTRY, LARGEST_ENTRY), scale

    def forward(self, value: Activation, attention: Activation) -> Activation:
        """value [N, C, H, W], attention [N, C, H / pool, W / pool] -> [N, C, H, W]."""
        gate = self.factor(attention.range.scale * attention.values)
        scale = torch.ones(())
        if self.range.samples is None:
            entries, scale = self.table(attention.range)
            index = (attention.values + attention.range.zero + 128).long()
            gate = gate / scale
            gate = gate + (entries[index] - gate).detach()  # the table's value, the formula's gradient
            gate = Round.apply(gate, -LARGEST_ENTRY, LARGEST_ENTRY)
        if self.pool > 1:
            gate = F.interpolate(gate, scale_factor=float(self.pool), mode="nearest")
        return self.range.take(value.values * gate * (value.range.scale * scale / self.range.scale))


class Add(nn.Module):
    """The sum of two tensors, in the order of tools/reference/add.ts."""

    def __init__(self, result: Range) -> None:
        super().__init__()
        self.range = result

    def forward(self, x: Activation, y: Activation) -> Activation:
        """Two tensors of one shape -> the same shape."""
        one, two = x.range.scale / self.range.scale, y.range.scale / self.range.scale
        constant = self.range.zero - (x.range.zero * one + y.range.zero * two)
        partial = constant + (y.values + y.range.zero) * two
        return self.range.take(partial + (x.values + x.range.zero) * one, float(self.range.zero))


class Pool(nn.Module):
    """Maximum over squares; scale and zero point stay."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Activation) -> Activation:
        """[N, C, H, W] -> [N, C, H / size, W / size]."""
        return Activation(F.max_pool2d(x.values, self.size), x.range)


class Upsample(nn.Module):
    """Twice as large, bilinear with half-pixel centres: exact in sixteenths, then rounded; the scale stays."""

    def forward(self, x: Activation) -> Activation:
        """[N, C, H, W] -> [N, C, 2H, 2W]."""
        return x.range.take(F.interpolate(x.values, scale_factor=2.0, mode="bilinear"))
