"""bfloat16 on CPUs: depthwise convolutions whose gradients are several times faster than those of PyTorch.

oneDNN is fast where a depthwise convolution has at most 3x3 taps, in its weights' gradient, and forwards. So the gradient
of the input is computed as forward convolutions of the output's gradient, one for each remainder of a pixel's place by
the stride, and that of larger kernels in blocks of 3x3 taps.
"""

import platform
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def is_emulated() -> bool:
    """Whether this processor has nothing for bfloat16: one of x86 without AVX-512, where a step took twenty times as
    long as in float32."""
    x86 = platform.machine() in ("x86_64", "AMD64")
    return x86 and torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")


def input_gradient(gradient: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Gradient of the input of a depthwise convolution.

    gradient  [N, C, H, W], of the output
    weight    [C, 1, K, K], K odd; padding K // 2
    result    [N, C, H * stride, W * stride], channels last

    Pixel stride * i + r meets tap q at output i + (r + K // 2 - q) / stride, where that is whole.
    """
    n, channels, height, width = gradient.shape
    kernel, padding = weight.shape[2], weight.shape[2] // 2
    reach = -(-padding // stride)  # of the outputs that a pixel meets, to either side
    result = gradient.new_empty(n, height, stride, width, stride, channels)

    def span(remainder: int) -> tuple[int, tuple[int, int]]:
        """First tap met by pixels of a remainder, and the empty places (before, after) their taps, last one first."""
        first = (remainder + padding) % stride
        last = first + (kernel - 1 - first) // stride * stride
        return first, (reach + (remainder + padding - last) // stride, reach - (remainder + padding - first) // stride)

    for row, column in product(range(stride), repeat=2):
        (top, rows), (left, columns) = span(row), span(column)
        taps = F.pad(weight[:, :, top::stride, left::stride].flip(2, 3), (*columns, *rows))
        result[:, :, row, :, column] = F.conv2d(gradient, taps, padding=reach, groups=channels).permute(0, 2, 3, 1)
    return result.view(n, height * stride, width * stride, channels).permute(0, 3, 1, 2)


def weight_gradient(gradient: Tensor, x: Tensor, kernel: int, stride: int) -> Tensor:
    """Gradient [C, 1, K, K] of the weights of a depthwise convolution with padding K // 2, K odd.

    gradient  [N, C, H, W], of the output
    x         [N, C, H * stride, W * stride], the input
    """
    channels, height, width = gradient.shape[1:]

    def taps(part: Tensor, side: int, padding: int) -> Tensor:
        """The gradient [C, 1, side, side] of those weights that meet a part of the input."""
        weight = part.new_empty(channels, 1, side, side)
        form = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], channels, [False, True, False])
        return torch.ops.aten.convolution_backward(gradient, part, weight, None, *form)[1]

    if kernel <= 3:
        return taps(x, kernel, kernel // 2)
    result = x.new_empty(channels, 1, kernel, kernel)
    padded = F.pad(x, (kernel // 2,) * 4)
    rows, columns = (stride * (size - 1) + 3 for size in (height, width))
    for top, left in product(range(0, kernel - 2, 2), repeat=2):
        part = padded[:, :, top : top + rows, left : left + columns]
        result[:, :, top : top + 3, left : left + 3] = taps(part, 3, 0)
    return result


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution in bfloat16, padding half its kernel, of maps whose sides the stride divides."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight.to(x.dtype), stride=stride, padding=weight.shape[2] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        of_x = input_gradient(gradient, weight.to(x.dtype), ctx.stride)
        return of_x, weight_gradient(gradient, x, weight.shape[2], ctx.stride).to(weight.dtype), None


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution without bias; under autocast on a CPU as the head of this file says."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H / stride, W / stride]."""
        if x.is_cuda or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return _Depthwise.apply(x.bfloat16(), self.weight, self.stride[0])


def use_fast_depthwise(network: nn.Module) -> None:
    """Gives a network's depthwise convolutions the fast gradients; weights and results stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups > 1 and module.bias is None:
            module.__class__ = DepthwiseConv2d
