"""Quantization-aware training: goes on from a float checkpoint of train.py in the engine's arithmetic.

    python -m tools.train.qat RUN/checkpoint.pt --out QUANTIZED --minutes 15
    python -m tools.train.export QUANTIZED/checkpoint.pt model.onnx

Ranges are calibrated on training frames, then weights and scales are trained on whole frames with plain
cross-entropy. The run folder is like that of train.py (see loop.py). With --epochs 0 the network is calibrated only,
which shows what the training gains.
"""

import argparse
import sys

import torch
from torch import Tensor, nn

from tools.train.camvid import DataError
from tools.train.data import Data, some_images
from tools.train.export import load_network
from tools.train.fake_quant import QuantizedNetwork, calibrate
from tools.train.loop import Run, Task, check_size, order, set_up, shared_arguments
from tools.train.loss import sampled_loss
from tools.train.optimization import optimizer
from tools.train.views import Batches, Form

SCALES = (0.9, 1.2)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    shared_arguments(parser)
    add = parser.add_argument
    add("checkpoint", help="checkpoint.pt of train.py; its averaged weights are the beginning")
    add("--split", default="models/attendseg-camvid.split.json", help='split JSON with a list "validation"')
    add("--bits", type=int, choices=(7, 8), default=7, help="bits of activations; 7 run everywhere at full speed")
    add("--batch", type=int, default=4, help="frames a step")
    add("--calibrate", type=int, default=32, help="training frames to choose the first ranges on")
    add("--rate", type=float, default=2e-4, help="highest learning rate")
    add("--ema", type=float, default=0.99, help="decay of the averaged weights, a step")
    add("--evaluate-every", type=int, default=2, help="epochs between evaluations on a quarter of the frames")
    options = parser.parse_args(argv)
    if (options.minutes if options.epochs is None else options.epochs) < 0:
        parser.error("--epochs and --minutes must not be negative")
    check_size(parser, "size", options.size)
    return options


def train(options: argparse.Namespace) -> None:
    """Runs the schedule; see the head of this file. DataError or ValueError for bad input files."""
    device = set_up(options)
    torch.backends.cudnn.allow_tf32 = False  # sums of whole numbers must stay exact
    data = Data(options, device)
    beginning = load_network(options.checkpoint)
    if isinstance(beginning, QuantizedNetwork):
        raise ValueError(f"{options.checkpoint}: is quantized already; give the checkpoint of train.py")
    architecture = beginning.architecture
    if architecture["classes"] != data.classes:
        raise ValueError(f"{options.checkpoint}: {architecture['classes']} classes, but the data has {data.classes}")
    network = QuantizedNetwork(beginning, options.bits).to(device, memory_format=torch.channels_last)
    form = {"architecture": architecture, "bits": options.bits, "validation": data.validation}
    run = Run(options, network, optimizer(network, 0.0), form)
    run.out.mkdir(parents=True, exist_ok=True)
    if not run.resume({"architecture": "architecture", "bits": "number of bits"}):
        calibrate(network, (image.to(device) for image in some_images(data, options.calibrate, options.size)))
        run.ema.load_state_dict(network.state_dict())

    def batches(epoch: int, _: bool) -> Batches:
        count = len(data.training[0].frames)
        batch = min(options.batch, count)
        views = [(0, frame) for frame in order(options.seed, epoch, count, batch)]
        return Batches(data.training, views, batch, Form(options.size, options.size, SCALES), options.seed, epoch)

    def loss(model: nn.Module, image: Tensor, label: Tensor, corner: tuple[int, int]) -> Tensor:
        return sampled_loss(model(image) * network.scale, label, data.groups, corner)

    run.train(Task(batches, loss, data.measure))


def main() -> None:
    """The command line: exit code 1 and one line for bad input files."""
    try:
        train(arguments())
    except (DataError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
