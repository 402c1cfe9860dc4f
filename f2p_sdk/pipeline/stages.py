"""Stages of the shipped methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import EngineError
from ..faceparts import CLASSES
from ..search import Exact, Optimiser, Problem, Render, minimise, search_choices
from ..tensors import cell_means, to_tensor
from .hair import HAIR
from .method import BATCH, Context, Stage, State
from .renderers import StraightThrough
from .scene import estimate_scene

__all__ = ["ChoiceSearch", "ExactSolve", "GradientSearch", "HairSearch", "SceneEstimation"]

_DRAWN = 32  # pictures per request where only their cell means are kept


@dataclass(frozen=True, kw_only=True)
class GradientSearch(Stage):
    """Gradient search over the sliders and, where ``relaxed``, the choices.

    Attributes:
        optimiser: settings.
        engine: draw by the straight-through renderer where there is an engine; else by the
            imitator.
        relaxed: choices are probabilities and move; else they stay.
    """

    optimiser: Optimiser
    engine: bool = False
    relaxed: bool = False

    def run(self, context: Context, state: State) -> State:
        space = context.search_space(state.vector, by_engine=self.engine)
        if not self.relaxed:
            free = space.free.clone()
            free[space.continuous :] = False
            space = replace(space, free=free)
        render: Render = lambda vectors, step: context.imitator(vectors)  # noqa: E731
        if self.engine and context.engine is not None:
            render = StraightThrough(context.imitator, context.engine, space.harden, state.scene)
        problem = Problem(
            space,
            context.objective(self.weights),
            render,
            context.embed,
            context.reader,
            context.locate,
            context.blur,
        )
        with context.clock.stage(self.name, self.steps) as progress:
            found = minimise(problem, self.optimiser, progress)
        ranking = found.relaxed if self.relaxed else None
        return state.after(self.name, found.vector, ranking=ranking, losses=found.history)

    @property
    def steps(self) -> int:
        return self.optimiser.steps

    def scaled(self, share: float) -> Stage:
        steps = max(1, round(self.steps * share))
        return replace(self, optimiser=replace(self.optimiser, steps=steps))


@dataclass(frozen=True, kw_only=True)
class ChoiceSearch(Stage):
    """Local search over the choices, on pictures by the engine where there is one.

    The scores rank the choices for the next such stage. Settled groups keep their choices.

    Attributes:
        shortlist: number of choices tried per group, highest ranking first; None for all.
    """

    shortlist: int | None = None

    def run(self, context: Context, state: State) -> State:
        done = 0

        def render(vectors: Tensor, step: int) -> Tensor:
            return context.draw(vectors, context.size, state.scene)

        space = context.search_space(context.space.start)
        free = space.free.clone()
        for group in state.settled:
            free[group] = False
        space = replace(space, free=free)
        problem = context.problem(space, context.objective(self.weights), render)

        def score(vectors: Tensor) -> Tensor:
            nonlocal done
            parts = []
            for some in torch.split(vectors, BATCH):
                parts.append(problem.loss(some, step=done).total)
                done += len(some)
                progress(done)
            return torch.cat(parts)

        with context.clock.stage(self.name) as progress, torch.no_grad():
            found = search_choices(
                space, state.vector, score, ranking=state.ranking, limit=self.shortlist
            )
        return state.after(self.name, found.vector, ranking=found.ranking)


@dataclass(frozen=True, kw_only=True)
class HairSearch(Stage):
    """Compare all choices of hair with the photo's hair, on pictures by the engine.

    Choices that differ in their hair are compared by it, others as beards. Only a clear gain
    changes a choice. If the costs of a group differ clearly, later searches keep its choice, and
    the costs rank the choices. If no choice is near, the photo's hair was not found, and the
    choice stays free. The objective cannot tell styles of hair, so candidates of earlier
    stages are dropped. Does nothing without an engine or a parser.

    Attributes:
        gain: least difference of costs that counts, see :meth:`.hair.PhotoHair.costs`.
        beard_gain: the same for beards, see :meth:`.beard.PhotoBeard.costs`.
        far: costs of a choice that is not near.
    """

    gain: float = 0.03
    beard_gain: float = 0.01
    far: float = 0.62

    def run(self, context: Context, state: State) -> State:
        hair, engine, reader = context.targets.hair, context.engine, context.reader
        if hair is None or engine is None or reader is None:
            return state
        vector, names = state.vector, list(reader.parser.classes)
        ranking, settled = state.ranking.clone(), []
        done = 0
        with context.clock.stage(self.name) as progress, torch.no_grad():
            for group in context.space.free_groups:
                if group not in context.hair:
                    continue
                vectors = vector.repeat(group.stop - group.start, 1)
                vectors[:, group] = torch.eye(len(vectors))
                pictures, labels = engine.labelled(vectors, context.size)
                done += len(pictures)
                progress(done)
                if labels is None:
                    parsed = [reader(to_tensor(picture)).probabilities[0] for picture in pictures]
                    masks = [one[names.index(HAIR)].double().numpy() for one in parsed]
                else:
                    masks = [(one == CLASSES.index(HAIR)).astype(np.float64) for one in labels]
                costs, gain = hair.costs(pictures, masks), self.gain
                if np.ptp(costs) < gain:
                    costs, gain = hair.beard.costs(pictures), self.beard_gain
                if np.ptp(costs) < gain or costs.min() > self.far:
                    continue
                settled.append(group)
                ranking[group] = -torch.from_numpy(costs).to(ranking.dtype)
                present = int(vector[group].argmax())
                if costs.min() < costs[present] - gain:
                    vector = vectors[int(costs.argmin())]
        found = replace(state, candidates={}, settled=tuple(settled))
        return found.after(self.name, vector, ranking=ranking)


@dataclass(frozen=True, kw_only=True)
class SceneEstimation(Stage):
    """Estimate the photo's expression and light as a scene; later stages draw in it.

    Does nothing without an engine, or with an engine that draws no scenes.

    Attributes:
        rounds: passes over all numbers of the scene.
    """

    rounds: int = 2

    def run(self, context: Context, state: State) -> State:
        engine, done = context.engine, 0
        if engine is None:
            return state
        objective = context.objective(self.weights)

        def draw(scenes: Sequence[Mapping[str, Any]]) -> Tensor:
            return engine.tensor(state.vector.expand(len(scenes), -1), context.size, scenes)

        def score(pictures: Tensor) -> Tensor:
            nonlocal done
            done += len(pictures)
            progress(done)
            problem = context.problem(context.space, objective, lambda *_: pictures)
            return problem.loss(state.vector.expand(len(pictures), -1)).total

        with context.clock.stage(self.name) as progress, torch.no_grad():
            try:
                return replace(state, scene=estimate_scene(draw, score, self.rounds))
            except EngineError:
                return state


@dataclass(frozen=True, kw_only=True)
class ExactSolve(Stage):
    """Least squares on the picture itself, for a picture that the engine drew.

    Attributes:
        solver: settings.
    """

    solver: Exact = field(default_factory=Exact)

    def run(self, context: Context, state: State) -> State:
        done = 0

        def compare(grid: int) -> tuple[Tensor, Any]:
            # 16 pixels a cell give smooth means at edges, as far as the photo has them.
            size = max(context.size, min(4 * grid, context.photo.shape[-1]))

            def draw(vectors: Tensor) -> Tensor:
                nonlocal done
                parts = []
                for some in torch.split(vectors, _DRAWN):
                    pictures = context.draw(some, size, state.scene)
                    parts.append(cell_means(pictures, grid).flatten(start_dim=1))
                    done += len(some)
                    progress(done)
                return torch.cat(parts)

            return cell_means(context.photo, grid).flatten(), draw

        space = context.search_space(state.vector)
        with context.clock.stage(self.name) as progress, torch.no_grad():
            found = self.solver.solve(space, compare)
        losses = [{"total": loss} for loss in found.losses]
        return state.after(self.name, found.vector, losses=losses)
