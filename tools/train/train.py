"""Trains the network of an architecture file on labelled frames.

    python -m tools.train.train --out RUN --minutes 105

The run folder holds what loop.py says and, at the end, model.onnx (the averaged weights, for attendseg convert). With
--minutes the schedule follows the training time spent, which the checkpoint remembers, so a run ends at a known moment;
with --epochs it follows the epochs, and the result depends on the seed only.
"""

import argparse
import copy
import json
import sys

import torch
from torch import Tensor, nn

from tools.train.baselines import build
from tools.train.bfloat16 import is_emulated, use_fast_depthwise
from tools.train.camvid import DataError
from tools.train.cost import count
from tools.train.data import Data, some_images
from tools.train.export import export, fold
from tools.train.loop import Run, Task, check_size, order, processes, set_up, shared_arguments
from tools.train.loss import distillation_loss, sampled_loss
from tools.train.network import STRIDE, Network
from tools.train.optimization import Anchor, optimizer
from tools.train.start import architecture_for, load_float, start
from tools.train.views import Batches, Form

WHOLE_SCALES = (0.9, 1.2)
START_FRAMES = 32
"""Frames that a pretrained start is narrowed on."""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    shared_arguments(parser)
    add = parser.add_argument
    add("--architecture", help="architecture JSON or edgesegnet (unset: the flagship's, or that of --init)")
    add("--init", help="imagenet, a model file NAME.aseg or a checkpoint.pt to start from (unset: from scratch)")
    add("--init-rate", type=float, default=0.25, help="learning rate of weights not new, as a share of the others'")
    add("--pull", type=float, default=0.1, help="strength that pulls weights not new to where they started")
    add("--teacher", help="NAME.aseg or checkpoint.pt of a larger network whose predictions the training follows, too")
    add("--follow", type=float, default=0.5, help="weight (0..1) of the teacher's predictions against the labels")
    add("--lovasz", type=float, default=0, help="weight of the Lovasz loss (for mean IoU) beside cross-entropy's 1")
    add("--split", help='split JSON with a list "validation" (unset: a sixth of the frames, see RUN/split.json)')
    add("--repeat", type=int, default=1, help="views of each frame with fine labels in an epoch")
    add("--crop", type=int, default=256, help="side of a crop")
    add("--batch", type=int, default=8, help="crops a step (whole frames: half as many)")
    add("--freeze", type=float, default=1, help="share of the schedule after which layers down to 1/4 stay")
    add("--whole", type=float, default=0.2, help="last share of the schedule, on whole frames with fine labels")
    add("--scales", type=float, nargs=2, default=(0.4, 1.3), help="smallest and largest scale of a crop")
    add("--mix", type=float, default=0.25, help="share of the crops onto which parts of another are pasted")
    add("--rate", type=float, default=4e-3, help="highest learning rate")
    add("--decay", type=float, default=2e-2, help="weight decay")
    add("--ema", type=float, default=0.998, help="decay of the averaged weights, a step")
    add("--bfloat16", action="store_true", help="compute in bfloat16 on a CPU, as on a GPU")
    add("--evaluate-every", type=int, default=10, help="epochs between evaluations on a quarter of the frames")
    options = parser.parse_args(argv)
    if (options.epochs or options.minutes or 0) <= 0:
        parser.error("--epochs and --minutes must be positive")
    for name in ("size", "crop"):
        check_size(parser, name, getattr(options, name))
    if options.minutes and processes()[1] > 1:
        parser.error("--minutes is for one process; with torchrun give --epochs, so that all agree on the end")
    if options.crop > options.size:
        parser.error(f"--crop must not exceed --size, got {options.crop} and {options.size}")
    if options.freeze < 1 and processes()[1] > 1:
        parser.error("--freeze is for one process")
    if not 0 <= options.follow <= 1:
        parser.error(f"--follow must be within 0 and 1, got {options.follow}")
    if not options.lovasz >= 0:
        parser.error(f"--lovasz must be at least 0, got {options.lovasz}")
    if options.repeat < 1:
        parser.error(f"--repeat must be at least 1, got {options.repeat}")
    return options


