"""Cross-entropy of scores at 1/4 against labels at full size, for fine and for coarse labels."""

import torch
import torch.nn.functional as F
from torch import Tensor


def enlarge_half(scores: Tensor, dim: int, first: int) -> Tensor:
    """Every second position, from `first` (0 or 1), of a fourfold linear enlargement along one dimension.

    The enlargement has half-pixel centres: its positions lie -3/8, -1/8, 1/8 and 3/8 from each value, and every one
    is a mean of that value and its nearer neighbour (itself at the borders). The dimension doubles.
    """
    size = scores.shape[dim]
    before = torch.cat([scores.narrow(dim, 0, 1), scores.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([scores.narrow(dim, 1, size - 1), scores.narrow(dim, size - 1, 1)], dim)
    near, far = (0.375, 0.125) if first == 0 else (0.125, 0.375)
    pair = torch.stack([scores.lerp(before, near), scores.lerp(after, far)], dim + 1)
    return pair.flatten(dim, dim + 1)


def sampled_loss(logits: Tensor, label: Tensor, groups: Tensor, corner: tuple[int, int]) -> Tensor:
    """Mean cross-entropy over a quarter of the pixels: every second row and column, from `corner` (0 or 1 each).

    logits  float [N, classes, H/4, W/4]; the loss is taken on scores enlarged four times, bilinear
    label   uint8 [N, H, W]: a class, or in whole pictures classes + group
    groups  bool [groups, classes]: the classes of each group; may be empty
    With a corner drawn for each step this is an unbiased sample of the loss over all pixels, for a quarter of
    its cost: enlarging and normalising 32 scores a pixel would otherwise cost nearly as much as the network.
    A pixel with a coarse label costs -log of the summed probability of its group's classes.
    """
    classes = logits.shape[1]
    scores = enlarge_half(enlarge_half(logits.permute(0, 2, 3, 1), 1, corner[0]), 2, corner[1])  # [N, H/2, W/2, classes]
    label = label[:, corner[0] :: 2, corner[1] :: 2].long()  # [N, H/2, W/2]
    coarse = label[:, 0, 0] >= classes
    fine = F.cross_entropy(scores[~coarse].reshape(-1, classes), label[~coarse].reshape(-1), reduction="sum")
    if not coarse.any():
        return fine / label.numel()
    members = groups.to(logits.device)[label[coarse].reshape(-1) - classes]  # [pixels, classes]
    logs = F.log_softmax(scores[coarse].reshape(-1, classes), 1)
    return (fine - logs.masked_fill(~members, -1e4).logsumexp(1).sum()) / label.numel()
