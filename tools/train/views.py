"""Random training views of cached frames: scale, place, aspect, flip and colours."""

import numpy as np
from PIL import Image, ImageEnhance


class Crops:
    """Random training views of cached frames (uint8 [n, S, S, 3] and [n, S, S]), as a torch Dataset.

    crop    side of a view in pixels
    reach   side of the whole frame in the same pixels, before scaling: a view shows crop / (reach * scale) of
            the frame's side
    scales  (smallest, largest) scale; views are never larger than the frame
    Every view is a function of (seed, epoch, index) alone, so a resumed run sees the same views.
    Items: picture uint8 [3, crop, crop], label uint8 [crop, crop].
    """

    def __init__(
        self,
        frames: np.ndarray,
        labels: np.ndarray,
        crop: int,
        reach: int,
        scales: tuple[float, float],
        seed: int,
        epoch: int,
    ) -> None:
        self.frames, self.labels = frames, labels
        self.crop, self.reach, self.scales = crop, reach, scales
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        side = self.frames.shape[1]
        scale = np.exp(random.uniform(*np.log(self.scales)))
        aspect = np.exp(random.uniform(-0.1, 0.1))
        shown = self.crop / (self.reach * scale)  # share of the frame's side
        width = min(side, side * shown * aspect)
        height = min(side, side * shown / aspect)
        x, y = random.uniform(0, side - width), random.uniform(0, side - height)
        box = (x, y, min(side, x + width), min(side, y + height))
        size = (self.crop, self.crop)
        image = Image.fromarray(self.frames[index]).resize(size, Image.Resampling.BILINEAR, box)
        image = ImageEnhance.Color(image).enhance(random.uniform(0.6, 1.4))
        picture = jitter(np.asarray(image), random)
        rows = (y + (np.arange(self.crop) + 0.5) * height / self.crop).astype(np.int64)
        columns = (x + (np.arange(self.crop) + 0.5) * width / self.crop).astype(np.int64)
        label = self.labels[index][np.minimum(rows, side - 1)[:, None], np.minimum(columns, side - 1)]
        if random.random() < 0.5:
            picture, label = picture[:, ::-1], label[:, ::-1]
        return np.ascontiguousarray(picture.transpose(2, 0, 1)), np.ascontiguousarray(label)


def jitter(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random gamma (0.65..1.5), contrast (0.75..1.25), brightness (+-0.12) and gain a channel (0.92..1.08).

    uint8 [h, w, 3] -> uint8 [h, w, 3], through one table of 256 entries a channel.
    """
    level = np.linspace(0, 1, 256) ** np.exp(random.uniform(np.log(0.65), np.log(1.5)))
    level = (level - 0.5) * random.uniform(0.75, 1.25) + 0.5 + random.uniform(-0.12, 0.12)
    table = level[:, None] * random.uniform(0.92, 1.08, 3)  # [256, 3]
    table = (np.clip(table, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.stack([table[:, c][picture[..., c]] for c in range(3)], axis=-1)
