"""How good fits are: photos and known characters, fitted and measured on the engine's pictures."""

from __future__ import annotations

from .disturb import DISTURBANCES, POSES
from .figures import flat
from .photos import Fitted, Photo, fit_photos, robustness, summary
from .recovery import Recovered, recover, recovery, sensitive

__all__ = [
    "DISTURBANCES",
    "POSES",
    "Fitted",
    "Photo",
    "Recovered",
    "fit_photos",
    "flat",
    "recover",
    "recovery",
    "robustness",
    "sensitive",
    "summary",
]
