"""The short training that ranks networks, and the data it uses: a part of the training frames is kept apart for it.

Crops of frames at half the usual size, so that things are as large as in crops of the real training; cross-entropy on
logits and labels at a quarter of the crop's side; a learning rate that rises for a tenth of the steps and falls as a
cosine. Accuracy is measured on whole frames that were kept apart, Void counted as a class.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.explore.space import Architecture
from tools.train.camvid import CACHE, CamVid, DataError, read_split
from tools.train.evaluate import evaluate, upsample
from tools.train.start import architecture_for
from tools.train.train import optimizer

RUN = 4
"""Frames kept apart come in runs of so many neighbours in a tenth of the frames."""
SOME = 16
SHAPES = ("sky", "road", "house", "car", "Void")


@dataclass
class Data:
    """Frames uint8 [n, S, S, 3] and labels uint8 [n, S, S]: to train on, and kept apart to measure on."""

    frames: np.ndarray
    labels: np.ndarray
    kept_frames: np.ndarray
    kept_labels: np.ndarray
    names: list[str]
    void: int

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.names)


@dataclass(frozen=True)
class Schedule:
    """Length and shape of the short training."""

    steps: int
    batch: int
    crop: int
    rate: float
    decay: float = 1e-2


def load(source: str, size: int, split: str, cache: Path = CACHE, frames: int | None = None) -> Data:
    """The data set of a folder in CamVid's layout (only frames outside the split's validation), or "synthetic".

    frames: at most so many frames are kept apart, spread evenly. DataError if something is wrong with the folder.
    """
    if source == "synthetic":
        images, labels = synthetic(80, 64)
        names, void = [*SHAPES], len(SHAPES) - 1
    else:
        folder = CamVid(source)
        training, _, _ = read_split(split, folder.names)
        images, labels = (np.array(part) for part in folder.load(training, size, cache))
        names, void = folder.classes.names, folder.classes.void
    kept = np.arange(len(images)) // RUN % 10 == 5
    if not kept.any():
        raise DataError(f"{source}: at least {5 * RUN + 1} frames are needed besides those of the split")
    apart = np.flatnonzero(kept)
    if frames is not None and frames < len(apart):
        apart = apart[np.linspace(0, len(apart) - 1, frames).astype(int)]
    return Data(images[~kept], labels[~kept], images[apart], labels[apart], names, void)


def some_images(frames: np.ndarray) -> Iterator[Tensor]:
    """Some of the frames uint8 [n, S, S, 3], spread evenly, each as [1, 3, S, S] in [0, 1]."""
    for index in np.linspace(0, len(frames) - 1, SOME).astype(int):
        yield torch.from_numpy(frames[index]).permute(2, 0, 1)[None].float() / 255


def synthetic(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn streets, always the same: uint8 [count, size, size, 3] and labels uint8 [count, size, size] of SHAPES."""
    random = np.random.default_rng(1)
    colors = np.array([(150, 180, 220), (90, 90, 95), (160, 120, 100), (60, 60, 160), (0, 0, 0)], np.float32)
    labels = np.zeros((count, size, size), np.uint8)
    y, x = np.mgrid[:size, :size] / size
    for label in labels:
        horizon = random.uniform(0.3, 0.6)
        label[y > horizon] = 1
        for _ in range(random.integers(2, 6)):
            left, top = random.uniform(-0.1, 0.9), random.uniform(0, horizon)
            label[(x > left) & (x < left + random.uniform(0.1, 0.3)) & (y > top) & (y < horizon + 0.05)] = 2
        for _ in range(random.integers(1, 4)):
            left, top, scale = random.uniform(0, 0.9), random.uniform(horizon, 0.9), random.uniform(0.08, 0.2)
            label[(x > left) & (x < left + 1.6 * scale) & (y > top) & (y < top + scale)] = 3
        label[y > 0.97] = 4
    light = random.uniform(0.6, 1.3, (count, 1, 1, 3)) + 0.3 * (x - 0.5)[..., None]
    noise = random.normal(0, 25, (count, size, size, 3))
    return np.clip(colors[labels] * light + noise, 0, 255).astype(np.uint8), labels


def batch(data: Data, schedule: Schedule, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Crops, half of them mirrored: images [batch, 3, crop, crop], labels int64 [batch, crop / 4, crop / 4]."""
    side, crop = data.frames.shape[1], schedule.crop
    images, labels = [], []
    for index in random.integers(len(data.frames), size=schedule.batch):
        top, left = random.integers(side - crop + 1, size=2)
        window = np.s_[top : top + crop, left : left + crop]
        image, label = data.frames[index][window], data.labels[index][window][2::4, 2::4]
        if random.random() < 0.5:
            image, label = image[:, ::-1], label[:, ::-1]
        images.append(image * np.float32(random.uniform(0.8, 1.2) / 255))
        labels.append(label)
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # channels last in memory
    return stacked, torch.from_numpy(np.stack(labels).astype(np.int64))


def train(network: nn.Module, data: Data, schedule: Schedule, seed: int) -> float:
    """Trains a network and returns its accuracy (0..1) on the frames kept apart; evaluation mode afterwards."""
    random = np.random.default_rng(seed)
    network.to(memory_format=torch.channels_last).train()
    steps = optimizer(network, schedule.decay)
    for step in range(schedule.steps):
        progress = (step + 0.5) / schedule.steps
        factor = progress / 0.1 if progress < 0.1 else 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))
        for group in steps.param_groups:
            group["lr"] = schedule.rate * factor
        image, label = batch(data, schedule, random)
        logits = network(image)  # [batch, classes, crop / 4, crop / 4] or coarser
        if logits.shape[2] != label.shape[1]:
            logits = upsample(logits, label.shape[1] / logits.shape[2])
        loss = F.cross_entropy(logits, label)
        steps.zero_grad(set_to_none=True)
        loss.backward()
        steps.step()
    return evaluate(network, data.kept_frames, data.kept_labels, data.classes, data.void).accuracy


def prototype(path: str | None, classes: int, init: str | None = None) -> Architecture:
    """The prototype's architecture with the data's number of classes: that of a file or, if none is named, the one that
    `init` belongs to. ValueError, naming the file, if it is none."""
    try:
        return architecture_for(init, path) | {"classes": classes}
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from None
