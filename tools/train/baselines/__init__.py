"""The networks of the paper's Table 1 that AttendSeg is measured against, by name."""

from collections.abc import Callable

from torch import nn

from tools.train.baselines.edgesegnet import EdgeSegNet
from tools.train.baselines.refinenet import RefineNet

BASELINES: dict[str, Callable[..., nn.Module]] = {"edgesegnet": EdgeSegNet, "refinenet-101": RefineNet}
"""Each takes the number of classes and `divide`, by which all widths are divided (1: as published)."""
