"""Random scenes for data sets: head rotation, light, expression, background.

``docs/reference/protocol.md`` defines the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UsageError

Scene = dict[str, Any]
Random = np.random.Generator


def random_scene(index: int, seed: int, aspects: Sequence[str]) -> Scene:
    """Scene of record ``index``; a pure function of its arguments.

    Args:
        index, seed: as for ``layout.random``.
        aspects: names of ``ASPECTS``. Each has its own random numbers, so that it does not depend
            on the other aspects.
    """
    scene: Scene = {}
    for k, (name, draw) in enumerate(ASPECTS.items()):
        if name in aspects:
            scene |= draw(np.random.default_rng([seed, index, k]))
    return scene


def check_aspects(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names without duplicates, in the order of ``ASPECTS``.

    Raises:
        UsageError: a name is unknown.
    """
    for name in names:
        if name not in ASPECTS:
            remedy = f"choose from {', '.join(ASPECTS)}"
            raise UsageError(f"{name!r} cannot be varied", remedy=remedy)
    return tuple(name for name in ASPECTS if name in names)


def _pose(rng: Random) -> Scene:
    # Most people look roughly into the camera.
    yaw, pitch = rng.normal(0, 17), rng.normal(0, 9)
    return {"yaw": _round(np.clip(yaw, -45, 45)), "pitch": _round(np.clip(pitch, -30, 30))}


def _light(rng: Random) -> Scene:
    warm = rng.normal(0, 0.13)
    color = 255 * np.clip([1 + warm, 1, 1 - warm], 0.4, 1.6) / max(1 + abs(warm), 1)
    return {
        "light_azimuth": _round(rng.uniform(-85, 85)),
        "light_elevation": _round(rng.uniform(-15, 75)),
        "light_strength": _round(rng.uniform(0.45, 1.45)),
        "light_color": [_round(v) for v in color],
    }


_ACTIONS = (
    *("smile", "open_mouth", "blink", "eyebrows_left_up", "eyebrows_right_up"),
    *("eyebrows_left_down", "eyebrows_right_down", "eye_left_slit", "eye_right_slit"),
    *("mouth_pursing", "mouth_compression", "mouth_depression", "mouth_elevation"),
    *("nose_left_elevation", "nose_right_elevation", "mouth_protusion"),
)


def _expression(rng: Random) -> Scene:
    if rng.random() < 0.25:
        return {"expression": {}}
    # Smiles and open mouths are the most frequent in photos.
    weights = np.array([6.0, 4.0, 1.0] + [0.8] * (len(_ACTIONS) - 3))
    count = int(rng.integers(1, 4))
    chosen = rng.choice(len(_ACTIONS), count, replace=False, p=weights / weights.sum())
    return {"expression": {_ACTIONS[k]: _round(rng.beta(1.6, 2.2)) for k in sorted(chosen)}}


def _background(rng: Random) -> Scene:
    kind = rng.random()
    if kind < 0.25:
        return {"background": [int(v) for v in rng.integers(0, 256, 3)]}
    if kind < 0.5:
        return {"background": [[int(v) for v in rng.integers(0, 256, 3)] for _ in range(2)]}
    return {"background": {"shapes": int(rng.integers(2**31))}}


def _round(value: float) -> float:
    return round(float(value), 3)


ASPECTS: Mapping[str, Callable[[Random], Scene]] = {
    "pose": _pose,
    "light": _light,
    "expression": _expression,
    "background": _background,
}
"""Random parts of a scene -> function that draws their settings."""
