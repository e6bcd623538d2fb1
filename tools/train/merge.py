"""Makes a data set of fewer classes and fewer frames out of another.

    python -m tools.train.merge --data ../shared/camvid --classes five.csv --split SPLIT.json --count 40 --out FOLDER

The table of classes has the columns name,into: every class, and the class of the new set that it becomes part of. The
new set holds the split's validation frames, and COUNT of its training frames, spread evenly over their sorted names.
"""

import argparse
import csv
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tools.train.camvid import CamVid, DataError, read_split


def read_table(path: Path, names: list[str]) -> list[str]:
    """The new class of each of `names`; DataError, naming the file, if one has none or the file is broken."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            into = {row["name"]: row["into"] for row in csv.DictReader(file)}
        return [into[name] for name in names]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (KeyError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table name,into of every class: {error}") from None


def merge(data: CamVid, into: list[str], frames: list[str], out: Path) -> None:
    """Writes classes.csv (a new class has the color of the first that became part of it), images and labels (indices).

    into    the new class of each class
    frames  names of the frames to take
    """
    merged = list(dict.fromkeys(into))
    table = np.array([merged.index(name) for name in into], np.uint8)
    for folder in ("images", "labels"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with open(out / "classes.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "r", "g", "b"])
        rows.writerows([name, *data.classes.colors[into.index(name)].tolist()] for name in merged)
    for name in frames:
        source = data.frame_path(name)
        shutil.copyfile(source, out / "images" / source.name)
        Image.fromarray(table[data.decode(data.label_path(name))]).save(out / "labels" / f"{name}.png")


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", default="../shared/camvid", help="data set folder")
    parser.add_argument("--classes", type=Path, required=True, help="table of classes: name,into")
    parser.add_argument("--split", required=True, help='split JSON with a list "validation"')
    parser.add_argument("--count", type=int, default=40, help="training frames")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new data set")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"--count must be at least 1, got {options.count}")
    try:
        data = CamVid(options.data)
        training, validation, _ = read_split(options.split, data.names)
        places = np.linspace(0, len(training) - 1, min(options.count, len(training))).astype(int)
        frames = sorted(validation + [training[place] for place in places])
        merge(data, read_table(options.classes, data.classes.names), frames, options.out)
    except (DataError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
