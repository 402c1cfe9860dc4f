"""The photo's face without its expression and turn, from dense landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import plugins
from ..landmarks import DenseLandmarks, LandmarkModel, LandmarkReader, load_landmarks
from ..landmarks.dense import eye_distance, point_weights
from ..objective import align_points

if TYPE_CHECKING:
    from ..alignment import Aligned
    from ..hookspecs import Landmarker
    from ..kinds import Kind

__all__ = ["LEAKS", "NeutralFace", "neutral_face", "open_landmarks", "photo_face"]

#: Coefficients that must not show in the neutral character, ARKit's names.
LEAKS = (
    *("mouthSmileLeft", "mouthSmileRight", "jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthPucker"),
)
#: Coefficients that move the mouth so far that its parts in the photo say little about its shape.
_MOUTH = (*LEAKS[:5], "mouthFunnel", "mouthPucker", "mouthLowerDownLeft", "mouthLowerDownRight")


@dataclass(frozen=True)
class NeutralFace:
    """A photo's face as the landmark terms compare it.

    Attributes:
        points: (N, 3), frontal and neutral, in eye distances.
        weights: (N,), of the points.
        neutral: (K,), mean coefficients of neutral faces for the columns ``leaks``.
        leaks: (K,), columns of the coefficients that must not show.
        mouth: in [0, 1], strength of the mouth's expression.
        seen: (N, 3), points of the photo, in any unit.
        moved: (N, 3), displacement by the photo's expression, in eye distances.
        actions: weights of the engine's actions for the photo's expression.
    """

    points: Tensor
    weights: Tensor
    neutral: Tensor
    leaks: Tensor
    mouth: float
    seen: Tensor
    moved: Tensor
    actions: Mapping[str, float]

    def scene(self, front: Tensor) -> dict[str, Any]:
        """Return the photo's expression and turn as a scene.

        The turn is relative to ``front`` (N, 3), points of a neutral character that looks into the
        camera, in eye distances. A character with the same face gives the best measure.
        """
        _, rotation = align_points(self.seen[None], front + self.moved, self.weights)
        turn: dict[str, Any] = _turn(rotation[0])
        return {**turn, "expression": dict(self.actions)} if self.actions else turn


def neutral_face(
    found: DenseLandmarks, model: LandmarkModel, landmarker: Landmarker
) -> NeutralFace:
    """Turn the landmarks of a photo to the front, and subtract its expression.

    Args:
        found: of the aligned photo.
        model: of the kind; gives the frontal mean face and the effect of expressions.
    """
    names, basis = list(landmarker.expressions), model.basis
    weights = torch.from_numpy(point_weights(landmarker.regions, len(found.points)))
    eyes = eye_distance(model.mean.numpy(), landmarker.regions)
    front = (model.mean - model.mean.mean(dim=0)) / eyes
    moved = torch.from_numpy(basis(found.expression)).float()
    points = torch.from_numpy(found.points)[None]
    # The mean face with the photo's expression shows the turn better than the neutral one.
    turned, _ = align_points(points, front + moved, weights)
    neutral = turned[0] - moved
    expression = torch.from_numpy(found.expression)
    leaks = torch.tensor([names.index(name) for name in LEAKS if name in names], dtype=torch.long)
    mouth = [names.index(name) for name in _MOUTH if name in names]
    above = (found.expression - basis.neutral)[mouth]
    strength = float(np.clip(above.max(initial=0.0), 0, 1))
    return NeutralFace(
        neutral,
        weights,
        torch.from_numpy(basis.neutral)[leaks],
        leaks,
        strength,
        points[0],
        moved,
        model.scene_expression(expression),
    )


def photo_face(aligned: Aligned, locate: LandmarkReader | None) -> NeutralFace | None:
    """Return the neutral face of an aligned photo; None without landmarks."""
    if locate is None:
        return None
    found = locate.landmarker.find(aligned.picture, aligned.landmarks)
    return None if found is None else neutral_face(found, locate.model, locate.landmarker)


def open_landmarks(kind: Kind) -> LandmarkReader | None:
    """Return the reader of a kind; None without a landmark model or without a landmarker."""
    path = kind.landmarks_path
    if path is None or not Path(path).is_file():
        return None
    landmarker = plugins.landmarker()
    if landmarker is None:
        return None
    model = load_landmarks(path, kind.layout, landmarker.name)
    return LandmarkReader(landmarker, model, kind.framing)


def _turn(rotation: Tensor) -> dict[str, float]:
    """Yaw and pitch in degrees of the rotation (3, 3) that brings a face to the front."""
    forward = rotation[2]  # in the photo, of the direction that is z in the front
    yaw = float(torch.rad2deg(torch.atan2(forward[0], forward[2])))
    pitch = float(torch.rad2deg(torch.atan2(forward[1], forward[2].hypot(forward[0]))))
    return {"yaw": round(yaw, 1), "pitch": round(-pitch, 1)}
