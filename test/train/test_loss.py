"""The sampled loss against cross-entropy over all pixels, and coarse labels against closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F

from tools.train.evaluate import metrics, upsample
from tools.train.loss import (
    EVERY,
    IGNORED,
    SORTED,
    TEMPERATURE,
    distillation_loss,
    lovasz_loss,
    sampled_loss,
    upsample_some,
)

CORNERS = [(y, x) for y in range(EVERY) for x in range(EVERY)]
NO_GROUPS = torch.zeros(0, 5, dtype=torch.bool)


@pytest.mark.parametrize(("factor", "every"), [(2, 2), (4, 2), (4, 4), (8, 4), (16, 4)])
def test_the_parts_are_the_whole_upsampling(factor: int, every: int) -> None:
    values = torch.randn(2, 3, 7, 4)
    wanted = F.interpolate(values, scale_factor=(float(factor), 1.0), mode="bilinear", align_corners=False)
    for first in range(every):
        torch.testing.assert_close(upsample_some(values, 2, first, factor, every), wanted[:, :, first::every])


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_mean_over_the_corners_is_the_loss_over_all_pixels(factor: int) -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 5, 8, 6, generator=random, requires_grad=True)
    label = torch.randint(0, 5, (3, 8 * factor, 6 * factor), generator=random).to(torch.uint8)
    wanted = F.cross_entropy(upsample(logits, factor), label.long())
    got = torch.stack([sampled_loss(logits, label, NO_GROUPS, corner) for corner in CORNERS]).mean()
    torch.testing.assert_close(got, wanted)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (got, wanted)]
    torch.testing.assert_close(*gradients)


def test_a_coarse_pixel_costs_the_summed_probability_of_its_group() -> None:
    logits = torch.tensor([0.3, -1.0, 2.0, 0.5, 0.0]).view(1, 5, 1, 1).expand(2, 5, 4, 4)
    groups = torch.tensor([[True, False, True, False, False], [False, True, False, True, True]])
    label = torch.full((2, 16, 16), 5, dtype=torch.uint8)
    label[1] = 2
    odds = [math.exp(x) for x in (0.3, -1.0, 2.0, 0.5, 0.0)]
    coarse, fine = -math.log((odds[0] + odds[2]) / sum(odds)), -math.log(odds[2] / sum(odds))
    assert sampled_loss(logits, label, groups, (0, 1)).item() == pytest.approx((coarse + fine) / 2, rel=1e-5)
    assert sampled_loss(logits[:1], label[:1], groups, (1, 0)).item() == pytest.approx(coarse, rel=1e-5)


def test_fine_coarse_and_ignored_pixels_may_share_an_image() -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 5, 4, 4, generator=random)
    groups = torch.tensor([[True, False, True, False, False]])
    label = torch.randint(0, 7, (2, 16, 16), generator=random).to(torch.uint8)
    label[label == 6] = IGNORED
    chances = upsample(logits).softmax(1).permute(0, 2, 3, 1)[label != IGNORED]
    known = label[label != IGNORED].long()
    group = chances[:, 0] + chances[:, 2]
    costs = -torch.where(known == 5, group, chances.gather(1, (known % 5)[:, None])[:, 0]).log()
    corners = [sampled_loss(logits, label, groups, corner) for corner in CORNERS]
    counts = [(label[:, y::EVERY, x::EVERY] != IGNORED).sum() for y, x in CORNERS]
    got = sum(loss * count for loss, count in zip(corners, counts)) / sum(counts)
    assert got.item() == pytest.approx(costs.mean().item(), rel=1e-5)
    assert sampled_loss(logits, torch.full_like(label, IGNORED), groups, (0, 0)).item() == 0


def test_distillation_is_the_divergence_of_softened_predictions() -> None:
    random = torch.Generator().manual_seed(1)
    logits, teacher = torch.randn(2, 2, 5, 4, 4, generator=random)
    chances = [(upsample(each) / TEMPERATURE).softmax(1) for each in (logits, teacher)]
    wanted = TEMPERATURE**2 * (chances[1] * (chances[1] / chances[0]).log()).sum(1).mean()
    got = torch.stack([distillation_loss(logits, teacher, 4, corner) for corner in CORNERS]).mean()
    torch.testing.assert_close(got, wanted)
    assert distillation_loss(logits, logits, 4, (0, 0)).abs() < 1e-6
    halved = torch.nn.functional.interpolate(teacher, scale_factor=0.5)
    assert distillation_loss(logits, halved, 4, (0, 0)).isfinite()


def test_the_lovasz_loss_of_certain_predictions_is_what_the_mean_iou_lacks() -> None:
    random = torch.Generator().manual_seed(1)
    label, predicted = torch.randint(0, 4, (2, 500), generator=random)  # class 4 occurs in neither
    confusion = torch.bincount(label * 5 + predicted, minlength=25).view(5, 5).numpy()
    loss = lovasz_loss(F.one_hot(predicted, 5).float(), label)
    assert loss.item() == pytest.approx(1 - metrics(confusion, -1).mean_iou, rel=1e-5)


def test_the_lovasz_loss_of_two_uncertain_pixels() -> None:
    chances = torch.tensor([[0.7, 0.3], [0.6, 0.4]], requires_grad=True)
    # Class 0: the second pixel's error of 0.6 costs 1 - 1/2, then the first one's of 0.3 the other half. Class 1: the
    # missed pixel's 0.6 costs everything.
    loss = lovasz_loss(chances, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(((0.6 + 0.3) / 2 + 0.6) / 2)
    loss.backward()
    torch.testing.assert_close(chances.grad, torch.tensor([[-0.25, 0.0], [0.25, -0.5]]))


def test_the_lovasz_loss_is_added_over_fine_pixels() -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(1, 5, 4, 4, generator=random, requires_grad=True)
    groups = torch.tensor([[True, False, True, False, False]])
    label = torch.randint(0, 7, (1, 16, 16), generator=random).to(torch.uint8)
    label[label == 6] = IGNORED
    chances, some = upsample(logits).softmax(1)[0, :, 1::EVERY, 2::EVERY], label[0, 1::EVERY, 2::EVERY]
    fine = some < 5
    lovasz = lovasz_loss(chances[:, fine].T[::SORTED], some[fine].long()[::SORTED])
    wanted = sampled_loss(logits, label, groups, (1, 2)) + 0.5 * lovasz
    got = sampled_loss(logits, label, groups, (1, 2), lovasz=0.5)
    torch.testing.assert_close(got, wanted)
    coarse = sampled_loss(logits, torch.full_like(label, 5), groups, (1, 2), lovasz=0.5)
    torch.testing.assert_close(coarse, sampled_loss(logits, torch.full_like(label, 5), groups, (1, 2)))
    coarse.backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
