"""The depthwise convolution for bfloat16 on CPUs against the float one."""

import pytest
import torch
from torch import nn

from tools.train.bfloat16 import DepthwiseConv2d, use_fast_depthwise


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
