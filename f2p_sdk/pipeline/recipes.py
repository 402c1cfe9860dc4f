"""Methods of fitting: which terms, which stages, how long. All their numbers are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import UnknownNameError, UsageError
from ..search import Adam, GradientDescent, Optimiser
from .views import Jitter

__all__ = ["RECIPES", "Recipe", "Search", "Stage", "TryChoices", "recipe"]


@dataclass(frozen=True)
class Search:
    """A run of an optimiser over the sliders and, where ``relaxed``, the choices too.

    Attributes:
        name: what the report calls it.
        optimiser: how, and for how many steps.
        engine: with the engine's own picture in the loop (:class:`.drawing.Grounded`), where there
            is an engine; else through the imitator alone.
        relaxed: choices are softmax and move; else they stay as the stage before left them.
    """

    name: str
    optimiser: Optimiser
    engine: bool = False
    relaxed: bool = False


@dataclass(frozen=True)
class TryChoices:
    """Local search over the choices, drawn by the engine where there is one.

    Attributes:
        name: what the report calls it.
        rounds: how often every slot is gone through.
        shortlist: how many choices of a slot are tried, the likeliest first; None for all.
        weights: weights of terms that differ from the recipe's.
    """

    name: str
    rounds: int = 1
    shortlist: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)


Stage = Search | TryChoices


@dataclass(frozen=True)
class Recipe:
    """One method.

    Attributes:
        title: what it is, for people.
        stages: what is done, in order; each goes on from where the one before ended.
        weights: weight of each term of the objective.
        lead: how far the average character's choices lead at the start (a logit).
        jittered, jitter: how many varied views the recognizer is shown beside the plain one.
        grid, strictness: cells a side of the colour term, and how far it minds the photo's light.
        mirrored: whether the mirrored photo counts as a second photo of the person.
    """

    title: str
    stages: tuple[Stage, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    lead: float = 1.0
    jittered: int = 0
    jitter: Jitter = field(default_factory=Jitter)
    grid: int = 32
    strictness: float = 0.5
    mirrored: bool = False


RECIPES: Mapping[str, Recipe] = {
    "best": Recipe(
        title="Adam through the imitator, then with the engine in the loop; choices tried in it",
        stages=(
            Search(
                "search",
                Adam(steps=30, rate=0.05, logit_rate=0.25, sharpness=(1.0, 4.0)),
                relaxed=True,
            ),
            Search("engine", Adam(steps=30, rate=0.04), engine=True),
            TryChoices("choices", shortlist=8, weights={"colour": 15.0}),
            Search("refine", Adam(steps=40, rate=0.03), engine=True),
        ),
        weights={"distance": 2.0, "colour": 5.0, "prior": 0.02, "choices": 0.02, "departure": 0.02},
        jittered=1,
        mirrored=True,
    ),
    "slides": Recipe(
        title="gradient descent as in the slides: rate 10, 10 iterations, identity alone",
        stages=(Search("search", GradientDescent(steps=10, rate=10.0), relaxed=True),),
        weights={"identity": 1.0},
    ),
}


def recipe(name: str, steps: int | None = None) -> Recipe:
    """The recipe of a method, its first search cut or stretched to ``steps``, the others alike.

    Raises UnknownNameError for a method there is not, UsageError for less than one step.
    """
    if name not in RECIPES:
        raise UnknownNameError("method", name, RECIPES)
    found = RECIPES[name]
    if steps is None:
        return found
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}")
    first = next(stage for stage in found.stages if isinstance(stage, Search))
    share = steps / first.optimiser.steps
    return replace(found, stages=tuple(_scaled(stage, share) for stage in found.stages))


def _scaled(stage: Stage, share: float) -> Stage:
    if isinstance(stage, TryChoices):
        return stage
    steps = max(1, round(stage.optimiser.steps * share))
    return replace(stage, optimiser=replace(stage.optimiser, steps=steps))
