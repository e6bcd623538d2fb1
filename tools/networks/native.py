"""
Published ONNX files, converted, beside native onnxruntime in its forms f32, u8 and s8: one thread, in turns, by the Node
that is named, best a new one (with relaxed SIMD).

    python -m tools.networks.native --cache DIR --node node

Reads what tools.networks.public has left in the cache, and adds to it; needs `npm run bench -- --quick` to have installed
onnxruntime-node.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import version_converter
from onnxruntime.quantization import QuantType

from tools.networks.judge import LIMIT, TURNS, quantize

OPERATORS = 13
"""The oldest set of operators with scales a channel."""
FORMS = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
IMAGES = 3


def upgraded(path: Path, folder: Path) -> Path:
    """The same network with a set of operators that has scales a channel, and with constants that are no inputs."""
    model = onnx.load(path)
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 8)
    if model.opset_import[0].version < OPERATORS:
        model = version_converter.convert_version(model, OPERATORS)
    target = folder / path.name
    onnx.save(model, target)
    return target


def forms(path: Path, levels: bool) -> dict[str, Path]:
    """The file in every form; ranges of random images, of 0..255 or 0..1, which do for times."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shape = [length if isinstance(length, int) else 1 for length in session.get_inputs()[0].shape]
    random = np.random.default_rng(0)
    images = random.random((IMAGES, *shape[1:]), np.float32) * (255 if levels else 1)
    made = {"f32": path}
    for form, kind in FORMS.items():
        made[form] = path.with_suffix(f".{form}.onnx")
        quantize(path, made[form], images, kind)
    return made


def times(model: Path, files: dict[str, Path], node: str) -> dict[str, float]:
    """Least milliseconds of an image, by form; "ours" and "build" of ours."""
    command = [node, "tools/networks/times.js", str(model), *map(str, files.values())]
    command += ["--turns", str(TURNS), "--native"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    found = json.loads(done.stdout)
    others = {form: found["others"][str(path)] for form, path in files.items()}
    return {"build": found["build"], "ours": found["ours"]} | others


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.networks.native", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--node", default="node", help="program of Node (default: node)")
    options = parser.parse_args()
    target = options.cache / "public.json"
    found = json.loads(target.read_text())
    folder = options.cache / "native"
    folder.mkdir(exist_ok=True)
    for name, entry in found.items():
        if "reason" in entry or not name.endswith(".onnx"):
            continue
        files = forms(upgraded(options.cache / "public" / name, folder), "--levels" in entry["options"])
        model = (options.cache / "public" / name).with_suffix(".aseg")
        entry["native"] = times(model, files, options.node)
        target.write_text(json.dumps(found))
        print(name, entry["native"], flush=True)


if __name__ == "__main__":
    main()
