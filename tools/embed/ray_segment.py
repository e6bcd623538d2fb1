"""A folder of photos to masks on all machines of a Ray cluster, or on all cores of this one.

    pip install "ray[data]" wasmtime pillow
    python ray_segment.py segment.wasm photos masks

Each worker holds one standalone module. The mask of street.jpg is street.mask.png, or street.jpg.mask.png if there is a
street.png, too. Masks appear complete or not at all; those that exist are kept, so a run that was stopped can be started
again (with another module, give another folder). Photos are turned upright as their EXIF data say. A photo that cannot be read is named,
the others go on, and the exit code is then 1.
On a cluster (RAY_ADDRESS set), photos and masks lie in a folder that all machines share.
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import ray
from PIL import Image, ImageOps
from segment import Segmenter

ENDINGS = {".png", ".jpg", ".jpeg"}


class SegmentPhoto:
    """What a worker does, one photo at a time."""

    def __init__(self, module):
        self.segmenter = Segmenter(module)

    def __call__(self, row):
        path, mask = Path(row["path"]), Path(row["mask"])
        if mask.exists() and mask.stat().st_mtime >= path.stat().st_mtime:
            return {"path": str(path), "error": ""}
        try:
            with Image.open(path) as photo:
                size = (self.segmenter.width, self.segmenter.height)
                upright = ImageOps.exif_transpose(photo).convert("RGB")
                rgb = upright.resize(size, Image.Resampling.BILINEAR).tobytes()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return {"path": str(path), "error": str(error)}
        temporary = mask.with_name(f".{mask.name}.{os.getpid()}.tmp")
        Image.frombytes("L", size, self.segmenter.segment(rgb)).save(temporary, format="PNG")
        temporary.replace(mask)
        return {"path": str(path), "error": ""}


def main():
    parser = argparse.ArgumentParser(description="segment the photos of a folder")
    parser.add_argument("module", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    photos = sorted(path for path in arguments.photos.iterdir() if path.suffix.lower() in ENDINGS)
    if not photos:
        sys.exit(f"{arguments.photos}: there are no PNG or JPEG files")
    arguments.masks.mkdir(parents=True, exist_ok=True)

    here = str(Path(__file__).parent.resolve())
    ray.init(runtime_env={"env_vars": {"PYTHONPATH": here}}, log_to_driver=False)
    masks = arguments.masks.resolve()
    times = Counter(path.stem for path in photos)
    names = [path.stem if times[path.stem] == 1 else path.name for path in photos]
    rows = [{"path": str(path.resolve()), "mask": str(masks / f"{name}.mask.png")} for path, name in zip(photos, names)]
    blocks = min(len(rows), 8 * arguments.workers)
    report = ray.data.from_items(rows, override_num_blocks=blocks).map(
        SegmentPhoto,
        fn_constructor_args=(arguments.module.read_bytes(),),
        compute=ray.data.ActorPoolStrategy(size=arguments.workers),
    )
    failed = sorted((row["path"], row["error"]) for row in report.iter_rows() if row["error"])
    for path, error in failed:
        print(f"{path}: {error}", file=sys.stderr)
    print(f"{len(photos) - len(failed)} masks, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
