"""Facial expressions: displacements of the head's action units.

The data hold 34 action units (MPFB2's "expression units"), each for three ancestries that differ
slightly; an action here is their mean. Action names are those of the data, with ``_`` for ``-``.
``smile``, ``open_mouth`` and ``blink`` are combinations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .assets import load_target

__all__ = ["ACTIONS", "Expressions"]

Array = NDArray[np.float32]

_UNITS = (
    *(
        f"eye-{side}-{way}"
        for side in ("left", "right")
        for way in ("closure", "opened-up", "slit")
    ),
    *(
        f"eyebrows-{side}-{way}"
        for side in ("left", "right")
        for way in ("down", "extern-up", "inner-up", "up")
    ),
    *(
        f"mouth-{way}"
        for way in (
            *("compression", "corner-puller", "depression", "depression-retraction", "elevation"),
            *("eversion", "open", "parling", "part-later", "protusion", "pursing", "retraction"),
            "upward-retraction",
        )
    ),
    "neck-platysma",
    *(f"nose-{way}" for way in ("compression", "depression")),
    *(f"nose-{side}-{way}" for side in ("left", "right") for way in ("dilatation", "elevation")),
)
ACTIONS: Mapping[str, Mapping[str, float]] = {
    **{unit.replace("-", "_"): {unit: 1.0} for unit in _UNITS},
    "smile": {
        "mouth-corner-puller": 1.0,
        "mouth-part-later": 0.55,
        "eye-left-slit": 0.3,
        "eye-right-slit": 0.3,
    },
    "open_mouth": {"mouth-open": 1.0},
    "blink": {"eye-left-closure": 1.0, "eye-right-closure": 1.0},
}
"""Action -> weight of each expression unit."""


class Expressions:
    """Displacement fields of the base mesh's vertices ``ids`` (N,) per action.

    Fields are loaded on first use.
    """

    def __init__(self, ids: NDArray[np.int32]) -> None:
        self._ids = ids
        self._fields: dict[str, Array] = {}

    def __call__(self, weights: Mapping[str, float]) -> Array:
        """Weighted sum of the fields of actions of ACTIONS: (N, 3) decimetres."""
        out = np.zeros((len(self._ids), 3), np.float32)
        for action, weight in sorted(weights.items()):
            for unit, share in ACTIONS[action].items():
                out += np.float32(weight * share) * self._field(unit)
        return out

    def _field(self, unit: str) -> Array:
        if unit not in self._fields:
            kinds = ("african", "asian", "caucasian")
            parts = [load_target(f"expression/units/{k}/{unit}")[self._ids] for k in kinds]
            self._fields[unit] = np.mean(parts, axis=0, dtype=np.float32)
        return self._fields[unit]
