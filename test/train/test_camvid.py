"""The data set reader: decoding, its errors, resizing, the cache, the split, and random views."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from tools.train.camvid import CamVid, Classes, CoarseCamVid, DataError, read_split, resize_label
from tools.train.data import Data
from tools.train.loss import IGNORED
from tools.train.split import block, choose
from tools.train.train import arguments

SHARED = ROOT.parent / "shared" / "camvid"
MODEL = ROOT / "models" / "attendseg-camvid"


def test_colors_become_indices(dataset: Path) -> None:
    data = CamVid(dataset)
    assert data.classes.names == ["Road", "Sky", "Tree", "Void"]
    assert data.classes.void == 3
    mask = data.classes.decode(data.label_path("A_000"))
    assert mask.shape == (72, 96)
    assert [mask[0, 0], mask[10, 90], mask[30, 10], mask[70, 50]] == [3, 1, 2, 0]


def test_a_missing_label_is_named(dataset: Path) -> None:
    path = dataset / "LabeledApproved_full" / "B_003_L.png"
    path.unlink()
    with pytest.raises(DataError, match=r"B_003_L\.png: the label of B_003\.jpg is missing"):
        CamVid(dataset).read("B_003", 64)


def test_an_unknown_color_is_named_with_its_place(dataset: Path) -> None:
    path = dataset / "LabeledApproved_full" / "B_003_L.png"
    pixels = np.array(Image.open(path))
    pixels[7, 9] = (1, 2, 3)
    Image.fromarray(pixels).save(path)
    with pytest.raises(DataError, match=r"B_003_L\.png: color \(1, 2, 3\) at x 9, y 7 is not in classes\.csv"):
        CamVid(dataset).read("B_003", 64)


def test_a_label_of_another_size_is_named(dataset: Path) -> None:
    path = dataset / "LabeledApproved_full" / "B_003_L.png"
    Image.open(path).resize((48, 36), Image.Resampling.NEAREST).save(path)
    with pytest.raises(DataError, match=r"B_003_L\.png: 48x36, but its frame is 96x72"):
        CamVid(dataset).read("B_003", 64)


def test_broken_files_are_named(dataset: Path, tmp_path: Path) -> None:
    (dataset / "701_StillsRaw_full" / "A_000.jpg").write_text("<!doctype html>", encoding="utf-8")
    with pytest.raises(DataError, match=r"A_000\.jpg: cannot be read as an image"):
        CamVid(dataset).read("A_000", 64)
    with pytest.raises(DataError, match="no such frame"):
        CamVid(dataset).read("C_000", 64)
    with pytest.raises(DataError, match=r"classes\.csv"):
        CamVid(tmp_path / "nowhere")
    for text in ("", "index,name\n0,Road\n", "index,name,r,g,b\n1,Road,0,0,0\n", "index,name,r,g,b\n0,Road,0,0,300\n"):
        (tmp_path / "classes.csv").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"classes\.csv: not a class list"):
            Classes(tmp_path / "classes.csv")


def test_the_index_of_classes_is_optional_and_gives_the_order(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("name,r,g,b\nRoad,1,2,3\nVoid,0,0,0\n", encoding="utf-8")
    plain = Classes(path)
    path.write_text("index,name,r,g,b\n1,Void,0,0,0\n0,Road,1,2,3\n", encoding="utf-8")
    indexed = Classes(path)
    assert plain.names == indexed.names == ["Road", "Void"]
    assert plain.void == indexed.void == 1
    assert plain.colors.tolist() == indexed.colors.tolist() == [[1, 2, 3], [0, 0, 0]]


def test_labels_are_sampled_at_pixel_centres() -> None:
    row = np.arange(6, dtype=np.uint8)[None]
    assert resize_label(row, 1, 3).tolist() == [[1, 3, 5]]
    assert resize_label(row, 1, 4).tolist() == [[0, 2, 3, 5]]
    assert resize_label(row[:, :3], 2, 6).tolist() == [[0, 0, 1, 1, 2, 2]] * 2


def test_frames_are_decoded_once_and_again_when_they_change(dataset: Path, tmp_path: Path) -> None:
    data, cache = CamVid(dataset), tmp_path / "cache"
    frames, labels = data.load(data.names, 64, cache)
    assert frames.shape == (10, 64, 64, 3)
    assert labels.shape == (10, 64, 64)
    np.testing.assert_array_equal(labels[-1], data.read("B_009", 64)[1])
    files = {path.name for path in cache.iterdir()}
    data.load(data.names, 64, cache)
    assert {path.name for path in cache.iterdir()} == files
    Image.new("RGB", (96, 72)).save(data.label_path("B_009"))
    assert (data.load(data.names, 64, cache)[1][-1] == 3).all()


def test_choose_takes_a_share_of_every_sequence() -> None:
    names = [f"A_{i:03}" for i in range(24)] + [f"B_{i:03}" for i in range(100)]
    chosen = choose(names, 20)
    assert len(set(chosen)) == 20
    assert [sum(name.startswith(s) for name in chosen) for s in "AB"] == [4, 16]
    places = [int(name[2:]) for name in chosen if name.startswith("B")]
    assert max(np.diff([0, *places, 99])) <= 7
    with pytest.raises(ValueError, match="count"):
        choose(names, len(names))


def test_the_written_split_is_sound() -> None:
    validation = json.loads(Path(f"{MODEL}.split.json").read_text(encoding="utf-8"))["validation"]
    assert len(set(validation)) == len(validation) == 60
    assert {name.split("_")[0] for name in validation} == {"0001TP", "0006R0", "0016E5", "Seq05VD"}
    assert Path(f"{MODEL}.validation.txt").read_text(encoding="utf-8").split() == validation


def test_the_written_split_fits_the_data() -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is absent")
    data = CamVid(SHARED)
    training, validation, excluded = read_split(f"{MODEL}.split.json", data.names)
    assert (len(training), len(validation)) == (309, 60)
    assert not set(training) & set(validation)
    assert choose(data.names, 60) == validation


def test_a_real_frame_is_decoded() -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is absent")
    data = CamVid(SHARED)
    assert (len(data.classes.names), data.classes.void) == (32, 30)
    image, label = data.read(data.names[0], 512)
    assert (image.shape, label.shape) == ((512, 512, 3), (512, 512))
    assert label.max() < 32
    road, sky = (data.classes.names.index(name) for name in ("Road", "Sky"))
    assert (label[400:] == road).mean() > (label[:100] == road).mean()
    assert (label[:100] == sky).any()


def test_a_split_with_an_unknown_frame_is_refused(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text('{"validation": ["A_000", "Z_000"]}', encoding="utf-8")
    with pytest.raises(DataError, match="Z_000 is not a frame"):
        read_split(path, CamVid(dataset).names)
    path.write_text('{"validation": []}', encoding="utf-8")
    with pytest.raises(DataError, match="need at least one frame"):
        read_split(path, CamVid(dataset).names)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match='expected JSON with a list "validation"'):
        read_split(path, CamVid(dataset).names)


def test_a_plain_folder_with_class_indices_is_read(dataset: Path) -> None:
    want = CamVid(dataset).read("A_000", 64)[1]
    for name in CamVid(dataset).names:
        path = CamVid(dataset).label_path(name)
        Image.fromarray(CamVid(dataset).classes.decode(path)).save(dataset / f"{name}.png")
        path.unlink()
    (dataset / "701_StillsRaw_full").rename(dataset / "images")
    (dataset / "LabeledApproved_full").rmdir()
    (dataset / "labels").mkdir()
    for path in dataset.glob("*.png"):
        path.rename(dataset / "labels" / path.name)
    np.testing.assert_array_equal(CamVid(dataset).read("A_000", 64)[1], want)
    Image.new("L", (96, 72), 4).save(dataset / "labels" / "A_000.png")
    with pytest.raises(DataError, match=r"A_000\.png: value 4 at x 0, y 0 is not an index of classes\.csv"):
        CamVid(dataset).read("A_000", 64)


def write_coarse(folder: Path, names: list[str]) -> None:
    """Frames of 48x36, upper half group 1, lower half group 0: Road alone, and all the other classes."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    (folder / "map32to11.csv").write_text("name,index11\nRoad,0\nSky,1\nTree,1\nVoid,1\n", encoding="utf-8")
    label = np.zeros((36, 48), np.uint8)
    label[:18] = 1
    for name in names:
        Image.new("RGB", (48, 36), (90, 90, 90)).save(folder / "images" / f"{name}.jpg")
        Image.fromarray(label).save(folder / "labels" / f"{name}.png")


