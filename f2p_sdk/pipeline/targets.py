"""What a photo asks for, and the objective that a recipe makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..images import Picture
from ..objective import (
    Choices,
    Colour,
    Content,
    Departure,
    Distance,
    Identity,
    Objective,
    Parsed,
    Parts,
    Prior,
    Term,
    Whitened,
)
from ..parameters import Layout
from ..parsing.picture_parser import PictureParser
from ..recognizers.embedding import Points
from ..search import Space
from ..tensors import to_tensor
from .appearance import Appearance, appearance, backdrop_of, exact
from .recipes import Recipe
from .result import Subject

__all__ = ["Goal", "goal_of", "objective_of", "usual"]

_HAIR = "hair"  # the parser's class

_PARSED = {"content", "parts"}  # terms that need a parser


@dataclass(frozen=True)
class Goal:
    """What the photo asks for.

    target: embeddings (T, E). look: how it looks from afar. parsed: what the parser sees in it,
    aligned, with the weights (K,) of its classes in the terms content and parts; None without a
    parser. prior: in place of :class:`Prior` around the start. cosine: the recognizer tells faces
    apart by the angle between embeddings, so lengths say nothing.
    """

    target: Tensor
    look: Appearance
    parsed: tuple[Parsed, Tensor, Tensor] | None = None
    prior: Term | None = None
    cosine: bool = False


def goal_of(
    subject: Subject,
    plan: Recipe,
    landmarks: Points,
    average: Picture,
    reader: PictureParser | None,
    *,
    prior: Term | None = None,
    cosine: bool = False,
) -> Goal:
    """What a photo asks for, as a recipe looks at it.

    Args:
        subject: the photo.
        plan: the recipe.
        landmarks: float64 (5, 2), of the game's frame, fractions of the picture.
        average: uint8 (S, S, 3), the game's picture of the average character.
        reader: what sees the parts of a face, if anything does.
        prior, cosine: see :class:`Goal`.
    """
    aligned = subject.aligned.picture
    parsed = hair = None
    if reader is not None:
        with torch.no_grad():
            seen = reader(to_tensor(aligned))
        parsed = seen, reader.class_weights(plan.classes), reader.class_weights(plan.places)
        if _HAIR in reader.parser.classes:
            k = reader.parser.classes.index(_HAIR)
            hair = seen.probabilities[:, k : k + 1]
    if plan.exact:
        look = exact(aligned, plan.grid)
    else:
        look = appearance(aligned, landmarks, backdrop_of(average, landmarks), plan.grid, hair)
    target = subject.target if plan.mirrored else subject.target[:1]
    return Goal(target, look, parsed, prior, cosine)


def objective_of(plan: Recipe, space: Space, goal: Goal, weights: Mapping[str, float]) -> Objective:
    """Terms by name. The mean of the priors is where the search starts.

    Terms that need a parser are left out where there is none.
    """
    makers: dict[str, Callable[[], Term]] = {
        "identity": lambda: Identity(goal.target),
        "distance": lambda: (Identity if goal.cosine else Distance)(goal.target),
        "prior": lambda: goal.prior or Prior(space.start[: space.continuous]),
        "choices": lambda: Choices(space.slots),
        "departure": lambda: Departure(space.start, space.slots),
        "colour": lambda: Colour(goal.look.colours, goal.look.weight, plan.strictness),
    }
    if goal.parsed is not None:
        seen, classes, places = goal.parsed
        makers["content"] = lambda: Content.of(seen, classes)
        makers["parts"] = lambda: Parts(seen.probabilities, places)
    return Objective(
        {
            name: (weight, makers[name]())
            for name, weight in weights.items()
            if name in makers or name not in _PARSED
        }
    )


def usual(layout: Layout, population: Tensor, start: Tensor) -> Term:
    """A prior around ``start`` (D,), whitened group by group by sliders (N, C) of a population."""
    groups: dict[str, list[int]] = {}
    for column, slider in enumerate(layout.continuous):
        groups.setdefault(slider.group, []).append(column)
    return Whitened.of(start[: layout.n_continuous], population, list(groups.values()))
