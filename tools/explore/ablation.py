"""Does the generator learn? The same search with a learning generator and with evenly drawn moves, on a surrogate.

    python -m tools.explore.ablation models/explore/candidates.jsonl --seeds 10 --budget 150 --out ablation.json

Both arms have the same seeds, budget and limits, those of the shipped model; what is compared is the fitness of the
best network found, by the surrogate without its noise.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from random import Random
from statistics import mean, stdev
from typing import Any

from tqdm import tqdm

from tools.explore.engine import CLI, Engine, EngineError
from tools.explore.limits import Limits
from tools.explore.proxy import Schedule, prototype
from tools.explore.search import Proposal, Search, SearchError, Settings
from tools.explore.space import Architecture
from tools.explore.store import Store
from tools.explore.surrogate import Surrogate

LIMITS = Limits(max_params=951e3, max_macs=960e6, max_memory=3604480, max_loss=0.003)
NOISE = 0.0035
"""Standard deviation of the short training's accuracy over seeds, for one network: see models/explore/README.md."""
IDLE = Schedule(0, 0, 0, 0.0)
PROTOTYPE = "models/attendseg-camvid.architecture.json"


def read_lines(path: str) -> list[dict[str, Any]]:
    """The candidates of a file with one JSON object a line."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def search_once(
    surrogate: Surrogate, noise: float, engine: Engine, first: Architecture, budget: int, seed: int, learned: bool
) -> list[float]:
    """Fitness of the best network after each candidate of one search."""
    settings = Settings(LIMITS, "netscore", budget, seed, IDLE, IDLE, learned)
    reference = surrogate.accuracy(first)

    def trial(proposal: Proposal, _: int) -> tuple[float, dict]:
        random = Random(f"{seed} {json.dumps(proposal.architecture, sort_keys=True)}")
        return surrogate.accuracy(proposal.architecture) + random.gauss(0, noise), {}

    with tempfile.TemporaryDirectory() as folder:
        search = Search(settings, Store(folder), engine, first)
        best: list[float] = []

        def note(candidate: dict[str, Any]) -> None:
            exact = candidate | {"level": surrogate.accuracy(candidate["architecture"]), "reference": reference}
            best.append(max([search.fit(exact), *best[-1:]]))

        search.run(trial, lambda _: reference, note)
    return best


def compare(
    candidates: list[dict[str, Any]], noise: float, seeds: int, budget: int, cli: Path, path: str = PROTOTYPE
) -> dict[str, Any]:
    """Both arms: fitness of the best network by seed, at thirds of the budget and at its end."""
    surrogate = Surrogate(candidates)
    first = prototype(path, candidates[0]["architecture"]["classes"])
    arms: dict[str, list[list[float]]] = {"learned": [], "even": []}
    with Engine(cli) as engine:
        for seed in tqdm(range(1, seeds + 1), "seeds", disable=not sys.stderr.isatty()):
            for name, runs in arms.items():
                runs.append(search_once(surrogate, noise, engine, first, budget, seed, name == "learned"))
    points = [budget // 3, 2 * budget // 3, budget]
    table = {
        name: [{"candidates": n, "fitness": [round(run[n - 1], 3) for run in runs]} for n in points]
        for name, runs in arms.items()
    }
    ends = {name: [run[-1] for run in runs] for name, runs in arms.items()}
    wins = sum(a > b for a, b in zip(ends["learned"], ends["even"]))
    return {
        "surrogate": {"error": surrogate.error, "explained": surrogate.explained, "candidates": len(candidates)},
        "noise": noise,
        "seeds": seeds,
        "budget": budget,
        "mean": {name: mean(values) for name, values in ends.items()},
        "deviation": {name: stdev(values) if seeds > 1 else 0.0 for name, values in ends.items()},
        "learnedBetter": wins,
        "arms": table,
    }


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("candidates", help="candidates.jsonl of a search")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=150)
    parser.add_argument("--noise", type=float, default=NOISE, help="standard deviation of an accuracy (0..1)")
    parser.add_argument("--out", help="JSON to write")
    options = parser.parse_args()
    try:
        result = compare(read_lines(options.candidates), options.noise, options.seeds, options.budget, CLI)
    except (EngineError, SearchError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    text = json.dumps(result, indent=1)
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