def load_teacher(path: str, data: Data, side: int, device: torch.device) -> nn.Module:
    """The network of a model file or of a float checkpoint, folded; ValueError if its classes are others."""
    if path.endswith(".aseg"):
        network = Network(architecture_for(path, None) | {"classes": data.classes})
        known = len(start(network, path, data.names, some_images(data, START_FRAMES, side)))
        has_classes = known == len(list(network.parameters()))
    else:
        network = load_float(path)
        has_classes = network.architecture["classes"] == data.classes
    if not has_classes:
        raise ValueError(f"{path}: a teacher has the same {data.classes} classes")
    return fold(network).to(device, memory_format=torch.channels_last)


def train(options: argparse.Namespace) -> None:
    """Runs the schedule; see the head of this file. DataError or ValueError for bad input files."""
    device = set_up(options)
    rank, world = processes()
    data = Data(options, device)
    architecture = architecture_for(options.init, options.architecture) | {"classes": data.classes}
    side = STRIDE * architecture.get("shrink", 1)
    if options.size % side or options.crop % side:
        raise ValueError(f"--size and --crop: expected multiples of {side}, since the network shrinks the image")
    network = build(architecture)
    names = start(network, options.init, data.names, some_images(data, START_FRAMES, options.size))
    network = network.to(device, memory_format=torch.channels_last)
    in_bfloat16 = device.type == "cuda" or options.bfloat16 and not is_emulated()
    if options.bfloat16 and not in_bfloat16 and rank == 0:
        print("--bfloat16: this processor would take twenty times as long, float32 is used")
    if in_bfloat16:
        use_fast_depthwise(network)
    anchor = Anchor((p for name, p in network.named_parameters() if name in set(names)), options.pull)
    steps = optimizer(network, options.decay, names, options.init_rate)
    run = Run(options, network, steps, {"architecture": architecture, "validation": data.validation})
    run.out.mkdir(parents=True, exist_ok=True)
    run.resume({"architecture": "architecture"})
    if rank == 0:
        if not options.split:
            (run.out / "split.json").write_text(json.dumps({"validation": data.validation}), encoding="utf-8")
        cost = count(copy.deepcopy(network).cpu(), options.size, options.size)
        frames = sum(len(part.frames) for part in data.training)
        print(f"{cost.parameters / 1e6:.3f} M parameters, {cost.macs / 1e9:.3f} GMACs; {frames} training frames")

    teacher = load_teacher(options.teacher, data, options.size, device) if options.teacher else None

    def batches(epoch: int, whole: bool) -> Batches:
        sources = data.training[:1] if whole else data.training
        times = [1 if i or whole else options.repeat for i in range(len(sources))]
        views = [(i, n) for i, source in enumerate(sources) for n in [*range(len(source.frames))] * times[i]]
        batch = min(max(1, options.batch // 2) if whole else options.batch, len(views) // world)
        form = Form(options.crop, options.size, options.scales, options.mix)
        if whole:
            form = Form(options.size, options.size, WHOLE_SCALES)
        chosen = [views[i] for i in order(options.seed, epoch, len(views), batch)]
        return Batches(sources, chosen, batch, form, options.seed + 1000 * rank, epoch)

    def loss(model: nn.Module, image: Tensor, label: Tensor, corner: tuple[int, int]) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16):
            logits = model(image).float()  # [batch, classes, side / 4, side / 4], or smaller
            with torch.no_grad():
                wanted = teacher(image).float() if teacher else None
        total = sampled_loss(logits, label, data.groups, corner, options.lovasz)
        if wanted is None:
            return total
        apart = distillation_loss(logits, wanted, image.shape[2] // logits.shape[2], corner)
        return torch.lerp(total, apart, options.follow)

    def settle(highest: float) -> None:
        anchor.pull(highest * options.init_rate)

    frozen = (network.stem, network.separable, network.stages[0]) if isinstance(network, Network) else ()
    run.train(Task(batches, loss, data.measure, options.whole, options.freeze, frozen, settle))
    if rank == 0:
        export(run.checkpoint, run.out / "model.onnx", options.size, options.size)


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
