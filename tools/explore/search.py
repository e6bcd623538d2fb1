"""The search: aging evolution (Real and others, 2019) with a generator that learns.

A network is rated by a short training that starts from its parent's weights. Networks of later generations have been
trained longer in all, so each is compared with a control: the prototype, trained just as long in the same way.

    level = accuracy - control(generation) + control(1)       what U is computed from
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch

from tools.explore.engine import Cost, Engine
from tools.explore.generator import Inquisitor, generate
from tools.train.inherit import inherit
from tools.explore.limits import Limits, fitness
from tools.explore.proxy import Data, Schedule, some_images, train
from tools.explore.space import Architecture, crossover, identity, moves_from, smallest, within
from tools.explore.store import Candidate, Store
from tools.train.network import Network
from tools.train.start import start

POPULATION = 24
TOURNAMENT = 6
FIRST = 12
"""Candidates made from the prototype alone before the search goes on from others."""
CROSSED = 0.1
TRIES = 2000


class SearchError(Exception):
    """The search cannot find what was asked for; the message says why."""


@dataclass(frozen=True)
class Settings:
    """What a search is asked for; see explore.py for the options."""

    limits: Limits
    objective: str
    budget: int
    seed: int
    schedule: Schedule
    base: Schedule
    learned: bool = True
    init: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A network to try: its parents (ids) and the moves that made it, and which limits others broke before."""

    architecture: Architecture
    cost: Cost
    parents: list[str]
    moves: list[tuple[str, str]]
    refused: dict[str, int]


Trial = Callable[[Proposal, int], tuple[float, dict[str, torch.Tensor]]]
"""Accuracy (0..1) of a network of a generation, and its weights."""


class Search:
    """One process of a search; several may share a store."""

    def __init__(self, settings: Settings, store: Store, engine: Engine, prototype: Architecture) -> None:
        """SearchError, naming the limit, if not even the smallest network keeps the limits, or the prototype is odd."""
        self.settings, self.store, self.engine, self.prototype = settings, store, engine, prototype
        self.origin = identity(prototype)
        self.moves = moves_from(settings.init)
        if not within(prototype):
            raise SearchError("the prototype lies outside the space (tools/explore/space.py)")
        least = engine.cost(smallest(prototype["classes"]))
        if broken := settings.limits.broken(least):
            raise SearchError(f"no network of the space keeps {', '.join(f'{each} is the least' for each in broken)}")

    def fit(self, candidate: Candidate) -> float:
        """What the search climbs; see limits.py. Nothing of a prototype that breaks a limit."""
        settings, reference = self.settings, candidate["reference"]
        if settings.limits.broken(candidate["cost"]):
            return -math.inf
        return fitness(settings.objective, settings.limits, candidate["level"], candidate["cost"], reference)

    def population(self) -> list[Candidate]:
        """The youngest candidates, from which parents are taken."""
        return self.store.candidates()[-POPULATION:]

    def inquire(self) -> Inquisitor:
        """What the candidates so far teach about moves: those with one parent that is known."""
        inquisitor = Inquisitor(self.moves)
        known = {candidate["id"]: candidate for candidate in self.store.candidates()}
        for candidate in known.values():
            parents = [known[name] for name in candidate["parents"] if name in known]
            if len(parents) == 1 and candidate["moves"] and not self.settings.limits.broken(parents[0]["cost"]):
                gain = self.fit(candidate) - self.fit(parents[0])
                inquisitor.learn([tuple(move) for move in candidate["moves"]], gain)
        return inquisitor

    def propose(self, number: int) -> Proposal:
        """The next network: within the limits, not yet evaluated, and claimed. SearchError if none is found."""
        random = Random(f"{self.settings.seed} {number}")
        if number == 0 and self.store.claim(self.origin):
            return Proposal(self.prototype, self.engine.cost(self.prototype), [], [], {})
        population = self.population()
        inquisitor = self.inquire() if self.settings.learned else None
        refused: Counter[str] = Counter()
        for attempt in range(TRIES):
            more = attempt // 100
            if number < FIRST:
                parents = [self.origin]
                count = random.choice((1, 1, 2, 3))
                child, moves = generate(random, self.prototype, inquisitor, count + more, self.moves)
            elif random.random() < CROSSED:
                pair = [self.select(random, population) for _ in range(2)]
                parents = [parent["id"] for parent in pair]
                child, moves = crossover(random, *(parent["architecture"] for parent in pair)), []
            else:
                parent = self.select(random, population)
                parents, count = [parent["id"]], random.choice((1, 1, 1, 2))
                child, moves = generate(random, parent["architecture"], inquisitor, count + more, self.moves)
            cost = self.engine.cost(child)
            broken = self.settings.limits.broken(cost)
            refused.update(option.split()[0] for option in broken)
            if not broken and self.store.claim(identity(child)):
                return Proposal(child, cost, parents, moves, dict(refused))
        limits = ", ".join(f"{option} ({count} times)" for option, count in refused.most_common())
        raise SearchError(f"no further network within the limits in {TRIES} tries; refused by {limits or 'none'}")

    def select(self, random: Random, population: list[Candidate]) -> Candidate:
        """The fittest of a few drawn at random."""
        return max(random.sample(population, min(TOURNAMENT, len(population))), key=self.fit)

    def run(self, trial: Trial, reference: Callable[[int], float], on_candidate: Callable[[Candidate], None]) -> None:
        """Evaluates networks until the store holds as many as the budget says.

        trial      trains a network
        reference  accuracy of the prototype, trained as long as networks of a generation (1 and above)
        """
        while (number := len(self.store.candidates())) < self.settings.budget:
            proposal = self.propose(number)
            known = {candidate["id"]: candidate for candidate in self.store.candidates()}
            generations = [known[name]["generation"] for name in proposal.parents if name != self.origin]
            generation = 1 + max(generations, default=0)
            began = time.monotonic()
            accuracy, state = trial(proposal, generation)
            name = identity(proposal.architecture)
            first = reference(1)
            candidate = {
                "id": name,
                "number": number,
                "parents": proposal.parents,
                "moves": proposal.moves,
                "generation": generation,
                "accuracy": accuracy,
                "level": accuracy - reference(generation) + first,
                "reference": first,
                "cost": proposal.cost,
                "refused": proposal.refused,
                "seconds": round(time.monotonic() - began, 1),
                "architecture": proposal.architecture | {"name": f"explored-{name}"},
            }
            self.store.add(candidate, state)
            best = sorted(self.store.candidates(), key=self.fit)[-8:]
            self.store.forget_states({c["id"] for c in [*self.population(), *best]})
            on_candidate(candidate)


