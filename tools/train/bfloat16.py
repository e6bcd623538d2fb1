"""bfloat16 on CPUs: a depthwise convolution whose gradients are computed in float32, which is several times faster."""

from typing import Any

import torch
from torch import Tensor, nn


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution in bfloat16, its gradients in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = (stride, padding)
        return torch.conv2d(x, weight.to(x.dtype), None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        stride, padding = ctx.form
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float(), x.float(), weight, None, stride, padding, [1, 1], False, [0, 0], len(weight),
            [True, True, False],
        )  # fmt: skip
        return of_x.to(x.dtype), of_weight, None, None


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution without bias; under autocast on a CPU as the head of this file says."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H / stride, W / stride]."""
        if x.is_cuda or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return _Depthwise.apply(x.bfloat16(), self.weight, list(self.stride), list(self.padding))


def use_fast_depthwise(network: nn.Module) -> None:
    """Gives a network's depthwise convolutions the fast gradients; weights and results stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups > 1 and module.bias is None:
            module.__class__ = DepthwiseConv2d
