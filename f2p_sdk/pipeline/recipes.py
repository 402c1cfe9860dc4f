"""Methods of fitting: which terms, which stages, how long. All their numbers are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import UnknownNameError, UsageError
from ..search import Adam, GradientDescent, LeastSquares
from .augmentation import Jitter
from .stages import Explain, Release, Restart, Search, Settle, Solve, Stage, TryChoices

__all__ = ["ABLATIONS", "PORTRAIT", "RECIPES", "Recipe", "recipe"]

#: What of a face the content is compared in (slides: the probability maps of facial features).
FEATURES: Mapping[str, float] = {
    "left_brow": 1.0,
    "right_brow": 1.0,
    "left_eye": 1.0,
    "right_eye": 1.0,
    "nose": 1.0,
    "upper_lip": 1.0,
    "inner_mouth": 1.0,
    "lower_lip": 1.0,
}
#: The same, with what players see first beside it, and without what an expression opens.
SEEN: Mapping[str, float] = {**FEATURES, "face_skin": 0.3, "hair": 0.5, "inner_mouth": 0.0}
#: Where parts are: a hairstyle is one part of many, and half of what a player sees.
PLACED: Mapping[str, float] = {**FEATURES, "face_skin": 1.0, "hair": 4.0, "inner_mouth": 0.0}
#: Mean square that is left of a picture of the game's own, in 128 cells a side, when all its
#: choices are right: edges of pixels.
_ENOUGH = 1e-6


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
        lens: what is drawn is blurred as the photo is, before it is compared.
        exact: the term colour takes all of the picture as it is, background and all.
        classes, places: weight of the parser's classes in the terms content and parts; without a
            parser these terms are left out.
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
    lens: bool = False
    exact: bool = False
    classes: Mapping[str, float] = field(default_factory=lambda: FEATURES)
    places: Mapping[str, float] = field(default_factory=lambda: PLACED)


BEST = Recipe(
    title="Adam through the imitator, then on the engine's pictures; choices tried in it",
    stages=(
        Search(
            "search",
            Adam(steps=24, rate=0.06, logit_rate=0.25, sharpness=(1.0, 4.0)),
            relaxed=True,
        ),
        # who it is, choices hardly tell, and asking the recognizer takes longest
        TryChoices("guess", weights={"distance": 0.0, "colour": 15.0, "parts": 6.0}),
        Search("engine", Adam(steps=26, rate=0.04), engine=True),
        TryChoices("choices", shortlist=6, weights={"colour": 15.0, "parts": 6.0}),
        Search("refine", Adam(steps=30, rate=0.025), engine=True),
    ),
    weights={
        "distance": 3.0,
        "content": 0.75,
        "parts": 1.5,
        "colour": 5.0,
        # without it faces grow old and rough; much more of it, and they are anybody's
        "prior": 0.003,
        "choices": 0.02,
        "departure": 0.02,
    },
    jittered=1,
    mirrored=True,
    lens=True,
    classes=SEEN,
)

_FINE = LeastSquares(move=0.04, both=True)
_TRYING = replace(_FINE, trials=8, pairs=True, drafts=True)
_LAST = replace(_FINE, steps=12)
#: What ``best`` is for a picture that the game itself drew: there is nothing to be explained away
#: between such a picture and another, so all of it counts, pixel by pixel.
PORTRAIT = Recipe(
    title="a picture of the game's own: solved for, pixel by pixel, from coarse to fine",
    stages=(
        # Colours of large cells change steadily however far a slider goes; small ones tell more.
        Solve("afar", LeastSquares(move=0.25, caution=20.0, trials=6, anew=0), grid=32),
        Solve("near", LeastSquares(move=0.12, caution=20.0, trials=6, anew=0), grid=32, rounds=2),
        # A hairstyle that is wrong here is hardly left later.
        Restart("again", LeastSquares(move=0.25, caution=20.0, steps=4), grid=32, above=2e-4),
        Solve("shape", LeastSquares(), grid=64),
        # From here on a place counts by how steady it is, and shades tell what edges hide.
        Solve("form", replace(_FINE, trials=5, anew=16, drafts=True), grid=128),
        Release(
            "release",
            (
                (32, LeastSquares(move=0.12)),
                (32, LeastSquares()),
                (32, LeastSquares(caution=1.0)),
                (64, LeastSquares(caution=1.0)),
                (128, _FINE),
                (128, _FINE),
            ),
            ends=0.06,
            above=2.5e-5,
        ),
        Solve("choices", replace(_TRYING, anew=16, enough=_ENOUGH), grid=128),
        # With the rest right, every other brow is followed, however far off it looks at first.
        Solve(
            "decide", replace(_FINE, trials=40, far=100.0, drafts=True, enough=_ENOUGH), grid=128
        ),
        Solve("finish", _LAST, grid=256),
        # Where a shade too much is left, mostly one choice hides another: bare lips their colour.
        Settle(
            "settle",
            ((128, _TRYING), (128, _TRYING), (256, _LAST)),
            above=2e-6,
        ),
    ),
    weights={"colour": 20.0},
    grid=256,
    strictness=1.0,
    exact=True,
)

RECIPES: Mapping[str, Recipe] = {
    "best": BEST,
    "slides": Recipe(
        title="gradient descent as in the slides: rate 10, 10 iterations",
        stages=(Search("search", GradientDescent(steps=10, rate=10.0), relaxed=True),),
        weights={"identity": 1.0, "content": 1.0},
    ),
    "paper": Recipe(
        title="as in the paper: rate 10, 50 iterations, x0.8 every 5, alpha 0.01, beta 100",
        stages=(
            Search(
                "search",
                GradientDescent(steps=50, rate=10.0, decay=0.8, sharpness=(100.0, 100.0)),
                relaxed=True,
            ),
        ),
        weights={"identity": 0.01, "content": 1.0},
        lead=0.01,  # times beta: softmax is not at its flat end to begin with
    ),
}
"""The methods."""


def _only(title: str, *terms: str) -> Recipe:
    """The best recipe with these terms alone, wherever it has them."""
    seen = {"content", "parts", "colour"} & set(terms)

    def left(stage: Stage) -> Stage:
        if not isinstance(stage, TryChoices):
            return stage
        # a stage that leaves a term out can do so only where something else looks at the picture
        weights = {k: w for k, w in stage.weights.items() if k in terms and (w or seen)}
        return replace(stage, weights=weights)

    weights = {k: w for k, w in BEST.weights.items() if k in terms}
    return replace(BEST, title=title, stages=tuple(map(left, BEST.stages)), weights=weights)


_KEEPS = ("prior", "choices", "departure")
ABLATIONS: Mapping[str, Recipe] = {
    "identity-only": _only("best, without content, parts and colour", "distance", *_KEEPS),
    "content-only": _only("best, without identity and colour", "content", "parts", *_KEEPS),
    "both": _only("best, without colour", "distance", "content", "parts", *_KEEPS),
    "no-prior": _only(
        "best, without the prior",
        *("distance", "content", "parts", "colour", "choices", "departure"),
    ),
    "explained": replace(
        BEST,
        title="best, with the photo's expression and light explained as a scene of the engine's",
        stages=(
            *BEST.stages[:2],
            Explain("explain", weights={"content": 1.0, "parts": 1.0, "colour": 5.0}),
            *BEST.stages[2:],
        ),
    ),
}
"""The best method less some terms, or with a stage more, to measure what each is good for."""


def recipe(name: str, steps: int | None = None) -> Recipe:
    """The recipe of a method, its first search cut or stretched to ``steps``, the others alike.

    Raises UnknownNameError for a method there is not, UsageError for less than one step.
    """
    known = {**RECIPES, **ABLATIONS}
    if name not in known:
        raise UnknownNameError("method", name, known)
    found = known[name]
    if steps is None:
        return found
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}")
    first = next(stage for stage in found.stages if isinstance(stage, Search))
    share = steps / first.optimiser.steps
    return replace(found, stages=tuple(_scaled(stage, share) for stage in found.stages))


def _scaled(stage: Stage, share: float) -> Stage:
    if not isinstance(stage, Search):
        return stage
    steps = max(1, round(stage.optimiser.steps * share))
    return replace(stage, optimiser=replace(stage.optimiser, steps=steps))
