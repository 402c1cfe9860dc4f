"""The stages of a search: from the average character to candidates for the engine to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import EngineError
from ..objective import Objective
from ..parsing.picture_parser import PictureParser
from ..search import (
    Chosen,
    Draw,
    Problem,
    Render,
    Result,
    Solved,
    Space,
    improve_choices,
    minimise,
    release,
    restart,
    settle,
)
from ..tensors import cell_means
from .augmentation import AugmentedEmbedding
from .blur import Lens
from .recipes import Recipe
from .renderers import EngineDraws, Grounded, Imitator
from .report import Clock
from .scene import explain
from .stages import Explain, Release, Restart, Search, Settle, Solve, TryChoices
from .targets import Goal, objective_of

__all__ = ["Found", "Tools", "find"]

_BATCH = 4  # pictures shown to the recognizer at a time: bounds memory
_DRAWN = 32  # pictures drawn at a time where only their cells are kept


@dataclass(frozen=True)
class Tools:
    """What draws and what looks. Without an engine the imitator stands in for it; without a parser
    (``reader``) no term reads what one sees. What is drawn is looked at through the ``lens``."""

    imitator: Imitator
    views: AugmentedEmbedding  # as the search looks
    plain: AugmentedEmbedding  # as the choices are judged
    engine: EngineDraws | None = None
    size: int = 256
    reader: PictureParser | None = None
    lens: Lens = field(default_factory=Lens)


@dataclass(frozen=True)
class Found:
    """What a search came to.

    candidates: name -> (D,), choices hard, in the order found. losses: per stage and step. final:
    the name of the best candidate as far as the search can tell. objective: what it minimised.
    scene: of the engine's, in which the character was compared with the photo.
    """

    candidates: dict[str, Tensor]
    objective: Objective
    losses: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    final: str = ""
    scene: Mapping[str, Any] = field(default_factory=dict)


def find(plan: Recipe, space: Space, goal: Goal, tools: Tools, seed: int, clock: Clock) -> Found:
    """Run a recipe's stages. Held parts of ``space`` are the same in every candidate."""
    objective = objective_of(plan, space, goal, plan.weights)
    candidates: dict[str, Tensor] = {"start": space.start}
    losses: dict[str, list[dict[str, float]]] = {}
    vector, ranking = space.start, space.start
    scene: dict[str, Any] = {}
    for stage in plan.stages:
        if isinstance(stage, Explain):
            judged = objective_of(plan, space, goal, stage.weights)
            scene = _explain(stage, space, judged, tools, vector, clock)
        elif isinstance(stage, TryChoices):
            judged = objective_of(plan, space, goal, {**plan.weights, **stage.weights})
            chosen = _try_choices(stage, space, judged, tools, vector, ranking, scene, clock)
            vector, ranking = chosen.vector, chosen.ranking
            candidates[stage.name] = vector
        elif isinstance(stage, Solve | Restart | Release | Settle):
            for solved in _solve(stage, space, goal, tools, vector, scene, clock):
                vector = solved.vector
                losses.setdefault(stage.name, []).append({"total": solved.loss})
            ranking = vector
            if not torch.equal(vector, next(reversed(candidates.values()))):
                candidates[stage.name] = vector
        else:
            result = _search(stage, space, objective, tools, vector, scene, seed, clock)
            if stage.relaxed:
                ranking = result.relaxed[0]
            vector = result.vectors[0]
            losses[stage.name] = [dict(row) for row in result.history]
            candidates[stage.name] = vector
    return Found(candidates, objective, losses, next(reversed(candidates)), scene)


