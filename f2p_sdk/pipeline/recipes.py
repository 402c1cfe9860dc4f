"""Methods of fitting: which terms, which optimiser, how long. All their numbers are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import UnknownNameError, UsageError
from ..search import Adam, GradientDescent, Optimiser
from .views import Jitter

__all__ = ["RECIPES", "Recipe", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """One method.

    Attributes:
        title: what it is, for people.
        search: the optimiser that goes through the imitator alone, choices relaxed.
        weights: weight of each term of the objective.
        choice_weights: weights that differ where choices are tried one by one.
        lead: how far the average character's choices lead at the start (a logit).
        jittered, jitter: how many varied views the recognizer is shown beside the plain one.
        grid, strictness: cells a side of the colour term, and how far it minds the photo's light.
        mirrored: whether the mirrored photo counts as a second photo of the person.
        choices: rounds of local search over the choices; 0 leaves it at the argmax.
        shortlist: how many choices of a slot are tried, the likeliest first; None for all.
        refine: the optimiser that goes on with the engine's own picture in the loop (see
            :class:`.drawing.Grounded`), choices fixed; None for none. Without an engine it goes
            through the imitator.
    """

    title: str
    search: Optimiser
    weights: Mapping[str, float] = field(default_factory=dict)
    choice_weights: Mapping[str, float] = field(default_factory=dict)
    lead: float = 1.0
    jittered: int = 0
    jitter: Jitter = field(default_factory=Jitter)
    grid: int = 32
    strictness: float = 0.5
    mirrored: bool = False
    choices: int = 0
    shortlist: int | None = None
    refine: Optimiser | None = None


RECIPES: Mapping[str, Recipe] = {
    "best": Recipe(
        title="Adam through the imitator, choices tried one by one, then the engine in the loop",
        search=Adam(steps=50, rate=0.05, logit_rate=0.2, sharpness=(1.0, 4.0)),
        weights={"distance": 1.0, "prior": 0.3, "choices": 0.02},
        jittered=1,
        mirrored=True,
        choices=1,
        refine=Adam(steps=40, rate=0.03),
    ),
    "slides": Recipe(
        title="gradient descent as in the slides: rate 10, 10 iterations, identity alone",
        search=GradientDescent(steps=10, rate=10.0),
        weights={"identity": 1.0},
    ),
}


def recipe(name: str, steps: int | None = None) -> Recipe:
    """The recipe of a method, its first search cut or stretched to ``steps``.

    Raises UnknownNameError for a method there is not, UsageError for less than one step.
    """
    if name not in RECIPES:
        raise UnknownNameError("method", name, RECIPES)
    found = RECIPES[name]
    if steps is None:
        return found
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}")
    share = steps / found.search.steps
    refine = found.refine
    if refine is not None:
        refine = replace(refine, steps=max(1, round(refine.steps * share)))
    return replace(found, search=replace(found.search, steps=steps), refine=refine)
