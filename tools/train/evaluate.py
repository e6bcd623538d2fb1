"""Pixel accuracy and mean IoU of a network on cached frames."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tools.train.loss import IGNORED


@dataclass
class Metrics:
    """Shares in 0..1. accuracy counts every pixel, accuracy_no_void leaves out pixels labelled Void; mean_iou
    averages the classes that occur in the labels, Void left out (Void pixels still count as mistakes of the class
    that was predicted there); per_class holds the IoU of each class, NaN where it does not occur in the labels."""

    accuracy: float
    accuracy_no_void: float
    mean_iou: float
    per_class: np.ndarray


def metrics(confusion: np.ndarray, void: int) -> Metrics:
    """Metrics of a confusion matrix, integers [label, predicted]; `void` is the index of Void, or -1."""
    right = np.diag(confusion)
    labelled = confusion.sum(1)
    known = np.arange(len(confusion)) != void
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = right / (labelled + confusion.sum(0) - right)
        no_void = float(right[known].sum() / labelled[known].sum())
    iou[labelled == 0] = np.nan
    counted = known & (labelled > 0)
    mean = float(iou[counted].mean()) if counted.any() else float("nan")
    return Metrics(float(right.sum() / confusion.sum()), no_void, mean, iou)


def upsample(logits: torch.Tensor, factor: float = 4.0) -> torch.Tensor:
    """Logits [N, classes, h, w] -> [N, classes, factor h, factor w], bilinear with half-pixel centres."""
    return F.interpolate(logits, scale_factor=factor, mode="bilinear", align_corners=False)


@torch.no_grad()
def predict(network: nn.Module, frame: np.ndarray) -> torch.Tensor:
    """Class ids [H, W] on the network's device of a frame uint8 [H, W, 3]; the network is in evaluation mode."""
    device = next(network.parameters()).device
    image = torch.tensor(frame, device=device).permute(2, 0, 1)[None].float() / 255  # [1, 3, H, W]
    logits = network(image.contiguous(memory_format=torch.channels_last)).float()
    return upsample(logits, frame.shape[0] / logits.shape[2]).argmax(1)[0]


def evaluate(network: nn.Module, frames: np.ndarray, labels: np.ndarray, classes: int, void: int) -> Metrics:
    """Metrics of a network on whole frames: uint8 [n, H, W, 3] and labels uint8 [n, H, W], n at least 1.

    Pixels labelled `IGNORED` count nowhere. Puts the network in evaluation mode and leaves it there.
    """
    network.eval()
    confusion = torch.zeros(classes * classes, dtype=torch.int64)
    for frame, label in zip(frames, labels):
        predicted, wanted = predict(network, frame), torch.tensor(label).long().to(next(network.parameters()).device)
        pairs = (wanted * classes + predicted)[wanted != IGNORED]
        confusion += torch.bincount(pairs, minlength=classes * classes).cpu()
    return metrics(confusion.view(classes, classes).numpy(), void)


def evaluate_groups(network: nn.Module, frames: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Share of the labelled pixels whose predicted class is one of the group's: labels hold classes + group.

    frames uint8 [n, H, W, 3], labels uint8 [n, H, W] (`IGNORED` counts nowhere), groups bool [groups, classes].
    Puts the network in evaluation mode and leaves it there.
    """
    network.eval()
    right = total = 0
    for frame, label in zip(frames, labels):
        known = label != IGNORED
        predicted = predict(network, frame).cpu().numpy()[known]
        right += int(groups[label[known].astype(int) - groups.shape[1], predicted].sum())
        total += int(known.sum())
    return right / max(1, total)
