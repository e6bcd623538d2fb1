"""Steps of training: parameter groups, learning rate, the pull towards a start, and the running average of weights."""

import math
from collections.abc import Collection, Iterable

import torch
from torch import nn


def optimizer(
    network: nn.Module, decay: float, pretrained: Collection[str] = (), factor: float = 1.0
) -> torch.optim.AdamW:
    """AdamW; weight decay on convolution weights only, not on biases, norms and gate scales.

    pretrained  names of parameters that learn `factor` times as fast and without weight decay: see `Anchor`
    """
    named = list(network.named_parameters())
    new = [p for name, p in named if name not in pretrained]
    old = [p for name, p in named if name in pretrained]
    groups = [
        {"params": [p for p in new if p.ndim > 1], "weight_decay": decay, "factor": 1.0},
        {"params": [p for p in new if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
        {"params": old, "weight_decay": 0.0, "factor": factor},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, fused=True)


def rate(progress: float, highest: float) -> float:
    """Learning rate at a share (0..1) of the schedule: 3 % of warm-up, then half a cosine down to 0."""
    if progress < 0.03:
        return highest * max(progress, 0.0003) / 0.03
    return highest * 0.5 * (1 + math.cos(math.pi * min(1, (progress - 0.03) / 0.97)))


class Anchor:
    """The start of pretrained weights, and the pull towards it: w -= rate * strength * (w - start), L2-SP (Li 2018)."""

    def __init__(self, parameters: Iterable[nn.Parameter], strength: float) -> None:
        """Remembers where the parameters are now."""
        self.parameters = [p.data for p in parameters]
        self.start = [p.clone() for p in self.parameters]
        self.strength = strength

    @torch.no_grad()
    def pull(self, rate: float) -> None:
        """One step at a learning rate."""
        if self.parameters and self.strength:
            torch._foreach_lerp_(self.parameters, self.start, rate * self.strength)


@torch.no_grad()
def average(ema: nn.Module, network: nn.Module, decay: float) -> None:
    """ema = decay * ema + (1 - decay) * network, over weights and batch statistics; counters are copied."""
    pairs = list(zip(ema.state_dict().values(), network.state_dict().values()))
    torch._foreach_lerp_(
        [mean for mean, _ in pairs if mean.is_floating_point()],
        [value for _, value in pairs if value.is_floating_point()],
        1 - decay,
    )
    for mean, value in pairs:
        if not mean.is_floating_point():
            mean.copy_(value)
