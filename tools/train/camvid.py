"""CamVid in its own layout: 701_StillsRaw_full/NAME.jpg, LabeledApproved_full/NAME_L.png, classes.csv.

Frames are decoded once and kept as .npy files in a cache folder outside the repository. Pictures are resized
with Pillow's BILINEAR filter (antialiased when shrinking), labels by nearest neighbour, sampled at the centre
of each output pixel. A frame is squashed to a square: its aspect ratio is not kept.
"""

import csv
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, UnidentifiedImageError

FRAMES = "701_StillsRaw_full"
LABELS = "LabeledApproved_full"
CACHE = Path(tempfile.gettempdir()) / "attendseg-cache"


class DataError(Exception):
    """Something is wrong with the data set; the message names the file."""


class Classes:
    """The classes of a data set: `names`, `colours` uint8 [classes, 3], and `void` (index of Void, or -1)."""

    def __init__(self, path: Path) -> None:
        """Reads classes.csv (index,name,r,g,b; index counts from 0). DataError if it is missing or broken."""
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.names = [row["name"] for row in rows]
            self.colours = np.array([[int(row[c]) for c in "rgb"] for row in rows], np.uint8)
            if [int(row["index"]) for row in rows] != list(range(len(rows))) or not rows:
                raise ValueError("the column index does not count from 0")
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None
        except (KeyError, ValueError, OverflowError, TypeError) as error:
            raise DataError(f"{path}: not a class list (index,name,r,g,b): {error}") from None
        self.void = self.names.index("Void") if "Void" in self.names else -1
        self._index = np.full(1 << 24, 255, np.uint8)
        self._index[_packed(self.colours)] = np.arange(len(rows))

    def decode(self, path: Path) -> np.ndarray:
        """A label picture as class indices, uint8 [height, width]; DataError for a colour without a class."""
        colours = np.asarray(_open(path))
        mask = self._index[_packed(colours)]
        if (mask == 255).any():
            y, x = np.argwhere(mask == 255)[0]
            colour = tuple(int(c) for c in colours[y, x])
            raise DataError(f"{path}: colour {colour} at x {x}, y {y} is not in classes.csv")
        return mask


def _packed(colours: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] -> int32 [...], red in the highest byte."""
    return colours.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _open(path: Path) -> Image.Image:
    """An RGB picture; DataError, naming the file, if it is missing or not a picture."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path}: cannot be read as a picture ({error})") from None


def resize_label(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Nearest neighbour at the centre of each output pixel: source = floor((i + 0.5) * from / to)."""
    rows = (2 * np.arange(height) + 1) * mask.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * mask.shape[1] // (2 * width)
    return mask[rows[:, None], columns]


class CamVid:
    """A data set folder: `names` of its frames (sorted, without extension) and `classes`."""

    def __init__(self, folder: str | Path) -> None:
        """DataError if the folder, classes.csv or the frames are missing."""
        self.folder = Path(folder)
        self.classes = Classes(self.folder / "classes.csv")
        self._paths = {
            path.stem: path
            for path in sorted((self.folder / FRAMES).glob("*"))
            if path.suffix.lower() in (".jpg", ".jpeg", ".png")
        }
        self.names = sorted(self._paths)
        if not self.names:
            raise DataError(f"{self.folder / FRAMES}: no frames (.jpg or .png)")

    def label_path(self, name: str) -> Path:
        """Where the label of a frame lies."""
        return self.folder / LABELS / f"{name}_L.png"

    def read(self, name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """One frame squashed to size x size: picture uint8 [size, size, 3], label uint8 [size, size].

        DataError if the frame or its label is missing, unreadable, or the two differ in size.
        """
        if name not in self._paths:
            raise DataError(f"{self.folder / FRAMES / name}: no such frame (.jpg or .png)")
        image = _open(self._paths[name])
        path = self.label_path(name)
        if not path.exists():
            raise DataError(f"{path}: the label of {self._paths[name].name} is missing")
        mask = self.classes.decode(path)
        if mask.shape != (image.height, image.width):
            raise DataError(f"{path}: {mask.shape[1]}x{mask.shape[0]}, but its frame is {image.width}x{image.height}")
        picture = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
        return picture, resize_label(mask, size, size)

    def load(self, names: Sequence[str], size: int, cache: Path = CACHE) -> tuple[np.ndarray, np.ndarray]:
        """Frames squashed to size x size: uint8 [n, size, size, 3] and labels uint8 [n, size, size].

        Decoded at the first call and memory-mapped from `cache` afterwards; the cache's file names hold a
        hash of the names, sizes and times of the source files, so changed data is decoded anew.
        """
        key = hashlib.sha256(f"{self.folder.resolve()} {size}".encode())
        for name in names:
            for path in (self._paths.get(name, self.folder / name), self.label_path(name)):
                stat = path.stat() if path.exists() else None
                key.update(f"{path.name} {stat and (stat.st_size, stat.st_mtime_ns)}\n".encode())
        stem = f"{size}-{key.hexdigest()[:16]}"
        paths = [cache / f"{stem}-{part}.npy" for part in ("frames", "labels")]
        if not all(path.exists() for path in paths):
            frames = np.empty((len(names), size, size, 3), np.uint8)
            labels = np.empty((len(names), size, size), np.uint8)
            for i, name in enumerate(names):
                frames[i], labels[i] = self.read(name, size)
            cache.mkdir(parents=True, exist_ok=True)
            for path, array in zip(paths, (frames, labels)):
                part = path.with_suffix(".part.npy")
                np.save(part, array)
                part.replace(path)
        frames, labels = (np.load(path, mmap_mode="r") for path in paths)
        return frames, labels


def read_split(path: str | Path, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(training names, validation names): the split file lists "validation", training is all the others.

    DataError if the file is broken, leaves either part empty, or lists a name the data set does not have.
    """
    try:
        validation = json.loads(Path(path).read_text(encoding="utf-8"))["validation"]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError):
        raise DataError(f'{path}: expected JSON with a list "validation"') from None
    if not validation or set(validation) >= set(names):
        raise DataError(f"{path}: both the training and the validation part need at least one frame")
    unknown = sorted(set(validation) - set(names))
    if unknown:
        raise DataError(f"{path}: {unknown[0]} is not a frame of the data set")
    return sorted(set(names) - set(validation)), sorted(validation)


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
