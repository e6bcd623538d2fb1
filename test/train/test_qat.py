"""Quantization-aware training: the parts against closed forms, and the whole way to the engine, pixel by pixel."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image
from torch import nn

from tools.train import export, loop, qat
from tools.train.arithmetic import Activation, Add, Convolution, Gate, Range, Round
from tools.train.camvid import CamVid
from tools.train.curves import read_log
from tools.train.evaluate import upsample
from tools.train.fake_quant import QuantizedNetwork, calibrate
from tools.train.network import Network
from tools.train.qat import arguments
from tools.train.train import arguments as float_arguments
from tools.train.train import train as train_float

CLI = ROOT / "dist" / "cli.js"


def prepare(dataset: Path, tiny: dict[str, Any], folder: Path, epochs: int) -> list[str]:
    """Trains a float network; the options to go on from it on 64x64 frames."""
    architecture = folder / "tiny.json"
    architecture.write_text(json.dumps(tiny), encoding="utf-8")
    shared = f"--data {dataset} --split {dataset / 'split.json'} --cache {folder / 'cache'} --size 64"
    shared += " --batch 4 --evaluate-every 2 --threads 1"
    options = f"{shared} --architecture {architecture} --out {folder / 'float'} --crop 32 --epochs {epochs}"
    train_float(float_arguments(options.split()))
    return [str(folder / "float" / "checkpoint.pt"), *shared.split()]


def attendseg(*words: str | Path) -> None:
    """Runs the built command line."""
    done = subprocess.run(["node", str(CLI), *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not CLI.exists() or not shutil.which("node"), reason="needs node and `npm run build`")
def test_the_engine_gives_the_masks_of_the_trained_network(dataset: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    data = CamVid(dataset)
    frames = {name: data.read(name, 64)[0] for name in data.names[::3]}
    frames["noise"] = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    (tmp_path / "frames").mkdir()
    for name, frame in frames.items():
        Image.fromarray(frame).save(tmp_path / "frames" / f"{name}.png")
    pretrained = {"activation": "relu6", "epsilon": 1e-3, "stem": {"width": 8, "kernel": 3, "project": 16}}
    for bits, architecture in ((7, tiny), (8, tiny), (7, tiny | pretrained)):
        options = prepare(dataset, architecture, tmp_path, epochs=50)
        out = tmp_path / f"{bits}-{len(architecture)}"
        qat.train(arguments([*options, "--out", str(out), "--epochs", "2", "--bits", str(bits)]))
        assert list(read_log(out / "log.jsonl"))[-1]["accuracy"] > 0.6
        export.export(out / "checkpoint.pt", out / "tiny.onnx", 64, 64)
        attendseg("convert", out / "tiny.onnx", "-o", out / "tiny.aseg", "--classes", dataset / "classes.csv")
        attendseg("segment", tmp_path / "frames", "-m", out / "tiny.aseg", "-o", out / "masks", "--jobs", "1")
        network = export.load_network(out / "checkpoint.pt")
        classes = set()
        for name, frame in frames.items():
            image = torch.tensor(frame).permute(2, 0, 1)[None].float() / 255
            with torch.no_grad():
                wanted = upsample(network(image)).argmax(1)[0].numpy()
            got = np.asarray(Image.open(out / "masks" / f"{name}.mask.png"))
            np.testing.assert_array_equal(got, wanted, err_msg=name)
            classes |= set(wanted.flatten().tolist())
        assert len(classes) > 1


def test_a_stopped_run_resumes_to_the_same_bits(
    dataset: Path, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*prepare(dataset, tiny, tmp_path, epochs=1), "--epochs", "3", "--checkpoint-seconds", "0"]
    qat.train(arguments([*options, "--out", str(tmp_path / "whole")]))
    save = loop.save

    def save_once(*state: Any) -> None:
        save(*state)
        raise KeyboardInterrupt

    stopped = [*options, "--out", str(tmp_path / "stopped")]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tools.train.loop.save", save_once)
        qat.train(arguments(stopped))
    qat.train(arguments([*stopped, "--resume"]))
    one, other = (torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("whole", "stopped"))
    assert one["place"]["epoch"] == other["place"]["epoch"] == 3
    for key in ("network", "ema"):
        for name, value in one[key].items():
            assert torch.equal(value, other[key][name]), name
    with pytest.raises(ValueError, match="another number of bits"):
        qat.train(arguments([*stopped, "--resume", "--bits", "8"]))
    with pytest.raises(ValueError, match="is quantized already"):
        qat.train(arguments([str(tmp_path / "whole" / "checkpoint.pt"), *stopped[1:]]))


def test_calibration_alone_is_close_to_the_float_network(tiny: dict[str, Any]) -> None:
    network = Network(tiny).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = network(image)
        noise = []
        for bits in (7, 8):
            quantized = QuantizedNetwork(network, bits).eval()
            calibrate(quantized, [image])
            noise.append(float((quantized(image) * quantized.scale - wanted).square().mean() / wanted.var()))
    assert noise[1] < noise[0] < 0.05


def test_rounding_is_to_even_and_its_gradient_stops_where_it_clamps() -> None:
    x = torch.tensor([-0.6, 0.5, 1.5, 2.5, 126.6, 127.6], requires_grad=True)
    y = Round.apply(x, 0, 127)
    assert y.tolist() == [0, 0, 2, 2, 127, 127]
    (y * torch.arange(1.0, 7)).sum().backward()
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 0]


@pytest.mark.parametrize(("bits", "relu", "zero"), [(7, True, 0), (8, True, -128), (7, False, 64), (8, False, 0)])
def test_a_range_settles_on_what_it_observed(bits: int, relu: bool, zero: int) -> None:
    part = Range(bits, float("inf") if relu else None)
    part.observe()
    seen = torch.linspace(-4, 4, 4001)
    assert torch.equal(part.take(seen).values, seen.clamp(min=0) if relu else seen)
    part.settle()
    assert abs(int(part.zero) - zero) <= 1
    real = part.take(seen / part.scale).values * part.scale
    assert (real - (seen.clamp(min=0) if relu else seen)).abs().max() <= 0.6 * part.scale


def activation(shape: tuple[int, ...], scale: float, zero: float, bits: int) -> Activation:
    """Random whole numbers over the whole range."""
    part = Range(bits)
    part.base.fill_(scale)
    part.zero.fill_(zero)
    q = torch.randint(part.first, part.last + 1, shape, generator=torch.Generator().manual_seed(1))
    return Activation(q.float() - zero, part)


def test_parts_are_their_real_formulas_within_half_a_step() -> None:
    x, y = activation((1, 8, 6, 6), 0.03, 64, 7), activation((1, 8, 6, 6), 0.02, 40, 7)
    a = activation((1, 8, 3, 3), 0.05, 10, 8)
    real_x, real_y, real_a = (t.values * t.range.scale for t in (x, y, a))

    def expect(got: Activation, wanted: torch.Tensor) -> None:
        assert torch.equal(got.values, got.values.round())
        part = got.range
        low, high = part.scale * (part.first - part.zero), part.scale * (part.last - part.zero)
        assert (got.values * part.scale - wanted.clamp(low, high)).abs().max() <= 0.502 * part.scale

    def result() -> Range:
        return activation((1,), 0.05, 50, 7).range

    expect(Add(result())(x, y), real_x + real_y)
    gate = Gate(2, torch.tensor(0.7), result())
    expect(gate(x, a), real_x * (1 + 0.7 * torch.sigmoid(real_a)).repeat_interleave(2, 2).repeat_interleave(2, 3))
    conv = nn.Conv2d(8, 4, 3, padding=1)
    part = Convolution(conv, None, result())
    weights, bias, scales = part.integers(x.range.scale)
    assert weights.abs().amax((1, 2, 3)).tolist() == [127] * 4
    real = nn.functional.conv2d(real_x, weights * scales.view(-1, 1, 1, 1), bias * scales * x.range.scale, padding=1)
    expect(part(x), real)


def test_a_network_with_other_enlargements_is_refused(tiny: dict[str, Any]) -> None:
    tiny["refinement"] = {"width": 8, "kernel": 3, "scales": [8, 4]}
    with pytest.raises(ValueError, match=r"refinement\.scales: expected \[16, 8, 4\], got \[8, 4\]"):
        QuantizedNetwork(Network(tiny))


@pytest.mark.parametrize("options", ["--epochs -1", "--minutes -1", "--epochs 1 --size 100", "--epochs 1 --bits 6"])
def test_options_without_sense_are_refused(options: str) -> None:
    with pytest.raises(SystemExit) as left:
        arguments(["checkpoint.pt", "--out", "run", *options.split()])
    assert left.value.code == 2
