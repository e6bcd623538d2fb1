"""
What was found of each network, as small JSON files beside the exported ones: the error of an export, what
`convert --check` said, how a whole conversion was judged, how long a frame takes.
"""

import json
from pathlib import Path

Found = dict[str, object]


def file_of(cache: Path, name: str, exporter: str) -> Path:
    """Where a network's ONNX file lies."""
    return cache / f"{name.replace(' ', '+')}.{exporter}.onnx"


def read(path: Path, step: str) -> Found | None:
    """What a step ("failed", "check", "judged", "times") found of an ONNX file, None where it was not run."""
    found = path.with_suffix(f".{step}.json")
    return json.loads(found.read_text()) if found.exists() else None


def write(path: Path, step: str, found: Found) -> None:
    path.with_suffix(f".{step}.json").write_text(json.dumps(found))
