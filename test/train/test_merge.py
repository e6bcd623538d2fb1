"""A data set of fewer classes and frames."""

import json
import shutil
from pathlib import Path

import numpy as np
from conftest import COLORS, program
from PIL import Image

from tools.train.camvid import CamVid
from tools.train.loss import IGNORED


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


def test_sets_are_joined_and_pixels_left_out(dataset: Path, tmp_path: Path) -> None:
    names = [name for name, _ in COLORS]
    first, second = tmp_path / "first", tmp_path / "second"
    table, out = tmp_path / "table.csv", tmp_path / "merged"
    new = dict(zip(names, (names[1], names[1], "", names[3])))
    table.write_text("name,into\n" + "".join(f"{a},{b}\n" for a, b in new.items()), encoding="utf-8")
    source = CamVid(dataset)
    for folder, frames in ((first, source.names[::2]), (second, source.names[1::2])):
        for part in ("images", "labels"):
            (folder / part).mkdir(parents=True)
        shutil.copy(dataset / "classes.csv", folder)
        for name in frames:
            shutil.copy(source.frame_path(name), folder / "images")
            Image.fromarray(source.decode(source.label_path(name))).save(folder / "labels" / f"{name}.png")
    words = ["--data", str(first), str(second), "--split", str(dataset / "split.json"), "--out", str(out)]
    done = program("train.merge", "--classes", str(table), *words)
    assert done.returncode == 0, done.stderr
    merged = CamVid(out)
    assert merged.names == source.names
    assert merged.classes.names == [names[1], names[3]]
    assert merged.classes.colors.tolist() == [list(COLORS[1][1]), list(COLORS[3][1])]
    for name in merged.names:
        _, label = merged.read(name, 64)
        np.testing.assert_array_equal(label, np.array([0, 0, IGNORED, 1])[source.read(name, 64)[1]])
