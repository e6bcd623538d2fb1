"""Figures of networks against those worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tools.train.camvid import CamVid
from tools.train.evaluate import evaluate, metrics
from tools.train.network import Network


def test_metrics_equal_those_worked_out_by_hand() -> None:
    confusion = np.array([[6, 1, 0, 1], [2, 4, 0, 0], [0, 0, 0, 0], [1, 0, 1, 4]])
    result = metrics(confusion, void=3)
    assert result.accuracy == pytest.approx(14 / 20)
    assert result.accuracy_no_void == pytest.approx(10 / 14)
    assert result.per_class[:2] == pytest.approx([6 / 11, 4 / 7])
    assert np.isnan(result.per_class[2])
    assert result.mean_iou == pytest.approx((6 / 11 + 4 / 7) / 2)


def test_evaluate_rates_a_network_that_always_says_sky(dataset: Path, tiny: dict[str, Any]) -> None:
    data = CamVid(dataset)
    frame, label = data.read("A_000", 64)
    network = Network(tiny)
    nn.init.zeros_(network.head.weight)
    network.head.bias.data = torch.tensor([0.0, 1.0, 0.0, 0.0])
    result = evaluate(network, frame[None], label[None], 4, data.classes.void)
    assert result.accuracy == pytest.approx((label == 1).mean())
    assert result.accuracy_no_void == pytest.approx((label == 1).sum() / (label != 3).sum())
