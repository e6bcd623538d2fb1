"""Trains the network of an architecture file on CamVid. The whole loop is in this file.

    python tools/train/train.py --out RUN --minutes 105

The run folder holds checkpoint.pt (everything needed to go on: `--resume`), log.jsonl (one object an epoch)
and curves.png. With --minutes the schedule follows the training time spent, which the checkpoint remembers,
so a run ends at a known moment; with --epochs it follows the epochs, and the result depends on the seed only.
"""

import argparse
import copy
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from camvid import CACHE, CamVid, Crops, DataError, read_split
from cost import count
from evaluate import enlarge, evaluate
from network import STRIDE, Network, load_architecture


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    models = Path("models/attendseg-camvid")
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", default="../shared/camvid", help="data set folder")
    add("--architecture", default=f"{models}.architecture.json", help="architecture JSON")
    add("--split", default=f"{models}.split.json", help='split JSON with a list "validation"')
    add("--out", required=True, help="run folder, made if missing")
    add("--cache", default=str(CACHE), help="folder for decoded frames")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--epochs", type=int, help="length of the schedule in epochs")
    length.add_argument("--minutes", type=float, help="length of the schedule in minutes of training time")
    add("--resume", action="store_true", help="go on from the run folder's checkpoint, if there is one")
    add("--size", type=int, default=512, help="side of a whole frame")
    add("--crop", type=int, default=256, help="side of a crop")
    add("--batch", type=int, default=8, help="crops a step (whole frames: half as many)")
    add("--whole", type=float, default=0.2, help="last share of the schedule, on whole frames")
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
    for mean, value in zip(ema.state_dict().values(), network.state_dict().values()):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
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
    )


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log.jsonl; nothing if it does not exist, and a torn last line is skipped."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def plot(log: list[dict[str, Any]], path: Path) -> None:
    """Draws loss, accuracy and mean IoU over the epochs into a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    left.plot([e["epoch"] for e in log], [e["loss"] for e in log], label="training loss")
    left.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    rated = [e for e in log if "accuracy" in e]
    for key in ("accuracy", "accuracy_no_void", "mean_iou"):
        right.plot([e["epoch"] for e in rated], [100 * e[key] for e in rated], label=key.replace("_", " "))
    right.set(xlabel="epoch", ylabel="%", title="validation frames (averaged weights)")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def train(options: argparse.Namespace) -> None:
    """Runs the schedule; see the head of this file. DataError or ValueError for bad input files."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # without it small values slow a CPU down severalfold after some hundred steps
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    architecture = load_architecture(options.architecture)
    data = CamVid(options.data)
    classes, void = architecture["classes"], data.classes.void
    if len(data.classes.names) != classes:
        raise ValueError(f"{options.architecture}: {classes} classes, but the data has {len(data.classes.names)}")
    training, validation = read_split(options.split, data.names)
    frames, labels = data.load(training, options.size * 3 // 2, Path(options.cache))
    kept = data.load(validation, options.size, Path(options.cache))

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    network = Network(architecture).to(device, memory_format=torch.channels_last)
    cost = count(copy.deepcopy(network).cpu(), options.size, options.size)
    print(f"{cost.parameters / 1e6:.3f} M parameters, {cost.macs / 1e9:.3f} GMACs; {len(training)} training frames")
    ema = copy.deepcopy(network).eval()
    steps = optimiser(network, options.decay)
    epoch, step, spent, log = 0, 0, 0.0, []
    if options.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        if state["architecture"] != architecture:
            raise ValueError(f"{checkpoint}: was trained with another architecture than {options.architecture}")
        network.load_state_dict(state["network"])
        ema.load_state_dict(state["ema"])
        steps.load_state_dict(state["optimiser"])
        epoch, step, spent = state["epoch"], state["step"], state["spent"]
        log = [entry for entry in read_log(out / "log.jsonl") if entry["epoch"] <= epoch]
    (out / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log), encoding="utf-8")

    start = saved = time.monotonic()

    def time_spent() -> float:
        return spent + time.monotonic() - start

    def progress(step_of_epoch: int = 0, steps_of_epoch: int = 1) -> float:
        if options.minutes is not None:
            return time_spent() / (60 * options.minutes)
        return (epoch + step_of_epoch / steps_of_epoch) / options.epochs

    def keep() -> None:
        state = {"architecture": architecture, "epoch": epoch, "step": step, "spent": time_spent()}
        models = {"network": network.state_dict(), "ema": ema.state_dict(), "optimiser": steps.state_dict()}
        save(checkpoint, state | models | {"seed": options.seed, "validation": validation})

    while progress() < 1:
        whole = progress() >= 1 - options.whole
        side, scales = (options.size, (0.9, 1.2)) if whole else (options.crop, (0.6, 1.6))
        views = Crops(frames, labels, side, options.size, scales, options.seed, epoch)
        order = torch.Generator().manual_seed(options.seed * 1_000_003 + epoch)
        batch = max(1, options.batch // 2) if whole else options.batch
        loader = DataLoader(
            views, batch, shuffle=True, drop_last=len(views) > batch, num_workers=options.workers, generator=order
        )
        network.train()
        began, total, seen = time.monotonic(), 0.0, 0
        for i, (picture, label) in enumerate(
            tqdm(loader, f"epoch {epoch + 1}", leave=False, disable=not sys.stderr.isatty())
        ):
            now = progress(i, len(loader))
            if now >= 1:
                break
            for group in steps.param_groups:
                group["lr"] = rate(now, options.rate)
            picture = picture.to(device).float().div(255).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(picture)  # [batch, classes, side / 4, side / 4]
            loss = F.cross_entropy(enlarge(logits.float()), label.to(device).long())
            steps.zero_grad(set_to_none=True)
            loss.backward()
            steps.step()
            step += 1
            average(ema, network, min(options.ema, (1 + step) / (10 + step)))
            total, seen = total + loss.item() * len(picture), seen + len(picture)
        epoch += 1
        entry = {"epoch": epoch, "whole": whole, "loss": total / max(1, seen), "rate": rate(now, options.rate)}
        entry["seconds"] = round(time.monotonic() - began, 2)
        last = progress() >= 1
        if last or epoch % options.evaluate_every == 0:
            some = slice(None) if last else slice(None, None, 4)
            result = evaluate(ema, kept[0][some], kept[1][some], classes, void)
            entry |= {key: getattr(result, key) for key in ("accuracy", "accuracy_no_void", "mean_iou")}
            entry["frames"] = len(kept[0][some])
        entry["spent"] = round(time_spent(), 1)
        log.append(entry)
        with open(out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(" ".join(f"{k} {v:.4g}" for k, v in entry.items()), flush=True)
        if last or time.monotonic() - saved > options.checkpoint_seconds:
            keep()
            plot(log, out / "curves.png")
            saved = time.monotonic()


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    try:
        train(arguments())
    except (DataError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
