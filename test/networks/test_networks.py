"""The well-known networks: shapes and sizes that their papers give, and the page about them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.networks import blocks, catalogue, page, store
from tools.networks.export import fit

#: Millions of parameters that the papers give, and how far ours may be off: classes and heads differ.
PAPERS = {
    "ENet": (0.36, 0.05),
    "ERFNet": (2.06, 0.05),
    "Fast-SCNN": (1.11, 0.15),
    "BiSeNetV2": (2.3, 0.3),
    "DABNet": (0.76, 0.05),
    "CGNet": (0.5, 0.1),
    "LEDNet": (0.94, 0.1),
    "PIDNet-S": (7.6, 0.2),
    "DDRNet-23-slim": (5.7, 0.1),
    "PP-LiteSeg": (8.0, 0.3),
    "RegSeg": (3.34, 0.15),
    "SINet": (0.087, 0.4),
    "SegNet": (29.5, 0.05),
    "U2-Netp": (1.13, 0.05),
    "MODNet": (6.5, 0.15),
}


def first(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output[0]


@pytest.mark.parametrize("name", catalogue.OWN)
def test_gives_scores_for_every_pixel(name: str) -> None:
    side = 192
    with torch.device("meta"), torch.no_grad():
        network = catalogue.build(name).eval()
        scores = first(network(torch.rand(1, 3, side, side)))
    classes = {"U2-Netp": 1, "MODNet": 1, "SINet": 2}.get(name, catalogue.CLASSES)
    assert scores.shape == (1, classes, side, side)
    if name in PAPERS:
        millions, tolerance = PAPERS[name]
        count = sum(weights.numel() for weights in network.parameters()) / 1e6
        assert count == pytest.approx(millions, rel=tolerance)


def test_statistics_are_those_of_the_images() -> None:
    network = torch.nn.Sequential(blocks.unit(3, 4), torch.nn.Dropout(0.5))
    images = np.random.default_rng(1).random((4, 3, 16, 16), np.float32)
    fit(network, images)
    with torch.no_grad():
        made = network[0][:2](torch.from_numpy(images))
    assert made.mean((0, 2, 3)).abs().max() < 1e-4
    assert made.var((0, 2, 3)) == pytest.approx(1, abs=1e-2)


def test_channels_of_groups_are_interleaved() -> None:
    x = torch.arange(6.0).view(1, 6, 1, 1)
    assert blocks.shuffled(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_names_are_unique_and_a_wrong_one_is_refused() -> None:
    names = catalogue.names()
    assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        catalogue.build("caffe AlexNet x")


def test_the_page_says_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enet, good = (store.file_of(tmp_path, name, "dynamo") for name in ("ENet", "ERFNet"))
    store.write(enet, "check", {"converts": False, "reason": "Loop: not supported"})
    store.write(enet.with_name("ENet.torchscript.onnx"), "failed", {"reason": "TypeError: cond"})
    store.write(good, "check", {"converts": True, "nodes": 9, "operations": 5})
    judged = {"decibels": 21.25, "ours": 0.9875, "onnxruntime": 0.975, "bytes": 1_230_000}
    store.write(good, "judged", judged)
    store.write(good, "times", {"ours": 4.0, "onnxruntime": 10.0})
    target = tmp_path / "networks.md"
    monkeypatch.setattr(sys, "argv", ["page", "--cache", str(tmp_path), "--output", str(target)])
    page.main()
    text = target.read_text()
    assert "| ENet | not exported | refused | not run | - | - | - | - | - | - |" in text
    assert "| ERFNet | not run | yes | not run | 21.2 dB | 98.8 % | 97.5 % | 1.23 MB | 2.5 | dynamo |" in text
    assert "| ENet | dynamo | Loop: not supported |" in text
    assert "| SegNet | not run | not run | not run |" in text
    assert "dynamo: 1 of 2 files convert (50 %)" in text
