"""The space of design exploration, exact costs, inherited weights.

ATTENDSEG_NETWORKS says how many sampled networks are built, and ATTENDSEG_EXPORTS how many of them are exported; the
defaults are small because the exporter is slow.
"""

import copy
import json
import os
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from explored import PRETRAINED, SHIPPED, needs_build, sampled
from PIL import Image

from tools.explore.engine import CLI, Engine, EngineError
from tools.explore.generator import generate
from tools.train.inherit import inherit
from tools.explore.space import (
    MOVES,
    Architecture,
    crossover,
    identity,
    moves_from,
    mutate,
    sample,
    smallest,
    within,
)
from tools.train import export
from tools.train.cost import count
from tools.train.evaluate import evaluate
from tools.train.network import Network, check
from tools.train.pretrained import read_imagenet, widened

NETWORKS = int(os.environ.get("ATTENDSEG_NETWORKS", "60"))
EXPORTS = int(os.environ.get("ATTENDSEG_EXPORTS", "2"))


def test_samples_moves_and_crossovers_stay_in_the_space() -> None:
    assert within(SHIPPED)
    assert within(smallest(32))
    check(smallest(32))
    for number in range(NETWORKS):
        random, architecture = Random(number), sampled(number)
        check(architecture)
        assert within(architecture)
        before = copy.deepcopy(architecture)
        for move in random.sample(MOVES, 8):
            child = mutate(random, architecture, move)
            if child is not None:
                check(child)
                assert within(child), move
                assert identity(child) != identity(architecture), move
        child = crossover(random, architecture, sample(random, 32))
        check(child)
        assert within(child)
        assert architecture == before


def test_every_move_is_possible_somewhere() -> None:
    networks = [sampled(number) for number in range(1, 40, 2)]
    for move in MOVES:
        assert any(mutate(Random(1), network, move) for network in networks), move


def test_a_pretrained_prototype_keeps_what_fits_its_weights() -> None:
    state, moves, cut = read_imagenet(), moves_from("imagenet"), 0
    assert set(moves) < set(MOVES)
    for number in range(12):
        child = generate(Random(number), PRETRAINED, None, 12, moves)[0]
        own = 1 + sum(len(stage["blocks"]) for stage in child["stages"][:3])
        assert widened(Network(child), state)[1] >= own
        cut += own < 1 + sum(len(stage["blocks"]) for stage in PRETRAINED["stages"][:3])
    assert cut


def test_left_out_fields_do_not_make_another_network() -> None:
    written = copy.deepcopy(SHIPPED)
    written["stem"]["stride"], written["refinement"]["scales"], written["name"] = 2, [16, 8, 4], "other"
    assert identity(written) == identity(SHIPPED)


@pytest.mark.parametrize("scales", [[16], [8], [4], [16, 4], [16, 8, 4]])
def test_scores_lie_at_the_last_scale_that_refines(scales: list[int], tiny: dict[str, Any]) -> None:
    tiny["stem"]["stride"] = 4
    tiny["refinement"] = {"width": 8, "kernel": 3, "scales": scales}
    network = Network(tiny).eval()
    frames, labels = np.zeros((1, 64, 96, 3), np.uint8), np.zeros((1, 64, 96), np.uint8)
    with torch.no_grad():
        assert network(torch.rand(1, 3, 64, 96)).shape == (1, 4, 64 // scales[-1], 96 // scales[-1])
    assert 0 <= evaluate(network, frames, labels, 4, 3).accuracy <= 1


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("stem", "stride", 3),
        ("refinement", "scales", []),
        ("refinement", "scales", [4, 8]),
        ("refinement", "scales", [32]),
    ],
)
def test_other_strides_and_scales_are_refused(part: str, field: str, value: Any, tiny: dict[str, Any]) -> None:
    tiny[part][field] = value
    with pytest.raises(ValueError, match=f"{part}.{field}: expected"):
        check(tiny)


@needs_build
def test_sampled_networks_build_and_cost_what_the_engine_says() -> None:
    with Engine() as engine:
        for number in range(NETWORKS):
            architecture = sampled(number)
            with torch.device("meta"):
                counted = count(Network(architecture), 512, 512)
            blocks = [block for stage in architecture["stages"] for block in stage["blocks"]]
            condensers = [block["condenser"] for block in blocks] + architecture["refinement"].get("condensers", [])
            gates = sum(bool(form and form["residual"]) for form in condensers)
            cost = engine.cost(architecture)
            assert (cost["parameters"], cost["macs"]) == (counted.parameters - gates, counted.macs)
        with pytest.raises(EngineError, match="stages"):
            engine.cost(SHIPPED | {"stages": []})
    with Engine(size="100x100") as engine, pytest.raises(EngineError, match="multiple of 32"):
        engine.cost(SHIPPED)


