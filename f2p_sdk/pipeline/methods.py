"""Shipped methods of fitting, with all their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import UnknownNameError, UsageError
from ..search import Adam, GradientDescent
from .method import Method, Stage
from .stages import ChoiceSearch, ExactSolve, GradientSearch, HairSearch, SceneEstimation

__all__ = ["ABLATIONS", "METHODS", "method"]

#: Class weights of the published content term (slides: probability maps of facial features).
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
#: Content of `best`: skin and hair count, and an open mouth does not.
#: Parts of `best`: hair is one class of many, but half of the player's impression.
PARTS: Mapping[str, float] = {**FEATURES, "face_skin": 1.0, "hair": 4.0, "inner_mouth": 0.0}

_NO_LANDMARKS: Mapping[str, float] = {"landmarks": 0.0, "leak": 0.0}

_BEST = Method(
    name="best",
    title="Adam through the imitator, then on the engine's pictures, with searches over choices",
    stages=(
        GradientSearch(
            name="search",
            optimiser=Adam(steps=24, rate=0.06, logit_rate=0.25, sharpness=(1.0, 4.0)),
            relaxed=True,
        ),
        # The recognizer is the slowest network and hardly reacts to choices. Landmarks follow
        # sliders alone, but for the brows.
        ChoiceSearch(
            name="guess", weights={"distance": 0.0, **_NO_LANDMARKS, "colour": 15.0, "parts": 6.0}
        ),
        HairSearch(name="hair"),
        GradientSearch(name="engine", optimiser=Adam(steps=26, rate=0.04), engine=True),
        ChoiceSearch(
            name="choices",
            shortlist=6,
            weights={**_NO_LANDMARKS, "colour": 15.0, "parts": 6.0},
        ),
        GradientSearch(name="refine", optimiser=Adam(steps=30, rate=0.025), engine=True),
    ),
    weights={
        "distance": 3.0,
        "parts": 1.5,
        "colour": 5.0,
        "hair_colour": 5.0,
        "landmarks": 6.0,
        "leak": 0.3,
        # Without a prior faces become old and rough; a strong one removes the likeness.
        "prior": 0.004,
        "entropy": 0.02,
        "choice_prior": 0.02,
    },
    jittered=1,
    ends=50.0,
    mirrored=True,
    match_blur=True,
    places=PARTS,
)

METHODS: Mapping[str, Method] = {
    one.name: one
    for one in (
        _BEST,
        Method(
            name="slides",
            title="gradient descent as in the slides: rate 10, 10 iterations",
            stages=(
                GradientSearch(
                    name="search", optimiser=GradientDescent(steps=10, rate=10.0), relaxed=True
                ),
            ),
            weights={"identity": 1.0, "content": 1.0},
            published=True,
            classes=FEATURES,
            places=PARTS,
        ),
        Method(
            name="paper",
            title="as in the paper: rate 10, 50 iterations, x0.8 every 5, beta 100",
            stages=(
                GradientSearch(
                    name="search",
                    optimiser=GradientDescent(
                        steps=50, rate=10.0, decay=0.8, sharpness=(100.0, 100.0)
                    ),
                    relaxed=True,
                ),
            ),
            weights={"identity": 1.0, "content": 1.0},
            published=True,
            lead=0.01,  # times beta is 1, so that softmax has a gradient at the start
            classes=FEATURES,
            places=PARTS,
        ),
        Method(
            name="exact",
            title="least squares on a picture that the engine itself drew, choices included",
            stages=(ExactSolve(name="solve"),),
            weights={"colour": 1.0},
            grid=128,
            strictness=1.0,
            own_picture=True,
        ),
    )
}
"""The methods of `f2p fit` by name."""


def _only(name: str, title: str, *terms: str) -> Method:
    """Return `best` with these terms alone."""
    appearance = {"parts", "colour"} & set(terms)

    def restricted(stage: Stage) -> Stage:
        # A stage may switch a term off only if another term sees the picture.
        kept = {k: w for k, w in stage.weights.items() if k in terms and (w or appearance)}
        return replace(stage, weights=kept)

    weights = {k: w for k, w in _BEST.weights.items() if k in terms}
    stages = tuple(map(restricted, _BEST.stages))
    return replace(_BEST, name=name, title=title, stages=stages, weights=weights)


_REGULARISERS = ("prior", "entropy", "choice_prior")
ABLATIONS: Mapping[str, Method] = {
    one.name: one
    for one in (
        _only("identity-only", "best, without parts and colours", "distance", *_REGULARISERS),
        _only("parts-only", "best, without identity and colours", "parts", *_REGULARISERS),
        _only("both", "best, without colours and landmarks", "distance", "parts", *_REGULARISERS),
        _only(
            "no-prior",
            "best, without the prior",
            *("distance", "parts", "colour", "hair_colour", "landmarks", "leak"),
            *("entropy", "choice_prior"),
        ),
        _only(
            "no-landmarks",
            "best, without dense landmarks",
            *("distance", "parts", "colour", "hair_colour", *_REGULARISERS),
        ),
        replace(
            _BEST,
            name="scene",
            title="best, with the photo's expression and light estimated as a scene",
            stages=(
                *_BEST.stages[:2],
                SceneEstimation(name="scene", weights={"distance": 0.0, "parts": 1.0}),
                *_BEST.stages[2:],
            ),
        ),
    )
}
"""Variants of `best`, to measure the use of each term."""


def method(name: str, steps: int | None = None) -> Method:
    """Return a method by name, its gradient steps scaled to ``steps`` in the first search.

    Raises:
        UnknownNameError: there is no such method.
        UsageError: fewer than one step.
    """
    known = {**METHODS, **ABLATIONS}
    if name not in known:
        raise UnknownNameError("method", name, known)
    if steps is None:
        return known[name]
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}")
    return known[name].with_steps(steps)
