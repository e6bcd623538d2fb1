"""Writes a validation split: python -m tools.train.split --data FOLDER --name models/attendseg-camvid

Writes NAME.split.json ({"method", "validation": [...], "excluded": [...]}) and NAME.validation.txt (one frame a
line). With --blocked whole stretches of each sequence are kept aside instead of single frames, with a guard of
excluded frames on both sides, so that no frame of training is next to one of validation.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tools.train.camvid import CamVid, CoarseCamVid

METHOD = (
    "Own split of the frames at hand, made by tools/train/split.py: the frames of each sequence (the name before"
    " the first underscore) are sorted by name and cut into runs of equal length, and the middle frame of each run"
    " is kept aside; the number of runs is proportional to the length of the sequence (largest remainders)."
    " Neighbouring frames can fall on both sides, so the figures say how well a model fills in a known drive,"
    " not how it does in another town. Training uses all other frames."
)

BLOCKED = (
    "Own split, made by tools/train/split.py --blocked: the middle stretch of each sequence is kept aside, its length"
    " proportional to the sequence (largest remainders). The frames on both sides of a stretch, and those of other data"
    " sets inside it, are in neither part: the figures say how well a model does on streets it has not seen, by the"
    " same camera."
)


def shares(names: Sequence[str], count: int) -> dict[str, tuple[list[str], int]]:
    """The sorted frames of each sequence, and its share of `count`; ValueError unless 0 < count < names."""
    if not 0 < count < len(names):
        raise ValueError(f"count: expected a number from 1 to {len(names) - 1}, got {count}")
    sequences: dict[str, list[str]] = {}
    for name in sorted(names):
        sequences.setdefault(name.split("_")[0], []).append(name)
    exact = {key: count * len(frames) / len(names) for key, frames in sequences.items()}
    parts = {key: int(share) for key, share in exact.items()}
    by_remainder = sorted(exact, key=lambda key: parts[key] - exact[key])
    for key in by_remainder[: count - sum(parts.values())]:
        parts[key] += 1
    return {key: (frames, parts[key]) for key, frames in sequences.items()}


def block(names: Sequence[str], others: Sequence[str], count: int, guard: int) -> tuple[list[str], list[str]]:
    """(validation, excluded): the middle stretch of each sequence, `count` of the names in all.

    Excluded are the `guard` frames, of names and others together, on both sides of each stretch, and the others
    inside it. ValueError unless 0 < count < names.
    """
    validation, excluded = [], []
    for key, (frames, part) in shares(names, count).items():
        if not part:
            continue
        first = (len(frames) - part) // 2
        stretch = frames[first : first + part]
        every = sorted(frames + [name for name in others if name.split("_")[0] == key])
        low, high = every.index(stretch[0]), every.index(stretch[-1])
        around = every[max(0, low - guard) : high + 1 + guard]
        validation += stretch
        excluded += sorted(set(around) - set(stretch))
    return sorted(validation), sorted(excluded)


def choose(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, spread evenly over each sequence; sorted. ValueError unless 0 < count < names."""
    return sorted(
        frames[(2 * i + 1) * len(frames) // (2 * part)]
        for frames, part in shares(names, count).values()
        for i in range(part)
    )


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Write a validation split.")
    parser.add_argument("--data", default="../shared/camvid", help="data set folder (default ../shared/camvid)")
    parser.add_argument("--name", required=True, help="path and first part of the names of the two files")
    parser.add_argument("--count", type=int, default=60, help="frames to keep aside (default 60)")
    parser.add_argument("--coarse", help="folder with further frames, to be excluded where they fall into a block")
    parser.add_argument("--blocked", action="store_true", help="keep whole stretches aside, with a guard around them")
    parser.add_argument("--guard", type=int, default=5, help="frames left out on both sides of a block (default 5)")
    options = parser.parse_args()
    data = CamVid(options.data)
    split = {"method": METHOD, "validation": choose(data.names, options.count)}
    if options.blocked:
        others = CoarseCamVid(options.coarse, data.classes).names if options.coarse else []
        validation, excluded = block(data.names, others, options.count, options.guard)
        split = {"method": BLOCKED, "validation": validation, "excluded": excluded}
    Path(f"{options.name}.split.json").write_text(json.dumps(split, indent=2) + "\n", encoding="utf-8")
    Path(f"{options.name}.validation.txt").write_text("\n".join(split["validation"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
