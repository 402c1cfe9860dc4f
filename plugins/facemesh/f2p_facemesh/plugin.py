"""Offer to f2p-sdk (entry point group `f2p`); does not import LiteRT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from f2p_sdk import LandmarkerSpec, hookimpl

from .files import why_not

if TYPE_CHECKING:
    from .landmarker import FaceMesh


def _load() -> FaceMesh:
    from .landmarker import FaceMesh

    return FaceMesh()


@hookimpl
def f2p_landmarkers() -> list[LandmarkerSpec]:
    return [
        LandmarkerSpec(
            name="facemesh",
            title="MediaPipe's face mesh: 478 landmarks and 52 expression coefficients",
            load=_load,
            licence="Apache-2.0 (MediaPipe Face Landmarker)",
            available=why_not,
        )
    ]
