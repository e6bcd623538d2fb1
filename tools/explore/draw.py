"""Draws networks of the space, one architecture a line: python -m tools.explore.draw --count 20 > networks.jsonl

Every other one comes from anywhere in the space, the others are a dozen even moves away from the prototype.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from random import Random

from tools.explore.generator import generate
from tools.explore.space import Architecture, sample
from tools.train.network import load_architecture


def draw(prototype: Architecture, count: int, seed: int) -> Iterator[Architecture]:
    """So many networks, the same ones for the same seed."""
    for number in range(count):
        random = Random(f"{seed} {number}")
        yield sample(random, prototype["classes"]) if number % 2 else generate(random, prototype, None, 12)[0]


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prototype", default="models/attendseg-camvid.architecture.json")
    options = parser.parse_args()
    try:
        prototype = load_architecture(options.prototype)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    for network in draw(prototype, options.count, options.seed):
        print(json.dumps(network, separators=(",", ":")))


if __name__ == "__main__":
    main()
