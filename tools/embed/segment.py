"""A photo to a mask through a standalone module in wasmtime, with bounds on memory and work.

attendseg bundle model.aseg -o segment.wasm
pip install wasmtime pillow
python segment.py segment.wasm photo.jpg mask.png --memory 3735552 --fuel 5000000000
"""

import argparse
import sys
from pathlib import Path

import wasmtime
from PIL import Image, ImageOps


class Segmenter:
    """One instance of a standalone module.

    module: bytes of the .wasm file
    memory: most bytes of linear memory that it may have, or None
    """

    def __init__(self, module, memory=None):
        config = wasmtime.Config()
        config.consume_fuel = True
        engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(engine)
        if memory is not None:
            self.store.set_limits(memory_size=memory)
        instance = wasmtime.Instance(self.store, wasmtime.Module(engine, module), [])
        self.exports = instance.exports(self.store)
        self.store.set_fuel(2**63 - 1)
        self.width = self.call("width")
        self.height = self.call("height")
        self.classes = [self.class_name(index) for index in range(self.call("classes"))]

    def call(self, name, *values):
        return self.exports[name](self.store, *values)

    def read(self, address, length):
        return bytes(self.exports["memory"].read(self.store, address, address + length))

    def class_name(self, index):
        return self.read(self.call("className", index), self.call("classNameLength", index)).decode()

    def segment(self, rgb, fuel=2**63 - 1):
        """Class ids, uint8 [height, width], of RGB bytes [height, width, 3].

        fuel: about the number of instructions allowed; wasmtime.Trap when it is used up. The segmenter can be
        used again after that.
        """
        self.store.set_fuel(2**63 - 1)
        self.exports["memory"].write(self.store, rgb, self.call("input"))
        output = self.call("output")
        self.store.set_fuel(fuel)
        self.call("run")
        self.store.set_fuel(2**63 - 1)
        return self.read(output, self.width * self.height)


def main():
    parser = argparse.ArgumentParser(description="segment one photo")
    parser.add_argument("module", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("mask", type=Path, help="PNG of class ids, at the size of the network's input")
    parser.add_argument("--memory", type=int, help="limit in bytes (default: none)")
    parser.add_argument("--fuel", type=int, default=2**63 - 1, help="limit in instructions, about (default: none)")
    arguments = parser.parse_args()
    try:
        segmenter = Segmenter(arguments.module.read_bytes(), arguments.memory)
        # Pillow's BILINEAR is the resize that the library uses, so the mask is the same byte for byte.
        photo = ImageOps.exif_transpose(Image.open(arguments.photo)).convert("RGB")
        rgb = photo.resize((segmenter.width, segmenter.height), Image.Resampling.BILINEAR).tobytes()
        ids = segmenter.segment(rgb, arguments.fuel)
    except wasmtime.Trap as trap:
        if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL:
            sys.exit(f"out of fuel after {arguments.fuel} instructions")
        raise
    except (OSError, wasmtime.WasmtimeError) as error:
        sys.exit(str(error))
    Image.frombytes("L", (segmenter.width, segmenter.height), ids).save(arguments.mask)
    for index in sorted(set(ids), key=ids.count, reverse=True):
        print(f"{100 * ids.count(index) / len(ids):5.1f} %  {segmenter.classes[index]}")


if __name__ == "__main__":
    main()
