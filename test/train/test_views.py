"""Random views: what they depend on, that image and label agree, and the parts against closed forms."""

import numpy as np
import pytest
import torch

from tools.train.loss import IGNORED
from tools.train.views import Batches, Form, Source, mixed, soften, tone, tone_table, view

FORM = Form(crop=32, reach=64, scales=(0.6, 1.6), mix=0.5)


def source(count: int = 8, side: int = 96) -> Source:
    """Frames of noise with labels 0..3 in blobs."""
    random = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (count, side, side, 3), generator=random, dtype=torch.uint8)
    labels = torch.randint(0, 4, (count, side // 8, side // 8), generator=random, dtype=torch.uint8)
    return Source(frames, labels.repeat_interleave(8, 1).repeat_interleave(8, 2))


def test_batches_depend_on_seed_epoch_and_number_alone() -> None:
    order = [(0, i % 8) for i in range(13)]
    batches = [Batches([source()], order, 4, FORM, seed, epoch) for seed, epoch in ((1, 1), (1, 1), (2, 1), (1, 2))]
    assert [len(each) for each in batches] == [3] * 4
    image, label = batches[0][2]
    assert (image.shape, image.dtype) == ((4, 3, 32, 32), torch.float32)
    assert (label.shape, label.dtype) == ((4, 32, 32), torch.uint8)
    assert image.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= image.min() < image.max() <= 1
    batches[1][0]
    assert all(torch.equal(a, b) for a, b in zip((image, label), batches[1][2], strict=True))
    for other in (batches[0][1], batches[2][2], batches[3][2]):
        assert not torch.equal(image, other[0])
    with pytest.raises(IndexError):
        batches[0][3]


@pytest.mark.parametrize("scales", [(0.3, 0.5), (0.6, 1.6), (1.0, 1.0), (3.0, 4.0)])
def test_image_and_label_of_a_view_show_the_same_place(scales: tuple[float, float]) -> None:
    labels = torch.zeros(1, 96, 96, dtype=torch.uint8)
    labels[:, 30:70, 20:60] = 1
    frames = (labels * 255)[..., None].repeat(1, 1, 1, 3)
    for seed in range(20):
        form = Form(crop=64, reach=64, scales=scales)
        image, label = view(Source(frames, labels), 0, form, np.random.default_rng(seed))
        assert ((image[0] > 127) == (label == 1)).float().mean() > 0.95


def test_a_view_of_everything_is_the_frame() -> None:
    one = source(1, 64)
    form = Form(crop=64, reach=64, scales=(0.25, 0.25))
    image, label = view(one, 0, form, np.random.default_rng(1))
    wanted = one.frames[0].permute(2, 0, 1), one.labels[0]
    if not torch.equal(label, wanted[1]):
        wanted = wanted[0].flip(2), wanted[1].flip(1)
    assert torch.equal(image, wanted[0])
    assert torch.equal(label, wanted[1])


def test_tone_curves_rise_and_tables_are_applied_to_each_channel() -> None:
    for seed in range(40):
        table = tone_table(np.random.default_rng(seed))
        assert table.shape == (3, 256)
        assert (np.diff(table, axis=1) >= 0).all()
        assert 0 <= table.min() <= table.max() <= 1
    gray = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, 3, 1, 1)
    random = np.random.default_rng(5)
    table = torch.from_numpy(tone_table(np.random.default_rng(5)))
    result = tone(gray, [random])[0].flatten(1)
    mean = table.mean(0)
    apart, wanted = result - mean, table - mean  # saturation only scales the distance from grey
    inside = ((result > 0) & (result < 1) & (wanted.abs() > 1e-3)).all(0)
    ratio = (apart / wanted)[:, inside]
    if ratio.numel():
        assert ratio.max() - ratio.min() < 1e-3


def test_a_blurred_point_is_the_product_of_its_taps() -> None:
    def blur(seed: int) -> tuple[float, float]:
        random = np.random.default_rng(seed)
        return random.uniform(-4, 1), random.uniform(-0.07, 0.03)

    seed = next(seed for seed in range(100) if blur(seed)[0] > 0.1 and blur(seed)[1] <= 0)
    taps = np.array([blur(seed)[0] / 4, 1 - blur(seed)[0] / 2, blur(seed)[0] / 4])
    image = torch.zeros(3, 5, 6)
    image[1, 2, 3], image[2, 0, 0] = 1, 1
    soften(image, np.random.default_rng(seed))
    wanted = np.zeros((3, 5, 6))
    wanted[1, 1:4, 2:5] = np.outer(taps, taps)
    wanted[2, :2, :2] = np.outer([1 - taps[0], taps[0]], [1 - taps[0], taps[0]])  # the corner goes on outside
    np.testing.assert_allclose(image.numpy(), wanted, atol=1e-6)


def test_softening_keeps_a_flat_image_flat_on_average() -> None:
    for seed in range(30):
        image = torch.full((3, 32, 32), 0.5)
        soften(image, np.random.default_rng(seed))
        assert abs(float(image.mean()) - 0.5) < 0.01
        assert float(image.std()) < 0.035


def test_mixing_pastes_whole_classes_of_the_next_view() -> None:
    image, label = torch.rand(2, 3, 16, 16), source(2, 16).labels
    label[1, :4] = IGNORED
    images, labels = mixed(image, label, 1.0, [np.random.default_rng(1), np.random.default_rng(2)])
    pasted = (images[0] != image[0]).any(0)
    classes = label[1][pasted].unique()
    assert IGNORED not in classes
    assert torch.equal(pasted, torch.isin(label[1], classes))
    assert len(classes) == (len(label[1][4:].unique()) + 1) // 2
    assert torch.equal(labels[0], torch.where(pasted, label[1], label[0]))
    assert torch.equal(mixed(image, label, 0.0, [np.random.default_rng(1)] * 2)[0], image)
