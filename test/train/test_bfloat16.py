"""The depthwise convolution for bfloat16 on CPUs against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tools.train.bfloat16 import DepthwiseConv2d, input_gradient, use_fast_depthwise, weight_gradient


@pytest.mark.parametrize("size", [(2, 2), (8, 6), (4, 10)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_gradients_are_those_of_pytorch(kernel: int, stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 8, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, 1, kernel, kernel, dtype=torch.float64, requires_grad=True)
    result = F.conv2d(x, weight, stride=stride, padding=kernel // 2, groups=8)
    gradient = torch.randn_like(result)
    result.backward(gradient)
    torch.testing.assert_close(input_gradient(gradient, weight.detach(), stride), x.grad)
    torch.testing.assert_close(weight_gradient(gradient, x.detach(), kernel, stride), weight.grad)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_gradients_are_those_of_float_within_bfloat16(kernel: int, stride: int) -> None:
    torch.manual_seed(1)
    conv = nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=8, bias=False)
    x = torch.randn(2, 8, 12, 12, requires_grad=True)
    wanted = conv(x)
    gradients = torch.autograd.grad(wanted.square().mean(), [x, conv.weight])
    use_fast_depthwise(conv)
    assert type(conv) is DepthwiseConv2d
    torch.testing.assert_close(conv(x), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        got = conv(x)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), wanted, atol=0.03, rtol=0.03)
    for mine, other in zip(torch.autograd.grad(got.float().square().mean(), [x, conv.weight]), gradients):
        assert mine.dtype == torch.float32
        assert (mine - other).abs().max() < 0.02 * other.abs().max()
