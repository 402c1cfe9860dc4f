"""The photo's expression and light, found as a scene of the engine's.

A smile in the photo is no wide mouth, a shadow no dark skin. Fitted on the engine's standard
portrait, the search would carve both into the face; fitted on a picture of the engine's that smiles
and is lit as the photo is, it need not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["KNOBS", "Knob", "explain"]

Scene = Mapping[str, Any]


@dataclass(frozen=True)
class Knob:
    """One number of a scene. ``start`` is the standard portrait's, ``step`` the first tried.

    An ``action`` is a weight of the scene's ``expression``, else the name is a setting.
    """

    name: str
    low: float
    high: float
    start: float
    step: float
    action: bool = False


KNOBS = (
    Knob("smile", 0.0, 1.0, 0.0, 0.5, action=True),
    Knob("open_mouth", 0.0, 1.0, 0.0, 0.3, action=True),
    Knob("light_azimuth", -90.0, 90.0, 25.0, 40.0),
    Knob("light_strength", 0.0, 2.0, 1.0, 0.4),
)
"""What photos differ in most; every engine that knows scenes knows these (docs/reference/protocol.md)."""


def explain(
    draw: Callable[[Sequence[Scene]], Tensor],
    score: Callable[[Tensor], Tensor],
    rounds: int = 2,
    knobs: Sequence[Knob] = KNOBS,
) -> dict[str, Any]:
    """The scene in which a character's picture is most like the photo; ``{}`` if none is better.

    Coordinate descent, knob by knob, both ways; steps are halved from round to round.

    Args:
        draw: scenes to pictures (B, 3, S, S).
        score: pictures to (B,), lower is better.
        rounds: how often every knob is turned.
        knobs: what may be turned.
    """
    values = {knob.name: knob.start for knob in knobs}
    best = float(score(draw([{}]))[0])
    for turn in range(rounds):
        for knob in knobs:
            step = knob.step / 2**turn
            tried = {
                min(knob.high, max(knob.low, values[knob.name] + way * step)) for way in (-1, 1)
            }
            others = sorted(tried - {values[knob.name]})
            scenes = [_scene({**values, knob.name: value}, knobs) for value in others]
            scores = score(draw(scenes))
            k = int(scores.argmin())
            if float(scores[k]) < best:
                best, values[knob.name] = float(scores[k]), others[k]
    return _scene(values, knobs)


def _scene(values: Mapping[str, float], knobs: Sequence[Knob]) -> dict[str, Any]:
    """Only what differs from the standard portrait: its picture then is the very same."""
    turned = [knob for knob in knobs if values[knob.name] != knob.start]
    scene: dict[str, Any] = {k.name: values[k.name] for k in turned if not k.action}
    expression = {k.name: values[k.name] for k in turned if k.action}
    return {**scene, "expression": expression} if expression else scene
