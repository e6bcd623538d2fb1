"""Trains the network of an architecture file on labelled frames. The whole loop is in this file.

    python tools/train/train.py --out RUN --minutes 105

The run folder holds checkpoint.pt (everything needed to go on: `--resume`), log.jsonl (one object an epoch),
curves.png and, at the end, model.onnx (the averaged weights, for attendseg convert). With --minutes the schedule
follows the training time spent, which the checkpoint remembers, so a run ends at a known moment; with --epochs it follows the epochs, and the result depends on the seed only.
"""

import argparse
import copy
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import ConcatDataset, DataLoader
from tqdm import tqdm

from camvid import CACHE, CamVid, CoarseCamVid, DataError, read_split
from cost import count
from curves import plot, read_log
from evaluate import evaluate
from export import export
from loss import sampled_loss
from network import STRIDE, Network, load_architecture
from split import choose
from views import Crops


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    models = Path("models/attendseg-camvid")
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", default="../shared/camvid", help="data set folder")
    add("--architecture", default=f"{models}.architecture.json", help="architecture JSON")
    add("--coarse", help="folder with further frames whose labels are groups of classes, for training only")
    add("--split", help='split JSON with a list "validation" (unset: a sixth of the frames, see RUN/split.json)')
    add("--out", required=True, help="run folder, made if missing")
    add("--cache", default=str(CACHE), help="folder for decoded frames")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--epochs", type=int, help="length of the schedule in epochs")
    length.add_argument("--minutes", type=float, help="length of the schedule in minutes of training time")
    add("--resume", action="store_true", help="go on from the run folder's checkpoint, if there is one")
    add("--size", type=int, default=512, help="side of a whole frame")
    add("--crop", type=int, default=256, help="side of a crop")
    add("--batch", type=int, default=8, help="crops a step (whole frames: half as many)")
    add("--whole", type=float, default=0.2, help="last share of the schedule, on whole frames with fine labels")
    add("--scales", type=float, nargs=2, default=(0.5, 1.5), help="smallest and largest scale of a crop")
    add("--rate", type=float, default=4e-3, help="highest learning rate")
    add("--decay", type=float, default=2e-2, help="weight decay")
    add("--ema", type=float, default=0.998, help="decay of the averaged weights, a step")
    add("--evaluate-every", type=int, default=10, help="epochs between evaluations on a quarter of the split")
    add("--checkpoint-seconds", type=float, default=120, help="seconds between checkpoints")
    add("--threads", type=int, default=2, help="CPU threads of PyTorch")
    add("--workers", type=int, default=1, help="processes that prepare views")
    add("--seed", type=int, default=1, help="seed of weights and views")
    options = parser.parse_args(argv)
    if (options.epochs or options.minutes or 0) <= 0:
        parser.error("--epochs and --minutes must be positive")
    for name in ("size", "crop"):
        if getattr(options, name) < STRIDE or getattr(options, name) % STRIDE:
            parser.error(f"--{name} must be a multiple of {STRIDE}, got {getattr(options, name)}")
    if options.minutes and processes()[1] > 1:
        parser.error("--minutes is for one process; with torchrun give --epochs, so that all agree on the end")
    if options.crop > options.size:
        parser.error(f"--crop must not exceed --size, got {options.crop} and {options.size}")
    return options


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint so that `path` is always a whole file: a temporary name, then a rename."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def rate(progress: float, highest: float) -> float:
    """Learning rate at a share (0..1) of the schedule: 3 % of warm-up, then half a cosine down to 0."""
    if progress < 0.03:
        return highest * max(progress, 0.0003) / 0.03
    return highest * 0.5 * (1 + math.cos(math.pi * min(1, (progress - 0.03) / 0.97)))


