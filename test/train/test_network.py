"""The network: shapes, costs against closed forms, the condenser and the refinement against formulas."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from tools.train.cost import count
from tools.train.network import Condenser, ConvNorm, Network, Refine, check, load_architecture, multiple_of_8

SHIPPED = ROOT / "models" / "attendseg-camvid.architecture.json"


def randomise(module: nn.Module, seed: int = 1) -> nn.Module:
    """Random weights and batch statistics everywhere; evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            random = torch.rand(value.shape, generator=generator)
            value.copy_(random + 0.5 if "running_var" in name else random - 0.5)
    return module.eval()


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, groups: int = 1) -> np.ndarray:
    """Convolution of [C, H, W] with stride 1 and zero padding that keeps the size, in the most obvious way."""
    outputs, inputs, kernel, _ = weight.shape
    pad = kernel // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    result = np.zeros((outputs, *x.shape[1:]))
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for y in range(x.shape[1]):
            for z in range(x.shape[2]):
                window = padded[first : first + inputs, y : y + kernel, z : z + kernel]
                result[o, y, z] = (window * weight[o]).sum() + bias[o]
    return result


def conv_norm(x: np.ndarray, module: ConvNorm, groups: int = 1, relu: bool = True) -> np.ndarray:
    """ConvNorm in evaluation mode: relu(gamma * (conv(x) - mean) / sqrt(variance + epsilon) + beta)."""
    norm = module[1]
    y = conv(x, module[0].weight.detach().numpy(), np.zeros(module[0].out_channels), groups)
    mean, variance, gamma, beta = (
        part.detach().numpy()[:, None, None] for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    y = gamma * (y - mean) / np.sqrt(variance + norm.eps) + beta
    return np.maximum(y, 0) if relu else y


@pytest.mark.parametrize(("pool", "residual"), [(1, True), (2, False), (2, True), (4, True)])
def test_condenser_follows_its_formula(pool: int, residual: bool) -> None:
    module = randomise(Condenser(16, pool, 0.5, residual))
    value = np.random.default_rng(2).random((16, 2 * pool, 3 * pool), np.float32)
    condensed = value.reshape(16, 2, pool, 3, pool).max((2, 4))
    embedding = conv_norm(condensed, module.reduce)
    embedding = conv_norm(embedding, module.mix, groups=8)
    restore = module.restore
    gate = conv(embedding, restore.weight.detach().numpy(), restore.bias.detach().numpy())
    gate = 1 / (1 + np.exp(-gate))
    if residual:
        gate = 1 + module.scale.item() * gate
    wanted = value * gate.repeat(pool, 1).repeat(pool, 2)
    with torch.no_grad():
        got = module(torch.from_numpy(value)[None])[0].numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_new_condenser_multiplies_everything_by_nearly_the_same_number() -> None:
    for residual, factor in ((True, 1.5), (False, 0.5)):
        value = torch.rand(2, 64, 8, 8)
        with torch.no_grad():
            ratio = Condenser(64, 4, 0.25, residual)(value) / value
        assert (ratio - factor).abs().max() < 0.1


def test_refine_follows_its_formula() -> None:
    module = randomise(Refine(8, 8, 3))
    random = np.random.default_rng(3)
    x, skip = random.random((8, 3, 4), np.float32), random.random((8, 6, 8), np.float32)

    def upsample(a: np.ndarray) -> np.ndarray:
        """x2 along the last axis, half-pixel centres: 3/4 of the nearer value and 1/4 of the other one."""
        before = np.concatenate([a[..., :1], a[..., :-1]], -1)
        after = np.concatenate([a[..., 1:], a[..., -1:]], -1)
        return np.stack([0.75 * a + 0.25 * before, 0.75 * a + 0.25 * after], -1).reshape(*a.shape[:-1], -1)

    large = upsample(upsample(x).swapaxes(1, 2)).swapaxes(1, 2)
    wanted = np.maximum(large + conv_norm(skip, module.lateral, relu=False), 0)
    wanted = conv_norm(conv_norm(wanted, module.depthwise, groups=8), module.pointwise)
    with torch.no_grad():
        got = module(torch.from_numpy(x)[None], torch.from_numpy(skip)[None])[0].numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (480, 640), (736, 960)])
def test_the_shipped_network_takes_any_multiple_of_32(height: int, width: int) -> None:
    network = Network(load_architecture(SHIPPED)).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, height, width)).shape == (1, 32, height // 4, width // 4)


def test_count_equals_the_closed_form_of_single_layers() -> None:
    cost = count(nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1)), 64, 96)
    assert (cost.parameters, cost.macs) == (3 * 16 * 9 + 16, 3 * 16 * 9 * 32 * 48)
    cost = count(nn.Sequential(ConvNorm(3, 12, 5, groups=3)), 10, 20)
    assert (cost.parameters, cost.macs) == (12 * 25 + 12, 12 * 25 * 10 * 20)


