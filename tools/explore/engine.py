"""Exact cost of a network: asks the command line of this package, one process for all questions."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tools.explore.space import Architecture

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "dist" / "cli.js"

Cost = dict[str, Any]
"""parameters, macs, weightBytes, arenaBytes, memoryBytes and, with a table of timings, milliseconds."""


class EngineError(Exception):
    """The cost cannot be told; the message says why."""


class Engine:
    """A running `attendseg cost -`. Close it, or use it in a `with`."""

    def __init__(
        self,
        cli: Path = CLI,
        table: str | None = None,
        size: str = "512x512",
        node: str = "node",
        standalone: bool = False,
    ) -> None:
        """EngineError if the command line is not built or Node is missing. standalone: memoryBytes is that of the
        module by `attendseg bundle --exact`, otherwise that of the library."""
        if not cli.exists():
            raise EngineError(f"{cli}: no such file: npm ci && npm run build")
        command = [node, str(cli), "cost", "-", "--size", size, *(["--table", table] if table else [])]
        command += ["--standalone"] if standalone else []
        try:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")
        except OSError as error:
            raise EngineError(f"{node}: {error.strerror}") from None

    def cost(self, architecture: Architecture) -> Cost:
        """What a network costs; EngineError if it cannot be told."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        try:
            self._process.stdin.write(json.dumps(architecture) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            words = self._process.stderr.read().strip() or "the process ended"
            raise EngineError(words.removeprefix("attendseg: "))
        answer = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
