"""The indicator function 1_r: what a network must keep; the universal performance function U: what it should be."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from tools.explore.engine import Cost

UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "kB": 1e3, "MB": 1e6, "KiB": 1 << 10, "MiB": 1 << 20, "B": 1}


def amount(text: str) -> float:
    """A positive number, with a unit if it likes: 1e9, 1.1M, 6MiB. ValueError otherwise."""
    match = re.fullmatch(r"([0-9.]+(?:e[+-]?\d+)?)\s*([A-Za-z]*)", text.strip())
    try:
        value = float(match[1]) * UNITS[match[2]] if match else math.nan
    except (KeyError, ValueError):
        value = math.nan
    if not value > 0 or math.isinf(value):
        raise ValueError(f"expected a positive number such as 1e9, 1.1M or 6MiB, got {text!r}")
    return value


@dataclass(frozen=True)
class Limits:
    """Bounds that a network must keep; None where there is none.

    Those on cost are known before training. Accuracies are those of the short training, so `min_accuracy` (0..1) is
    meant for it too; `max_loss` (0..1) is what a network may lose against the prototype, trained as long.
    """

    max_params: float | None = None
    max_macs: float | None = None
    max_memory: float | None = None
    max_ms: float | None = None
    min_accuracy: float | None = None
    max_loss: float | None = None

    def broken(self, cost: Cost) -> list[str]:
        """Which bounds on cost a network breaks, in words."""
        bounds = (
            ("parameters", "--max-params", self.max_params),
            ("macs", "--max-macs", self.max_macs),
            ("memoryBytes", "--max-memory", self.max_memory),
            ("milliseconds", "--max-ms", self.max_ms),
        )
        return [
            f"{option} {bound:.10g}: {cost[key]:.10g}"
            for key, option, bound in bounds
            if bound is not None and cost[key] > bound
        ]

    def required(self, prototype: float) -> float:
        """The least accuracy (0..1), if the prototype has this one."""
        return max(self.min_accuracy or 0.0, 0.0 if self.max_loss is None else prototype - self.max_loss)


def net_score(accuracy: float, cost: Cost) -> float:
    """20 log10(a^2 / (sqrt(p) sqrt(m))), a in percent, p in millions, m in 10^9 MACs (A. Wong, NetScore, 2018)."""
    millions, billions = cost["parameters"] / 1e6, cost["macs"] / 1e9
    return 20 * math.log10(max(100 * accuracy, 1e-3) ** 2 / math.sqrt(millions * billions))


def speed_score(accuracy: float, cost: Cost) -> float:
    """NetScore with the predicted milliseconds, per 40 ms, in place of the MACs."""
    millions, time = cost["parameters"] / 1e6, cost["milliseconds"] / 40
    return 20 * math.log10(max(100 * accuracy, 1e-3) ** 2 / math.sqrt(millions * time))


OBJECTIVES: dict[str, Callable[[float, Cost], float]] = {
    "netscore": net_score,
    "speed": speed_score,
    "accuracy": lambda accuracy, _: 100 * accuracy,
}
"""U by name: higher is better."""

SHORTFALL = 400.0
"""Points of U that an accuracy below the required one costs, for each 1 (so 4 for one point of a hundred)."""


def fitness(objective: str, limits: Limits, accuracy: float, cost: Cost, prototype: float) -> float:
    """U of a network, less a penalty where its accuracy falls short: what the search climbs.

    prototype: the prototype's accuracy (0..1) after the same training.
    """
    missing = max(0.0, limits.required(prototype) - accuracy)
    return OBJECTIVES[objective](accuracy, cost) - SHORTFALL * missing
