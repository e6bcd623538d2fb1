"""Labelled frames of a folder, in one of two layouts, with a classes.csv beside them.

    CamVid's own    701_StillsRaw_full/NAME.jpg|png    LabeledApproved_full/NAME_L.png
    plain           images/NAME.jpg|png                labels/NAME.png

A label image in RGB holds the colors of classes.csv; one in grey or with a palette holds class indices, and 255 where
a pixel is to be left out.
Frames are decoded once and kept as .npy files in a cache folder outside the repository. Images are resized
with Pillow's BILINEAR filter (antialiased when shrinking), labels by nearest neighbour, sampled at the centre
of each output pixel. A frame is squashed to a square: its aspect ratio is not kept.
"""

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from tools.train.loss import IGNORED

LAYOUTS = {"701_StillsRaw_full": "LabeledApproved_full/{}_L.png", "images": "labels/{}.png"}
"""Folder of the frames -> path of the label of a frame."""

CACHE = Path(tempfile.gettempdir()) / "attendseg-cache"


class DataError(Exception):
    """Something is wrong with the data set; the message names the file."""


class Classes:
    """The classes of a data set: `names`, `colors` uint8 [classes, 3], and `void` (index of Void, or -1)."""

    def __init__(self, path: Path) -> None:
        """Reads classes.csv (name,r,g,b and perhaps index, which counts from 0 and then gives the order).

        DataError if it is missing or broken.
        """
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            if rows and "index" in rows[0]:
                rows.sort(key=lambda row: int(row["index"]))
                if [int(row["index"]) for row in rows] != list(range(len(rows))):
                    raise ValueError("the column index does not count from 0")
            self.names = [row["name"] for row in rows]
            self.colors = np.array([[int(row[c]) for c in "rgb"] for row in rows], np.uint8)
            if not rows:
                raise ValueError("it is empty")
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None
        except (KeyError, ValueError, OverflowError, TypeError) as error:
            raise DataError(f"{path}: not a class list (name,r,g,b): {error}") from None
        self.void = self.names.index("Void") if "Void" in self.names else -1
        self._index = np.full(1 << 24, 255, np.uint8)
        self._index[_packed(self.colors)] = np.arange(len(rows))

    def decode(self, path: Path) -> np.ndarray:
        """A label image as class indices or `IGNORED`, uint8 [height, width]; DataError for anything else in it."""
        image = _open(path)
        if image.mode in ("L", "P"):
            return _indices(len(self.names), np.asarray(image), path, "classes.csv")
        colors = np.asarray(image.convert("RGB"))
        mask = self._index[_packed(colors)]
        if (mask == 255).any():
            y, x = np.argwhere(mask == 255)[0]
            color = tuple(int(c) for c in colors[y, x])
            raise DataError(f"{path}: color {color} at x {x}, y {y} is not in classes.csv")
        return mask


def _indices(count: int, pixels: np.ndarray, path: Path, source: str) -> np.ndarray:
    """The pixels, uint8 [height, width]; DataError if one is neither `IGNORED` nor an index of `source`, which has
    `count`."""
    wrong = (pixels >= count) & (pixels != IGNORED)
    if wrong.any():
        y, x = np.argwhere(wrong)[0]
        raise DataError(f"{path}: value {pixels[y, x]} at x {x}, y {y} is not an index of {source}")
    return pixels


