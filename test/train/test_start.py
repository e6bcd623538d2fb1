"""Starts of training: ImageNet's weights, a model file, a checkpoint; against the source's formula and the engine."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from PIL import Image

from tools.train import train as training
from tools.train.aseg import read_aseg, start_from_aseg
from tools.train.curves import read_log
from tools.train.export import export, load_network
from tools.train.network import Network
from tools.train.pretrained import choose, read_imagenet, start_from_imagenet
from tools.train.start import architecture_for, start, start_from_checkpoint

CLI = ROOT / "dist" / "cli.js"
needs_build = pytest.mark.skipif(not CLI.exists() or not shutil.which("node"), reason="needs node and `npm run build`")


def pretrained(stem: int, first: int) -> dict[str, Any]:
    """An architecture that agrees with EfficientNet-Lite0 up to 1/4, with so many channels inside its first blocks."""
    own = {"width": 16, "kernel": 3, "blocks": [{"expand": 16, "condenser": None}]}
    blocks = [{"expand": first, "condenser": None}, {"expand": 144, "condenser": None}]
    return {
        "name": "pretrained",
        "classes": 4,
        "activation": "relu6",
        "epsilon": 1e-3,
        "stem": {"width": stem, "kernel": 3, "project": 16},
        "stages": [{"width": 24, "kernel": 3, "blocks": blocks}, own, own, own],
        "refinement": {"width": 8, "kernel": 3},
    }


def natural(count: int = 4, side: int = 64) -> torch.Tensor:
    """Images whose neighbouring pixels are alike: [count, 3, side, side] in 0..1."""
    random = torch.Generator().manual_seed(1)
    noise = [torch.rand(count, 3, side >> k, side >> k, generator=random) for k in range(6)]
    return sum(F.interpolate(n, (side, side), mode="bilinear") for n in noise) / len(noise)


def source_features(image: torch.Tensor) -> torch.Tensor:
    """EfficientNet-Lite0 up to 1/4, written out; strides begin at the first pixel, as with even padding."""
    state = read_imagenet()

    def layer(
        x: torch.Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> torch.Tensor:
        weight = state[f"{conv}.weight"]
        x = F.conv2d(x, weight, None, stride, weight.shape[2] // 2, 1, groups)
        mean, var, factor, shift = (
            state[f"{norm}.{key}"].view(-1, 1, 1) for key in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / (var + 1e-3).sqrt() * factor + shift
        return x.clamp(0, 6) if relu else x

    def depthwise(x: torch.Tensor, at: str, stride: int) -> torch.Tensor:
        return layer(x, f"{at}._depthwise_conv", f"{at}._bn1", stride, x.shape[1])

    x = layer((image * 255 - 127) / 128, "_conv_stem", "_bn0", 2)
    x = layer(depthwise(x, "_blocks.0", 1), "_blocks.0._project_conv", "_blocks.0._bn2", relu=False)
    for number, stride in ((1, 2), (2, 1)):
        at = f"_blocks.{number}"
        y = depthwise(layer(x, f"{at}._expand_conv", f"{at}._bn0"), at, stride)
        y = layer(y, f"{at}._project_conv", f"{at}._bn2", relu=False)
        x = x + y if number == 2 else y
    return x


def features(network: Network, image: torch.Tensor) -> torch.Tensor:
    """The map at 1/4."""
    return network.eval().stages[0](network.separable(network.stem(image)))


@torch.no_grad()
def test_a_network_of_the_sources_widths_computes_what_the_source_does() -> None:
    network, image = Network(pretrained(32, 96)), natural()
    names = start_from_imagenet(network, [])
    assert {name.split(".")[0] for name in names} == {"stem", "separable", "stages"}
    assert all(name.startswith("stages.0.") for name in names if name.startswith("stages"))
    inside = (..., slice(3, -3), slice(3, -3))  # away from the border, whose padding is black instead of grey
    torch.testing.assert_close(features(network, image)[inside], source_features(image)[inside], atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_a_block_of_a_stage_may_be_left_out() -> None:
    """The source's last stage but one: blocks 8 to 10 end with 112 channels, block 11 with 192."""
    last = {"expand": 672, "width": 192, "condenser": None}
    blocks = [{"expand": 480, "condenser": None}, *[{"expand": 672, "condenser": None}] * 2, last]
    shorter = architecture_for("imagenet", None)
    shorter["stages"][3] = {"width": 112, "kernel": 5, "blocks": [*blocks[:2], last]}
    longer = copy.deepcopy(shorter)
    longer["stages"][3]["blocks"] = blocks
    whole = Network(longer)
    short, image = Network(shorter), natural(1)
    for network in (whole, short):
        assert "stages.3.2.project.0.weight" in start_from_imagenet(network, [image])
    assert short.stages[3][2].project[0].weight.equal(whole.stages[3][-1].project[0].weight)


