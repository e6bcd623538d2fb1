"""The whole way on synthetic data: train, kill, resume, export; and the parts of the loop."""

import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from conftest import ROOT, program
from torch import nn

from tools.train import export
from tools.train.curves import read_log
from tools.train.loop import order, save
from tools.train.network import Network
from tools.train.optimization import average, rate
from tools.train.train import arguments, train


@pytest.fixture
def command(dataset: Path, tiny: dict[str, Any], tmp_path: Path) -> list[str]:
    """Options of a short run on the synthetic data: crops of 32, whole frames of 64, four views a step."""
    architecture = tmp_path / "tiny.json"
    architecture.write_text(json.dumps(tiny), encoding="utf-8")
    return (
        f"--data {dataset} --architecture {architecture} --split {dataset / 'split.json'}"
        f" --cache {tmp_path / 'cache'} --size 64 --crop 32 --batch 4 --evaluate-every 2 --threads 1"
    ).split()


def compare(a: Any, b: Any, path: str) -> None:
    """Asserts that two checkpoints are equal bit for bit, apart from the time spent."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a.keys() - {"spent"}:
            compare(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b)):
            compare(x, y, f"{path}[{i}]")
    else:
        assert a == b, path


def run(options: list[str], out: Path) -> dict[str, Any]:
    """Trains in this process and returns the checkpoint."""
    train(arguments([*options, "--out", str(out)]))
    return torch.load(out / "checkpoint.pt", weights_only=True)


@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_bfloat16_is_left_out_where_a_processor_lacks_it(
    capability: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    plain, short = (run([*command, "--epochs", "1", *more], tmp_path / str(len(more))) for more in ([], ["--bfloat16"]))
    same = all(torch.equal(plain["network"][name], value) for name, value in short["network"].items())
    lacks = capability == "AVX2"
    assert same == lacks
    assert ("float32 is used" in capsys.readouterr().out) == lacks


def test_a_killed_run_resumes_to_the_same_bits_and_exports(command: list[str], tmp_path: Path) -> None:
    options = [*command, "--epochs", "6", "--checkpoint-seconds", "0"]
    whole = run(options, tmp_path / "whole")
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.train.train", *options, "--out", str(killed)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (killed / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["place"]["epoch"] < 6
    compare(whole, run([*options, "--resume"], killed), "checkpoint")
    logs = [list(read_log(out / "log.jsonl")) for out in (tmp_path / "whole", killed)]
    for one, other in zip(*logs, strict=True):
        assert one | {"seconds": 0, "spent": 0} == other | {"seconds": 0, "spent": 0}
    assert [entry["whole"] for entry in logs[0]] == [False] * 5 + [True]
    assert "accuracy" in logs[0][-1]
    assert (tmp_path / "whole" / "curves.png").stat().st_size > 1000

    target = tmp_path / "tiny.onnx"
    worst, largest = export.export(killed / "checkpoint.pt", target, 64, 96)
    assert worst < 1e-4 * max(1, largest)
    model = onnx.load(target)
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 64, 96]
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [1, 4, 16, 24]
    assert {node.op_type for node in model.graph.node} == export.OPERATIONS - {"AveragePool", "Clip"}
    assert str(ROOT).encode() not in target.read_bytes()
    resizes = [node for node in model.graph.node if node.op_type == "Resize"]
    constants = {tensor.name for tensor in model.graph.initializer}
    assert len(resizes) == 6
    assert all(len(node.input) == 3 and node.input[2] in constants for node in resizes)


@pytest.mark.parametrize("saves", [1, 2, 3])
def test_a_run_stopped_after_any_step_resumes_to_the_same_bits(
    saves: int, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch has two steps: stopped within it, after its last step, and after its end."""
    options = [*command, "--epochs", "2", "--whole", "0", "--checkpoint-seconds", "0"]
    whole = run(options, tmp_path / "whole")
    left = saves

    def save_and_stop(path: Path, state: dict[str, Any]) -> None:
        nonlocal left
        save(path, state)
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tools.train.loop.save", save_and_stop)
        run(options, tmp_path / "stopped")
    compare(whole, run([*options, "--resume"], tmp_path / "stopped"), "checkpoint")
    logs = [list(read_log(tmp_path / name / "log.jsonl")) for name in ("whole", "stopped")]
    for one, other in zip(*logs, strict=True):
        assert one | {"seconds": 0, "spent": 0} == other | {"seconds": 0, "spent": 0}


def test_one_command_trains_on_a_folder_without_a_split(command: list[str], tmp_path: Path) -> None:
    at = command.index("--split")
    run([*command[:at], *command[at + 2 :], "--epochs", "1"], tmp_path / "run")
    validation = json.loads((tmp_path / "run" / "split.json").read_text(encoding="utf-8"))["validation"]
    assert len(validation) == 1
    assert (tmp_path / "run" / "model.onnx").stat().st_size > 1000


