"""Random training views of frames, made in batches on the device of the frames: place, scale, flip, tone, blur, mix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tools.train.loss import IGNORED, neighbours


@dataclass(frozen=True)
class Source:
    """Frames uint8 [n, S, S, 3] and their labels uint8 [n, S, S], on one device."""

    frames: Tensor
    labels: Tensor

    @staticmethod
    def of(frames: np.ndarray, labels: np.ndarray, device: torch.device) -> "Source":
        """Frames as `CamVid.load` gives them; on a CPU they stay in their files."""
        return Source(torch.from_numpy(frames).to(device), torch.from_numpy(labels).to(device))


@dataclass(frozen=True)
class Form:
    """What views look like.

    crop    side of a view in pixels
    reach   side of the whole frame in the same pixels, before scaling: a view shows crop / (reach * scale) of
            the frame's side
    scales  (smallest, largest) scale; views are never larger than the frame
    mix     share of the views onto which the half of another view's classes is pasted
    """

    crop: int
    reach: int
    scales: tuple[float, float]
    mix: float = 0.0


class Batches:
    """The batches of one epoch: each a function of (seed, epoch, its number) alone, so a resumed run sees the same.

    order  (source, frame) of every view, in whole batches
    """

    def __init__(
        self, sources: Sequence[Source], order: Sequence[tuple[int, int]], batch: int, form: Form, seed: int, epoch: int
    ) -> None:
        self.sources, self.order, self.batch, self.form = sources, order, batch, form
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return len(self.order) // self.batch

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Images float [batch, 3, crop, crop] in [0, 1], channels last, and labels uint8 [batch, crop, crop]."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        first = number * self.batch
        randoms = [np.random.default_rng((self.seed, self.epoch, first + i)) for i in range(self.batch)]
        views = [
            view(self.sources[source], frame, self.form, random)
            for (source, frame), random in zip(self.order[first : first + self.batch], randoms)
        ]
        image, label = torch.stack([v[0] for v in views]), torch.stack([v[1] for v in views])
        if len(views) > 1:
            image, label = mixed(image, label, self.form.mix, randoms)
        image = tone(image, randoms)
        for i, random in enumerate(randoms):
            soften(image[i], random)
        return image.contiguous(memory_format=torch.channels_last), label


def view(source: Source, frame: int, form: Form, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A random place of a frame: image uint8 [3, crop, crop] and label uint8 [crop, crop]."""
    side, crop = source.frames.shape[1], form.crop
    scale, aspect = np.exp(random.uniform(*np.log(form.scales))), np.exp(random.uniform(-0.1, 0.1))
    shown = side * crop / (form.reach * scale)  # pixels of the frame's side
    width, height = (max(1, min(side, round(shown * factor))) for factor in (aspect, 1 / aspect))
    x, y = int(random.integers(side - width + 1)), int(random.integers(side - height + 1))
    patch = source.frames[frame, y : y + height, x : x + width].permute(2, 0, 1)[None]
    if patch.is_cuda:
        patch = patch.float()  # only the CPU resizes bytes
    image = F.interpolate(patch, (crop, crop), mode="bilinear", antialias=True)[0].round().to(torch.uint8)
    rows = y + torch.arange(height, 2 * height * crop, 2 * height) // (2 * crop)
    columns = x + torch.arange(width, 2 * width * crop, 2 * width) // (2 * crop)
    label = source.labels[frame].index_select(0, rows.to(patch.device)).index_select(1, columns.to(patch.device))
    if random.random() < 0.5:
        image, label = image.flip(2), label.flip(1)
    return image, label


def tone_table(random: np.random.Generator) -> np.ndarray:
    """float32 [3, 256] in 0..1, a curve for each channel as cameras and weather have them.

    Gamma (0.6..1.4), an S-curve (one in three), contrast (0.75..1.25), brightness (+-0.1), haze (one in ten) and a
    gain for each channel (0.9..1.1).
    """
    level = np.linspace(0, 1, 256) ** np.exp(random.uniform(np.log(0.6), np.log(1.4)))
    level -= max(0.0, random.uniform(-1.2, 0.6)) * np.sin(2 * np.pi * level) / (2 * np.pi)
    level = (level - 0.5) * random.uniform(0.75, 1.25) + 0.5 + random.uniform(-0.1, 0.1)
    haze, gray = max(0.0, random.uniform(-4.5, 0.5)), random.uniform(0.5, 0.9)
    level = level * (1 - haze) + gray * haze
    return np.clip(level * random.uniform(0.9, 1.1, (3, 1)), 0, 1).astype(np.float32)


def tone(image: Tensor, randoms: Sequence[np.random.Generator]) -> Tensor:
    """uint8 [N, 3, H, W] -> float [N, 3, H, W] in 0..1 with random tone curves and saturation (0.5..1.5)."""
    tables = torch.from_numpy(np.stack([tone_table(random) for random in randoms])).to(image.device)
    color = tables.flatten(0, 1).gather(1, image.flatten(0, 1).flatten(1).long()).view(image.shape)
    saturation = torch.tensor([random.uniform(0.5, 1.5) for random in randoms], device=image.device).float()
    gray = color.mean(1, keepdim=True)
    return torch.lerp(gray, color, saturation.view(-1, 1, 1, 1)).clamp_(0, 1)


def soften(image: Tensor, random: np.random.Generator) -> None:
    """Blurs one view in five and adds noise to three in ten, in place: float [3, H, W] in 0..1."""
    blur, noise = random.uniform(-4, 1), random.uniform(-0.07, 0.03)
    seed = int(random.integers(2**31))
    if blur > 0:
        for dim in (1, 2):  # taps blur / 4, 1 - blur / 2, blur / 4; the border's pixels go on outside
            before, after = neighbours(image, dim)
            image.mul_(1 - blur / 2).add_(before + after, alpha=blur / 4)
    if noise > 0:
        generator = torch.Generator(image.device).manual_seed(seed)
        image.add_(torch.randn(image.shape, generator=generator, device=image.device), alpha=noise).clamp_(0, 1)


def mixed(image: Tensor, label: Tensor, share: float, randoms: Sequence[np.random.Generator]) -> tuple[Tensor, Tensor]:
    """Pastes half of the classes of the next view of the batch onto a share of the views (ClassMix, Olsson 2021)."""
    images, labels = image.clone(), label.clone()
    for i, random in enumerate(randoms):
        if random.random() >= share:
            continue
        other = (i + 1) % len(randoms)
        present = label[other].unique()
        present = present[present != IGNORED].cpu().numpy()
        chosen = random.permutation(present)[: (len(present) + 1) // 2]
        pasted = torch.isin(label[other], torch.from_numpy(chosen).to(label.device))
        images[i] = torch.where(pasted, image[other], image[i])
        labels[i] = torch.where(pasted, label[other], label[i])
    return images, labels
