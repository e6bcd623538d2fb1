"""The README's steps on data of one's own, in order: train, convert, evaluate."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLI = ROOT / "dist" / "cli.js"
HAS_TOOLS = CLI.exists() and (ROOT / "node_modules" / "onnxruntime-web").exists() and shutil.which("node") is not None


def run(*words: str | Path) -> str:
    done = subprocess.run([str(word) for word in words], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not HAS_TOOLS, reason="needs node and the built command line (npm run build)")
def test_a_folder_of_images_and_labels_becomes_a_model_that_is_evaluated(
    dataset: Path, tiny: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    shutil.copytree(dataset / "701_StillsRaw_full", folder / "images")
    (folder / "labels").mkdir()
    for label in (dataset / "LabeledApproved_full").iterdir():
        shutil.copy(label, folder / "labels" / label.name.replace("_L.png", ".png"))
    # as the README has it: no column of indices
    rows = (dataset / "classes.csv").read_text(encoding="utf-8").split()
    (folder / "classes.csv").write_text("\n".join(row.split(",", 1)[1] for row in rows) + "\n", encoding="utf-8")
    (tmp_path / "tiny.json").write_text(json.dumps(tiny), encoding="utf-8")
    out = tmp_path / "run"

    short = ["--epochs", "1", "--size", "64", "--crop", "32", "--batch", "4", "--threads", "1"]
    own = ["--architecture", tmp_path / "tiny.json", "--cache", tmp_path / "cache"]
    run(sys.executable, "-m", "tools.train.train", "--data", folder, "--out", out, *short, *own)
    model = tmp_path / "model.aseg"
    classes = folder / "classes.csv"
    # trained for seconds, its logits are mostly noise
    words = ["convert", out / "model.onnx", "-o", model, "--calibrate", folder / "images", "--classes", classes, "--force"]
    converted = json.loads(run("node", CLI, *words, "--json"))
    assert converted["kind"] == "float"
    words = ["evaluate", model, "--images", folder / "images", "--labels", folder / "labels", "--json"]
    evaluated = json.loads(run("node", CLI, *words))
    assert evaluated["frames"] == 10
    assert 0 <= evaluated["pixelAccuracy"] <= 1
