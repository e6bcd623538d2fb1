"""Does the short training rank networks? Trains some of a search ten times longer and compares the two orders.

    python -m tools.explore.rank out/explore --count 8 --times 10

Networks are taken evenly from the whole order of the search, its best included; all start from the same weights, the
prototype's after its longer training. Spearman's rank correlation of level and accuracy after the long training goes
to rank.json in the run folder, after every network, and the same command goes on after an interruption.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tools.explore import explore
from tools.explore.proxy import load, prototype, train
from tools.explore.search import Trainer
from tools.explore.store import Store


def spearman(a: list[float], b: list[float]) -> float:
    """Rank correlation of two lists; equal values share the mean of their ranks."""

    def ranks(values: list[float]) -> np.ndarray:
        array = np.array(values)
        return (array[:, None] > array).sum(1) + (array[:, None] == array).sum(1) / 2

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def choose(candidates: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """So many candidates, evenly spread over the order by level, both ends included."""
    order = sorted(candidates, key=lambda candidate: candidate["level"])
    return [order[i] for i in np.linspace(0, len(order) - 1, min(count, len(order))).astype(int)]


def rank(folder: str, count: int, times: int, cache: str) -> dict[str, Any]:
    """Trains and compares; see the head of this file. OSError or ValueError if the folder holds no search."""
    store = Store(folder)
    known = json.loads((store.folder / "settings.json").read_text(encoding="utf-8"))
    known.setdefault("init", None)
    settings = explore.settings_of(argparse.Namespace(**known))
    data = load(known["data"], explore.FRAME, known["split"], Path(cache), explore.KEPT)
    first = prototype(known["prototype"], data.classes, known["init"])
    trainer = Trainer(settings, store, data, first)
    path = store.folder / "rank.json"
    done = json.loads(path.read_text(encoding="utf-8"))["networks"] if path.exists() else {}
    schedule = replace(settings.schedule, steps=times * settings.schedule.steps)
    result: dict[str, Any] = {}
    for candidate in choose(store.candidates(), count):
        if candidate["id"] not in done:
            network = trainer.start(candidate["architecture"])
            accuracy = train(network, data, schedule, settings.seed)
            done[candidate["id"]] = {"level": candidate["level"], "long": accuracy}
            print(candidate["id"], f"level {100 * candidate['level']:.2f} % long {100 * accuracy:.2f} %", flush=True)
        both = [(entry["level"], entry["long"]) for entry in done.values()]
        correlation = spearman(*map(list, zip(*both))) if len(both) > 2 else None
        result = {"times": times, "steps": schedule.steps, "spearman": correlation, "networks": done}
        store.write("rank.json", result)
    return result


def main() -> None:
    """The command line: exit code 1 and one line for a folder that holds no search."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", help="run folder of a search")
    parser.add_argument("--count", type=int, default=8, help="networks to train")
    parser.add_argument("--times", type=int, default=10, help="how many times longer")
    parser.add_argument("--cache", default=str(explore.CACHE), help="folder for decoded frames")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        result = rank(options.folder, options.count, options.times, options.cache)
    except (explore.DataError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"Spearman {result['spearman']:.2f} over {len(result['networks'])} networks")


if __name__ == "__main__":
    main()
