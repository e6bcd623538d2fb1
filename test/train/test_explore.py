"""Design exploration: the space, exact costs, inherited weights, the search and its command line.

ATTENDSEG_NETWORKS says how many sampled networks are built, and ATTENDSEG_EXPORTS how many of them are exported; the
defaults are small because the exporter is slow.
"""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT

EXPLORE = ROOT / "tools" / "explore"
sys.path.insert(0, str(EXPLORE))

import ablation
import export
import onnx
from cost import count
from draw import draw
from engine import CLI, Engine, EngineError
from evaluate import evaluate
from generator import Inquisitor
from inherit import inherit
from limits import Limits, amount, fitness, net_score
from network import Network, check
from PIL import Image
from proxy import synthetic
from rank import choose, spearman
from report import front
from search import Proposal, Search, SearchError, Settings
from space import MOVES, Architecture, crossover, identity, mutate, sample, smallest, within
from store import Store, StoreError
from surrogate import Surrogate, features

NETWORKS = int(os.environ.get("ATTENDSEG_NETWORKS", "60"))
EXPORTS = int(os.environ.get("ATTENDSEG_EXPORTS", "2"))
SHIPPED = json.loads((ROOT / "models" / "attendseg-camvid.architecture.json").read_text(encoding="utf-8"))

needs_build = pytest.mark.skipif(not CLI.exists(), reason="dist/cli.js is not built")


def sampled(number: int) -> Architecture:
    """Every other one from anywhere in the space, the others a dozen moves from the shipped network."""
    return list(draw(SHIPPED, 2, number))[number % 2]


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


def test_left_out_fields_do_not_make_another_network() -> None:
    written = copy.deepcopy(SHIPPED)
    written["stem"]["stride"], written["refinement"]["scales"], written["name"] = 2, [16, 8, 4], "other"
    assert identity(written) == identity(SHIPPED)


@pytest.mark.parametrize("scales", [[16], [8], [4], [16, 4], [16, 8, 4]])
def test_scores_lie_at_the_last_scale_that_refines(scales: list[int], tiny: dict[str, Any]) -> None:
    tiny["stem"]["stride"], tiny["refinement"]["scales"] = 4, scales
    network = Network(tiny).eval()
    frames, labels = np.zeros((1, 64, 96, 3), np.uint8), np.zeros((1, 64, 96), np.uint8)
    with torch.no_grad():
        assert network(torch.rand(1, 3, 64, 96)).shape == (1, 4, 64 // scales[-1], 96 // scales[-1])
    assert 0 <= evaluate(network, frames, labels, 4, 3).accuracy <= 1


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [("stem", "stride", 3), ("refinement", "scales", []), ("refinement", "scales", [4, 8]), ("refinement", "scales", [2])],
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
            gates = sum(bool(block["condenser"] and block["condenser"]["residual"]) for block in blocks)
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
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(pictures / "noise.png")
    ask("convert", paths[-1], "-o", tmp_path / "network.aseg", "--calibrate", pictures)
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
    parent["stages"][3]["blocks"].append({"expand": 16, "condenser": None})
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


def test_a_network_inherits_all_of_itself() -> None:
    old, new = scrambled(SHIPPED), Network(SHIPPED)
    assert inherit(new, SHIPPED, SHIPPED, old.state_dict()) == 1
    for key, value in new.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, old.state_dict()[key]), key


def test_amounts_have_units() -> None:
    assert [amount(text) for text in ("1e9", "1.1M", "6MiB", "5 kB")] == [1e9, 1.1e6, 6 << 20, 5e3]
    for text in ("", "0", "-1", "1e", "6 apples", "nan"):
        with pytest.raises(ValueError, match="expected a positive number"):
            amount(text)


def test_fitness_is_the_netscore_less_what_accuracy_lacks() -> None:
    cost = {"parameters": 1.19e6, "macs": 7.45e9}
    assert net_score(0.8989, cost) == pytest.approx(68.67, abs=0.01)  # the paper's row of AttendSeg
    limits = Limits(max_loss=0.01, max_macs=7e9)
    assert limits.broken(cost) == ["--max-macs 7000000000: 7450000000"]
    assert fitness("netscore", limits, 0.89, cost, 0.90) == net_score(0.89, cost)
    assert fitness("netscore", limits, 0.88, cost, 0.90) == pytest.approx(net_score(0.88, cost) - 4)


def test_the_generator_learns_which_moves_help() -> None:
    inquisitor = Inquisitor()
    assert len(set(inquisitor.probabilities().values())) == 1
    for _ in range(5):
        inquisitor.learn([("narrower", "32")], 1.0)
        inquisitor.learn([("wider", "4")], -1.0)
    learned = inquisitor.probabilities()
    assert sum(learned.values()) == pytest.approx(1)
    best, kin, unknown, worst = (("narrower", "32"), ("narrower", "8"), ("deeper", "8"), ("wider", "4"))
    assert learned[best] > learned[kin] > learned[unknown] > learned[worst] > 0


def start(folder: Path, engine: Engine, budget: int = 30, **limits: float) -> Search:
    """A search that has not begun."""
    settings = Settings(Limits(**limits), "netscore", budget, 1, ablation.IDLE, ablation.IDLE)
    return Search(settings, Store(folder), engine, SHIPPED)


