"""Cross-entropy of small maps of logits against labels at full size, for fine and for coarse labels."""

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = 255
"""The label of a pixel that counts nowhere."""

TEMPERATURE = 2.0
"""What logits are divided by before a network's and its teacher's are compared."""


EVERY = 4
"""A step's loss is taken on every so many rows and columns."""

SORTED = 4
"""The Lovasz loss, whose sorting is dear, is taken on every so many of those pixels."""


def neighbours(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The values before and after each along one dimension, both of its shape; borders go on outside."""
    last = values.shape[dim] - 1
    before = torch.cat([values.narrow(dim, 0, 1), values.narrow(dim, 0, last)], dim)
    return before, torch.cat([values.narrow(dim, 1, last), values.narrow(dim, last, 1)], dim)


def upsample_some(values: Tensor, dim: int, first: int, factor: int, every: int) -> Tensor:
    """Every so many positions, from `first` (0 .. every - 1), of a linear upsampling along one dimension.

    factor  of the upsampling, even and a multiple of `every`; the dimension grows by factor / every
    The upsampling has half-pixel centres: its i-th position for each value lies (i + 1/2) / factor - 1/2 from it, and
    is a mean of that value and its nearer neighbour (itself at the borders).
    """
    before, after = neighbours(values, dim)
    places = [(i + 0.5) / factor - 0.5 for i in range(first, factor, every)]
    parts = [values.lerp(before if place < 0 else after, abs(place)) for place in places]
    return torch.stack(parts, dim + 1).flatten(dim, dim + 1)


def taken(factor: int, corner: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns that a step's loss is taken on: one of `EVERY`, or of the logits' factor if that is less."""
    every = min(EVERY, factor)
    return slice(corner[0] % every, None, every), slice(corner[1] % every, None, every)


def sample(logits: Tensor, factor: int, corner: tuple[int, int]) -> Tensor:
    """The rows and columns `taken` of upsampled logits.

    logits  [N, classes, h, w], upsampled by an even factor to [N, classes, H, W]
    result  [N, H / every, W / every, classes]
    """
    rows, columns = taken(factor, corner)
    across = upsample_some(logits.permute(0, 2, 3, 1), 1, rows.start, factor, rows.step)
    return upsample_some(across, 2, columns.start, factor, columns.step)


def lovasz_loss(chances: Tensor, label: Tensor) -> Tensor:
    """The Lovasz extension of 1 - IoU, mean over the classes that occur in the labels (Lovasz-Softmax, Berman 2018).

    chances  float [pixels, classes], those of each class, in 0..1
    label    int64 [pixels], a class each
    result   0..1; where every chance is 0 or 1 it is 1 - IoU itself. 0 without a pixel.
    The errors of a class, sorted downwards, weigh as much as 1 - IoU grows when their pixels become wrong in turn.
    """
    present = label.unique()
    if len(present) == 0:
        return chances.sum()
    wanted = (label == present[:, None]).float()  # [present classes, pixels]
    errors, order = (wanted - chances.T[present]).abs().sort(1, descending=True)
    found = wanted.gather(1, order)
    pixels = found.sum(1, keepdim=True)
    left = pixels - found.cumsum(1)  # of the class's pixels, if the first so many errors are mistakes
    lost = 1 - left / (pixels + (1 - found).cumsum(1))
    growth = torch.cat([lost[:, :1], lost[:, 1:] - lost[:, :-1]], 1)
    return (errors * growth).sum(1).mean()


def sampled_loss(
    logits: Tensor, label: Tensor, groups: Tensor, corner: tuple[int, int], lovasz: float = 0.0
) -> Tensor:
    """Mean cross-entropy over the pixels of some rows and columns: those `taken`; and, times `lovasz`,
    `lovasz_loss` over some of those with fine labels.

    logits  float [N, classes, h, w]; the loss is taken on logits upsampled to H x W, bilinear, by an even factor
    label   uint8 [N, H, W]: a class, or classes + group, or `IGNORED`
    groups  bool [groups, classes]: the classes of each group; may be empty
    corner  the first row and column, 0 .. EVERY - 1 each
    With another corner in each step this is an unbiased sample of the loss over all pixels, for a sixteenth of its
    cost: upsampling and normalising 32 logits for every pixel would cost as much as the network.
    A pixel with a coarse label costs -log of the summed probability of its group's classes.
    """
    classes, factor = logits.shape[1], label.shape[1] // logits.shape[2]
    logs = F.log_softmax(sample(logits, factor, corner), 3).flatten(0, 2)  # [pixels, classes]
    rows, columns = taken(factor, corner)
    label = label[:, rows, columns].flatten().long()
    fine, coarse = label < classes, (label >= classes) & (label != IGNORED)
    total = -(logs.gather(1, (label * fine)[:, None])[:, 0] * fine).sum()
    if coarse.any():
        members = groups.to(logits.device)[label[coarse] - classes]  # [coarse pixels, classes]
        total = total - logs[coarse].masked_fill(~members, -1e4).logsumexp(1).sum()
    mean = total / (label != IGNORED).sum().clamp(min=1)
    if not lovasz:
        return mean
    some = fine.nonzero()[::SORTED, 0]
    return mean + lovasz * lovasz_loss(logs[some].exp(), label[some])


def distillation_loss(logits: Tensor, teacher: Tensor, factor: int, corner: tuple[int, int]) -> Tensor:
    """How far a network's predictions are from a teacher's: T^2 * KL(teacher / T || network / T), mean over the pixels
    that `sampled_loss` takes (Hinton 2015).

    logits, teacher  float [N, classes, h, w], of one size or each at its own: the teacher's are resized
    factor           from h to the labels' height, even
    """
    if teacher.shape != logits.shape:
        teacher = F.interpolate(teacher, logits.shape[2:], mode="bilinear", align_corners=False)
    own, wanted = (F.log_softmax(sample(each, factor, corner) / TEMPERATURE, 3) for each in (logits, teacher))
    return TEMPERATURE**2 * F.kl_div(own, wanted, reduction="none", log_target=True).sum(3).mean()
