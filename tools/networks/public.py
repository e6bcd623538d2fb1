"""Published network files, converted as their users would."""

import argparse
import json
from pathlib import Path

from tools.networks import judge

NORMALIZED = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
CENTERED = ("--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5")

# means and deviations of levels, of which the latter are divided by once more
PORTRAIT = ("--order", "bgr", "--mean", "0.4977,0.4363,0.4035", "--std", "66.3557,62.8214,62.9329")

# options by the name of the file, as its authors feed it
OPTIONS: dict[str, tuple[str, ...]] = {
    "deeplab_v3_1_default_1.onnx": CENTERED,
    "road_segmentation_adas_0001.onnx": ("--levels", "--order", "bgr"),
    "sinet_portrait.onnx": PORTRAIT,
    "skinhair_pan_mnv3small.onnx": NORMALIZED,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.networks.public", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--files", type=Path, required=True)
    options = parser.parse_args()
    target = options.cache / "public.json"
    found = json.loads(target.read_text()) if target.exists() else {}
    for path in sorted(options.files.iterdir()):
        if path.suffix not in (".onnx", ".tflite") or path.name in found:
            continue
        given = OPTIONS.get(path.name, ())
        copy = options.cache / "public" / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
        found[path.name] = judge.convert(copy, options.cache / "256" / "calibration", given) | {"options": given}
        target.write_text(json.dumps(found))
        print(path.name, found[path.name], flush=True)


if __name__ == "__main__":
    main()