def ask(*words: str | Path) -> Any:
    """What a command of the package answers in JSON."""
    command = ["node", str(CLI), *map(str, words), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


@needs_build
def test_cost_equals_what_the_converter_makes_of_exported_networks(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.onnx" for number in range(EXPORTS)]
    for number, path in enumerate(paths):
        onnx.save(export.onnx_model(Network(sampled(number)).eval(), 64, 64), path)
    with Engine() as engine:
        for number, got in enumerate(ask("cost", *paths)):
            assert got == {"file": str(paths[number])} | engine.cost(sampled(number)), number
    images = tmp_path / "images"
    images.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(images / "noise.png")
    ask("convert", paths[-1], "-o", tmp_path / "network.aseg", "--calibrate", images, "--force")  # it is not trained
    inspected = ask("inspect", tmp_path / "network.aseg", "--size", "512x512")
    assert got == {"file": str(paths[-1])} | {key: inspected[key] for key in got.keys() - {"file"}}


def scrambled(architecture: Architecture) -> Network:
    """A network with random weights and batch statistics, in evaluation mode."""
    torch.manual_seed(1)
    network = Network(architecture)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) - (0 if "running_var" in name else 0.5))
    return network.eval()


GROWTH = ("wider", "expand more", "larger kernel", "deeper")


@pytest.mark.parametrize("move", [move for move in MOVES if move[0] in GROWTH], ids=" ".join)
def test_a_network_that_grew_computes_what_its_parent_did(move: tuple[str, str], tiny: dict[str, Any]) -> None:
    parent = copy.deepcopy(tiny)
    own = {"expand": 16, "condenser": None}
    parent["stages"][3]["blocks"] += [own, own | {"width": 40}]
    child = mutate(Random(1), parent, move)
    assert child is not None
    image, old = torch.rand(1, 3, 64, 64), scrambled(parent)
    new = Network(child).eval()
    share = inherit(new, child, parent, old.state_dict())
    assert 0.3 < share <= 1
    with torch.no_grad():
        torch.testing.assert_close(new(image), old(image), rtol=1e-4, atol=1e-4)


def test_a_network_that_shrank_keeps_the_channels_with_the_largest_weights(tiny: dict[str, Any]) -> None:
    parent, child = copy.deepcopy(tiny), copy.deepcopy(tiny)
    child["stages"][2]["blocks"][0]["expand"] = 8
    old = Network(parent)
    block = old.stages[2][0]
    with torch.no_grad():
        for conv in (block.expand[0], block.depthwise[0]):
            conv.weight[1::2] *= 0.01
        block.project[0].weight[:, 1::2] *= 0.01
    new = Network(child)
    inherit(new, child, parent, old.state_dict())
    torch.testing.assert_close(new.stages[2][0].expand[0].weight, block.expand[0].weight[::2])
    torch.testing.assert_close(new.stages[2][0].project[0].weight, block.project[0].weight[:, ::2])


def test_a_stage_with_fewer_blocks_keeps_the_one_that_changes_its_width(tiny: dict[str, Any]) -> None:
    parent, child = copy.deepcopy(tiny), copy.deepcopy(tiny)
    middle = {"expand": 16, "condenser": {"pool": 1, "ratio": 1.0, "residual": True}}
    parent["stages"][3]["blocks"] += [middle, {"expand": 24, "width": 40, "condenser": None}]
    child["stages"][3]["blocks"] += parent["stages"][3]["blocks"][-1:]
    old, new = scrambled(parent), Network(child).eval()
    assert inherit(new, child, parent, old.state_dict()) == 1
    with torch.no_grad():
        old.stages[3][1].project[1].weight.zero_()
        old.stages[3][1].project[1].bias.zero_()
        image = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(new(image), old(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", [SHIPPED, PRETRAINED], ids=["shipped", "pretrained"])
def test_a_network_inherits_all_of_itself(architecture: Architecture) -> None:
    old, new = scrambled(architecture), Network(architecture)
    assert inherit(new, architecture, architecture, old.state_dict()) == 1
    for key, value in new.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, old.state_dict()[key]), key
