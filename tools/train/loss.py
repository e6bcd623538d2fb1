"""Cross-entropy of small maps of scores against labels at full size, for fine and for coarse labels."""

import torch
import torch.nn.functional as F
from torch import Tensor


def enlarge_half(scores: Tensor, dim: int, first: int, factor: int) -> Tensor:
    """Every second position, from `first` (0 or 1), of a linear enlargement along one dimension by an even factor.

    The enlargement has half-pixel centres: its i-th position for each value lies (i + 1/2) / factor - 1/2 from it, and
    is a mean of that value and its nearer neighbour (itself at the borders). The dimension grows by factor / 2.
    """
    size = scores.shape[dim]
    before = torch.cat([scores.narrow(dim, 0, 1), scores.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([scores.narrow(dim, 1, size - 1), scores.narrow(dim, size - 1, 1)], dim)
    places = [(i + 0.5) / factor - 0.5 for i in range(first, factor, 2)]
    parts = [scores.lerp(before if place < 0 else after, abs(place)) for place in places]
    return torch.stack(parts, dim + 1).flatten(dim, dim + 1)


def sampled_loss(logits: Tensor, label: Tensor, groups: Tensor, corner: tuple[int, int]) -> Tensor:
    """Mean cross-entropy over a quarter of the pixels: every second row and column, from `corner` (0 or 1 each).

    logits  float [N, classes, h, w]; the loss is taken on scores enlarged to H x W, bilinear, by an even factor
    label   uint8 [N, H, W]: a class, or in whole pictures classes + group
    groups  bool [groups, classes]: the classes of each group; may be empty
    With a corner drawn for each step this is an unbiased sample of the loss over all pixels, for a quarter of
    its cost: enlarging and normalising 32 scores a pixel would otherwise cost nearly as much as the network.
    A pixel with a coarse label costs -log of the summed probability of its group's classes.
    """
    classes, factor = logits.shape[1], label.shape[1] // logits.shape[2]
    scores = enlarge_half(logits.permute(0, 2, 3, 1), 1, corner[0], factor)  # [N, H/2, w, classes]
    scores = enlarge_half(scores, 2, corner[1], factor)  # [N, H/2, W/2, classes]
    label = label[:, corner[0] :: 2, corner[1] :: 2].long()  # [N, H/2, W/2]
    coarse = label[:, 0, 0] >= classes
    fine = F.cross_entropy(scores[~coarse].reshape(-1, classes), label[~coarse].reshape(-1), reduction="sum")
    if not coarse.any():
        return fine / label.numel()
    members = groups.to(logits.device)[label[coarse].reshape(-1) - classes]  # [pixels, classes]
    logs = F.log_softmax(scores[coarse].reshape(-1, classes), 1)
    return (fine - logs.masked_fill(~members, -1e4).logsumexp(1).sum()) / label.numel()
