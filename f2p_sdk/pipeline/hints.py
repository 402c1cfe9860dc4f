"""Hints of a fit: what would give a better result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..landmarks import LandmarkReader

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..landmarks import LandmarkReader
    from .loss_units import LossUnits
    from .method import Method
    from .result import Subject

__all__ = ["landmark_hints", "loss_hints", "method_hints"]


def method_hints(plan: Method, subject: Subject) -> list[str]:
    """Return a hint where method and picture do not belong together."""
    if subject.own and not plan.own_picture:
        return ["the game's own engine drew this picture: --method exact finds its values"]
    if plan.own_picture and not subject.own:
        return [
            f"method {plan.name!r} is for pictures by the game's own engine, and this does not "
            "look like one: use --method best for photos"
        ]
    return []


def loss_hints(plan: Method, kind: Kind, units: LossUnits) -> list[str]:
    """Return a hint where the loss of a published method is not calibrated."""
    if not plan.published or units.measured:
        return []
    return [
        f"the loss of method {plan.name!r} has default units: `f2p weights calibrate -g "
        f"{kind.name}` measures them for this imitator, recognizer and parser"
    ]


def landmark_hints(plan: Method, kind: Kind, locate: LandmarkReader | None) -> list[str]:
    """Return a hint where a method lacks landmarks that the kind has a model for."""
    path = kind.landmarks_path
    if locate is not None or path is None or not plan.weights.get("landmarks"):
        return []
    if not Path(path).is_file():
        return [f"without landmarks: {path} does not exist; make it with `f2p train landmarks`"]
    return [
        "without landmarks, smiles become part of the face: `f2p plugins` states what is missing"
    ]
