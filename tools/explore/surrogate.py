"""A cheap stand-in for training: accuracy as a linear function of an architecture, fitted to a finished search.

Features are logarithms of widths, expansions and depths, kernels, condensers, the stem's stride and the scales that
refine; ridge regression on the levels of all candidates, as strong as predicts left-out ones best.
"""

import math
from collections.abc import Sequence

import numpy as np

from tools.explore.space import Architecture
from tools.explore.store import Candidate
from tools.train.network import SCALES

RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0)


def features(architecture: Architecture) -> np.ndarray:
    """float64 [32] that a network's accuracy may depend on."""
    stem, refinement = architecture["stem"], architecture["refinement"]
    scales = refinement.get("scales", SCALES)
    values = [math.log2(stem["width"]), stem["kernel"], stem.get("stride", 2) / 2]
    for stage in architecture["stages"]:
        blocks = stage["blocks"]
        condensers = [block["condenser"] for block in blocks if block["condenser"]]
        values += [
            math.log2(stage["width"]),
            math.log2(len(blocks)),
            stage["kernel"],
            sum(math.log2(block["expand"]) for block in blocks) / len(blocks),
            len(condensers) / len(blocks),
            sum(math.log2(condenser["ratio"]) for condenser in condensers) / len(blocks),
        ]
    values += [math.log2(refinement["width"]), refinement["kernel"], *(float(scale in scales) for scale in SCALES)]
    return np.array(values)


class Surrogate:
    """Fitted to candidates: `accuracy(architecture)`, and the `error` (standard deviation) of left-out ones."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        """ValueError for fewer than 30 candidates."""
        if len(candidates) < 30:
            raise ValueError(f"at least 30 candidates are needed to fit the surrogate, got {len(candidates)}")
        x = np.stack([features(candidate["architecture"]) for candidate in candidates])
        y = np.array([candidate["level"] for candidate in candidates])
        self._centre, self._scale, self._mean = x.mean(0), x.std(0) + 1e-9, float(y.mean())
        z = (x - self._centre) / self._scale
        fits = [self._fit(z, y - self._mean, ridge) for ridge in RIDGES]
        self.error, self._weights = min(fits, key=lambda fit: fit[0])
        self.explained = 1 - self.error**2 / float(np.var(y))

    @staticmethod
    def _fit(z: np.ndarray, y: np.ndarray, ridge: float) -> tuple[float, np.ndarray]:
        """(standard deviation of left-out errors, weights) of a ridge regression."""
        inverse = np.linalg.inv(z.T @ z + ridge * np.eye(z.shape[1]))
        weights = inverse @ z.T @ y
        leverage = np.einsum("ij,jk,ik->i", z, inverse, z)
        return float(np.std((y - z @ weights) / (1 - leverage))), weights

    def accuracy(self, architecture: Architecture) -> float:
        """Accuracy (0..1) that a network would have."""
        z = (features(architecture) - self._centre) / self._scale
        return float(np.clip(self._mean + z @ self._weights, 0.01, 0.99))