def _explain(
    stage: Explain,
    space: Space,
    objective: Objective,
    tools: Tools,
    vector: Tensor,
    clock: Clock,
) -> dict[str, Any]:
    """The scene in which ``vector`` (D,) is most like the photo; ``{}`` where that cannot be."""
    engine = tools.engine
    if engine is None:
        return {}
    done = 0

    def draw(scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        return engine.tensor(vector.expand(len(scenes), -1), tools.size, scenes)

    def score(pictures: Tensor) -> Tensor:
        nonlocal done
        done += len(pictures)
        tell(done)
        problem = Problem(
            space, objective, lambda *_: pictures, tools.plain, tools.reader, tools.lens
        )
        with torch.no_grad():
            return problem.loss(vector.expand(len(pictures), -1)).total

    with clock.stage(stage.name) as tell:
        try:
            return explain(draw, score, stage.rounds)
        except EngineError:  # an engine that knows no scenes: the photo stays unexplained
            return {}


def _search(
    stage: Search,
    space: Space,
    objective: Objective,
    tools: Tools,
    vector: Tensor,
    scene: Mapping[str, Any],
    seed: int,
    clock: Clock,
) -> Result:
    """One run of an optimiser from ``vector`` (D,)."""

    free = space.free.clone()
    if not stage.relaxed:
        free[space.continuous :] = False
    here = Space(vector, space.continuous, space.slots, free, space.lead)
    engine = tools.engine if stage.engine else None

    def imitated(vectors: Tensor, step: int) -> Tensor:
        return tools.imitator(vectors)

    with clock.stage(stage.name, stage.optimiser.steps) as tell:
        render: Render = imitated
        if engine is not None:
            render = Grounded(tools.imitator, engine, space.harden, scene)
        problem = Problem(here, objective, render, tools.views, tools.reader, tools.lens)
        return minimise(stage.optimiser, problem, seed=seed, on_step=lambda s: tell(s.step))


def _try_choices(
    stage: TryChoices,
    space: Space,
    objective: Objective,
    tools: Tools,
    vector: Tensor,
    ranking: Tensor,
    scene: Mapping[str, Any],
    clock: Clock,
) -> Chosen:
    """The choices that look best beside each other; sliders as in ``vector`` (D,)."""

    def render(vectors: Tensor, step: int) -> Tensor:
        if tools.engine is None:
            return tools.imitator(vectors)
        return tools.engine.tensor(vectors, tools.size, [scene] * len(vectors))

    problem = Problem(space, objective, render, tools.plain, tools.reader, tools.lens)
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
        return improve_choices(
            space, vector, score, rounds=stage.rounds, ranking=ranking, limit=stage.shortlist
        )


def _solve(
    stage: Solve | Restart | Release | Settle,
    space: Space,
    goal: Goal,
    tools: Tools,
    vector: Tensor,
    scene: Mapping[str, Any],
    clock: Clock,
) -> list[Solved]:
    """What each round of least squares came to, from ``vector`` (D,)."""
    done = 0
    with clock.stage(stage.name) as tell, torch.no_grad():

        def seen(grid: int) -> tuple[Tensor, Draw]:
            """The photo in so many cells a side, and what draws vectors so, drafts from a quarter
            of the pixels."""
            # of edges, a pixel knows but one side: a cell takes the mean of sixteen, if it can
            side = max(tools.size, min(4 * grid, 2 * goal.look.colours.shape[-1]))

            def draw(vectors: Tensor, draft: bool = False) -> Tensor:
                nonlocal done
                parts = []
                for some in torch.split(vectors, _DRAWN):
                    if tools.engine is None:
                        drawn = [tools.imitator(one) for one in torch.split(some, _BATCH)]
                        pictures = torch.cat(drawn)
                    else:
                        pixels = side // 2 if draft else side
                        pictures = tools.engine.tensor(some, pixels, [scene] * len(some))
                    parts.append(cell_means(pictures, grid).flatten(start_dim=1))
                    done += len(some)
                    tell(done)
                return torch.cat(parts)

            return cell_means(goal.look.colours[None], grid).flatten(), draw

        if isinstance(stage, Solve):
            found: list[Solved] = []
            target, draw = seen(stage.grid)
            for _ in range(stage.rounds):
                found.append(stage.method.round(space, vector, target, draw))
                vector = found[-1].vector
            return found
        if isinstance(stage, Restart):
            return [restart(stage.method, space, vector, *seen(stage.grid), stage.above)]
        again = [(method, *seen(grid)) for grid, method in stage.rounds]
        if isinstance(stage, Release):
            return [release(again, space, vector, stage.ends, stage.above)]
        return [settle(again, space, vector, stage.above)]
