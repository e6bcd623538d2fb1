"""What the training tests share: how programs are run, a tiny architecture, and a data set drawn by code."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]

COLORS = [("Road", (128, 64, 128)), ("Sky", (128, 128, 128)), ("Tree", (128, 128, 0)), ("Void", (0, 0, 0))]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The number of threads the tests' training runs use, so that results do not depend on the tests' order."""
    torch.set_num_threads(1)


def program(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a module of tools/ from the root of the repository."""
    command = [sys.executable, "-m", f"tools.{name}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """An architecture with every kind of part: both gate kinds, blocks with and without a condenser or a sum."""
    plain = {"pool": 4, "ratio": 0.5, "residual": False}
    residual = {"pool": 8, "ratio": 0.5, "residual": True}
    return {
        "name": "tiny",
        "classes": 4,
        "stem": {"width": 8, "kernel": 3},
        "stages": [
            {"width": 8, "kernel": 3, "blocks": [{"expand": 16, "condenser": residual}]},
            {"width": 8, "kernel": 5, "blocks": [{"expand": 16, "condenser": plain}]},
            {"width": 16, "kernel": 3, "blocks": [{"expand": 16, "condenser": None}]},
            {
                "width": 16,
                "kernel": 3,
                "blocks": [{"expand": 16, "condenser": None}, {"expand": 24, "condenser": None}],
            },
        ],
        "refinement": {"width": 8, "kernel": 3, "condensers": [None, None, residual | {"pool": 4}]},
    }


def write_frame(folder: Path, name: str, label: np.ndarray) -> None:
    """Writes one frame in CamVid's layout: the label's colors as the label and, with noise, as the image."""
    colors = np.array([color for _, color in COLORS], np.uint8)[label]
    noise = np.random.default_rng(len(name)).integers(-20, 20, colors.shape)
    image = np.clip(colors + noise, 0, 255).astype(np.uint8)
    Image.fromarray(image).save(folder / "701_StillsRaw_full" / f"{name}.jpg", quality=95)
    Image.fromarray(colors).save(folder / "LabeledApproved_full" / f"{name}_L.png")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder in CamVid's layout: ten frames of 96x72 in two sequences, four classes, and split.json."""
    folder = tmp_path / "data"
    (folder / "701_StillsRaw_full").mkdir(parents=True)
    (folder / "LabeledApproved_full").mkdir()
    with open(folder / "classes.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["index", "name", "r", "g", "b"])
        rows.writerows([i, name, *color] for i, (name, color) in enumerate(COLORS))
    for i in range(10):
        label = np.full((72, 96), 1, np.int64)
        label[40 + i :] = 0
        label[20:50, 5 * i : 5 * i + 30] = 2
        label[:4, :4] = 3
        write_frame(folder, f"{'AB'[i % 2]}_{i:03}", label)
    (folder / "split.json").write_text(json.dumps({"validation": ["A_004", "B_005"]}), encoding="utf-8")
    return folder
