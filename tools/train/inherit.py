"""A network's weights from those of one of another architecture (child and parent), where their shapes allow.

Every axis of every weight has a name, such as "16.width" or "16.2.expand". Where an axis shrinks, the channels with
the largest weights stay, the same ones in all tensors with this axis; where it grows, the parent's come first. New
inputs of a convolution start with weights of zero and a new block with a projection of zero, so that what a network
computes changes as little as possible. Kernels are cropped or padded around their centre.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tools.train.network import FINEST, PLACES, SCALES, Network

Architecture = dict[str, Any]
State = dict[str, Tensor]
Axes = tuple[str | None, str | None]
"""Names of the axes of outputs and of inputs; a depthwise convolution has no axis of inputs."""


def _convolutions(architecture: Architecture) -> Iterator[tuple[str, str, Axes, bool]]:
    """(common name, name in the network, axes, whether a normalisation follows) of every convolution."""
    yield "stem", "stem.0", ("stem", "colors"), True
    inputs = "stem"
    if "project" in architecture["stem"]:
        yield "separable.depthwise", "separable.0.0", ("stem", None), True
        yield "separable.project", "separable.1.0", ("separable", "stem"), True
        inputs = "separable"
    maps = {f"{FINEST}": inputs}  # name of the axis of each place's result
    for place, name, path, block in _blocks(architecture):
        inner = f"{name}.expand"
        yield f"{name}.expand", f"{path}.expand.0", (inner, inputs), True
        yield f"{name}.depthwise", f"{path}.depthwise.0", (inner, None), True
        if block["condenser"]:
            yield from _condenser(name, path, inner)
        inputs = maps[place] = f"{name}.width" if "width" in block else f"{place}.width"
        yield f"{name}.project", f"{path}.project.0", (inputs, inner), True
    yield "top", "top.0", ("refinement", inputs), True
    scales, condensers = _refinement(architecture)
    for i, scale in enumerate(scales):
        name, path = f"refine {scale}", f"refinement.{i}"
        yield f"{name}.lateral", f"{path}.lateral.0", ("refinement", maps[f"{scale}"]), True
        yield f"{name}.depthwise", f"{path}.depthwise.0", ("refinement", None), True
        if condensers[i]:
            yield from _condenser(name, path, "refinement")
        yield f"{name}.pointwise", f"{path}.pointwise.0", ("refinement", "refinement"), True
    yield "head", "head", ("classes", "refinement"), False


def _blocks(architecture: Architecture) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(place, common name, name in the network, block) of every block. The common name is a number, but a block that
    changes the width keeps its name when others come or go before it."""
    for s, (place, stage) in enumerate(zip(PLACES, architecture["stages"])):
        widths = [block.get("width", stage["width"]) for block in stage["blocks"]]
        turns = [before != width for before, width in zip(widths[:1] + widths, widths)]
        for b, block in enumerate(stage["blocks"]):
            yield place, f"{place}.turn {sum(turns[:b])}" if turns[b] else f"{place}.{b}", f"stages.{s}.{b}", block


def _condenser(name: str, path: str, outer: str) -> Iterator[tuple[str, str, Axes, bool]]:
    """The convolutions of a condenser on a map with the axis `outer`; see `_convolutions`."""
    narrow = f"{name}.narrow"
    yield f"{name}.reduce", f"{path}.condenser.reduce.0", (narrow, outer), True
    yield f"{name}.mix", f"{path}.condenser.mix.0", (narrow, None), True
    yield f"{name}.restore", f"{path}.condenser.restore", (outer, narrow), False


def _refinement(architecture: Architecture) -> tuple[list[int], list[dict[str, Any] | None]]:
    """Scales that refine, and the form of each one's condenser."""
    scales = architecture["refinement"].get("scales", SCALES)
    return scales, architecture["refinement"].get("condensers", [None] * len(scales))


def _tensors(architecture: Architecture) -> dict[str, tuple[str, Axes]]:
    """Common name -> (key of the network's state, axes), of all weights and statistics."""
    result: dict[str, tuple[str, Axes]] = {}
    for name, path, axes, normed in _convolutions(architecture):
        result[f"{name}.weight"] = (f"{path}.weight", axes)
        if normed:
            norm = path[: -len("0")] + "1"
            for part in ("weight", "bias", "running_mean", "running_var"):
                result[f"{name}.norm.{part}"] = (f"{norm}.{part}", (axes[0], None))
        else:
            result[f"{name}.bias"] = (f"{path}.bias", (axes[0], None))
    for _, name, path, block in _blocks(architecture):
        if block["condenser"] and block["condenser"]["residual"]:
            result[f"{name}.scale"] = (f"{path}.condenser.scale", (None, None))
    for i, (scale, condenser) in enumerate(zip(*_refinement(architecture))):
        if condenser and condenser["residual"]:
            result[f"refine {scale}.scale"] = (f"refinement.{i}.condenser.scale", (None, None))
    return result


def _importance(tensors: dict[str, tuple[str, Axes]], state: State) -> dict[str, Tensor]:
    """For each axis the share of each channel in the squares of the weights that have it, summed over tensors."""
    total: dict[str, Tensor] = defaultdict(lambda: torch.zeros(()))
    for key, axes in tensors.values():
        if "running" in key or state[key].ndim == 1:
            continue
        squares = state[key].float().square()
        for dimension, axis in enumerate(axes):
            if axis is not None:
                others = [d for d in range(squares.ndim) if d != dimension]
                total[axis] = total[axis] + squares.sum(others) / squares.sum().clamp_min(1e-12)
    return total


def _resize_kernel(kernel: Tensor, size: int) -> Tensor:
    """[outputs, inputs, k, k] -> [outputs, inputs, size, size], cropped or padded with zeros around the centre."""
    pad = (size - kernel.shape[-1]) // 2
    return torch.nn.functional.pad(kernel, (pad, pad, pad, pad))


@torch.no_grad()
def inherit(child: Network, architecture: Architecture, parent: Architecture, state: State) -> float:
    """Copies what fits of a parent's state into a new network; returns the share of the child's numbers it fills."""
    wanted, known = _tensors(architecture), _tensors(parent)
    importance = _importance(known, state)
    own = child.state_dict()
    sizes = {axis: own[key].shape[d] for key, axes in wanted.values() for d, axis in enumerate(axes) if axis}
    chosen = {
        axis: torch.sort(torch.topk(values, min(len(values), sizes[axis])).indices).values
        for axis, values in importance.items()
        if axis in sizes
    }
    copied = total = 0
    for name, (key, axes) in wanted.items():
        target = own[key]
        total += target.numel()
        if name not in known:
            if name.endswith("project.norm.weight") and name.split(".")[1] != "0":
                target.zero_()
            continue
        source = state[known[name][0]].to(target.dtype)
        window = [slice(None)] * target.ndim
        for d, axis in enumerate(axes[: target.ndim]):
            if axis is not None:
                pick = chosen.get(axis, torch.arange(source.shape[d]))
                source = source.index_select(d, pick)
                window[d] = slice(0, len(pick))
        if target.ndim == 4:
            source = _resize_kernel(source, target.shape[-1])
            if axes[1] is not None:
                target[:, source.shape[1] :] = 0
        target[tuple(window)] = source
        copied += source.numel()
    return copied / total
