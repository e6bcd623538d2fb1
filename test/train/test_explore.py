"""Design exploration: limits, the generator, the search, the proofs and the command line."""

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
from explored import SHIPPED, needs_build, sampled

from tools.explore import ablation
from tools.explore.engine import CLI, Engine
from tools.explore.generator import Inquisitor
from tools.explore.limits import Limits, amount, fitness, net_score
from tools.explore.proxy import synthetic
from tools.explore.rank import choose, spearman
from tools.explore.report import front
from tools.explore.search import Proposal, Search, SearchError, Settings
from tools.explore.space import identity, sample
from tools.explore.store import Store, StoreError
from tools.explore.surrogate import Surrogate, features


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
    """A trial that only looks at the cost: more is better, less and less so."""
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


@needs_build
def test_a_microcontroller_needs_the_memory_of_a_standalone_module() -> None:
    path = ROOT / "models" / "attendseg-camvid-micro.architecture.json"
    tiny = json.loads(path.read_text(encoding="utf-8"))
    with Engine(size="128x128", standalone=True) as alone, Engine(size="128x128") as library:
        assert alone.cost(tiny)["memoryBytes"] <= 200 * 1024 < library.cost(tiny)["memoryBytes"]


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
