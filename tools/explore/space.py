"""The space of networks: everything an architecture file of tools/train/network.py can say, within bounds.

An architecture is the dictionary of its file. Changes return a new one and leave theirs as it was; every result
satisfies `check` of network.py and `within` of this file.

A move is one small change, named (kind, place): ("wider", "16") widens the maps at 1/16 of the input's side.
Places are "stem", the strides "4", "8", "16", "32" of the stages, and "refinement".
"""

import copy
import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tools.train.network import PLACES, SCALES, check

Architecture = dict[str, Any]
Move = tuple[str, str]

WIDTHS = {"stem": (8, 32), "4": (8, 64), "8": (16, 96), "16": (24, 160), "32": (32, 256), "refinement": (16, 96)}
"""Narrowest and widest map of each place; all widths are multiples of 8."""
EXPAND = (8, 768)
KERNELS = (3, 5, 7)
BLOCKS = (1, 7)
POOLS = {"4": (2, 4, 8), "8": (1, 2, 4), "16": (1, 2), "32": (1,)}
RATIOS = (0.0625, 0.125, 0.25, 0.5)


def identity(architecture: Architecture) -> str:
    """A short name of the network: equal for equal networks, whatever they are called."""
    parts = {key: value for key, value in architecture.items() if key != "name"}
    parts["stem"] = {"stride": 2} | parts["stem"]
    parts["refinement"] = {"scales": SCALES} | parts["refinement"]
    if not any(parts["refinement"].get("condensers", [])):
        parts["refinement"].pop("condensers", None)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def within(architecture: Architecture) -> bool:
    """Whether a valid architecture lies in the space."""

    def fits(width: int, place: str) -> bool:
        return WIDTHS[place][0] <= width <= WIDTHS[place][1]

    def attends(condenser: dict[str, Any] | None, place: str) -> bool:
        return condenser is None or (condenser["pool"] in POOLS[place] and condenser["ratio"] in RATIOS)

    stem, refinement = architecture["stem"], architecture["refinement"]
    scales = refinement.get("scales", SCALES)
    return (
        all(attends(form, str(scale)) for form, scale in zip(refinement.get("condensers", []), scales))
        and fits(stem["width"], "stem")
        and fits(refinement["width"], "refinement")
        and stem["kernel"] in KERNELS
        and refinement["kernel"] in KERNELS
        and all(
            fits(stage["width"], place)
            and stage["kernel"] in KERNELS
            and BLOCKS[0] <= len(stage["blocks"]) <= BLOCKS[1]
            and all(
                EXPAND[0] <= block["expand"] <= EXPAND[1] and attends(block["condenser"], place)
                for block in stage["blocks"]
            )
            for place, stage in zip(PLACES, architecture["stages"])
        )
    )


def smallest(classes: int) -> Architecture:
    """The network of the space with the fewest parameters and multiply-accumulates."""
    return {
        "name": "smallest",
        "classes": classes,
        "stem": {"width": WIDTHS["stem"][0], "kernel": 3, "stride": 4},
        "stages": [
            {"width": WIDTHS[place][0], "kernel": 3, "blocks": [{"expand": EXPAND[0], "condenser": None}]}
            for place in PLACES
        ],
        "refinement": {"width": WIDTHS["refinement"][0], "kernel": 3, "scales": [16]},
    }


