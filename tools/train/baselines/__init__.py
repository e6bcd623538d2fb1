"""The networks of the paper's Table 1 that AttendSeg is measured against, by name."""

from collections.abc import Callable
from typing import Any

from torch import nn

from tools.train.baselines.edgesegnet import EdgeSegNet
from tools.train.baselines.refinenet import RefineNet
from tools.train.network import Network

BASELINES: dict[str, Callable[..., nn.Module]] = {"edgesegnet": EdgeSegNet, "refinenet-101": RefineNet}
"""Each takes the number of classes and `divide`, by which all widths are divided (1: as published)."""


def build(architecture: dict[str, Any]) -> nn.Module:
    """The network of an architecture: {"baseline": NAME, "classes": how many}, or as network.py says."""
    baseline = BASELINES.get(architecture.get("baseline", ""))
    return baseline(architecture["classes"]) if baseline else Network(architecture)
