"""Verification: the engine draws the candidates, and the objective compares those pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..images import Picture
from ..search import Problem
from ..tensors import to_tensor
from .method import Context, State

if TYPE_CHECKING:
    from ..parameters import Layout

__all__ = ["Verified", "on_grid", "verify"]


@dataclass(frozen=True)
class Verified:
    """Outcome of a verification."""

    chosen: str  # name of the best candidate
    picture: Picture | None = None  # uint8 (S, S, 3), its standard portrait; None without engine
    # candidate -> terms of the objective on the engine's picture
    terms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def on_grid(state: State, layout: Layout) -> State:
    """Return the state with every candidate rounded to the values that the game can store.

    Nothing changes for sliders without a step. All results of a fit come from rounded candidates.
    """
    rounded = {
        name: torch.from_numpy(layout.on_grid(vector.numpy()))
        for name, vector in state.candidates.items()
    }
    return replace(state, candidates=rounded)


def verify(
    context: Context, state: State, embed: Callable[[Picture], Tensor], size: int
) -> Verified:
    """Choose the candidate with the least objective on the engine's own pictures.

    Without an engine the last candidate is chosen.

    Args:
        embed: a picture uint8 (S, S, 3) to its embedding (E,), landmarks detected anew.
        size: side of the pictures.

    Raises:
        BridgeError: the engine failed.
    """
    names, engine = list(state.candidates), context.engine
    if engine is None:
        return Verified(names[-1])
    vectors = torch.stack(list(state.candidates.values()))
    pictures = engine.draw(vectors, size, [state.scene] * len(vectors))
    blurred = [context.blur.picture(picture) for picture in pictures]
    embedded = torch.stack([embed(picture) for picture in blurred])[None]
    shown = torch.cat([to_tensor(picture) for picture in blurred])
    problem = Problem(
        context.space,
        context.objective({}),
        lambda *_: shown,
        lambda *_: embedded,
        context.reader,
        context.locate,
    )
    with torch.no_grad():
        loss = problem.loss(vectors)
    winner = int(loss.total.argmin())
    picture = pictures[winner]
    if state.scene:
        picture = engine.draw(vectors[winner][None], size)[0]
    terms = {name: loss.breakdown(i) for i, name in enumerate(names)}
    return Verified(names[winner], picture, terms)