def test_two_processes_share_a_run(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "two"
    at = command.index("--split")
    command = [*command[:at], *command[at + 2 :]]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    options = [*command, "--batch", "2", "--epochs", "3", "--whole", "0", "--out", str(out)]
    done = subprocess.run([*launch, "-m", "tools.train.train", *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    entries = list(read_log(out / "log.jsonl"))
    assert [entry["epoch"] for entry in entries] == [1, 2, 3]
    assert entries[-1]["loss"] < entries[0]["loss"]
    assert torch.load(out / "checkpoint.pt", weights_only=True)["place"]["step"] == 3 * 2


def test_the_processes_of_a_run_see_all_views_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in "012":
        monkeypatch.setenv("RANK", rank)
        shares.append(order(seed=1, epoch=2, views=26, batch=4))
    assert [len(share) for share in shares] == [8, 8, 8]
    assert len({view for share in shares for view in share}) == 24


class Clock:
    """Stands in for the module time: every look at it takes a tenth of a second."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


def test_a_run_by_minutes_ends_in_time_and_resumes_as_finished(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.train.loop.time", Clock())
    options = [*command, "--minutes", "0.1"]
    state = run(options, tmp_path / "run")
    assert 6 <= state["place"]["spent"] < 8
    entries = list(read_log(tmp_path / "run" / "log.jsonl"))
    assert not entries[0]["whole"]
    assert entries[-1]["whole"]
    assert entries[-1]["rate"] < entries[1]["rate"]
    assert run([*options, "--resume"], tmp_path / "run")["place"]["epoch"] == state["place"]["epoch"]


def test_training_learns(command: list[str], tmp_path: Path) -> None:
    run([*command, "--epochs", "50"], tmp_path / "run")
    entries = list(read_log(tmp_path / "run" / "log.jsonl"))
    assert entries[-1]["loss"] < 0.7 * entries[0]["loss"]
    assert entries[-1]["accuracy"] > 0.6


def test_mistakes_of_the_user_end_in_one_line(command: list[str], tiny: dict[str, Any], tmp_path: Path) -> None:
    def message(name: str, *options: str) -> str:
        done = program(f"train.{name}", *options)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    out = str(tmp_path / "run")
    assert "classes.csv" in message("train", "--data", str(tmp_path / "no"), "--out", out, "--epochs", "1")
    (tmp_path / "page.pt").write_text("<!doctype html>", encoding="utf-8")
    assert "page.pt: not a checkpoint" in message("export", str(tmp_path / "page.pt"), str(tmp_path / "x.onnx"))
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize("options", ["--epochs 0", "--minutes -1", "--epochs 1 --size 100", "--epochs 1 --crop 1024"])
def test_options_without_sense_are_refused(options: str) -> None:
    with pytest.raises(SystemExit) as left:
        arguments(["--out", "run", *options.split()])
    assert left.value.code == 2


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save(path, {"epoch": 1})
    with pytest.raises(Exception, match="pickle"):
        save(path, {"epoch": 2, "broken": lambda: None})
    assert torch.load(path, weights_only=True) == {"epoch": 1}


def test_a_torn_line_of_the_log_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert list(read_log(path)) == []
    path.write_text('{"epoch": 1}\n{"epoch": 2, "lo', encoding="utf-8")
    assert list(read_log(path)) == [{"epoch": 1}]


def test_another_architecture_cannot_be_resumed(command: list[str], tiny: dict[str, Any], tmp_path: Path) -> None:
    options = [*command, "--epochs", "1"]
    run(options, tmp_path / "run")
    tiny["refinement"]["width"] = 16
    (tmp_path / "tiny.json").write_text(json.dumps(tiny), encoding="utf-8")
    with pytest.raises(ValueError, match="another architecture"):
        run([*options, "--resume"], tmp_path / "run")


def test_rate_warms_up_and_ends_at_zero() -> None:
    assert rate(0, 1) == pytest.approx(0.01)
    assert rate(0.015, 1) == pytest.approx(0.5)
    assert rate(0.03, 1) == pytest.approx(1)
    assert rate(0.515, 1) == pytest.approx(0.5)
    assert rate(1, 1) == rate(1.5, 1) == pytest.approx(0)


def test_average_moves_weights_and_statistics_and_copies_counters() -> None:
    ema, network = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    network.weight.data.fill_(3)
    network.running_mean.fill_(8)
    network.num_batches_tracked.fill_(5)
    average(ema, network, 0.75)
    assert ema.weight.tolist() == [1.5, 1.5]
    assert ema.running_mean.tolist() == [2, 2]
    assert ema.num_batches_tracked == 5


def test_folding_changes_nothing_but_the_number_of_layers(tiny: dict[str, Any]) -> None:
    network = Network(tiny)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    folded = export.fold(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(folded(image), network.eval()(image), rtol=1e-4, atol=1e-5)


def test_what_is_frozen_stays(command: list[str], tmp_path: Path) -> None:
    first = run([*command, "--epochs", "2", "--freeze", "0"], tmp_path / "run")["network"]
    options = [*command, "--epochs", "4", "--freeze", "0.5", "--resume"]
    last = run(options, tmp_path / "run")["network"]
    for name, value in first.items():
        if name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(value, last[name]) == name.startswith(("stem.", "stages.0.")), name


def test_a_teacher_is_followed(command: list[str], tmp_path: Path) -> None:
    """With the labels' weight at nothing, a network comes closer to its teacher's predictions."""
    run([*command, "--epochs", "8"], tmp_path / "teacher")
    teacher = str(tmp_path / "teacher" / "checkpoint.pt")
    options = [*command, "--epochs", "8", "--seed", "2", "--teacher", teacher, "--follow", "1"]
    run(options, tmp_path / "run")
    losses = [entry["loss"] for entry in read_log(tmp_path / "run" / "log.jsonl")]
    assert losses[-1] < 0.5 * losses[0]
    with pytest.raises(ValueError, match=r"model\.onnx: not a checkpoint"):
        run([*command, "--epochs", "1", "--teacher", str(tmp_path / "run" / "model.onnx")], tmp_path / "other")
