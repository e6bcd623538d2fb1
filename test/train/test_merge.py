"""A data set of fewer classes and frames."""

import json
from pathlib import Path

import numpy as np
from conftest import COLORS, program

from tools.train.camvid import CamVid


def test_classes_become_parts_of_others(dataset: Path, tmp_path: Path) -> None:
    names = [name for name, _ in COLORS]
    table = tmp_path / "table.csv"
    new = dict(zip(names, ("One", "Two", "One", "Two")))
    table.write_text("name,into\n" + "".join(f"{a},{b}\n" for a, b in new.items()), encoding="utf-8")
    out = tmp_path / "merged"
    words = ["--data", str(dataset), "--split", str(dataset / "split.json"), "--count", "3", "--out", str(out)]
    done = program("train.merge", "--classes", str(table), *words)
    assert done.returncode == 0, done.stderr
    merged, source = CamVid(out), CamVid(dataset)
    assert merged.classes.names == ["One", "Two"]
    assert merged.classes.colors.tolist() == [list(COLORS[0][1]), list(COLORS[1][1])]
    validation = json.loads((dataset / "split.json").read_text(encoding="utf-8"))["validation"]
    assert len(merged.names) == 3 + len(validation)
    assert set(validation) <= set(merged.names)
    for name in merged.names:
        image, label = merged.read(name, 64)
        wanted, before = source.read(name, 64)
        np.testing.assert_array_equal(image, wanted)
        np.testing.assert_array_equal(label, np.array([0, 1, 0, 1])[before])

    table.write_text(f"name,into\n{names[0]},One\n", encoding="utf-8")
    done = program("train.merge", "--classes", str(table), *words)
    assert done.returncode == 1
    assert "table.csv" in done.stderr and names[1] in done.stderr and "Traceback" not in done.stderr
