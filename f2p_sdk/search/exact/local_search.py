"""Local search for the character in a picture that the engine itself drew.

Gauss-Newton moves sliders, but choices have no gradient. So each move of the local search changes
one choice, descends again, and stays where the loss is smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..space import Space
from .gauss_newton import Draw, Model, Point

__all__ = ["Exact", "Solution"]


@dataclass(frozen=True)
class Solution:
    """Result of the exact method.

    Attributes:
        vector: (D,), hard choices.
        losses: mean square difference of the cells, of 1, after each round.
    """

    vector: Tensor
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Exact:
    """Settings of the exact method.

    Attributes:
        grids: per round the cells a side in whose mean colours pictures are compared.
        difference: finite-difference step in cells: a slider moves by ``difference / cells`` of
            its range.
        steps: Gauss-Newton steps from one Jacobian at most.
        noise, gain: see :class:`Model`.
        refreshed: sliders whose Jacobian is measured again for each followed choice, on the finest
            grid: the effect of a brow's sliders depends on the brow.
        trials, reach: choices of a group that are followed at most on the finest grid, least
            predicted cost first, up to this many times the present cost. Other grids follow all.
        enough: mean square, of 1, at which no other choice is tried.
    """

    grids: tuple[int, ...] = (32, 32, 64, 128, 128)
    difference: float = 8.0
    steps: int = 8
    noise: float = 60.0
    gain: float = 0.02
    trials: int = 8
    reach: float = 4.0
    refreshed: int = 24
    enough: float = 1e-6

    def solve(self, space: Space, compare: Callable[[int], tuple[Tensor, Draw]]) -> Solution:
        """Search from the start of a space.

        Args:
            space: start, free sliders and free groups.
            compare: from cells a side to the target (P,) and the function that draws vectors so.
        """
        vector, losses = space.start, []
        for cells in self.grids:
            target, draw = compare(cells)
            point = Point(vector, draw(vector[None])[0])
            model = Model.around(
                point,
                target,
                draw,
                space.free_sliders,
                difference=self.difference / cells,
                noise=self.noise,
                gain=self.gain,
            )
            best = model.descend(point, self.steps)
            refreshed = self.refreshed if cells == max(self.grids) else 0
            for group in space.free_groups:
                if model.mean_square(best[0]) > self.enough:
                    # The first group starts before the descent, which fits sliders to its choice.
                    best = self._change(point, model, best, group, refreshed)
                    point, model = best
            vector = best[0].vector
            losses.append(model.mean_square(best[0]))
        return Solution(vector, tuple(losses))

    def _change(
        self,
        point: Point,
        model: Model,
        best: tuple[Point, Model],
        group: slice,
        refreshed: int,
    ) -> tuple[Point, Model]:
        """Follow other choices of a group from a point; return the best point and its model."""
        others = torch.eye(group.stop - group.start)[point.vector[group] == 0]
        if not len(others):
            return best
        vectors = point.vector.repeat(len(others), 1)
        vectors[:, group] = others
        changes = model.draw(vectors) - point.picture
        least = model.loss(best[0].picture)
        order = list(range(len(others)))
        if refreshed:  # expensive trials are for the most promising choices
            unchanged = torch.zeros_like(changes[:1])
            cost = model.equations(point).predict(torch.cat([unchanged, changes]))
            near = [k for k in order if cost[1 + k] <= self.reach * cost[0]]
            order = sorted(near, key=lambda k: float(cost[1 + k]))[: self.trials]
        for k in order:
            start = Point(vectors[k], point.picture + changes[k])
            local = model.refreshed(start, changes[k], refreshed) if refreshed else model
            found = local.descend(start, self.steps)
            if model.loss(found[0].picture) < least:
                best, least = found, model.loss(found[0].picture)
        return best
