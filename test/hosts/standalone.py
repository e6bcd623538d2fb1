"""Runs standalone modules in wasmtime and prints the SHA-256 of their masks as JSON.

    standalone.py TARGET MODULE PICTURE [MODULE PICTURE ...]

TARGET: "host", or "pulley64", which is interpreted.
PICTURE: uint8 [height, width, 3], red, green, blue, of the size that the module was made for.
"""

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from wasmtime import Config, Engine, Instance, Module, Store


def run(engine: Engine, module: Path, picture: bytes) -> str:
    """SHA-256 of the mask of one picture."""
    store = Store(engine)
    exports = Instance(store, Module.from_file(engine, str(module)), []).exports(store)
    memory = exports["memory"]
    memory.write(store, picture, exports["input"](store))
    exports["run"](store)
    start = exports["output"](store)
    end = start + exports["width"](store) * exports["height"](store)
    return hashlib.sha256(bytes(memory.read(store, start, end))).hexdigest()


def main(paths: list[str]) -> None:
    config = Config()
    if paths[0] != "host":
        config.target = paths[0]
    engine = Engine(config)
    pairs = zip(paths[1::2], paths[2::2], strict=True)
    hashes = [run(engine, Path(module), Path(picture).read_bytes()) for module, picture in pairs]
    print(json.dumps({"version": version("wasmtime"), "hashes": hashes}))


main(sys.argv[1:])
