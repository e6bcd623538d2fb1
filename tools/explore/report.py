"""What a search shows: a line or a live table, a table and an image of the trade-offs, and the result."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tools.explore.generator import Inquisitor
from tools.explore.limits import Limits
from tools.explore.store import Candidate

Fit = Callable[[Candidate], float]
HEAD = ("network", "gen", "level %", "fitness", "params M", "MACs G", "arena MB", "ms", "made by")


def row(candidate: Candidate, fit: Fit) -> tuple[str, ...]:
    """The cells of HEAD for one candidate."""
    cost = candidate["cost"]
    moves = ", ".join(f"{kind} {place}" for kind, place in candidate["moves"])
    return (
        candidate["id"],
        str(candidate["generation"]),
        f"{100 * candidate['level']:.2f}",
        f"{fit(candidate):.2f}",
        f"{cost['parameters'] / 1e6:.3f}",
        f"{cost['macs'] / 1e9:.3f}",
        f"{cost['arenaBytes'] / 1e6:.2f}",
        f"{cost['milliseconds']:.1f}" if "milliseconds" in cost else "-",
        moves or ("crossover" if candidate["parents"] else "prototype"),
    )


def table(candidates: list[Candidate], fit: Fit, count: int) -> str:
    """The fittest candidates as a Markdown table."""
    best = sorted(candidates, key=fit, reverse=True)[:count]
    rows = [HEAD, tuple("---" for _ in HEAD), *(row(candidate, fit) for candidate in best)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


class Display:
    """A bar and a live table of the best on standard error, if it is a terminal; else a line a candidate, unless
    silent."""

    LINES = 8

    def __init__(self, budget: int, done: int, fit: Fit, silent: bool = False) -> None:
        self.fit, self.live, self.silent = fit, sys.stderr.isatty(), silent
        self._drawn = 0
        self._bar = tqdm(total=budget, initial=done, unit="network", disable=not self.live)

    def show(self, candidates: list[Candidate], newest: Candidate) -> None:
        """Shows the newest candidate and the best so far."""
        if not self.live:
            if self.silent:
                return
            number, accuracy = newest["number"] + 1, 100 * newest["accuracy"]
            best = max(self.fit(candidate) for candidate in candidates)
            print(f"{number} accuracy {accuracy:.2f} % best {best:.2f}", " ".join(row(newest, self.fit)), flush=True)
            return
        self._bar.clear()
        sys.stderr.write(f"\033[{self._drawn}A\033[J" if self._drawn else "")
        best = sorted(candidates, key=self.fit, reverse=True)[: self.LINES]
        for cells in (HEAD, *(row(candidate, self.fit) for candidate in best)):
            sys.stderr.write("  ".join(cell.ljust(len(name) + 2)[:48] for cell, name in zip(cells, HEAD)) + "\n")
        self._drawn = 1 + len(best)
        self._bar.n = len(candidates)
        self._bar.refresh()

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()


def front(candidates: list[Candidate], key: str) -> list[Candidate]:
    """Candidates that no other one beats both in level and in a cost, cheapest first."""
    best, result = -1.0, []
    for candidate in sorted(candidates, key=lambda c: (c["cost"][key], -c["level"])):
        if candidate["level"] > best:
            best = candidate["level"]
            result.append(candidate)
    return result


def plot(candidates: list[Candidate], fit: Fit, path: Path) -> None:
    """Draws level against MACs, milliseconds (if predicted) and memory into a PNG, with the front of each; the worst
    twentieth may lie below its edge."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = [("macs", "MACs, G", 1e9), ("milliseconds", "predicted ms", 1), ("memoryBytes", "linear memory, MB", 1e6)]
    axes = [axis for axis in axes if axis[0] in candidates[0]["cost"]]
    figure, parts = pyplot.subplots(1, len(axes), figsize=(4.5 * len(axes), 4), sharey=True, squeeze=False)
    winner = max(candidates, key=fit)
    for part, (key, label, unit) in zip(parts[0], axes):

        def dots(some: list[Candidate], *form: Any, **how: Any) -> None:
            part.plot([c["cost"][key] / unit for c in some], [100 * c["level"] for c in some], *form, **how)

        dots(candidates, ".", color="0.6", label="evaluated")
        dots(front(candidates, key), ".-", label="best for the cost")
        dots([c for c in candidates if not c["parents"]], "k*", markersize=11, label="prototype")
        dots([winner], "r^", markersize=9, label="fittest")
        part.set(xlabel=label)
        part.grid(alpha=0.3)
    levels = sorted(100 * candidate["level"] for candidate in candidates)
    lowest = levels[len(levels) // 20]  # failures would press all others together
    parts[0][0].set(ylabel="accuracy after the short training, %", ylim=(lowest - 0.5, levels[-1] + 0.5))
    parts[0][-1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def result(candidates: list[Candidate], fit: Fit, limits: Limits, inquisitor: Inquisitor) -> dict[str, Any]:
    """What a search found: the fittest, the front over MACs, and what was learned about moves."""
    best = max(candidates, key=fit)
    probabilities = inquisitor.probabilities()
    means = inquisitor.means()
    moves = sorted(probabilities, key=lambda move: -probabilities[move])
    return {
        "limits": {name: value for name, value in vars(limits).items() if value is not None},
        "candidates": len(candidates),
        "best": best["id"],
        "fitness": fit(best) if math.isfinite(fit(best)) else None,
        "level": best["level"],
        "prototypeLevel": best["reference"],
        "cost": best["cost"],
        "front": [candidate["id"] for candidate in front(candidates, "macs")],
        "moves": [
            {"move": " ".join(move), "probability": round(probabilities[move], 4), "gain": round(means[move], 3)}
            for move in moves
        ],
        "architecture": best["architecture"],
    }
