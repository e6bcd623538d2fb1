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


def upsample_some(values: Tensor, dim: int, first: int, factor: int, every: int) -> Tensor:
    """Every so many positions, from `first` (0 .. every - 1), of a linear upsampling along one dimension.

    factor  of the upsampling, even and a multiple of `every`; the dimension grows by factor / every
    The upsampling has half-pixel centres: its i-th position for each value lies (i + 1/2) / factor - 1/2 from it, and
    is a mean of that value and its nearer neighbour (itself at the borders).
    """
    size = values.shape[dim]
    before = torch.cat([values.narrow(dim, 0, 1), values.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([values.narrow(dim, 1, size - 1), values.narrow(dim, size - 1, 1)], dim)
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


def sampled_loss(logits: Tensor, label: Tensor, groups: Tensor, corner: tuple[int, int]) -> Tensor:
    """Mean cross-entropy over the pixels of some rows and columns: those `taken`.

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
    return total / (label != IGNORED).sum().clamp(min=1)


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