def guess(proposal: Proposal, _: int) -> tuple[float, dict[str, torch.Tensor]]:
    """A judge that only looks at the cost: more is better, less and less so."""
    return 1 - 0.1 * (1e6 / proposal.cost["parameters"]), {}


@needs_build
def test_a_killed_search_goes_on_to_the_same_networks(tmp_path: Path) -> None:
    def stop(candidate: dict[str, Any]) -> None:
        if candidate["number"] == 17:
            raise KeyboardInterrupt

    with Engine() as engine:
        limits = {"max_macs": 1e9, "max_params": 1.1e6}
        whole = start(tmp_path / "whole", engine, **limits)
        whole.run(guess, lambda _: 0.9, lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path / "killed", engine, **limits).run(guess, lambda _: 0.9, stop)
        killed = start(tmp_path / "killed", engine, **limits)
        assert len(killed.store.candidates()) == 18
        killed.run(guess, lambda _: 0.9, lambda _: None)
    ids = [[candidate["id"] for candidate in search.store.candidates()] for search in (whole, killed)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 30
    for candidate in whole.store.candidates():
        assert not whole.settings.limits.broken(candidate["cost"])
        assert identity(candidate["architecture"]) == candidate["id"]
    best = front(whole.store.candidates(), "macs")
    assert all(a["level"] < b["level"] for a, b in zip(best, best[1:]))


@needs_build
def test_impossible_limits_are_named_at_once(tmp_path: Path) -> None:
    with Engine() as engine:
        with pytest.raises(SearchError, match=r"no network of the space keeps --max-memory 100000: \d+ is the least"):
            start(tmp_path, engine, max_memory=1e5)
        with pytest.raises(SearchError, match="--max-params 1000"):
            start(tmp_path, engine, max_params=1e3, max_macs=1e9)


def test_a_folder_holds_one_search(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep_settings({"seed": 1, "budget": 5})
    store.keep_settings({"seed": 1, "budget": 9})
    with pytest.raises(StoreError, match="holds a search with --seed 1, not 2"):
        store.keep_settings({"seed": 2, "budget": 9})


def test_a_claim_of_a_process_that_ended_is_void(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        owner = json.dumps({"host": os.uname().nodename, "process": other.pid})
        (tmp_path / "claims" / "abc").write_text(owner, encoding="utf-8")
        assert not store.claim("abc")
    assert store.claim("abc")


def test_spearman_is_the_correlation_of_ranks() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 99]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]) == pytest.approx(1 - 6 * 4 / (5 * 24))
    some = [{"id": str(i), "level": i / 10} for i in range(10)]
    assert [candidate["level"] for candidate in choose(some, 3)] == [0, 0.4, 0.9]


def test_the_surrogate_finds_a_linear_rule_again() -> None:
    rule = np.random.default_rng(1).normal(0, 1e-3, len(features(SHIPPED)))
    networks = [sample(Random(number), 32) for number in range(200)]
    known = [{"architecture": network, "level": 0.5 + float(rule @ features(network))} for network in networks]
    surrogate = Surrogate(known[:150])
    wrong = [abs(surrogate.accuracy(entry["architecture"]) - entry["level"]) for entry in known[150:]]
    assert max(wrong) < 0.1 * np.std([entry["level"] for entry in known])
    assert surrogate.explained > 0.99


@needs_build
def test_the_ablation_compares_both_arms_on_equal_terms() -> None:
    known = [{"architecture": sampled(i), "level": 0.6 + 0.02 * float(features(sampled(i))[3])} for i in range(60)]
    result = ablation.compare(known, 0.002, 2, 15, CLI, str(ROOT / ablation.PROTOTYPE))
    for arm in result["arms"].values():
        assert [point["candidates"] for point in arm] == [5, 10, 15]
        for early, late in zip(arm, arm[1:]):
            assert all(a <= b for a, b in zip(early["fitness"], late["fitness"]))


def test_drawn_streets_are_always_the_same_and_show_every_class() -> None:
    frames, labels = synthetic(12, 64)
    assert frames.shape == (12, 64, 64, 3)
    assert set(np.unique(labels)) == set(range(5))
    again = synthetic(12, 64)
    assert (again[0] == frames).all()
    assert (again[1] == labels).all()


@needs_build
def test_two_processes_share_a_search_and_a_third_call_finds_it_done(tmp_path: Path) -> None:
    short = ["--steps", "1", "--base-steps", "1", "--budget", "6", "--out", "run", "--max-macs", "1e9"]
    short += ["--prototype", str(ROOT / "models" / "attendseg-camvid.architecture.json")]
    command = ["node", str(CLI), "explore", *short, "--python", sys.executable]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    files = [json.loads(path.read_text()) for path in (tmp_path / "run" / "candidates").glob("*.json")]
    assert 6 <= len(files) <= 7
    assert all(0 < candidate["accuracy"] < 1 for candidate in files)
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path)
    result = json.loads(again.stdout)
    assert (result["candidates"], result["limits"]) == (len(files), {"max_macs": 1e9})
    assert "going on after" in again.stderr
    assert (tmp_path / "run" / "pareto.png").stat().st_size > 5000
    assert "| prototype |" in (tmp_path / "run" / "table.md").read_text()
    other = subprocess.run([*command, "--seed", "2"], capture_output=True, text=True, cwd=tmp_path)
    assert (other.returncode, other.stderr) == (1, "attendseg: run: holds a search with --seed 1, not 2\n")
