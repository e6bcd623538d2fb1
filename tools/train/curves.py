"""The log of a training run, and its image."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log.jsonl; nothing if it does not exist, and a torn last line is skipped."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def plot(log: list[dict[str, Any]], path: Path) -> None:
    """Draws loss, accuracy and mean IoU over the epochs into a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    left.plot([e["epoch"] for e in log], [e["loss"] for e in log], label="training loss")
    left.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    rated = [e for e in log if "accuracy" in e]
    for key in ("accuracy", "accuracy_no_void", "mean_iou"):
        right.plot([e["epoch"] for e in rated], [100 * e[key] for e in rated], label=key.replace("_", " "))
    right.set(xlabel="epoch", ylabel="%", title="validation frames (averaged weights)")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
