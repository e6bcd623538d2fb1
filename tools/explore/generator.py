"""Generator and inquisitor: where networks come from, and what is learned from how they fared.

The inquisitor keeps, for every move (a kind of change at a place, see space.py), how much better or worse children
were than their parents. The generator draws moves with probabilities that follow from it:

    mean(kind)  = sum of gains / (n + CAUTION)                    over all places
    mean(move)  = (sum of gains + CAUTION * mean(kind)) / (n + CAUTION)
    weight      = exp(mean(move) / (WARMTH * spread))             spread: the median absolute gain
    probability = FREE / moves + (1 - FREE) * weight / sum of weights

so a move that was never tried borrows from its kind, and every move stays possible. After the idea of generative
synthesis (Wong and others, FermiNets, 2018), where an inquisitor probes networks and improves their generator.
"""

import math
from collections import defaultdict
from random import Random
from statistics import median

from tools.explore.space import MOVES, Architecture, Move, mutate

CAUTION = 2.0
WARMTH = 1.0
FREE = 0.2
CLIP = 4.0
"""Gains beyond so many spreads count as so many: one failed training shall not damn a move."""


class Inquisitor:
    """Gains of children over parents, by move; `moves` are those that a search may make."""

    def __init__(self, moves: tuple[Move, ...] = MOVES) -> None:
        self.moves = moves
        self._gains: dict[Move, list[float]] = defaultdict(list)

    def learn(self, moves: list[Move], gain: float) -> None:
        """Notes that a child made by these moves is by `gain` better than its parent (worse, if negative)."""
        for move in moves:
            self._gains[move].append(gain)

    def spread(self) -> float:
        """The median absolute gain; 1 before anything is known."""
        sizes = [abs(gain) for gains in self._gains.values() for gain in gains]
        return (median(sizes) or 1.0) if sizes else 1.0

    def means(self) -> dict[Move, float]:
        """Expected gain of every move, shrunk towards that of its kind, and that towards 0."""
        bound = CLIP * self.spread()
        clipped = {move: [min(max(gain, -bound), bound) for gain in gains] for move, gains in self._gains.items()}
        by_kind: dict[str, list[float]] = defaultdict(list)
        for (kind, _), gains in clipped.items():
            by_kind[kind] += gains
        result = {}
        for move in self.moves:
            of_kind, own = by_kind[move[0]], clipped.get(move, [])
            mean = sum(of_kind) / (len(of_kind) + CAUTION)
            result[move] = (sum(own) + CAUTION * mean) / (len(own) + CAUTION)
        return result

    def probabilities(self) -> dict[Move, float]:
        """How likely the generator draws each move; they add up to 1."""
        heat = WARMTH * self.spread()
        weights = {move: math.exp(mean / heat) for move, mean in self.means().items()}
        total = sum(weights.values())
        return {move: FREE / len(self.moves) + (1 - FREE) * weight / total for move, weight in weights.items()}


def generate(
    random: Random, parent: Architecture, inquisitor: Inquisitor | None, count: int = 1, moves: tuple[Move, ...] = MOVES
) -> tuple[Architecture, list[Move]]:
    """A child by `count` possible moves, drawn as the inquisitor of the same moves advises (None: all equally likely)."""
    weights = list(inquisitor.probabilities().values()) if inquisitor else [1.0] * len(moves)
    child, done = parent, []
    while len(done) < count:
        move = random.choices(moves, weights)[0]
        changed = mutate(random, child, move)
        if changed is not None:
            child = changed
            done.append(move)
    return child, done
