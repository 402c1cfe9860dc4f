"""Evaluation of fits to photos and to known characters, measured on the engine's pictures."""

from __future__ import annotations

from .perturbations import PERTURBATIONS, POSES
from .photos import Fitted, Photo, fit_photos, robustness, summary
from .recovery import Recovered, recover, recovery, visible_sliders

__all__ = [
    "PERTURBATIONS",
    "POSES",
    "Fitted",
    "Photo",
    "Recovered",
    "fit_photos",
    "recover",
    "recovery",
    "robustness",
    "summary",
    "visible_sliders",
]
