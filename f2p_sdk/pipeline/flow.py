"""The stages of a search: from the average character to candidates for the engine to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..objective import Choices, Colour, Departure, Distance, Identity, Objective, Prior, Term
from ..search import Optimiser, Problem, Result, Space, improve_choices, minimise
from .appearance import Appearance
from .drawing import EngineDraws, Grounded, Imitator
from .recipes import Recipe
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

    def imitated(vectors: Tensor, step: int) -> Tensor:
        return tools.imitator(vectors)

    def stage(name: str, optimiser: Optimiser, problem: Problem) -> Result:
        with clock.stage(name, optimiser.steps) as tell:
            result = minimise(optimiser, problem, seed=seed, on_step=lambda s: tell(s.step))
        losses[name] = [dict(row) for row in result.history]
        candidates[f"{name}, last step"] = result.last[0]
        candidates[name] = result.vectors[0]
        return result

    first = stage("search", plan.search, Problem(space, objective, imitated, tools.views))
    vector = first.vectors[0]
    if plan.choices:
        with clock.stage("choices") as tell:
            judged = objective_of(plan, space, goal, {**plan.weights, **plan.choice_weights})
            score = _scorer(Problem(space, judged, imitated, tools.plain), tools, tell)
            vector, _ = improve_choices(
                space,
                vector,
                score,
                rounds=plan.choices,
                ranking=first.relaxed[0],
                limit=plan.shortlist,
            )
        candidates["choices"] = vector
    if plan.refine is not None:
        render = imitated if tools.engine is None else Grounded(tools.imitator, tools.engine)
        sliders = space.free.clone()
        sliders[space.continuous :] = False
        fixed = Space(vector, space.continuous, space.slots, sliders)
        stage("refine", plan.refine, Problem(fixed, objective, render, tools.views))
    return Found(candidates, objective, losses, final=next(reversed(candidates)))


def _scorer(
    problem: Problem, tools: Tools, tell: Callable[[int], None]
) -> Callable[[Tensor], Tensor]:
    """(B, D) -> (B,) objective on the engine's pictures, or the imitator's; no gradients."""
    done = 0

    def render(vectors: Tensor, step: int) -> Tensor:
        if tools.engine is None:
            return tools.imitator(vectors)
        return tools.engine.tensor(vectors, tools.size)

    problem = Problem(problem.space, problem.objective, render, problem.embed)

    def score(vectors: Tensor) -> Tensor:
        nonlocal done
        parts = []
        with torch.no_grad():
            for some in torch.split(vectors, _BATCH):
                parts.append(problem.loss(some).total)
                done += len(some)
                tell(done)
        return torch.cat(parts)

    return score
