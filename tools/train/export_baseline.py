"""Writes a baseline network, untrained, as float ONNX: what its cost and its speed need, and nothing else.

    python -m tools.train.export_baseline refinenet-101 refinenet.onnx --images ../shared/camvid/701_StillsRaw_full

Weights are PyTorch's random ones, from the seed, and the batch normalisations hold the statistics of a few frames, so
that no tensor dies or overflows. The file is checked against PyTorch with onnxruntime.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from tools.train.baselines import BASELINES
from tools.train.export import onnx_model, write
from tools.train.network import STRIDE


def read_frames(folder: str | Path, count: int, height: int, width: int) -> torch.Tensor:
    """The first images of a folder by name, [count, 3, height, width] in [0, 1]; ValueError if there is none."""
    paths = sorted(path for path in Path(folder).glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]
    if not paths:
        raise ValueError(f"{folder}: no images (.jpg or .png)")
    size = (width, height)
    frames = [np.asarray(Image.open(path).convert("RGB").resize(size, Image.Resampling.BILINEAR)) for path in paths]
    return torch.tensor(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def untrained(baseline: str, classes: int, divide: int, frames: torch.Tensor, seed: int) -> nn.Module:
    """A baseline with random weights and the statistics of frames [N, 3, H, W]; evaluation mode."""
    torch.manual_seed(seed)
    network = BASELINES[baseline](classes, divide)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of the one batch that follows
    network.train()
    network(frames)
    return network.eval()


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    parser = argparse.ArgumentParser(description="Write an untrained baseline network as float ONNX.")
    parser.add_argument("baseline", choices=BASELINES, help="the network")
    parser.add_argument("onnx", help="file to write")
    parser.add_argument("--images", required=True, help="folder of frames for the statistics")
    parser.add_argument("--frames", type=int, default=4, help="frames to use (default 4)")
    parser.add_argument("--size", default="512x512", help="input size, WxH, multiples of 32 (default 512x512)")
    parser.add_argument("--classes", type=int, default=32, help="classes (default 32)")
    parser.add_argument("--divide", type=int, default=1, help="divides all widths (default 1: as published)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the weights (default 1)")
    options = parser.parse_args()
    try:
        width, height = (int(n) for n in options.size.split("x"))
        if width % STRIDE or height % STRIDE:
            raise ValueError(f"--size: expected multiples of {STRIDE}, got {options.size}")
        frames = read_frames(options.images, options.frames, height, width)
        network = untrained(options.baseline, options.classes, options.divide, frames, options.seed)
        model = onnx_model(network, height, width)
        worst, largest = write(network, model, options.onnx, height, width)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.onnx}: difference to PyTorch {worst:.2e}, logits up to {largest:.2f}")


if __name__ == "__main__":
    main()
