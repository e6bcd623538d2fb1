"""The page models/networks.md, from what `python -m tools.networks` has left in its cache."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from tools.networks import catalogue, store
from tools.networks.export import EXPORTERS

NOT_RUN = "not run"
NONE = "-"
FEW_DECIBELS = 10
# characters of a reason
LONGEST = 300


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines.extend(list(row) for row in rows)
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def status(path: Path) -> str:
    """Whether an ONNX file converts: "yes", "refused", "not exported", "not run"."""
    if store.read(path, "failed"):
        return "not exported"
    found = store.read(path, "check")
    if found is None:
        return NOT_RUN
    return "yes" if found["converts"] else "refused"


def percent(share: object) -> str:
    return f"{100 * share:.1f} %" if isinstance(share, float) else NONE


def row(cache: Path, name: str, lowered: dict[str, bool]) -> list[str]:
    """A network: both exporters, then the whole conversion of the first that was judged."""
    paths = {exporter: store.file_of(cache, name, exporter) for exporter in EXPORTERS}
    states = [status(path) for path in paths.values()]
    checked = [lowered[path.name] for path in paths.values() if path.name in lowered]
    exact = ("yes" if all(checked) else "**no**") + f" ({len(checked)})" if checked else NOT_RUN
    for exporter, path in paths.items():
        found = store.read(path, "judged")
        if found and "decibels" in found:
            size = f"{found['bytes'] / 1e6:.2f} MB"
            rival = percent(found.get("onnxruntime"))
            times = store.read(path, "times")
            speed = f"{times['onnxruntime'] / times['ours']:.1f}" if times else NOT_RUN
            figures = [f"{found['decibels']:.1f} dB", percent(found["ours"]), rival, size, speed, exporter]
            return [name, *states, exact, *figures]
    return [name, *states, exact, *([NONE if "yes" not in states else NOT_RUN] * 6)]


def reasons(cache: Path, names: Iterable[str]) -> str:
    """What could not be exported, and what is refused, with the reason."""
    rows = []
    for name in names:
        for exporter in EXPORTERS:
            path = store.file_of(cache, name, exporter)
            failed, found = store.read(path, "failed"), store.read(path, "check")
            if failed:
                rows.append([name, exporter, f"PyTorch: {failed['reason']}"])
            elif found and not found["converts"]:
                rows.append([name, exporter, shortened(str(found["reason"]))])
    return table(["network", "exporter", "reason"], rows)


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " ..."


def matrix(cache: Path) -> str:
    """Architectures by encoders: of how many exporters' files how many convert."""

    def cell(name: str) -> str:
        states = [status(store.file_of(cache, name, exporter)) for exporter in EXPORTERS]
        tried = states.count("yes") + states.count("refused")
        return f"{states.count('yes')} of {tried}" if tried else states[0]

    rows = [
        [encoder, *(cell(f"smp {architecture} {encoder}") for architecture in catalogue.ARCHITECTURES)]
        for encoder in catalogue.ENCODERS
    ]
    return table(["encoder", *catalogue.ARCHITECTURES], rows)


def counts(cache: Path, names: list[str]) -> str:
    """How many files convert, of those that PyTorch exports."""
    parts = []
    for exporter in EXPORTERS:
        states = [status(store.file_of(cache, name, exporter)) for name in names]
        tried = states.count("yes") + states.count("refused")
        share = 100 * states.count("yes") / max(1, tried)
        parts.append(f"{exporter}: {states.count('yes')} of {tried} files convert ({share:.0f} %)")
    return "; ".join(parts)


def mean(cache: Path, names: list[str]) -> str:
    """The mean agreement of all networks that have both figures."""
    pairs = []
    for name in names:
        found = [store.read(store.file_of(cache, name, exporter), "judged") or {} for exporter in EXPORTERS]
        pairs.extend((entry["ours"], entry["onnxruntime"]) for entry in found[:2] if "onnxruntime" in entry)
    if not pairs:
        return NOT_RUN
    ours, theirs = (100 * sum(column) / len(pairs) for column in zip(*pairs))
    ahead = sum(a >= b for a, b in pairs)
    return (
        f"over {len(pairs)} files {ours:.1f} % for ours, {theirs:.1f} % for onnxruntime's; "
        f"ours is at least as high on {ahead}"
    )


def losses(cache: Path, names: Iterable[str], lowered: dict[str, bool]) -> str:
    """Files below `FEW_DECIBELS`: where their loss begins, and whether they are the same in float."""
    rows = []
    for name in names:
        for exporter in EXPORTERS:
            path = store.file_of(cache, name, exporter)
            found = store.read(path, "judged") or {}
            if not isinstance(found.get("decibels"), float) or found["decibels"] >= FEW_DECIBELS:
                continue
            begins = [note.split("; the loss begins at ")[-1] for note in found["notes"] if "the loss begins" in note]
            exact = {True: "yes", False: "**no**", None: NOT_RUN}[lowered.get(path.name)]
            rows.append([name, exporter, f"{found['decibels']:.1f} dB", exact, (begins or [NONE])[0]])
    return table(["network", "exporter", "SQNR", "same in float", "where the loss begins"], rows)


