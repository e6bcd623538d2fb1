"""Packs a run folder of a search into a few small files: python -m tools.explore.gather out/explore models/explore"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from tools.explore.store import Store


def gather(folder: str, target: Path) -> int:
    """Writes candidates.jsonl, oldest first, and copies the rest; returns how many. ValueError if there are none."""
    candidates = Store(folder).candidates()
    if not candidates:
        raise ValueError(f"{folder}: holds no candidates")
    target.mkdir(parents=True, exist_ok=True)
    part = target / ".candidates.jsonl.part"
    part.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in candidates), encoding="utf-8")
    part.replace(target / "candidates.jsonl")
    for name in ("settings.json", "result.json", "rank.json", "pareto.png"):
        if (Path(folder) / name).exists():
            shutil.copy(Path(folder) / name, target / name)
    return len(candidates)


def main() -> None:
    """The command line: exit code 1 and one line for a folder that holds no search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="run folder of a search")
    parser.add_argument("target", type=Path, help="folder for the files")
    options = parser.parse_args()
    try:
        print(f"{options.target}: {gather(options.folder, options.target)} candidates")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
