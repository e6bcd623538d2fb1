"""Searches for networks within limits: the program behind `attendseg explore`.

    python -m tools.explore.explore --max-macs 1e9 --max-params 1.1e6 --budget 20 --data synthetic

The same command again goes on where the last one stopped. Several at once share the work, also on other machines,
if they see the same run folder.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

try:
    import matplotlib  # noqa: F401  (needed at the end: better to know now)
    import torch
    from tqdm import tqdm  # noqa: F401
except ImportError as missing:
    sys.exit(f"attendseg: {missing}: pip install -r tools/train/requirements.txt")

from tools.explore.engine import CLI, Engine, EngineError
from tools.explore.limits import OBJECTIVES, Limits, amount
from tools.explore.proxy import Schedule, load, prototype
from tools.explore.report import Display, plot, result, table
from tools.explore.search import Search, SearchError, Settings, Trainer
from tools.explore.store import Candidate, Store, StoreError
from tools.train.camvid import CACHE, DataError

SCHEDULES = {
    "synthetic": (Schedule(30, 8, 64, 7e-4), Schedule(120, 8, 64, 3e-3)),
    "frames": (Schedule(40, 8, 96, 7e-4), Schedule(1000, 8, 96, 3e-3)),
}
"""The short training, and the prototype's longer one at the start, for drawn and for real frames."""
FRAME = 256
KEPT = 16


def positive(text: str) -> float:
    """argparse type: see limits.amount."""
    try:
        return amount(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of this file; argparse leaves with code 2 for options that make no sense."""
    parser = argparse.ArgumentParser(
        prog="attendseg",
        usage="attendseg explore [options]",
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="synthetic", help='"synthetic", or a folder in CamVid\'s layout')
    add("--out", default="out/explore", help="run folder, made if missing; an unfinished search in it goes on")
    add("--budget", type=int, default=20, help="networks to evaluate in all")
    add("--max-params", type=positive, help="most parameters")
    add("--max-macs", type=positive, help="most multiply-accumulates")
    add("--max-memory", type=positive, help="most linear memory, such as 6MiB")
    add("--max-ms", type=positive, help="most predicted milliseconds (needs --table)")
    add("--min-accuracy", type=float, help="least accuracy (0..1) after the short training")
    add("--max-loss", type=float, help="most points (of 100) of accuracy below the prototype's, trained as long")
    add("--objective", choices=OBJECTIVES, default="netscore", help="what to look for (speed needs --table)")
    add("--table", help="timings of this machine (attendseg bench --table)")
    add("--size", default="512x512", help="input size that costs are counted at")
    add("--standalone", action="store_true", help="count the memory of a module by attendseg bundle --exact")
    add("--prototype", help="architecture to start from (default: the flagship's, or the one that --init belongs to)")
    add("--init", help="weights that the prototype starts from: imagenet, a model file NAME.aseg or a checkpoint.pt")
    add("--split", default="models/attendseg-camvid.split.json", help="frames of its validation are never used")
    add("--cache", default=str(CACHE), help="folder for decoded frames")
    add("--steps", type=int, help="steps of the short training (default: by the data)")
    add("--base-steps", type=int, help="steps of the prototype's longer one (default: by the data)")
    add("--seed", type=int, default=1, help="seed of everything random")
    add("--json", action="store_true", help="print the result as one JSON object")
    add("--plain", action="store_true", help="draw moves evenly: the generator learns nothing")
    add("--threads", type=int, default=1, help="CPU threads of PyTorch")
    add("--cli", default=str(CLI), help=argparse.SUPPRESS)
    add("--node", default="node", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.budget < 1:
        parser.error("--budget must be positive")
    if not 0 <= (options.min_accuracy or 0) < 1:
        parser.error("--min-accuracy is a share, 0 to 1")
    if not options.table and (options.max_ms or options.objective == "speed"):
        parser.error("--max-ms and --objective speed need --table: attendseg bench --table FILE makes one")
    return options


def settings_of(options: argparse.Namespace) -> Settings:
    """What the options ask for."""
    schedule, base = SCHEDULES["synthetic" if options.data == "synthetic" else "frames"]
    schedule = replace(schedule, steps=options.steps or schedule.steps)
    base = replace(base, steps=options.base_steps or base.steps)
    limits = Limits(
        options.max_params,
        options.max_macs,
        options.max_memory,
        options.max_ms,
        options.min_accuracy,
        None if options.max_loss is None else options.max_loss / 100,
    )
    learned = not options.plain
    return Settings(limits, options.objective, options.budget, options.seed, schedule, base, learned, options.init)


KEPT_OPTIONS = (
    *("data", "budget", "max_params", "max_macs", "max_memory", "max_ms", "min_accuracy", "max_loss", "objective"),
    *("table", "size", "prototype", "init", "split", "steps", "base_steps", "seed", "plain", "standalone"),
)
"""Options that make a search what it is."""


def explore(options: argparse.Namespace) -> None:
    """Runs one process of a search; see the head of this file."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    settings = settings_of(options)
    with Engine(Path(options.cli), options.table, options.size, options.node, options.standalone) as engine:
        data = load(options.data, FRAME, options.split, Path(options.cache), KEPT)
        first = prototype(options.prototype, data.classes, options.init)
        store = Store(options.out)
        search = Search(settings, store, engine, first)
        store.keep_settings({key: getattr(options, key) for key in KEPT_OPTIONS})
        trainer = Trainer(settings, store, data, first)
        done = len(store.candidates())
        if done:
            print(f"{options.out}: going on after {done} networks", file=sys.stderr)
        display = Display(settings.budget, done, search.fit, options.json)

        def keep(candidate: Candidate) -> None:
            display.show(store.candidates(), candidate)
            summarise(store, search)

        search.run(trainer, trainer.reference, keep)
        display.close()
        summarise(store, search)
        plot(store.candidates(), search.fit, store.folder / "pareto.png")
    if options.json:
        print((store.folder / "result.json").read_text(encoding="utf-8"), end="")
        return
    print(table(store.candidates(), search.fit, 10))
    print(f"{options.out}: result.json, table.md, pareto.png, candidates/*.json")


def summarise(store: Store, search: Search) -> None:
    """Writes result.json and table.md."""
    candidates = store.candidates()
    store.write("result.json", result(candidates, search.fit, search.settings.limits, search.inquire()))
    (store.folder / "table.md").write_text(table(candidates, search.fit, len(candidates)), encoding="utf-8")


def main() -> None:
    """The command line: exit code 1 and one line for what cannot be done."""
    try:
        explore(arguments())
    except (DataError, EngineError, SearchError, StoreError, OSError, ValueError) as error:
        sys.exit(f"attendseg: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")


if __name__ == "__main__":
    main()
