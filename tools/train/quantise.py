"""Quantisation-aware training: goes on from a float checkpoint of train.py in the engine's arithmetic.

    python tools/train/quantise.py RUN/checkpoint.pt --out QUANTISED --minutes 15
    python tools/train/export.py QUANTISED/checkpoint.pt model.onnx

Ranges are calibrated on training frames, then weights and scales are trained on whole frames with plain
cross-entropy. The run folder is like that of train.py: checkpoint.pt (`--resume`), log.jsonl and curves.png. With
--epochs 0 the network is calibrated only, which shows what the training gains.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from camvid import CACHE, CamVid, DataError, read_split
from curves import plot, read_log
from evaluate import evaluate
from export import load_network
from loss import sampled_loss
from network import STRIDE
from quantised import QuantisedNetwork, calibrate
from train import average, optimiser, rate, save
from views import Crops

SCALES = (0.9, 1.2)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("checkpoint", help="checkpoint.pt of train.py; its averaged weights are the beginning")
    add("--data", default="../shared/camvid", help="data set folder")
    add("--split", default="models/attendseg-camvid.split.json", help='split JSON with a list "validation"')
    add("--out", required=True, help="run folder, made if missing")
    add("--cache", default=str(CACHE), help="folder for decoded frames")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--epochs", type=int, help="length of the schedule in epochs")
    length.add_argument("--minutes", type=float, help="length of the schedule in minutes of training time")
    add("--resume", action="store_true", help="go on from the run folder's checkpoint, if there is one")
    add("--bits", type=int, choices=(7, 8), default=7, help="bits of activations; 7 run everywhere at full speed")
    add("--size", type=int, default=512, help="side of a frame")
    add("--batch", type=int, default=4, help="frames a step")
    add("--calibrate", type=int, default=32, help="training frames to choose the first ranges on")
    add("--rate", type=float, default=2e-4, help="highest learning rate")
    add("--ema", type=float, default=0.99, help="decay of the averaged weights, a step")
    add("--evaluate-every", type=int, default=2, help="epochs between evaluations on a quarter of the split")
    add("--checkpoint-seconds", type=float, default=120, help="seconds between checkpoints")
    add("--threads", type=int, default=2, help="CPU threads of PyTorch")
    add("--workers", type=int, default=1, help="processes that prepare views")
    add("--seed", type=int, default=1, help="seed of the views")
    options = parser.parse_args(argv)
    if (options.minutes if options.epochs is None else options.epochs) < 0:
        parser.error("--epochs and --minutes must not be negative")
    if options.size < STRIDE or options.size % STRIDE:
        parser.error(f"--size must be a multiple of {STRIDE}, got {options.size}")
    return options


def pictures(frames: np.ndarray, count: int, size: int) -> Iterator[torch.Tensor]:
    """`count` frames of uint8 [n, S, S, 3], spread evenly, each shrunk to [1, 3, size, size] in [0, 1]."""
    for index in np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int):
        picture = torch.tensor(frames[index]).permute(2, 0, 1)[None].float() / 255
        yield F.interpolate(picture, (size, size), mode="bilinear", antialias=True)


def train(options: argparse.Namespace) -> None:
    """Runs the schedule; see the head of this file. DataError or ValueError for bad input files."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = False  # sums of whole numbers must stay exact
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = CamVid(options.data)
    classes, void = len(data.classes.names), data.classes.void
    training, validation, _ = read_split(options.split, data.names)
    frames, labels = data.load(training, options.size * 3 // 2, Path(options.cache))
    kept = data.load(validation, options.size, Path(options.cache))
    groups = torch.zeros(0, classes, dtype=torch.bool)

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    beginning = load_network(options.checkpoint)
    if isinstance(beginning, QuantisedNetwork):
        raise ValueError(f"{options.checkpoint}: is quantised already; give the checkpoint of train.py")
    architecture = beginning.architecture
    if architecture["classes"] != classes:
        raise ValueError(f"{options.checkpoint}: {architecture['classes']} classes, but the data has {classes}")
    network = QuantisedNetwork(beginning, options.bits).to(device, memory_format=torch.channels_last)
    steps = optimiser(network, 0.0)
    epoch, step, spent, log, state = 0, 0, 0.0, [], None
    if options.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        if (state["architecture"], state["bits"]) != (architecture, options.bits):
            raise ValueError(f"{checkpoint}: was trained with another architecture or number of bits")
        network.load_state_dict(state["network"])
        steps.load_state_dict(state["optimiser"])
        epoch, step, spent = state["epoch"], state["step"], state["spent"]
        log = [entry for entry in read_log(out / "log.jsonl") if entry["epoch"] <= epoch]
    else:
        calibrate(network, (picture.to(device) for picture in pictures(frames, options.calibrate, options.size)))
    ema = copy.deepcopy(network).eval()
    if state:
        ema.load_state_dict(state["ema"])
    (out / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log), encoding="utf-8")

    start = saved = time.monotonic()

    def time_spent() -> float:
        return spent + time.monotonic() - start

    def progress(step_of_epoch: int = 0, steps_of_epoch: int = 1) -> float:
        if options.minutes is not None:
            return time_spent() / (60 * options.minutes) if options.minutes else 1.0
        return (epoch + step_of_epoch / steps_of_epoch) / options.epochs if options.epochs else 1.0

    def rated(some: slice) -> dict[str, float]:
        result = evaluate(ema, kept[0][some], kept[1][some], classes, void)
        scores = {key: getattr(result, key) for key in ("accuracy", "accuracy_no_void", "mean_iou")}
        return scores | {"frames": len(kept[0][some])}

    def keep() -> None:
        models = {"network": network.state_dict(), "ema": ema.state_dict(), "optimiser": steps.state_dict()}
        counts = {"epoch": epoch, "step": step, "spent": time_spent()}
        form = {"architecture": architecture, "bits": options.bits, "validation": validation}
        save(checkpoint, form | counts | models)

    while progress() < 1:
        views = Crops(frames, labels, options.size, options.size, SCALES, options.seed, epoch)
        order = torch.Generator().manual_seed(options.seed * 1_000_003 + epoch)
        dropped = len(views) > options.batch
        loader = DataLoader(
            views, options.batch, shuffle=True, drop_last=dropped, num_workers=options.workers, generator=order
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
            corner = (step // 2 % 2, step % 2)
            loss = sampled_loss(network(picture) * network.scale, label.to(device), groups, corner)
            steps.zero_grad(set_to_none=True)
            loss.backward()
            steps.step()
            step += 1
            average(ema, network, min(options.ema, (1 + step) / (10 + step)))
            total, seen = total + loss.item() * len(picture), seen + len(picture)
        epoch += 1
        entry = {"epoch": epoch, "loss": total / max(1, seen), "rate": rate(now, options.rate)}
        entry["seconds"] = round(time.monotonic() - began, 2)
        last = progress() >= 1
        if last or epoch % options.evaluate_every == 0:
            entry |= rated(slice(None) if last else slice(None, None, 4))
        entry["spent"] = round(time_spent(), 1)
        log.append(entry)
        with open(out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        report(entry)
        if last or time.monotonic() - saved > options.checkpoint_seconds:
            keep()
            plot(log, out / "curves.png")
            saved = time.monotonic()
    if not log:
        keep()
        report(rated(slice(None)))


def report(entry: dict[str, float]) -> None:
    """Prints an entry of the log in one line."""
    print(" ".join(f"{key} {value:.4g}" for key, value in entry.items()), flush=True)


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    try:
        train(arguments())
    except (DataError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