def closed_form(architecture: dict[str, Any], height: int, width: int) -> tuple[int, int]:
    """(parameters, multiply-accumulates) of an architecture, written down without building it."""
    parameters = macs = 0
    height, width = (side // architecture.get("shrink", 1) for side in (height, width))

    def layer(inputs: int, outputs: int, kernel: int, stride: int) -> None:
        nonlocal parameters, macs
        weights = inputs * outputs * kernel * kernel
        parameters += weights + outputs
        macs += weights * (height // stride) * (width // stride)

    def condenser(form: dict[str, Any] | None, channels: int, stride: int) -> None:
        nonlocal parameters
        if form:
            coarse, narrow = stride * form["pool"], multiple_of_8(channels * form["ratio"])
            layer(channels, narrow, 1, coarse)
            layer(1, narrow, 3, coarse)
            layer(narrow, channels, 1, coarse)
            parameters += form["residual"]

    inputs, stride, maps = architecture["stem"]["width"], 2, []
    layer(3, inputs, architecture["stem"]["kernel"], stride)
    if project := architecture["stem"].get("project"):
        layer(1, inputs, 3, stride)
        layer(inputs, project, 1, stride)
        inputs = project
    maps.append(inputs)
    for stage in architecture["stages"]:
        for index, block in enumerate(stage["blocks"]):
            inner = block["expand"]
            layer(inputs, inner, 1, stride)
            stride *= 2 if index == 0 else 1
            layer(1, inner, stage["kernel"], stride)
            condenser(block["condenser"], inner, stride)
            inputs = block.get("width", stage["width"])
            layer(inner, inputs, 1, stride)
        maps.append(inputs)
    refined = architecture["refinement"]["width"]
    layer(inputs, refined, 1, 32)
    scales = architecture["refinement"].get("scales", [16, 8, 4])
    condensers = architecture["refinement"].get("condensers", [None] * len(scales))
    for scale, form in zip(scales, condensers):
        layer(maps[[2, 4, 8, 16].index(scale)], refined, 1, scale)
        layer(1, refined, architecture["refinement"]["kernel"], scale)
        condenser(form, refined, scale)
        layer(refined, refined, 1, scale)
    layer(refined, architecture["classes"], 1, scales[-1])
    return parameters, macs


def test_count_equals_the_closed_form_of_whole_networks(tiny: dict[str, Any]) -> None:
    files = sorted((ROOT / "models").glob("*.architecture.json"))
    assert len(files) >= 4
    for architecture, height, width in ((tiny, 64, 96), *((load_architecture(file), 512, 512) for file in files)):
        cost = count(Network(architecture), height, width)
        assert (cost.parameters, cost.macs) == closed_form(architecture, height, width)


def test_the_shipped_network_stays_within_its_budget() -> None:
    parameters, macs = closed_form(load_architecture(SHIPPED), 512, 512)
    assert parameters <= 1.19e6
    assert macs <= 1.2e9


def test_a_network_may_shrink_the_image_and_refine_down_to_the_stem(tiny: dict[str, Any]) -> None:
    tiny["refinement"] = {"width": 8, "kernel": 3, "scales": [16, 8, 4, 2]}
    plain = randomise(Network(tiny))
    shrinking = Network(tiny | {"shrink": 2})
    shrinking.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 64, 128)
    half = image.view(1, 3, 32, 2, 64, 2).mean((3, 5))
    with torch.no_grad():
        got = shrinking.eval()(image)
        torch.testing.assert_close(got, plain(half))
    assert got.shape == (1, tiny["classes"], 16, 32)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("shrink",), 1, "shrink: expected a whole number from 2 to 8, got 1"),
        (("refinement", "scales"), [2, 4], "refinement.scales: expected some of [16, 8, 4, 2], in this order, got [2, 4]"),
        (("stem", "width"), 12, "stem.width: expected a positive multiple of 8, got 12"),
        (("stem", "kernel"), 2, "stem.kernel: expected an odd number, got 2"),
        (("stages",), [], "stages: expected 4, got 0"),
        (("stages", 0, "blocks", 0, "condenser", "pool"), 16, "expected a divisor of 8, got 16"),
        (("stages", 1, "blocks", 0, "condenser", "ratio"), 0, "condenser.ratio"),
        (("refinement", "condensers"), [None], "refinement.condensers: expected 3, one a scale, got 1"),
        (("refinement", "condensers", 2, "pool"), 3, "refinement.condensers[2].pool: expected a divisor of 8, got 3"),
        (("stem", "project"), 20, "stem.project: expected a positive multiple of 8, got 20"),
        (("activation",), "gelu", "activation: expected relu or relu6, got 'gelu'"),
        (("epsilon",), 2, "epsilon: expected a number in (0, 1), got 2"),
        (("stages", 2, "blocks"), [], "stages[2].blocks: expected at least one block"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(
    tiny: dict[str, Any], path: tuple, value: Any, message: str
) -> None:
    part = broken = copy.deepcopy(tiny)
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(ValueError) as error:
        check(broken)
    assert message in str(error.value)


def test_a_stem_at_a_quarter_does_not_refine_at_a_half(tiny: dict[str, Any]) -> None:
    tiny["stem"]["stride"] = 4
    tiny["refinement"] = {"width": 8, "kernel": 3, "scales": [4, 2]}
    with pytest.raises(ValueError, match=r"scales: expected some of \[16, 8, 4\], in this order, got \[4, 2\]"):
        check(tiny)


def test_a_missing_field_is_named(tiny: dict[str, Any]) -> None:
    del tiny["refinement"]
    with pytest.raises(ValueError, match="'refinement' is missing"):
        check(tiny)