def public(cache: Path) -> str:
    """The public files, from `public.json` of the cache."""
    path = cache / "public.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    rows = []
    for name, entry in found.items():
        if "reason" in entry:
            rows.append([name, "refused", NONE, NONE, NONE, NONE, str(entry["reason"])])
        else:
            figures = [f"{entry['decibels']:.1f} dB", percent(entry["agreement"]), f"{entry['bytes'] / 1e6:.2f} MB"]
            rows.append([name, "yes", *figures, beside(entry.get("native")), " ".join(entry["options"])])
    head = ["file", "converts", "SQNR", "agreement", "size", "beside native", "options, or the reason"]
    return table(head, rows)


def beside(times: dict[str, float] | None) -> str:
    """How many times as fast as native onnxruntime in its best form, and which that is."""
    if times is None:
        return NONE
    form = min(("f32", "u8", "s8"), key=lambda each: times[each])
    return f"{times[form] / times['ours']:.2f} ({form})"


TEXT = """# Networks

What the converter makes of well-known segmentation networks, exported by both exporters of PyTorch
(`torch.onnx.export` with `dynamo=False`, "torchscript", and `dynamo=True`). This page is written by

```sh
python -m tools.networks --cache DIR --frames ../shared/camvid/701_StillsRaw_full
NETWORKS=DIR npx vitest run test/tools/convert/lowered.test.ts --reporter=json --outputFile=DIR/lowered.json
python -m tools.networks.public --cache DIR --files ../shared/networks
python -m tools.networks.native --cache DIR --node NODE
python -m tools.networks.page --cache DIR
```

The networks are built by torchvision, segmentation-models-pytorch (smp) with timm, or by
[tools/networks](../tools/networks) after their papers, with random weights (seed 0) and the statistics of batch
normalization set to those of 8 CamVid frames; 192x192 pixels, PP-LiteSeg 256x256, because the torchscript exporter
takes adaptive pooling only to bins that divide the size.

- **same in float**: what the converter's passes make of the file, run in floating point before anything is quantized,
  equals onnxruntime's logits within a thousandth of the largest deviation; in brackets the number of files.
- **SQNR**: of the logits of 4 of the calibration frames, means of the classes removed.
- **agreement**: share of the pixels of 4 other frames with the class that the float network gives in onnxruntime: ours,
  and onnxruntime's static quantization (QDQ, per channel, min-max) calibrated on the same 8 frames. Of networks of one
  class that is the side of 0.5.
- **size** of our file.
- **speed**: how many times as fast as onnxruntime-web, the faster of its float and its quantized file; one thread,
  Node 20 (the SIMD build), least of 15 turns each in one process.

Random weights exaggerate the noise of quantization: compare within a row only. A conversion below 10 dB is refused
without `--force`, which was given here.

{counts}. Agreement {mean}.

{own}
## Architectures and encoders of segmentation-models-pytorch

How many files convert, of how many that were exported and tried:

{matrix}
## Not exported, and refused

{reasons}
## Below 10 dB

A file that is the same in float and yet below 10 dB loses by the noise of 8 bits alone.

{losses}
## Public files

`../shared/networks`, calibrated on the same frames; SQNR and agreement with the float file in onnxruntime on 4 of them.
**Beside native**: how many times as fast as onnxruntime's machine code in its best form, which is named (f32, or QDQ with
u8 or s8 activations); one thread, our relaxed build in Node 24, least of 15 turns each in one process, on a processor
with AVX-VNNI and with AMX, which onnxruntime uses for u8.

{public}"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.networks.page", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("models/networks.md"))
    options = parser.parse_args()
    cache, names = options.cache, catalogue.names()
    lowered = cache / "lowered.json"
    tests = json.loads(lowered.read_text())["testResults"][0]["assertionResults"] if lowered.exists() else []
    passed = {test["title"]: test["status"] == "passed" for test in tests if test["status"] in ("passed", "failed")}
    listed = [name for name in names if not name.startswith("smp ") or is_run(cache, name)]
    head = ["network", *EXPORTERS, "same in float", "SQNR", "agreement", "onnxruntime's", "size", "speed", "judged"]
    text = TEXT.format(
        counts=counts(cache, names),
        mean=mean(cache, names),
        own=table(head, (row(cache, name, passed) for name in listed)),
        matrix=matrix(cache),
        reasons=reasons(cache, names),
        losses=losses(cache, names, passed),
        public=public(cache),
    )
    options.output.write_text(text)


def is_run(cache: Path, name: str) -> bool:
    """Whether anything beyond the check was done with a network, or it is one that has a row in any case."""
    files = [store.file_of(cache, name, exporter) for exporter in EXPORTERS]
    return name in catalogue.TRANSFORMERS or any(store.read(path, "judged") for path in files)


if __name__ == "__main__":
    main()
