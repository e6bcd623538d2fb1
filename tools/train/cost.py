"""Counts multiply-accumulates and parameters: python -m tools.train.cost NETWORK [--size WxH]

NETWORK is an architecture file or the name of a baseline (see baselines/).
"""

import argparse
import sys
from dataclasses import dataclass

import torch
from torch import nn

from tools.train.baselines import BASELINES
from tools.train.network import Network, load_architecture


@dataclass
class Cost:
    """parameters: learned numbers once batch normalisation is folded (weights, biases, gate scales).
    macs: multiply-accumulates of all convolutions for one frame."""

    parameters: int
    macs: int


def count(network: nn.Module, height: int = 512, width: int = 512) -> Cost:
    """Cost of a network on one frame [1, 3, height, width].

    A convolution costs outputs * outHeight * outWidth * (inputs / groups) * kernel^2 multiply-accumulates;
    upsamplings, sums, products and table look-ups are not counted. A batch normalisation adds one bias a
    channel to the parameters, since the rest folds into the weights before it.
    """
    macs = 0

    def hook(conv: nn.Conv2d, _: tuple, out: torch.Tensor) -> None:
        nonlocal macs
        macs += out[0].numel() * conv.weight[0].numel()

    handles = [m.register_forward_hook(hook) for m in network.modules() if isinstance(m, nn.Conv2d)]
    training = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    network.train(training)
    for handle in handles:
        handle.remove()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    parameters = sum(p.numel() for p in network.parameters()) - sum(m.num_features for m in norms)
    return Cost(parameters, macs)


def main() -> None:
    """The command line: exit code 1 and one line for a bad architecture file."""
    parser = argparse.ArgumentParser(description="Parameters and multiply-accumulates of a network.")
    parser.add_argument("network", help=f"architecture JSON, or one of {', '.join(BASELINES)}")
    parser.add_argument("--size", default="512x512", help="input size, WxH (default 512x512)")
    options = parser.parse_args()
    try:
        width, height = (int(n) for n in options.size.split("x"))
        baseline = BASELINES.get(options.network)
        network = baseline() if baseline else Network(load_architecture(options.network))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    cost = count(network, height, width)
    print(f"{cost.parameters / 1e6:.3f} M parameters, {cost.macs / 1e9:.3f} GMACs at {width}x{height}")


if __name__ == "__main__":
    main()
