"""Networks with random weights, batch normalization fitted to frames, written as ONNX by both exporters."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tools.networks import catalogue

EXPORTERS = ("torchscript", "dynamo")


def prepare_frames(folder: Path, cache: Path, side: int, count: int) -> None:
    """
    Writes `count` frames of a folder, spread evenly, as PNG files of side x side to `cache`/calibration, and half as
    many others, from between, to `cache`/test. What is there already is kept.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    step = len(paths) // count
    for name, chosen in (("calibration", paths[::step][:count]), ("test", paths[step // 2 :: 2 * step][: count // 2])):
        (cache / name).mkdir(parents=True, exist_ok=True)
        for path in chosen:
            target = cache / name / f"{path.stem}.png"
            if not target.exists():
                Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR).save(target)


def frames(folder: Path) -> np.ndarray:
    """The PNG files of a folder: float32 [count, 3, height, width] in 0..1."""
    images = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
    return np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)


def fit(network: nn.Module, images: np.ndarray) -> None:
    """Sets the statistics of every batch normalization to those of the images, and the network to inference."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
            module.momentum = 1.0
    with torch.no_grad():
        network(torch.from_numpy(images))
    network.eval()


def export(name: str, exporter: str, path: Path, images: np.ndarray) -> None:
    """Writes a network for an input of one image to `path`; raises what building or exporting it raises."""
    torch.manual_seed(0)
    network = catalogue.build(name)
    fit(network, images)
    example: Tensor = torch.from_numpy(images[:1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (example,), str(path), dynamo=exporter == "dynamo", input_names=["image"], verbose=False
        )
