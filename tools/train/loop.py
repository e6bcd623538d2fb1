"""What training and quantization-aware training share: the state of a run, its folder, and the loop.

A run folder holds checkpoint.pt (everything needed to go on), log.jsonl (one object an epoch) and curves.png. A
checkpoint is {"architecture", "validation", ..., "place", "network", "ema", "optimizer"}.
"""

import argparse
import copy
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from tools.train.camvid import CACHE
from tools.train.curves import plot, read_log
from tools.train.loss import EVERY
from tools.train.network import STRIDE
from tools.train.optimization import average, rate
from tools.train.views import Batches

START = {"epoch": 0, "step": 0, "done": 0, "total": 0.0, "whole": False, "frozen": False, "spent": 0.0}
"""Place of a run at its beginning: epochs and steps done, steps done of this epoch and their loss, whether it shows
whole frames and leaves a part of the network as it is, seconds spent."""


def shared_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that training and quantization-aware training have in common."""
    add = parser.add_argument
    add("--data", default="../shared/camvid", help="data set folder")
    add("--coarse", nargs="+", default=[], help="folders of further frames whose labels are groups of classes")
    add("--unseen", help="text file with names of --coarse frames that are measured on, not trained on")
    add("--out", required=True, help="run folder, made if missing")
    add("--cache", default=str(CACHE), help="folder for decoded frames")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--epochs", type=int, help="length of the schedule in epochs")
    length.add_argument("--minutes", type=float, help="length of the schedule in minutes of training time")
    add("--resume", action="store_true", help="go on from the run folder's checkpoint, if there is one")
    add("--size", type=int, default=512, help="side of a whole frame")
    add("--checkpoint-seconds", type=float, default=120, help="seconds between checkpoints")
    add("--threads", type=int, default=2, help="CPU threads of PyTorch")
    add("--seed", type=int, default=1, help="seed of weights and views")


def check_size(parser: argparse.ArgumentParser, name: str, value: int) -> None:
    """Ends the program with code 2 for a side that no network can take."""
    if value < STRIDE or value % STRIDE:
        parser.error(f"--{name} must be a multiple of {STRIDE}, got {value}")


def set_up(options: argparse.Namespace) -> torch.device:
    """Threads, denormals and seed as the options say; the device that this process trains on."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # without it small values slow a CPU down severalfold after some hundred steps
    torch.manual_seed(options.seed)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def processes() -> tuple[int, int]:
    """(number of this process, how many there are): as torchrun set them up, else (0, 1)."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def order(seed: int, epoch: int, views: int, batch: int) -> list[int]:
    """The views this process sees in an epoch, whole batches of them, a function of (seed, epoch) alone."""
    rank, world = processes()
    random = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    share = torch.randperm(views, generator=random).tolist()[rank : views - views % world : world]
    return share[: max(len(share) // batch, 1) * batch]


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint so that `path` is always a whole file: a temporary name, then a rename."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@dataclass
class Task:
    """What differs between runs.

    batches   (epoch, whole) -> the batches of an epoch
    loss      (network, image, label, corner) -> the loss of a step; the corner of each 4x4 pixels that counts
    evaluate  (averaged network, everything or a part) -> figures for the log
    whole     last share of the schedule, whose epochs show whole frames
    thawed    first share of the schedule, after whose epochs `frozen` stays as it is
    frozen    a part of the network; weights and statistics
    settle    called after each step with the highest learning rate of the step
    """

    batches: Callable[[int, bool], Batches]
    loss: Callable[[nn.Module, Tensor, Tensor, tuple[int, int]], Tensor]
    evaluate: Callable[[nn.Module, bool], dict[str, float]]
    whole: float = 0.0
    thawed: float = 1.0
    frozen: Sequence[nn.Module] = ()
    settle: Callable[[float], None] = lambda highest: None


class Run:
    """A run: its state, saved and resumed. `form` is what a checkpoint says besides (architecture, validation, ...)."""

    def __init__(
        self, options: argparse.Namespace, network: nn.Module, steps: torch.optim.Optimizer, form: dict[str, Any]
    ) -> None:
        self.options, self.network, self.steps, self.form = options, network, steps, form
        self.ema = copy.deepcopy(network).eval()
        self.place = dict(START)
        self.out = Path(options.out)
        self.log: list[dict[str, Any]] = []
        self._begin = self._saved = time.monotonic()
        self._spent = 0.0

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.out / "checkpoint.pt"

    def resume(self, identity: dict[str, str]) -> bool:
        """Goes on from the folder's checkpoint, if the options say so and there is one.

        identity  fields in which the checkpoint must agree with `form`, and what people call them; ValueError if not
        """
        if not (self.options.resume and self.checkpoint.exists()):
            return False
        device = next(self.network.parameters()).device
        state = torch.load(self.checkpoint, map_location=device, weights_only=True)
        for key, words in identity.items():
            if state.get(key) != self.form[key]:
                raise ValueError(f"{self.checkpoint}: was trained with another {words}")
        self.network.load_state_dict(state["network"])
        self.ema.load_state_dict(state["ema"])
        self.steps.load_state_dict(state["optimizer"])
        self.place |= state["place"]
        self._spent = self.place["spent"]
        self.log = [entry for entry in read_log(self.out / "log.jsonl") if entry["epoch"] <= self.place["epoch"]]
        return True

    def save(self) -> None:
        """Writes the checkpoint."""
        self.place["spent"] = self.spent()
        models = {"network": self.network, "ema": self.ema, "optimizer": self.steps}
        save(self.checkpoint, self.form | {"place": self.place} | {k: m.state_dict() for k, m in models.items()})
        self._saved = time.monotonic()

    def spent(self) -> float:
        """Seconds of training, those before interruptions included."""
        return self._spent + time.monotonic() - self._begin

    def progress(self, share_of_epoch: float = 0.0) -> float:
        """Share of the schedule that is done, 1 or more at its end."""
        if self.options.minutes is not None:
            return self.spent() / (60 * self.options.minutes) if self.options.minutes else 1.0
        return (self.place["epoch"] + share_of_epoch) / self.options.epochs if self.options.epochs else 1.0

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved > self.options.checkpoint_seconds

    def train(self, task: Task) -> None:
        """Runs the schedule to its end; the first of several processes writes the files."""
        rank, world = processes()
        parallel = DistributedDataParallel(self.network) if world > 1 else self.network
        if rank == 0:
            lines = "".join(json.dumps(entry) + "\n" for entry in self.log)
            (self.out / "log.jsonl").write_text(lines, encoding="utf-8")
        self._begin = time.monotonic()
        while self.progress() < 1:
            entry, last = self._epoch(parallel, task, rank)
            if rank > 0:
                continue
            if last or self.place["epoch"] % self.options.evaluate_every == 0:
                entry |= task.evaluate(self.ema, last)
            self._note(entry)
            if last or self.is_due():
                self.save()
                plot(self.log, self.out / "curves.png")
        if rank == 0 and not self.log:
            self.save()
            print(describe(task.evaluate(self.ema, True)), flush=True)

    def _epoch(self, parallel: nn.Module, task: Task, rank: int) -> tuple[dict[str, Any], bool]:
        """Trains for the rest of an epoch: (its entry for the log, whether the schedule is at its end)."""
        place = self.place
        if place["done"] == 0:
            place["whole"] = self.progress() >= 1 - task.whole
            place["frozen"] = self.progress() >= task.thawed
        batches, began = task.batches(place["epoch"], place["whole"]), time.monotonic()
        now = self.progress(max(place["done"] - 1, 0) / len(batches))  # if resumed after an epoch's last step
        self.network.train()
        for part in task.frozen if place["frozen"] else ():
            part.eval().requires_grad_(False)
        quiet = rank > 0 or not sys.stderr.isatty()
        for number in tqdm(
            range(place["done"], len(batches)), f"epoch {place['epoch'] + 1}", leave=False, disable=quiet
        ):
            now = self.progress(place["done"] / len(batches))
            if now >= 1:
                break
            highest = rate(now, self.options.rate)
            for group in self.steps.param_groups:
                group["lr"] = highest * group["factor"]
            corner = (place["step"] // EVERY % EVERY, place["step"] % EVERY)
            loss = task.loss(parallel, *batches[number], corner)
            self.steps.zero_grad(set_to_none=True)
            loss.backward()
            self.steps.step()
            task.settle(highest)
            place["step"] += 1
            place["done"] += 1
            place["total"] += loss.item()
            average(self.ema, self.network, min(self.options.ema, (1 + place["step"]) / (10 + place["step"])))
            if rank == 0 and self.is_due():
                self.save()
        entry = {"epoch": place["epoch"] + 1, "whole": place["whole"], "loss": place["total"] / max(1, place["done"])}
        entry |= {"rate": rate(now, self.options.rate), "seconds": round(time.monotonic() - began, 2)}
        place |= {"epoch": place["epoch"] + 1, "done": 0, "total": 0.0}
        return entry, self.progress() >= 1

    def _note(self, entry: dict[str, Any]) -> None:
        """Adds an epoch to the log, in memory, in its file and on the screen."""
        entry["spent"] = round(self.spent(), 1)
        self.log.append(entry)
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(describe(entry), flush=True)


def describe(entry: dict[str, float]) -> str:
    """An entry of the log in one line."""
    return " ".join(f"{key} {value:.4g}" for key, value in entry.items())
