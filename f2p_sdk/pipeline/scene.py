"""Scene estimation: the photo's expression and light as a scene of the engine.

A fit against the engine's neutral portrait turns a smile into a wide mouth and a shadow into dark
skin. A picture with the photo's expression and light avoids that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["LIGHT", "PARAMETERS", "SceneParameter", "estimate_scene"]

Scene = Mapping[str, Any]


@dataclass(frozen=True)
class SceneParameter:
    """One number of a scene: its range, its neutral value ``start`` and the first ``step``.

    An ``action`` is a weight of the scene's ``expression``; else the name is a setting.
    """

    name: str
    low: float
    high: float
    start: float
    step: float
    action: bool = False


#: Every engine that draws scenes has these (protocol page, "Scenes").
PARAMETERS = (
    SceneParameter("smile", 0.0, 1.0, 0.0, 0.5, action=True),
    SceneParameter("open_mouth", 0.0, 1.0, 0.0, 0.3, action=True),
    SceneParameter("light_azimuth", -90.0, 90.0, 25.0, 40.0),
    SceneParameter("light_strength", 0.0, 2.0, 1.0, 0.4),
)
LIGHT = PARAMETERS[2:]


def estimate_scene(
    draw: Callable[[Sequence[Scene]], Tensor],
    score: Callable[[Tensor], Tensor],
    rounds: int = 2,
    parameters: Sequence[SceneParameter] = PARAMETERS,
) -> dict[str, Any]:
    """Return the scene with the best score; ``{}``, the standard portrait, if none is better.

    Coordinate descent: each parameter moves both ways, and steps halve from round to round.

    Args:
        draw: scenes to pictures (B, 3, S, S) of one character.
        score: pictures to (B,), lower is better.
        rounds: passes over all parameters.
    """
    values = {parameter.name: parameter.start for parameter in parameters}
    best = float(score(draw([{}]))[0])
    for turn in range(rounds):
        for parameter in parameters:
            name, step = parameter.name, parameter.step / 2**turn
            tried = {
                min(parameter.high, max(parameter.low, values[name] + sign * step))
                for sign in (-1, 1)
            }
            others = sorted(tried - {values[name]})
            scores = score(draw([_scene({**values, name: v}, parameters) for v in others]))
            k = int(scores.argmin())
            if float(scores[k]) < best:
                best, values[name] = float(scores[k]), others[k]
    return _scene(values, parameters)


def _scene(values: Mapping[str, float], parameters: Sequence[SceneParameter]) -> dict[str, Any]:
    """Scene with those values that differ from the standard portrait's."""
    changed = [p for p in parameters if values[p.name] != p.start]
    scene: dict[str, Any] = {p.name: values[p.name] for p in changed if not p.action}
    expression = {p.name: values[p.name] for p in changed if p.action}
    return {**scene, "expression": expression} if expression else scene