def _packed(colors: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] -> int32 [...], red in the highest byte."""
    return colors.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _open(path: Path) -> Image.Image:
    """A image as it is stored, decoded; DataError, naming the file, if it is missing or not an image."""
    try:
        with Image.open(path) as image:
            return image.copy()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path}: cannot be read as an image ({error})") from None


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
        self._find(LAYOUTS)

    def _find(self, layouts: dict[str, str]) -> None:
        """Fills `names`, `_paths` and `_label` from the first layout whose folder of frames is there."""
        frames = next((name for name in layouts if (self.folder / name).is_dir()), None)
        if frames is None:
            raise DataError(f"{self.folder}: no folder {' or '.join(layouts)}")
        self._label = layouts[frames]
        paths = sorted((self.folder / frames).glob("*"))
        self._paths = {path.stem: path for path in paths if path.suffix.lower() in (".jpg", ".jpeg", ".png")}
        self.names = sorted(self._paths)
        if not self.names:
            raise DataError(f"{self.folder / frames}: no frames (.jpg or .png)")

    def frame_path(self, name: str) -> Path:
        """Where a frame lies; DataError if there is none of that name."""
        if name not in self._paths:
            raise DataError(f"{self.folder / name}: no such frame (.jpg or .png)")
        return self._paths[name]

    def label_path(self, name: str) -> Path:
        """Where the label of a frame lies."""
        return self.folder / self._label.format(name)

    def decode(self, path: Path) -> np.ndarray:
        """A label image as class indices or `IGNORED`, uint8 [height, width]; DataError for anything else in it."""
        return self.classes.decode(path)

    def read(self, name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """One frame squashed to size x size: image uint8 [size, size, 3], label uint8 [size, size].

        DataError if the frame or its label is missing, unreadable, or the two differ in size.
        """
        source = self.frame_path(name)
        image = _open(source).convert("RGB")
        path = self.label_path(name)
        if not path.exists():
            raise DataError(f"{path}: the label of {source.name} is missing")
        mask = self.decode(path)
        if mask.shape != (image.height, image.width):
            raise DataError(f"{path}: {mask.shape[1]}x{mask.shape[0]}, but its frame is {image.width}x{image.height}")
        resized = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
        return resized, resize_label(mask, size, size)

    def _form(self) -> str:
        """What the values of a label depend on."""
        return f"{self.classes.names}"

    def load(self, names: Sequence[str], size: int, cache: Path = CACHE) -> tuple[np.ndarray, np.ndarray]:
        """Frames squashed to size x size: uint8 [n, size, size, 3] and labels uint8 [n, size, size].

        Decoded at the first call and memory-mapped from `cache` afterwards, so that writing to them changes no file;
        the cache's file names hold a hash of the class list and of the names, sizes and times of the source files,
        so changed data is decoded anew.
        """
        key = hashlib.sha256(f"{self.folder.resolve()} {size} {self._form()}".encode())
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
                part = path.with_suffix(f".{os.getpid()}.npy")  # several processes may come here at once
                np.save(part, array)
                part.replace(path)
        frames, labels = (np.load(path, mmap_mode="c") for path in paths)
        return frames, labels


class CoarseCamVid(CamVid):
    """Frames with labels of a few groups of classes: images/NAME, labels/NAME.png (grey or with a palette: the group).

    `groups` bool [groups, classes]: the classes of each group, from map32to11.csv (name,index11: every class has a
    group) or groups.csv (index,name: some have). Labels are read as classes + `first` + group, so that they never look
    like a class, or like a group of another folder; `IGNORED` stays.
    """

    def __init__(self, folder: str | Path, classes: Classes, first: int = 0) -> None:
        """DataError if the folder, its table of groups or the frames are missing, or if the table is broken."""
        self.folder = Path(folder)
        self.classes, self.first = classes, first
        whole = self.folder / "map32to11.csv"
        self._table = whole if whole.exists() else self.folder / "groups.csv"
        column = "index11" if self._table == whole else "index"
        try:
            with open(self._table, newline="", encoding="utf-8") as file:
                group = {row["name"]: int(row[column]) for row in csv.DictReader(file)}
            members = [group[name] if whole.exists() else group.get(name, -1) for name in classes.names]
            self.groups = np.arange(max(group.values()) + 1)[:, None] == members
            if not self.groups.any(1).all() or len(classes.names) + first + len(self.groups) > IGNORED:
                raise ValueError("a group without classes, or too many groups")
        except OSError as error:
            raise DataError(f"{self._table}: {error.strerror}") from None
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{self._table}: not a map of classes to groups: {error}") from None
        self._find({"images": "labels/{}.png"})

    def _form(self) -> str:
        return f"{self.classes.names} {self.first}"

    def decode(self, path: Path) -> np.ndarray:
        """A label image as classes + first + group, uint8 [height, width]; DataError for a value without a group."""
        image = _open(path)
        if image.mode not in ("L", "P"):
            raise DataError(f"{path}: expected a grey or indexed image of 8 bits")
        pixels = np.asarray(image)
        known = _indices(len(self.groups), pixels, path, self._table.name)
        first = np.uint8(len(self.classes.names) + self.first)
        return np.where(pixels == IGNORED, IGNORED, known + first).astype(np.uint8)


def read_split(path: str | Path, names: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """(training, validation, excluded names) of a split file {"validation": [...], "excluded": [...]}.

    Training is all that is listed in neither; "excluded" may be absent, and may name frames of other data sets.
    DataError if the file is broken, leaves training or validation empty, or validates on a frame that is not there.
    """
    try:
        split = json.loads(Path(path).read_text(encoding="utf-8"))
        validation, excluded = set(split["validation"]), set(split.get("excluded", []))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(f'{path}: expected JSON with a list "validation"') from None
    unknown = sorted(validation - set(names))
    if unknown:
        raise DataError(f"{path}: {unknown[0]} is not a frame of the data set")
    training = sorted(set(names) - validation - excluded)
    if not validation or not training:
        raise DataError(f"{path}: both the training and the validation part need at least one frame")
    return training, sorted(validation), sorted(excluded)