@torch.no_grad()
def test_a_narrower_network_comes_close() -> None:
    image = natural()
    wanted = source_features(image)
    apart = []
    for stem, first in ((16, 48), (24, 72)):
        network = Network(pretrained(stem, first))
        start_from_imagenet(network, [image])
        inside = (..., slice(3, -3), slice(3, -3))
        got = features(network, image)[inside]
        apart.append(float((got - wanted[inside]).square().mean() / wanted[inside].var()))
    assert apart[1] < apart[0] < 0.2


def test_the_channels_that_matter_are_kept_and_refitted() -> None:
    layer = Network(pretrained(32, 96)).separable[1]
    random = torch.Generator().manual_seed(1)
    values = torch.randn(32, 500, generator=random, dtype=torch.float64)
    values[8:] = values[:8].repeat(3, 1) * torch.arange(1, 25)[:, None]  # 8 of the 32 tell everything
    weight = torch.randn(16, 32, generator=random)
    layer[0].weight.data = weight[:, :, None, None]
    mean = values.mean(1)
    kept, fitted, less = choose(mean, torch.cov(values, correction=0), layer, 8)
    assert sorted({int(k) % 8 for k in kept}) == list(range(8))
    wanted, got = weight.double() @ values, fitted.double() @ values[kept] + less.double()[:, None]
    assert (got - wanted).abs().max() < 0.02 * wanted.std()


def test_another_stem_is_refused(tiny: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="stem is not EfficientNet-Lite0's"):
        start_from_imagenet(Network(tiny), [])


