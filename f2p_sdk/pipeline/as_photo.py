"""The character drawn as in the photo: its expression, turn and light. People compare so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import EngineError
from ..images import Picture
from ..landmarks.dense import eye_distance
from ..tensors import cell_means, to_tensor
from .expression import NeutralFace
from .method import Context
from .scene import LIGHT, estimate_scene

__all__ = ["draw_as_photo"]

_COMPARED = 128  # pixels a side while the light is searched
_TURN = 45.0  # degrees that every engine with scenes draws


def draw_as_photo(
    context: Context, vector: Tensor, portrait: Picture | None, face: NeutralFace | None
) -> tuple[Picture | None, Mapping[str, Any]]:
    """Draw a vector (D,) in the photo's expression, turn and light, and return the scene too.

    Returns (None, {}) without an engine that draws scenes, or without dense landmarks.

    Args:
        portrait: uint8 (S, S, 3), the engine's picture of the vector.
    """
    engine, targets, locate = context.engine, context.targets, context.locate
    if engine is None or portrait is None or face is None or locate is None:
        return None, {}
    front = locate(vector[None], to_tensor(portrait)).points[0]
    pose = face.scene(front / eye_distance(front.numpy(), locate.landmarker.regions))
    pose |= {name: min(max(pose[name], -_TURN), _TURN) for name in ("yaw", "pitch")}
    weight = targets.colours.weight
    seen = cell_means(context.photo, weight.shape[-1])

    def draw(scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        merged = [{**pose, **scene} for scene in scenes]
        return engine.tensor(vector.expand(len(scenes), -1), _COMPARED, merged)

    def score(pictures: Tensor) -> Tensor:
        difference = (cell_means(pictures, weight.shape[-1]) - seen).abs().mean(dim=1)
        return (difference * weight).mean(dim=(1, 2))

    try:
        scene = {**pose, **estimate_scene(draw, score, parameters=LIGHT)}
        return engine.draw(vector[None], len(portrait), [scene])[0], scene
    except EngineError:
        return None, {}