class Trainer:
    """The trial of real searches: short trainings from inherited weights, and the controls they are compared with."""

    def __init__(self, settings: Settings, store: Store, data: Data, prototype: Architecture) -> None:
        self.settings, self.store, self.data, self.prototype = settings, store, data, prototype

    def reference(self, generation: int) -> float:
        """Accuracy of the prototype, trained as long as networks of a generation."""
        return self._control(generation)[0]

    def _control(self, generation: int) -> tuple[float, dict[str, torch.Tensor]]:
        """Accuracy and weights of the prototype; of generation 0 after the longer training that all come from."""
        name = f"controls/{generation}"
        path = self.store.folder / f"{name}.json"
        state = self.store.load_state(f"{name}.pt")
        if path.exists() and state is not None:
            return json.loads(path.read_text(encoding="utf-8"))["accuracy"], state
        schedule = self.settings.schedule
        if generation == 0:
            torch.manual_seed(self.settings.seed)
            network = Network(self.prototype)
            start(network, self.settings.init, self.data.names, some_images(self.data.frames))
            schedule = self.settings.base
        else:
            network = self._child(self.prototype, self.prototype, self._control(generation - 1)[1])
        accuracy = train(network, self.data, schedule, 1000 * self.settings.seed + generation)
        self.store.save_state(f"{name}.pt", network.state_dict())
        self.store.write(f"{name}.json", {"accuracy": accuracy})
        return self._control(generation)

    def start(self, architecture: Architecture) -> Network:
        """A network with what fits of the prototype's weights after its longer training."""
        return self._child(architecture, self.prototype, self._control(0)[1])

    def _child(self, architecture: Architecture, parent: Architecture, state: dict[str, torch.Tensor]) -> Network:
        torch.manual_seed(self.settings.seed)
        network = Network(architecture)
        inherit(network, architecture, parent, state)
        return network

    def __call__(self, proposal: Proposal, generation: int) -> tuple[float, dict[str, torch.Tensor]]:
        """Trains a network from its first parent's weights, or from the prototype's where those are gone."""
        known = {candidate["id"]: candidate for candidate in self.store.candidates()}
        parent, state = self.prototype, None
        if proposal.parents and proposal.parents[0] != identity(self.prototype):
            parent = known[proposal.parents[0]]["architecture"]
            state = self.store.load_state(f"weights/{proposal.parents[0]}.pt")
        if state is None:
            parent, state = self.prototype, self._control(generation - 1)[1]
        network = self._child(proposal.architecture, parent, state)
        accuracy = train(network, self.data, self.settings.schedule, 1000 * self.settings.seed + generation)
        return accuracy, network.state_dict()