def sample(random: Random, classes: int) -> Architecture:
    """A network drawn from the whole space."""

    def width(place: str) -> int:
        low, high = WIDTHS[place]
        return 8 * random.randint(low // 8, high // 8)

    stages = []
    for place in PLACES:
        outputs = width(place)
        blocks = [
            {"expand": _clip(outputs * random.uniform(1, 6), EXPAND), "condenser": _condenser(random, place, 0.4)}
            for _ in range(random.randint(*BLOCKS))
        ]
        stages.append({"width": outputs, "kernel": random.choice(KERNELS), "blocks": blocks})
    scales = [scale for scale in SCALES if random.random() < 0.7] or [random.choice(SCALES)]
    stem = {"width": width("stem"), "kernel": random.choice(KERNELS), "stride": random.choice((2, 4))}
    refinement = {"width": width("refinement"), "kernel": random.choice(KERNELS), "scales": scales}
    return {"name": "sample", "classes": classes, "stem": stem, "stages": stages, "refinement": refinement}


def crossover(random: Random, one: Architecture, other: Architecture) -> Architecture:
    """A network whose stem, stages and refinement each come from either of two with the same classes."""
    child = copy.deepcopy(one)
    for part in ("stem", "refinement"):
        if random.random() < 0.5:
            child[part] = copy.deepcopy(other[part])
    child["stages"] = [copy.deepcopy(random.choice(pair)) for pair in zip(one["stages"], other["stages"])]
    return child


def _clip(value: float, bounds: tuple[int, int]) -> int:
    """The multiple of 8 nearest to a value, within bounds."""
    return min(max(int(value / 8 + 0.5) * 8, bounds[0]), bounds[1])


def _condenser(random: Random, place: str, share: float) -> dict[str, Any] | None:
    """With a probability a condenser that fits the place, otherwise none."""
    if random.random() >= share:
        return None
    return {"pool": random.choice(POOLS[place]), "ratio": random.choice(RATIOS), "residual": random.random() < 0.8}


def _scaled(random: Random, value: int, direction: int, bounds: tuple[int, int]) -> int | None:
    """The value 10 to 40 % larger or smaller, at least by 8; None at the end of the bounds."""
    step = max(8.0, value * random.uniform(0.1, 0.4))
    scaled = _clip(value + direction * step, bounds)
    return None if scaled == value else scaled


def _neighbour(choices: tuple[Any, ...], value: Any, direction: int) -> Any | None:
    """The choice before or after a value; None at the ends."""
    index = choices.index(value) + direction
    return choices[index] if 0 <= index < len(choices) else None


def _part(child: Architecture, place: str) -> dict[str, Any]:
    return child["stages"][PLACES.index(place)] if place in PLACES else child[place]


def _set(part: dict[str, Any], field: str, value: Any | None) -> bool:
    if value is not None:
        part[field] = value
    return value is not None


def _width(direction: int) -> "Change":
    def change(random: Random, child: Architecture, place: str) -> bool:
        part = _part(child, place)
        return _set(part, "width", _scaled(random, part["width"], direction, WIDTHS[place]))

    return change


def _kernel(direction: int) -> "Change":
    def change(_: Random, child: Architecture, place: str) -> bool:
        part = _part(child, place)
        return _set(part, "kernel", _neighbour(KERNELS, part["kernel"], direction))

    return change


def _some_blocks(random: Random, child: Architecture, place: str) -> list[dict[str, Any]]:
    """One block of a stage, or as often all of them."""
    blocks = _part(child, place)["blocks"]
    return blocks if random.random() < 0.5 else [random.choice(blocks)]


def _expand(direction: int) -> "Change":
    def change(random: Random, child: Architecture, place: str) -> bool:
        factor = random.uniform(0.1, 0.4) * direction
        changed = False
        for block in _some_blocks(random, child, place):
            value = _clip(block["expand"] + max(8.0, abs(factor) * block["expand"]) * direction, EXPAND)
            changed |= value != block["expand"]
            block["expand"] = value
        return changed

    return change


def _deeper(_: Random, child: Architecture, place: str) -> bool:
    blocks = _part(child, place)["blocks"]
    if len(blocks) == BLOCKS[1]:
        return False
    blocks.append(copy.deepcopy(blocks[-1]))
    return True


def _shallower(_: Random, child: Architecture, place: str) -> bool:
    blocks = _part(child, place)["blocks"]
    if len(blocks) == BLOCKS[0]:
        return False
    blocks.pop()
    return True


def _attend(random: Random, child: Architecture, place: str) -> bool:
    bare = [block for block in _part(child, place)["blocks"] if block["condenser"] is None]
    for block in bare if random.random() < 0.5 else bare[-1:]:
        block["condenser"] = _condenser(random, place, 1)
    return bool(bare)


def _ignore(random: Random, child: Architecture, place: str) -> bool:
    full = [block for block in _part(child, place)["blocks"] if block["condenser"]]
    for block in full if random.random() < 0.5 else full[-1:]:
        block["condenser"] = None
    return bool(full)


def _attention(field: str, choices: dict[str, tuple[Any, ...]], direction: int) -> "Change":
    def change(random: Random, child: Architecture, place: str) -> bool:
        changed = False
        for block in _some_blocks(random, child, place):
            if block["condenser"]:
                value = _neighbour(choices[place], block["condenser"][field], direction)
                changed |= _set(block["condenser"], field, value)
        return changed

    return change


def _stride(_: Random, child: Architecture, place: str) -> bool:
    child["stem"]["stride"] = 6 - child["stem"].get("stride", 2)
    return True


def _connect(_: Random, child: Architecture, place: str) -> bool:
    """Refines from the maps of a place, or no longer."""
    scales = child["refinement"].get("scales", SCALES)
    wanted = [scale for scale in SCALES if (scale in scales) != (scale == int(place))]
    condensers = dict(zip(scales, child["refinement"].pop("condensers", [None] * len(scales))))
    child["refinement"]["scales"] = wanted
    if any(condensers.get(scale) for scale in wanted):
        child["refinement"]["condensers"] = [condensers.get(scale) for scale in wanted]
    return bool(wanted)


Change = Callable[[Random, Architecture, str], bool]
"""Changes a network in place, or returns False where that is not possible."""

_RATIOS = {place: RATIOS for place in PLACES}
_GATES = {place: (False, True) for place in PLACES}
_EVERYWHERE = ("stem", *PLACES, "refinement")

_CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "wider": (_width(1), _EVERYWHERE),
    "narrower": (_width(-1), _EVERYWHERE),
    "larger kernel": (_kernel(1), _EVERYWHERE),
    "smaller kernel": (_kernel(-1), _EVERYWHERE),
    "expand more": (_expand(1), PLACES),
    "expand less": (_expand(-1), PLACES),
    "deeper": (_deeper, PLACES),
    "shallower": (_shallower, PLACES),
    "attend": (_attend, PLACES),
    "ignore": (_ignore, PLACES),
    "coarser attention": (_attention("pool", POOLS, 1), PLACES[:3]),
    "finer attention": (_attention("pool", POOLS, -1), PLACES[:3]),
    "richer attention": (_attention("ratio", _RATIOS, 1), PLACES),
    "poorer attention": (_attention("ratio", _RATIOS, -1), PLACES),
    "add to gate": (_attention("residual", _GATES, 1), PLACES),
    "gate alone": (_attention("residual", _GATES, -1), PLACES),
    "other stride": (_stride, ("stem",)),
    "connect or part": (_connect, PLACES[:3]),
}

MOVES: tuple[Move, ...] = tuple((kind, place) for kind, (_, places) in _CHANGES.items() for place in places)


_SHAPING = ("wider", "larger kernel", "smaller kernel", "deeper", "other stride")


def moves_from(start: str | None) -> tuple[Move, ...]:
    """The moves of a search whose prototype starts from nothing (None) or from `--init imagenet`: then maps, kernels
    and depths down to 1/16 stay, as pretrained weights fit no other; channels inside them and last blocks may go."""
    if start != "imagenet":
        return MOVES
    kept = {(kind, place) for kind in _SHAPING for place in ("stem", *PLACES[:3])}
    kept |= {(kind, place) for kind in ("narrower", "expand more") for place in PLACES[:3]}
    return tuple(move for move in MOVES if move not in kept)


def mutate(random: Random, architecture: Architecture, move: Move) -> Architecture | None:
    """The network after one move; None where the move is not possible."""
    child = copy.deepcopy(architecture)
    kind, place = move
    if not _CHANGES[kind][0](random, child, place) or identity(child) == identity(architecture):
        return None
    check(child)
    return child
