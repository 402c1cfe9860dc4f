"""The scene of a picture: head rotation, light, expression and background.

A scene is a map in a request; an empty one is the standard portrait. ``docs/reference/protocol.md``
lists the settings, and a test compares its table with ``SETTINGS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from f2p_sdk import F2PError

from .background import Background, is_colour, read_background
from .expression import ACTIONS

__all__ = ["LIGHT", "SETTINGS", "Scene", "SceneError", "read_scene"]

Array = NDArray[np.float32]

# Shader inputs: directions to the lights, and linear colours of the lights, the ground and the sky.
LIGHT: Mapping[str, tuple[float, float, float]] = {
    "key": (0.371, 0.464, 0.804),
    "fill": (-0.743, 0.093, 0.663),
    "key_colour": (0.80, 0.765, 0.72),
    "fill_colour": (0.17, 0.185, 0.21),
    "ground_colour": (0.15, 0.135, 0.13),
    "sky_colour": (0.34, 0.345, 0.36),
}
BRIGHTNESS = 0.8  # linear brightness of a white key light

SETTINGS: Mapping[str, tuple[float, float] | None] = {
    "yaw": (-45.0, 45.0),
    "pitch": (-45.0, 45.0),
    "light_azimuth": (-90.0, 90.0),
    "light_elevation": (-45.0, 90.0),
    "light_strength": (0.0, 2.0),
    "light_color": None,
    "expression": None,
    "background": None,
}
"""Setting -> its range; None if it is not a number."""


class SceneError(F2PError):
    """A scene setting is unknown or invalid."""


@dataclass(frozen=True)
class Scene:
    """A validated scene.

    Attributes:
        rotation: yaw and pitch of the head, radians.
        light: shader input -> three numbers.
        expression: action -> weight in [0, 1].
        background: None for the standard one.
    """

    rotation: tuple[float, float] = (0.0, 0.0)
    light: Mapping[str, tuple[float, float, float]] = field(default_factory=lambda: LIGHT)
    expression: Mapping[str, float] = field(default_factory=dict)
    background: Background | None = None


def read_scene(settings: Mapping[str, Any]) -> Scene:
    """Read a scene from a request's map.

    Raises:
        SceneError: names setting, rule and value.
    """
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise SceneError(
            f"scene: unknown setting {unknown[0]!r:.60}",
            remedy=f"settings are {', '.join(SETTINGS)}",
        )
    read: dict[str, Callable[[], Any]] = {
        "expression": lambda: _expression(settings["expression"]),
        "background": lambda: read_background(settings["background"], refuse),
        "light_color": lambda: _colour(settings["light_color"]),
    }
    found: dict[str, Any] = {
        name: read[name]() if limits is None else _number(name, settings[name], limits)
        for name, limits in SETTINGS.items()
        if name in settings
    }
    rotation = tuple(float(np.radians(found.get(name, 0.0))) for name in ("yaw", "pitch"))
    return Scene(
        (rotation[0], rotation[1]),
        _light(found),
        found.get("expression", {}),
        found.get("background"),
    )


def refuse(name: str, rule: str, value: object) -> SceneError:
    """Make the error for an invalid setting."""
    return SceneError(
        f"scene: {name} must be {rule}, got {value!r:.60}", remedy="correct the scene setting"
    )


def _colour(value: object) -> Sequence[float]:
    if not is_colour(value):
        raise refuse("light_color", "[red, green, blue] from 0 to 255", value)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(name: str, value: Any, limits: tuple[float, float]) -> float:
    low, high = limits
    if not _is_number(value) or not low <= value <= high:  # also false for NaN
        raise refuse(name, f"a number from {low:g} to {high:g}", value)
    return float(value)


def _expression(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise refuse("expression", "a map of action to weight", value)
    for action in value:
        if action not in ACTIONS:
            raise SceneError(
                f"scene: unknown expression {action!r:.60}",
                remedy=f"actions are {', '.join(ACTIONS)}",
            )
    return {a: _number(f"expression {a}", w, (0.0, 1.0)) for a, w in value.items() if w != 0}


def _light(found: Mapping[str, Any]) -> Mapping[str, tuple[float, float, float]]:
    if not any(name.startswith("light_") for name in found):
        return LIGHT
    x, y, z = LIGHT["key"]
    azimuth = np.radians(found.get("light_azimuth", float(np.degrees(np.arctan2(x, z)))))
    elevation = np.radians(found.get("light_elevation", float(np.degrees(np.arcsin(y)))))
    level = np.cos(elevation)
    key = (level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth))
    colour = np.array(LIGHT["key_colour"])
    if "light_color" in found:
        colour = BRIGHTNESS * (np.array(found["light_color"]) / 255) ** 2.2
    colour = colour * found.get("light_strength", 1.0)
    return {
        **LIGHT,
        "key": (float(key[0]), float(key[1]), float(key[2])),
        "key_colour": (float(colour[0]), float(colour[1]), float(colour[2])),
    }
