"""The baselines: cost as published elsewhere, and narrow forms of them through converter and engine."""

import json
import shutil
import subprocess
from pathlib import Path

import onnx
import pytest
import torch
from conftest import ROOT, program

from tools.train import train as training
from tools.train.baselines import BASELINES
from tools.train.cost import count
from tools.train.curves import read_log
from tools.train.export import load_network, onnx_model, write
from tools.train.export_baseline import read_frames, untrained

CLI = ROOT / "dist" / "cli.js"


@pytest.mark.parametrize(
    ("name", "parameters", "macs"), [("edgesegnet", 4.33e6, 39.3e9), ("refinenet-101", 85.9e6, 201.4e9)]
)
def test_cost_is_that_of_the_reimplementations(name: str, parameters: float, macs: float) -> None:
    cost = count(BASELINES[name](32), 64, 64)
    assert cost.parameters == pytest.approx(parameters, rel=1e-3)
    assert cost.macs * 64 == pytest.approx(macs, rel=1e-3)


def test_the_head_may_stand_before_the_upsampling() -> None:
    features = torch.rand(1, 8, 6, 6)
    head = torch.nn.Conv2d(8, 5, 1)
    upsample = torch.nn.Upsample(scale_factor=4, mode="bilinear")
    torch.testing.assert_close(head(upsample(features)), upsample(head(features)))


@pytest.mark.skipif(not CLI.exists() or not shutil.which("node"), reason="needs node and `npm run build`")
@pytest.mark.parametrize("name", BASELINES)
def test_a_narrow_form_goes_through_converter_and_engine(name: str, dataset: Path, tmp_path: Path) -> None:
    images = dataset / "701_StillsRaw_full"
    network = untrained(name, 5, 16, read_frames(images, 10, 64, 96), seed=1)
    write(network, onnx_model(network, 64, 96), tmp_path / "narrow.onnx", 64, 96)

    def attendseg(*words: str | Path) -> dict:
        done = subprocess.run(["node", str(CLI), *map(str, words), "--json"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    model, exported = tmp_path / "narrow.aseg", tmp_path / "integers.onnx"
    # logits of 13 bits would stay real numbers in the exported file
    bits = ("--bits", "8", "--logit-bits", "8")
    made = attendseg("convert", tmp_path / "narrow.onnx", "-o", model, "--calibrate", images, *bits)
    assert made["notes"] == []
    assert max(trial["decibels"] for trial in made["trials"]) > 20

    attendseg("export", model, "-o", exported)
    result = attendseg("compare", exported, model, "--images", images, "--frames", "1")
    assert result["engineDiffering"] == 0
    assert result["maskAgreement"] > 0.98
    for row in result["operations"]:
        assert row["values"] > 0
        assert row["largest"] <= 1, row


def test_edgesegnet_is_trained_like_ours(dataset: Path, tmp_path: Path) -> None:
    options = f"--data {dataset} --split {dataset / 'split.json'} --cache {tmp_path / 'cache'} --size 64 --crop 32"
    options += f" --batch 4 --threads 1 --epochs 2 --rate 1e-3 --architecture edgesegnet --out {tmp_path / 'run'}"
    training.train(training.arguments(options.split()))
    first, *_, last = read_log(tmp_path / "run" / "log.jsonl")
    assert last["loss"] < first["loss"]
    assert "accuracy" in last
    assert count(load_network(tmp_path / "run" / "checkpoint.pt"), 64, 64).parameters == pytest.approx(4.3e6, rel=0.01)
    assert {node.op_type for node in onnx.load(tmp_path / "run" / "model.onnx").graph.node} >= {"BatchNormalization"}


def test_a_baseline_starts_from_nothing(dataset: Path, tmp_path: Path) -> None:
    words = f"--data {dataset} --architecture edgesegnet --init imagenet --epochs 1 --size 64 --crop 32 --out {tmp_path}"
    done = program("train.train", *words.split())
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "error: edgesegnet: a baseline is trained from scratch; leave out --init",
    )


def test_mistakes_of_the_user_end_in_one_line(tmp_path: Path) -> None:
    done = program("train.export_baseline", "edgesegnet", str(tmp_path / "x.onnx"), "--images", str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"error: {tmp_path}: no images (.jpg or .png)\n")
