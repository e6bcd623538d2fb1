"""Conversions judged on frames that they were not calibrated on, beside onnxruntime's own quantization."""

import json
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from tools.networks.export import frames

CLI = ("node", "dist/cli.js", "convert")
MASKS = ("node", "tools/networks/masks.js")
TIMES = ("node", "tools/networks/times.js")
TURNS = 15
LIMIT = 900


def reason(text: str) -> str:
    """What the command line said, in one line without the name of the file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines).split(": ", 2)[-1].split("; supported are")[0]


def check(path: Path) -> dict[str, object]:
    """`convert --check`: {"converts": true, "operations", "nodes"} or {"converts": false, "reason"}."""
    done = subprocess.run([*CLI, str(path), "--check", "--json"], capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        return {"converts": False, "reason": reason(done.stderr)}
    return {key: value for key, value in json.loads(done.stdout).items() if key in ("converts", "operations", "nodes")}


def convert(path: Path, calibration: Path, options: tuple[str, ...] = ()) -> dict[str, object]:
    """
    A whole conversion, to the same name with .aseg; logits that are mostly noise are kept, with their SQNR in
    decibels. {"decibels", "agreement", "bytes"}: of the calibration images, or {"reason"}.
    """
    target = path.with_suffix(".aseg")
    command = [*CLI, str(path), "-o", str(target), "--calibrate", str(calibration), "--force", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        return {"reason": reason(done.stderr)}
    report = json.loads(done.stdout)
    measured = report.get("chosen") or report.get("difference") or {}
    return {
        "decibels": measured.get("decibels"),
        "agreement": measured.get("agreement"),
        "bits": measured.get("bits"),
        "bytes": report["fileBytes"],
        "notes": report["notes"],
        "worst": [(row["name"], row["operation"], row["decibels"]) for row in report["tensors"][:3]],
    }


class Feed(CalibrationDataReader):
    """Images one by one, as onnxruntime asks for them."""

    def __init__(self, name: str, images: np.ndarray) -> None:
        self.left = iter([{name: image[None]} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


def classes(output: np.ndarray) -> np.ndarray:
    """uint8 [height, width] of scores [1, classes, height, width], or of probabilities of one class."""
    return (output[0, 0] > 0.5 if output.shape[1] == 1 else output[0].argmax(0)).astype(np.uint8)


def masks(path: Path, images: np.ndarray) -> np.ndarray:
    """Class maps of an ONNX file in onnxruntime, uint8 [count, height, width]."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name, first = session.get_inputs()[0].name, session.get_outputs()[0].name
    return np.stack([classes(session.run([first], {name: image[None]})[0]) for image in images])


def ours(path: Path, images: np.ndarray) -> np.ndarray:
    """Class maps of a model file in our engine, uint8 [count, height, width]."""
    levels = np.rint(images * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    side = images.shape[-1]
    done = subprocess.run([*MASKS, str(path), str(side)], input=levels.tobytes(), capture_output=True, timeout=LIMIT)
    done.check_returncode()
    return np.frombuffer(done.stdout, np.uint8).reshape(len(images), side, side)


def quantized(path: Path, images: np.ndarray, method: str) -> Path:
    """onnxruntime's static quantization as QDQ, per channel, by one of its calibration methods."""
    target = path.with_suffix(f".{method}.qdq.onnx")
    if not target.exists():
        quantize(path, target, images, QuantType.QUInt8, method)
    return target


def quantize(path: Path, target: Path, images: np.ndarray, activations: QuantType, method: str = "MinMax") -> None:
    """Writes a file quantized so, calibrated on images of the shape that the file takes, [count, ...]."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    quantize_static(
        str(path),
        str(target),
        Feed(session.get_inputs()[0].name, images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=activations,
        weight_type=QuantType.QInt8,
        calibrate_method=getattr(CalibrationMethod, method),
    )


def judge(path: Path, folder: Path) -> dict[str, object]:
    """Agreement with the float masks, a share of the pixels of the test frames: ours, and onnxruntime's best."""
    images = frames(folder / "test")
    wanted = masks(path, images)
    made: dict[str, object] = {"ours": float((ours(path.with_suffix(".aseg"), images) == wanted).mean())}
    shares = np.bincount(wanted.ravel(), minlength=2) / wanted.size
    made["largest"] = float(shares.max())
    try:
        calibration = frames(folder / "calibration")
        rival = [masks(quantized(path, calibration, method), images) for method in ("MinMax",)]
        made["onnxruntime"] = float(max((other == wanted).mean() for other in rival))
    except Exception as error:  # whatever the quantizer stumbles over is what the page says of it
        made["onnxruntime error"] = f"{type(error).__name__}: {str(error)[:200]}"
    return made


def times(path: Path, side: int) -> dict[str, float]:
    """
    Milliseconds for a frame on one thread, {"ours", "onnxruntime"}: the least of many turns, and the faster of the
    float and the quantized file in onnxruntime-web. All take turns in one process, so that the ratio holds on a busy
    machine.
    """
    rivals = [path, *path.parent.glob(f"{path.stem}.*.qdq.onnx")]
    command = [*TIMES, str(path.with_suffix(".aseg")), *map(str, rivals), "--side", str(side), "--turns", str(TURNS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    found = json.loads(done.stdout)
    return {"ours": found["ours"], "onnxruntime": min(found["others"].values())}
