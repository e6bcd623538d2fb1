"""Makes a data set of fewer classes, and perhaps fewer frames, out of others.

    python -m tools.train.merge --data ../shared/camvid --classes five.csv --split SPLIT.json --count 40 --out FOLDER

The table of classes has the columns name,into: every class, and the class of the new set that it becomes part of, or
nothing for pixels to be left out. The new set holds the split's validation frames, and its training frames or COUNT of
them, spread evenly over their sorted names.
"""

import argparse
import csv
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tools.train.camvid import CamVid, DataError, read_split
from tools.train.loss import IGNORED


def read_table(path: Path, names: list[str]) -> list[str]:
    """The new class of each of `names`, "" for none; DataError, naming the file, if one is missing or it is broken."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            into = {row["name"]: row["into"] for row in csv.DictReader(file)}
        return [into[name] for name in names]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (KeyError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table name,into of every class: {error}") from None


def merge(sets: list[CamVid], tables: list[list[str]], frames: list[str], out: Path) -> None:
    """Writes classes.csv, images and labels (indices). A new class has the color of the class of its name, or else of the
    first that became part of it.

    sets    data sets; a frame is taken from the first that has it
    tables  for each of them the new class of each class, or "": its pixels become `IGNORED`
    frames  names of the frames to take
    """
    colors: dict[str, list[int]] = {}
    for data, into in zip(sets, tables):
        for name, color in zip(into, data.classes.colors.tolist()):
            colors.setdefault(name, color)
    for data in sets:
        colors |= {name: color for name, color in zip(data.classes.names, data.classes.colors.tolist()) if name in colors}
    colors.pop("", None)
    merged = list(colors)
    for folder in ("images", "labels"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with open(out / "classes.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "r", "g", "b"])
        rows.writerows([name, *color] for name, color in colors.items())
    lookups = [np.full(IGNORED + 1, IGNORED, np.uint8) for _ in sets]
    for lookup, into in zip(lookups, tables):
        lookup[: len(into)] = [merged.index(name) if name else IGNORED for name in into]
    for name in frames:
        data, lookup = next((data, lookup) for data, lookup in zip(sets, lookups) if name in data.names)
        source = data.frame_path(name)
        shutil.copyfile(source, out / "images" / source.name)
        Image.fromarray(lookup[data.decode(data.label_path(name))]).save(out / "labels" / f"{name}.png")


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["../shared/camvid"], help="data set folders")
    parser.add_argument("--classes", type=Path, required=True, help="table of classes: name,into")
    parser.add_argument("--split", required=True, help='split JSON with a list "validation"')
    parser.add_argument("--count", type=int, help="training frames (unset: all)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new data set")
    options = parser.parse_args()
    if options.count is not None and options.count < 1:
        parser.error(f"--count must be at least 1, got {options.count}")
    try:
        sets = [CamVid(folder) for folder in options.data]
        names = sorted({name for data in sets for name in data.names})
        training, validation, _ = read_split(options.split, names)
        count = min(options.count or len(training), len(training))
        places = np.linspace(0, len(training) - 1, count).astype(int)
        frames = sorted(validation + [training[place] for place in places])
        tables = [read_table(options.classes, data.classes.names) for data in sets]
        merge(sets, tables, frames, options.out)
    except (DataError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