@pytest.fixture
def stored(dataset: Path, tiny: dict[str, Any], tmp_path: Path) -> Path:
    """A folder with a short run on the synthetic data, its model.aseg, and model.architecture.json."""
    (tmp_path / "model.architecture.json").write_text(json.dumps(tiny), encoding="utf-8")
    options = f"--data {dataset} --split {dataset / 'split.json'} --cache {tmp_path / 'cache'} --size 64 --crop 32"
    options += f" --threads 1 --epochs 10 --out {tmp_path} --architecture {tmp_path / 'model.architecture.json'}"
    training.train(training.arguments(options.split()))
    export(tmp_path / "checkpoint.pt", tmp_path / "model.onnx", 64, 64)
    words = ["convert", "model.onnx", "-o", "model.aseg", "--calibrate", dataset / "701_StillsRaw_full"]
    words += ["--classes", dataset / "classes.csv"]
    done = subprocess.run(["node", str(CLI), *map(str, words)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tmp_path


@needs_build
@torch.no_grad()
def test_a_model_file_gives_back_the_network_it_was_made_of(stored: Path, tiny: dict[str, Any]) -> None:
    wanted = load_network(stored / "checkpoint.pt")
    network, image = Network(tiny), natural()
    names = start_from_aseg(network, stored / "model.aseg", ["Road", "Sky", "Tree", "Void"], [image])
    assert names == [name for name, _ in network.named_parameters()]
    noise = (network.eval()(image) - wanted(image)).square().mean() / wanted(image).var()
    assert noise < 0.01
    in_training = network.train()(image)
    torch.testing.assert_close(in_training, network.eval()(image), atol=1e-3, rtol=1e-3)

    names = start_from_aseg(network, stored / "model.aseg", ["Tree", "House", "Sky", "Car"], [image])
    assert not any(name.startswith("head.") for name in names)
    torch.testing.assert_close(network.eval()(image)[:, [0, 2]], wanted(image)[:, [2, 1]], atol=0.3, rtol=0.3)


@needs_build
@torch.no_grad()
def test_a_network_of_another_architecture_inherits_what_fits(stored: Path, tiny: dict[str, Any]) -> None:
    path, classes, image = str(stored / "model.aseg"), ["Road", "Sky", "Tree", "Void"], natural()
    wider = copy.deepcopy(tiny)
    wider["stages"][3]["blocks"].append({"expand": 24, "condenser": None})  # starts with a projection of zero
    network, same = Network(wider), Network(tiny)
    assert start(network, path, classes, [image]) == []
    assert len(start(same, path, classes, [image])) == len(list(same.parameters()))
    torch.testing.assert_close(network.eval()(image), same.eval()(image))


@needs_build
def test_files_that_do_not_fit_are_refused(stored: Path, tiny: dict[str, Any]) -> None:
    path, classes = stored / "model.aseg", ["Road", "Sky", "Tree", "Void"]
    tiny["stages"][2]["blocks"][0]["expand"] = 24
    with pytest.raises(ValueError, match=r"model\.aseg: holds another architecture: stages\.2\.0\.expand\.0 does"):
        start_from_aseg(Network(tiny), path, classes, [natural()])
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.aseg: is damaged"):
        read_aseg(path)
    path.write_text("<!doctype html>" * 9, encoding="utf-8")
    with pytest.raises(ValueError, match=r"model\.aseg: not an \.aseg file"):
        read_aseg(path)
    with pytest.raises(ValueError, match=r"other\.architecture\.json: no such file; name the architecture"):
        architecture_for(str(stored / "other.aseg"), None)


@needs_build
def test_one_command_goes_on_from_a_model_file_with_other_classes(stored: Path, dataset: Path) -> None:
    own = stored / "own"
    (own / "images").mkdir(parents=True)
    (own / "labels").mkdir()
    (own / "classes.csv").write_text("index,name,r,g,b\n0,Ground,1,1,1\n1,Sky,2,2,2\n", encoding="utf-8")
    for path in (dataset / "701_StillsRaw_full").iterdir():
        Image.open(path).save(own / "images" / f"{path.stem}.png")
        label = np.asarray(Image.open(dataset / "LabeledApproved_full" / f"{path.stem}_L.png"))
        Image.fromarray((label[..., 0] == 128).astype(np.uint8)).save(own / "labels" / f"{path.stem}.png")
    options = f"--data {own} --cache {stored / 'cache'} --size 64 --crop 32 --threads 1 --epochs 1 --whole 0"
    options += f" --init {stored / 'model.aseg'} --out {stored / 'tuned'}"
    training.train(training.arguments(options.split()))
    state = torch.load(stored / "tuned" / "checkpoint.pt", weights_only=True)
    assert state["architecture"]["classes"] == 2
    assert state["architecture"]["name"] == "tiny"
    assert (stored / "tuned" / "model.onnx").stat().st_size > 1000
    with pytest.raises(ValueError, match=r"model\.aseg: a teacher has the same 2 classes"):
        words = [*options.split(), "--teacher", str(stored / "model.aseg")]
        training.train(training.arguments([*words, "--out", str(stored / "taught")]))


@needs_build
def test_a_model_file_teaches(stored: Path, dataset: Path) -> None:
    options = f"--data {dataset} --cache {stored / 'cache'} --size 64 --crop 32 --threads 1 --epochs 8 --whole 0"
    options += f" --architecture {stored / 'model.architecture.json'} --teacher {stored / 'model.aseg'} --follow 1"
    training.train(training.arguments([*options.split(), "--out", str(stored / "taught")]))
    losses = [entry["loss"] for entry in read_log(stored / "taught" / "log.jsonl")]
    assert losses[-1] < 0.8 * losses[0]


def test_a_checkpoint_starts_another_run(tiny: dict[str, Any], tmp_path: Path) -> None:
    first = Network(tiny)
    state = {"architecture": tiny, "ema": first.state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    path = str(tmp_path / "checkpoint.pt")
    assert architecture_for(path, None) == tiny
    same, other = Network(tiny), Network(tiny | {"classes": 7})
    assert len(start_from_checkpoint(same, path)) == len(list(same.parameters()))
    assert torch.equal(same.head.weight, first.head.weight)
    assert len(start_from_checkpoint(other, path)) == len(list(same.parameters())) - 2
    assert torch.equal(other.stem[0].weight, first.stem[0].weight)
    tiny["refinement"]["width"] = 16
    with pytest.raises(ValueError, match="holds another architecture"):
        start_from_checkpoint(Network(tiny), path)
