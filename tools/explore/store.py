"""The folder of a search: every candidate is a file of its own, so any number of processes and machines can share it.

    settings.json          what the search was started with
    candidates/ID.json     one evaluated network each: architecture, cost, accuracy, parents, moves
    claims/ID              who trains a network at the moment
    controls/G.json, .pt   the prototype, trained for as long as networks of generation G
    weights/ID.pt          weights of the networks that can still be parents

Files appear complete or not at all (a temporary name, then a rename), and none is changed afterwards, so there is
nothing to lock, and nothing to repair after a kill. Optuna's storages are made for trials with a fixed list of named
parameters and for its own samplers; a network here is a tree of varying size, and its weights belong to it.
"""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Candidate = dict[str, Any]
FREE = ("budget",)
"""Settings that may differ when a search goes on."""
STALE_SECONDS = 900.0
"""A claim older than this, of another machine, is void."""


class StoreError(Exception):
    """The folder does not fit the search; the message says why."""


class Store:
    """A folder, made if missing."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        for name in ("candidates", "claims", "controls", "weights"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._known: dict[str, Candidate] = {}

    def keep_settings(self, settings: dict[str, Any]) -> None:
        """Notes the settings of a new search; StoreError if the folder holds a search with others."""
        path = self.folder / "settings.json"
        if path.exists():
            known = json.loads(path.read_text(encoding="utf-8"))
            for key in settings.keys() - FREE:
                if known.get(key) != settings[key]:
                    name, was = key.replace("_", "-"), known.get(key)
                    raise StoreError(f"{self.folder}: holds a search with --{name} {was}, not {settings[key]}")
        self.write("settings.json", settings)

    def write(self, name: str, value: Any) -> None:
        """Writes JSON into the folder."""
        path = self.folder / name
        part = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    def candidates(self) -> list[Candidate]:
        """All evaluated networks, oldest first."""
        for path in (self.folder / "candidates").glob("[!.]*.json"):
            if path.stem not in self._known:
                self._known[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        return sorted(self._known.values(), key=lambda candidate: (candidate["number"], candidate["id"]))

    def add(self, candidate: Candidate, state: dict[str, Tensor]) -> None:
        """Keeps an evaluated network; its number should be that of those known when it was made."""
        self.save_state(f"weights/{candidate['id']}.pt", state)
        self.write(f"candidates/{candidate['id']}.json", candidate)
        (self.folder / "claims" / candidate["id"]).unlink(missing_ok=True)

    def claim(self, name: str) -> bool:
        """Whether this process may train a network: nobody has, and nobody who is alive is about to."""
        path = self.folder / "claims" / name
        if (self.folder / "candidates" / f"{name}.json").exists() or (path.exists() and self._alive(path)):
            return False
        path.unlink(missing_ok=True)
        try:
            with open(path, "x", encoding="utf-8") as file:
                json.dump({"host": socket.gethostname(), "process": os.getpid()}, file)
        except FileExistsError:
            return False
        return True

    def _alive(self, path: Path) -> bool:
        try:
            owner = json.loads(path.read_text(encoding="utf-8"))
            if owner["host"] == socket.gethostname():
                os.kill(owner["process"], 0)
                return owner["process"] != os.getpid()
            return time.time() - path.stat().st_mtime < STALE_SECONDS
        except (OSError, ValueError):
            return False

    def save_state(self, name: str, state: dict[str, Tensor]) -> None:
        """Writes weights into the folder, as 16-bit numbers."""
        path = self.folder / name
        part = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
        torch.save({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, part)
        part.replace(path)

    def load_state(self, name: str) -> dict[str, Tensor] | None:
        """Weights from the folder; None if they are not there (any more)."""
        try:
            return torch.load(self.folder / name, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None

    def forget_states(self, keep: set[str]) -> None:
        """Removes the weights of all networks but these."""
        for path in (self.folder / "weights").glob("[!.]*.pt"):
            if path.stem not in keep:
                path.unlink(missing_ok=True)
