"""Pixel accuracy and mean IoU of a network on cached frames."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Scores:
    """Shares in 0..1. accuracy counts every pixel, accuracy_no_void leaves out pixels labelled Void; mean_iou
    averages the classes that occur in the labels, Void left out (Void pixels still count as mistakes of the class
    that was predicted there); per_class holds the IoU of each class, NaN where it does not occur in the labels."""

    accuracy: float
    accuracy_no_void: float
    mean_iou: float
    per_class: np.ndarray


def scores(confusion: np.ndarray, void: int) -> Scores:
    """Scores of a confusion matrix, integers [label, predicted]; `void` is the index of Void, or -1."""
    right = np.diag(confusion)
    labelled = confusion.sum(1)
    known = np.arange(len(confusion)) != void
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = right / (labelled + confusion.sum(0) - right)
        no_void = float(right[known].sum() / labelled[known].sum())
    iou[labelled == 0] = np.nan
    counted = known & (labelled > 0)
    mean = float(iou[counted].mean()) if counted.any() else float("nan")
    return Scores(float(right.sum() / confusion.sum()), no_void, mean, iou)


def enlarge(logits: torch.Tensor, factor: float = 4.0) -> torch.Tensor:
    """Scores [N, classes, h, w] -> [N, classes, factor h, factor w], bilinear with half-pixel centres."""
    return F.interpolate(logits, scale_factor=factor, mode="bilinear", align_corners=False)


@torch.no_grad()
def evaluate(network: nn.Module, frames: np.ndarray, labels: np.ndarray, classes: int, void: int) -> Scores:
    """Scores of a network on whole frames: uint8 [n, H, W, 3] and labels uint8 [n, H, W], n at least 1.

    Puts the network in evaluation mode and leaves it there.
    """
    network.eval()
    device = next(network.parameters()).device
    confusion = torch.zeros(classes * classes, dtype=torch.int64)
    for frame, label in zip(frames, labels):
        image = torch.tensor(frame, device=device).permute(2, 0, 1)[None].float() / 255  # [1, 3, H, W]
        image = image.contiguous(memory_format=torch.channels_last)
        logits = network(image).float()
        predicted = enlarge(logits, label.shape[0] / logits.shape[2]).argmax(1)[0].cpu()  # [H, W]
        pairs = torch.tensor(label, dtype=torch.int64) * classes + predicted
        confusion += torch.bincount(pairs.flatten(), minlength=classes * classes)
    return scores(confusion.view(classes, classes).numpy(), void)