def test_coarse_labels_are_groups_after_the_classes(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "coarse"
    write_coarse(folder, ["A_100", "B_100"])
    data = CoarseCamVid(folder, CamVid(dataset).classes)
    assert data.names == ["A_100", "B_100"]
    assert data.groups.tolist() == [[True, False, False, False], [False, True, True, True]]
    _, labels = data.load(data.names, 64, tmp_path / "cache")
    assert (labels[:, :32] == 5).all()
    assert (labels[:, 32:] == 4).all()
    Image.new("L", (48, 36), 2).save(folder / "labels" / "B_100.png")
    with pytest.raises(DataError, match=r"B_100\.png: value 2 at x 0, y 0 is not an index of map32to11\.csv"):
        data.read("B_100", 64)
    (folder / "map32to11.csv").write_text("name,index11\nRoad,0\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"map32to11\.csv: not a map of classes to groups"):
        CoarseCamVid(folder, CamVid(dataset).classes)


def test_a_blocked_split_keeps_neighbours_out_of_training() -> None:
    names = [f"A_{i:03}" for i in range(0, 60, 2)] + [f"B_{i:03}" for i in range(0, 120, 2)]
    others = [f"{s}_{i:03}" for s, n in (("A", 60), ("B", 120)) for i in range(1, n, 2)]
    validation, excluded = block(names, others, 15, 4)
    assert [sum(name.startswith(s) for name in validation) for s in "AB"] == [5, 10]
    training = set(names + others) - set(validation) - set(excluded)
    for sequence in "AB":
        kept = [int(name[2:]) for name in validation if name.startswith(sequence)]
        assert kept == list(range(kept[0], kept[-1] + 1, 2))
        seen = [int(name[2:]) for name in training if name.startswith(sequence)]
        assert min(abs(a - b) for a in kept for b in seen) == 5
    assert not set(validation) & set(excluded)


def test_excluded_frames_are_in_neither_part(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text('{"validation": ["A_000"], "excluded": ["A_002", "elsewhere"]}', encoding="utf-8")
    training, validation, excluded = read_split(path, CamVid(dataset).names)
    assert (len(training), validation, excluded) == (8, ["A_000"], ["A_002", "elsewhere"])
    assert not {"A_000", "A_002"} & set(training)


def test_groups_of_some_classes_leave_pixels_out(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "towns"
    write_coarse(folder, ["t1", "t2", "t3"])
    (folder / "map32to11.csv").unlink()
    (folder / "groups.csv").write_text("group,index,name\nground,0,Road\nhigh,1,Sky\nhigh,1,Tree\n", encoding="utf-8")
    label = np.full((36, 48), 255, np.uint8)
    label[:9] = 1
    Image.fromarray(label).save(folder / "labels" / "t3.png")
    data = CoarseCamVid(folder, CamVid(dataset).classes, first=2)
    assert data.groups.tolist() == [[True, False, False, False], [False, True, True, False]]
    assert set(data.read("t1", 64)[1].flatten().tolist()) == {6, 7}
    assert set(data.read("t3", 64)[1].flatten().tolist()) == {7, IGNORED}

    unseen = tmp_path / "unseen.txt"
    unseen.write_text("t3\n", encoding="utf-8")
    options = f"--data {dataset} --coarse {folder} --unseen {unseen} --cache {tmp_path / 'cache'} --size 64 --crop 32"
    run = Data(arguments([*options.split(), "--epochs", "1", "--out", "run"]), torch.device("cpu"))
    assert [len(source.frames) for source in run.training] == [9, 2]

    class Sky(torch.nn.Conv2d):
        """Says Sky everywhere but in the left half, where it says Road."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(1, 4, 16, 16)
            logits[:, 1] = torch.where(torch.arange(16) < 8, -1.0, 1.0)
            return logits

    figures = run.measure(Sky(3, 4, 1), True)
    assert figures["unseen"] == pytest.approx(0.5)
    unseen.write_text("t3\nt4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"unseen\.txt: names frames that are in no --coarse folder"):
        Data(arguments([*options.split(), "--epochs", "1", "--out", "run"]), torch.device("cpu"))
