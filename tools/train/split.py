"""Writes a validation split: python tools/train/split.py --data FOLDER --name models/attendseg-camvid

Writes NAME.split.json ({"method", "validation": [...]}) and NAME.validation.txt (one frame a line).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from camvid import CamVid

METHOD = (
    "Own split of the frames at hand, made by tools/train/split.py: the frames of each sequence (the name before"
    " the first underscore) are sorted by name and cut into runs of equal length, and the middle frame of each run"
    " is kept aside; the number of runs is proportional to the length of the sequence (largest remainders)."
    " Neighbouring frames can fall on both sides, so the figures say how well a model fills in a known drive,"
    " not how it does in another town. Training uses all other frames."
)


def choose(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, spread evenly over each sequence; sorted. ValueError unless 0 < count < names."""
    if not 0 < count < len(names):
        raise ValueError(f"count: expected a number from 1 to {len(names) - 1}, got {count}")
    sequences: dict[str, list[str]] = {}
    for name in sorted(names):
        sequences.setdefault(name.split("_")[0], []).append(name)
    shares = {key: count * len(frames) / len(names) for key, frames in sequences.items()}
    runs = {key: int(share) for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: runs[key] - shares[key])
    for key in by_remainder[: count - sum(runs.values())]:
        runs[key] += 1
    return sorted(
        frames[(2 * i + 1) * len(frames) // (2 * runs[key])]
        for key, frames in sequences.items()
        for i in range(runs[key])
    )


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Write a validation split.")
    parser.add_argument("--data", default="../shared/camvid", help="data set folder (default ../shared/camvid)")
    parser.add_argument("--name", required=True, help="path and first part of the names of the two files")
    parser.add_argument("--count", type=int, default=60, help="frames to keep aside (default 60)")
    options = parser.parse_args()
    validation = choose(CamVid(options.data).names, options.count)
    split = json.dumps({"method": METHOD, "validation": validation}, indent=2)
    Path(f"{options.name}.split.json").write_text(split + "\n", encoding="utf-8")
    Path(f"{options.name}.validation.txt").write_text("\n".join(validation) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