@torch.no_grad()
def average(ema: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    """ema = decay * ema + (1 - decay) * network, over weights and batch statistics; counters are copied."""
    pairs = list(zip(ema.state_dict().values(), network.state_dict().values()))
    torch._foreach_lerp_(
        [mean for mean, _ in pairs if mean.is_floating_point()],
        [value for _, value in pairs if value.is_floating_point()],
        1 - decay,
    )
    for mean, value in pairs:
        if not mean.is_floating_point():
            mean.copy_(value)


def optimiser(network: torch.nn.Module, decay: float) -> torch.optim.AdamW:
    """AdamW; weight decay on convolution weights only, not on biases, norms and gate scales."""
    parameters = list(network.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=0.0,
        fused=True,
    )


def processes() -> tuple[int, int]:
    """(number of this process, how many there are): as torchrun set them up, else (0, 1)."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def order(seed: int, epoch: int, views: int, batch: int) -> list[int]:
    """The views this process sees in an epoch, whole batches of them, a function of (seed, epoch) alone."""
    rank, world = processes()
    random = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    share = torch.randperm(views, generator=random).tolist()[rank : views - views % world : world]
    return share[: max(len(share) // batch, 1) * batch]


class Data:
    """The frames of a run: `training` [(frames, labels), ...], first those with fine labels; `kept` for validation;
    `groups` bool [groups, classes] of the coarse labels; `classes`, `void`; `validation`, their names."""

    def __init__(self, options: argparse.Namespace) -> None:
        """DataError for whatever is wrong with the folders or the split."""
        data, cache, side = CamVid(options.data), Path(options.cache), options.size * 3 // 2
        self.classes, self.void = len(data.classes.names), data.classes.void
        if options.split:
            names, self.validation, excluded = read_split(options.split, data.names)
        else:
            self.validation = choose(data.names, max(1, len(data.names) // 6))
            names, excluded = sorted(set(data.names) - set(self.validation)), []
        self.training = [data.load(names, side, cache)]
        self.kept = data.load(self.validation, options.size, cache)
        self.groups = torch.zeros(0, self.classes, dtype=torch.bool)
        if options.coarse:
            coarse = CoarseCamVid(options.coarse, data.classes)
            self.groups = torch.from_numpy(coarse.groups)
            self.training.append(coarse.load(sorted(set(coarse.names) - set(excluded)), side, cache))


def train(options: argparse.Namespace) -> None:
    """Runs the schedule; see the head of this file. DataError or ValueError for bad input files."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # without it small values slow a CPU down severalfold after some hundred steps
    torch.manual_seed(options.seed)
    rank, world = processes()
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Data(options)
    architecture = load_architecture(options.architecture) | {"classes": data.classes}
    checkpoint = out / "checkpoint.pt"
    network = Network(architecture).to(device, memory_format=torch.channels_last)
    if rank == 0:
        if not options.split:
            (out / "split.json").write_text(json.dumps({"validation": data.validation}), encoding="utf-8")
        cost = count(copy.deepcopy(network).cpu(), options.size, options.size)
        frames = sum(len(part[0]) for part in data.training)
        print(f"{cost.parameters / 1e6:.3f} M parameters, {cost.macs / 1e9:.3f} GMACs; {frames} training frames")
    ema = copy.deepcopy(network).eval()
    steps = optimiser(network, options.decay)
    place = {"epoch": 0, "step": 0, "done": 0, "total": 0.0, "whole": False, "spent": 0.0}
    log = []
    if options.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        if state["architecture"] != architecture:
            raise ValueError(f"{checkpoint}: was trained with another architecture than {options.architecture}")
        network.load_state_dict(state["network"])
        ema.load_state_dict(state["ema"])
        steps.load_state_dict(state["optimiser"])
        place = state["place"]
        log = [entry for entry in read_log(out / "log.jsonl") if entry["epoch"] <= place["epoch"]]
    parallel = DistributedDataParallel(network) if world > 1 else network
    if rank == 0:
        (out / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log), encoding="utf-8")

    start = saved = time.monotonic()
    spent = place["spent"]

    def time_spent() -> float:
        return spent + time.monotonic() - start

    def progress(share_of_epoch: float = 0.0) -> float:
        if options.minutes is not None:
            return time_spent() / (60 * options.minutes)
        return (place["epoch"] + share_of_epoch) / options.epochs

    def keep() -> None:
        nonlocal saved
        place["spent"] = time_spent()
        models = {"network": network.state_dict(), "ema": ema.state_dict(), "optimiser": steps.state_dict()}
        save(checkpoint, {"architecture": architecture, "validation": data.validation, "place": place} | models)
        saved = time.monotonic()

    while progress() < 1:
        if place["done"] == 0:
            place["whole"] = progress() >= 1 - options.whole
        whole = place["whole"]
        side, scales = (options.size, (0.9, 1.2)) if whole else (options.crop, options.scales)
        sets = data.training[:1] if whole else data.training
        views = ConcatDataset(
            Crops(*part, side, options.size, scales, options.seed + 1000 * i, place["epoch"])
            for i, part in enumerate(sets)
        )
        batch = max(1, options.batch // 2) if whole else options.batch
        batch = min(batch, len(views) // world)
        share = order(options.seed, place["epoch"], len(views), batch)
        count_of_steps, began = len(share) // batch, time.monotonic()
        now = progress(max(place["done"] - 1, 0) / count_of_steps)  # of a checkpoint after the last step of an epoch
        loader = DataLoader(views, batch, sampler=share[place["done"] * batch :], num_workers=options.workers)
        network.train()
        for picture, label in tqdm(
            loader, f"epoch {place['epoch'] + 1}", leave=False, disable=rank > 0 or not sys.stderr.isatty()
        ):
            now = progress(place["done"] / count_of_steps)
            if now >= 1:
                break
            for group in steps.param_groups:
                group["lr"] = rate(now, options.rate)
            picture = picture.to(device).float().div(255).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = parallel(picture)  # [batch, classes, side / 4, side / 4], or smaller
            corner = (place["step"] // 2 % 2, place["step"] % 2)
            loss = sampled_loss(logits.float(), label.to(device), data.groups, corner)
            steps.zero_grad(set_to_none=True)
            loss.backward()
            steps.step()
            place["step"] += 1
            place["done"] += 1
            place["total"] += loss.item()
            average(ema, network, min(options.ema, (1 + place["step"]) / (10 + place["step"])))
            if rank == 0 and time.monotonic() - saved > options.checkpoint_seconds:
                keep()
        entry = {"epoch": place["epoch"] + 1, "whole": whole, "loss": place["total"] / max(1, place["done"])}
        entry |= {"rate": rate(now, options.rate), "seconds": round(time.monotonic() - began, 2)}
        place |= {"epoch": place["epoch"] + 1, "done": 0, "total": 0.0}
        last = progress() >= 1
        if rank > 0:
            continue
        if last or place["epoch"] % options.evaluate_every == 0:
            some = slice(None) if last else slice(None, None, 4)
            result = evaluate(ema, data.kept[0][some], data.kept[1][some], data.classes, data.void)
            entry |= {key: getattr(result, key) for key in ("accuracy", "accuracy_no_void", "mean_iou")}
            entry["frames"] = len(data.kept[0][some])
        entry["spent"] = round(time_spent(), 1)
        log.append(entry)
        with open(out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(" ".join(f"{k} {v:.4g}" for k, v in entry.items()), flush=True)
        if last or time.monotonic() - saved > options.checkpoint_seconds:
            keep()
            plot(log, out / "curves.png")
    if rank == 0:
        export(checkpoint, out / "model.onnx", options.size, options.size)


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    options = arguments()
    if processes()[1] > 1:
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        train(options)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    except (DataError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
