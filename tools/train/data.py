"""The frames of a training run: those with fine and coarse labels, and those that are measured on."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.train.camvid import CamVid, CoarseCamVid, DataError, read_split
from tools.train.evaluate import evaluate, evaluate_groups
from tools.train.split import choose
from tools.train.views import Source

MEASURES = ("accuracy", "accuracy_no_void", "mean_iou")


class Data:
    """The frames of a run: `training`, sources of views, first the one with fine labels; `kept` for validation;
    `groups` bool [groups, classes] of the coarse labels; `unseen`, further frames with coarse labels to measure on, or
    None; `names` of the classes and their number, `classes`; `void`; `validation`, the names of those kept."""

    def __init__(self, options: argparse.Namespace, device: torch.device) -> None:
        """Reads what --data, --split, --coarse and --unseen name; DataError for whatever is wrong with it."""
        data, cache, side = CamVid(options.data), Path(options.cache), options.size * 3 // 2
        self.names, self.void = data.classes.names, data.classes.void
        self.classes = len(self.names)
        if options.split:
            names, self.validation, excluded = read_split(options.split, data.names)
        else:
            self.validation = choose(data.names, max(1, len(data.names) // 6))
            names, excluded = sorted(set(data.names) - set(self.validation)), []
        self.training = [Source.of(*data.load(names, side, cache), device)]
        self.kept = data.load(self.validation, options.size, cache)
        self.unseen: tuple[np.ndarray, np.ndarray] | None = None
        groups = np.zeros((0, self.classes), bool)
        path = options.unseen
        unseen = read_names(path) if path else set()
        for folder in options.coarse:
            coarse = CoarseCamVid(folder, data.classes, len(groups))
            groups = np.concatenate([groups, coarse.groups])
            training = sorted(set(coarse.names) - set(excluded) - unseen)
            self.training.append(Source.of(*coarse.load(training, side, cache), device))
            if measured := sorted(set(coarse.names) & unseen):
                if self.unseen is not None:
                    raise DataError(f"{path}: names frames of several folders")
                self.unseen = coarse.load(measured, options.size, cache)
        if unseen and (self.unseen is None or len(self.unseen[0]) < len(unseen)):
            raise DataError(f"{path}: names frames that are in no --coarse folder")
        self.groups = torch.from_numpy(groups)

    def measure(self, network: nn.Module, everything: bool) -> dict[str, float]:
        """Figures for the log, on all measured frames or on a quarter of them."""
        part = slice(None) if everything else slice(None, None, 4)
        frames, labels = (each[part] for each in self.kept)
        result = evaluate(network, frames, labels, self.classes, self.void)
        figures = {key: getattr(result, key) for key in MEASURES} | {"frames": len(frames)}
        if self.unseen is not None:
            unseen = (each[part] for each in self.unseen)
            figures["unseen"] = evaluate_groups(network, *unseen, self.groups.numpy())
        return figures


def some_images(data: Data, count: int, size: int) -> Iterator[Tensor]:
    """`count` training frames with fine labels, spread evenly, each shrunk to [1, 3, size, size] in [0, 1]."""
    frames = data.training[0].frames
    for index in np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int).tolist():
        frame = frames[index].permute(2, 0, 1)[None].float() / 255
        yield F.interpolate(frame, (size, size), mode="bilinear", antialias=True).cpu()


def read_names(path: str) -> set[str]:
    """The names in a text file, one a line; DataError if it cannot be read."""
    try:
        return set(Path(path).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from None
