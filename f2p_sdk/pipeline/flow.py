"""The stages of a search: from the average character to candidates for the engine to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..objective import Choices, Colour, Departure, Distance, Identity, Objective, Prior, Term
from ..search import Problem, Result, Space, improve_choices, minimise
from .appearance import Appearance
from .drawing import EngineDraws, Grounded, Imitator
from .recipes import Recipe, Search, TryChoices
from .report import Clock
from .views import Views

__all__ = ["Found", "Goal", "Tools", "find", "objective_of"]

_BATCH = 4  # pictures shown to the recognizer at a time: bounds memory


@dataclass(frozen=True)
class Tools:
    """What draws and what looks. Without an engine the imitator stands in for it."""

    imitator: Imitator
    views: Views  # as the search looks
    plain: Views  # as the choices are judged
    engine: EngineDraws | None = None
    size: int = 256


@dataclass(frozen=True)
class Found:
    """What a search came to.

    candidates: name -> (D,), choices hard, in the order found. losses: per stage and step. final:
    the name of the best candidate as far as the search can tell. objective: what it minimised.
    """

    candidates: dict[str, Tensor]
    objective: Objective
    losses: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    final: str = ""


@dataclass(frozen=True)
class Goal:
    """What the photo asks for: embeddings (T, E), and how it looks from afar."""

    target: Tensor
    look: Appearance


def objective_of(plan: Recipe, space: Space, goal: Goal, weights: Mapping[str, float]) -> Objective:
    """Terms by name. The mean of the priors is where the search starts."""
    makers: dict[str, Callable[[], Term]] = {
        "identity": lambda: Identity(goal.target),
        "distance": lambda: Distance(goal.target),
        "prior": lambda: Prior(space.start[: space.continuous]),
        "choices": lambda: Choices(space.slots),
        "departure": lambda: Departure(space.start, space.slots),
        "colour": lambda: Colour(goal.look.colours, goal.look.weight, plan.strictness),
    }
    return Objective({name: (weight, makers[name]()) for name, weight in weights.items()})


def find(plan: Recipe, space: Space, goal: Goal, tools: Tools, seed: int, clock: Clock) -> Found:
    """Run a recipe's stages. Held parts of ``space`` are the same in every candidate."""
    objective = objective_of(plan, space, goal, plan.weights)
    candidates: dict[str, Tensor] = {"start": space.start}
    losses: dict[str, list[dict[str, float]]] = {}
    vector, ranking = space.start, space.start
    for stage in plan.stages:
        if isinstance(stage, TryChoices):
            judged = objective_of(plan, space, goal, {**plan.weights, **stage.weights})
            vector = _try_choices(stage, space, judged, tools, vector, ranking, clock)
            candidates[stage.name] = vector
            continue
        result = _search(stage, space, objective, tools, vector, seed, clock)
        if stage.relaxed:
            ranking = result.relaxed[0]
        vector = result.vectors[0]
        losses[stage.name] = [dict(row) for row in result.history]
        candidates[stage.name] = vector
    return Found(candidates, objective, losses, final=next(reversed(candidates)))


def _search(
    stage: Search,
    space: Space,
    objective: Objective,
    tools: Tools,
    vector: Tensor,
    seed: int,
    clock: Clock,
) -> Result:
    """One run of an optimiser from ``vector`` (D,)."""

    def imitated(vectors: Tensor, step: int) -> Tensor:
        return tools.imitator(vectors)

    render = imitated
    if stage.engine and tools.engine is not None:
        render = Grounded(tools.imitator, tools.engine, space.harden)
    free = space.free.clone()
    if not stage.relaxed:
        free[space.continuous :] = False
    here = Space(vector, space.continuous, space.slots, free, space.lead)
    problem = Problem(here, objective, render, tools.views)
    with clock.stage(stage.name, stage.optimiser.steps) as tell:
        return minimise(stage.optimiser, problem, seed=seed, on_step=lambda s: tell(s.step))


def _try_choices(
    stage: TryChoices,
    space: Space,
    objective: Objective,
    tools: Tools,
    vector: Tensor,
    ranking: Tensor,
    clock: Clock,
) -> Tensor:
    """(D,) with the choices that look best beside each other; sliders as in ``vector``."""

    def render(vectors: Tensor, step: int) -> Tensor:
        if tools.engine is None:
            return tools.imitator(vectors)
        return tools.engine.tensor(vectors, tools.size)

    problem = Problem(space, objective, render, tools.plain)
    done = 0

    def score(vectors: Tensor) -> Tensor:
        nonlocal done
        parts = []
        with torch.no_grad():
            for some in torch.split(vectors, _BATCH):
                parts.append(problem.loss(some, step=done).total)
                done += len(some)
                tell(done)
        return torch.cat(parts)

    with clock.stage(stage.name) as tell:
        best, _ = improve_choices(
            space, vector, score, rounds=stage.rounds, ranking=ranking, limit=stage.shortlist
        )
    return best
