"""
Exports, checks and converts well-known networks; what is there already is not done again.

    python -m tools.networks --cache DIR --frames ../shared/camvid/701_StillsRaw_full
    python -m tools.networks --cache DIR --frames ... --steps export,check --only "^smp Unet "
    python -m tools.networks.page --cache DIR

Needs torch, torchvision, timm, segmentation-models-pytorch, onnx, onnxruntime and onnxscript, and the built command
line (`npm run build`).
"""

import argparse
import logging
import re
from pathlib import Path

from tools.networks import catalogue, judge, store
from tools.networks.export import EXPORTERS, export, frames, prepare_frames

STEPS = ("export", "check", "convert", "time")
SIDES = (192, 256)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.networks", description="Exports, checks and converts well-known networks."
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for ONNX files and what is found of them")
    parser.add_argument("--frames", type=Path, required=True, help="folder of frames to calibrate and test on")
    parser.add_argument("--count", type=int, default=8, help="frames to calibrate on; half as many for the test")
    parser.add_argument("--steps", default=",".join(STEPS), help="of export, check, convert, time")
    parser.add_argument("--exporters", default=",".join(EXPORTERS), help="of torchscript, dynamo")
    parser.add_argument("--only", default="", help="regular expression that the names must match")
    return parser.parse_args()


def one_line(error: Exception) -> str:
    """The kind of an error and its first line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def exported(name: str, exporter: str, path: Path, folder: Path) -> None:
    """Exports a network, or writes down why that failed."""
    if path.exists() or store.read(path, "failed"):
        return
    try:
        export(name, exporter, path, frames(folder / "calibration"))
    except Exception as error:  # a network or exporter may raise anything; the page says it
        path.unlink(missing_ok=True)
        store.write(path, "failed", {"reason": one_line(error)})


def judged(path: Path, folder: Path) -> dict[str, object]:
    found = judge.convert(path, folder / "calibration")
    return found if "reason" in found else found | judge.judge(path, folder)


def is_judged(path: Path) -> bool:
    return "ours" in (store.read(path, "judged") or {})


def main() -> None:
    options = parse()
    logging.disable(logging.WARNING)
    steps = options.steps.split(",")
    for side in SIDES:
        prepare_frames(options.frames, options.cache / str(side), side, options.count)
    for name in filter(re.compile(options.only).search, catalogue.names()):
        folder = options.cache / str(catalogue.side(name))
        for exporter in options.exporters.split(","):
            path = store.file_of(options.cache, name, exporter)
            if "export" in steps:
                exported(name, exporter, path, folder)
            if not path.exists():
                continue
            if "check" in steps and not store.read(path, "check"):
                store.write(path, "check", judge.check(path))
            if "convert" in steps and not store.read(path, "judged"):
                store.write(path, "judged", judged(path, folder))
            if "time" in steps and is_judged(path) and not store.read(path, "times"):
                store.write(path, "times", judge.times(path, catalogue.side(name)))
            print(name, exporter, store.read(path, "check"), store.read(path, "judged"), flush=True)


if __name__ == "__main__":
    main()
