"""What the tests of design exploration share."""

import json
from typing import Any

import pytest
from conftest import ROOT

from tools.explore.draw import draw
from tools.explore.engine import CLI

SHIPPED: dict[str, Any] = json.loads(
    (ROOT / "models" / "attendseg-camvid.architecture.json").read_text(encoding="utf-8")
)

PRETRAINED: dict[str, Any] = json.loads(
    (ROOT / "models" / "attendseg-streets.architecture.json").read_text(encoding="utf-8")
)

needs_build = pytest.mark.skipif(not CLI.exists(), reason="dist/cli.js is not built")


def sampled(number: int) -> dict[str, Any]:
    """An architecture: every other one from anywhere in the space, the others a dozen moves from the shipped one or
    from the one that ImageNet's weights fit."""
    return list(draw(PRETRAINED if number % 4 == 3 else SHIPPED, 2, number))[number % 2]
