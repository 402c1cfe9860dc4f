"""Further candidates of a fit: the same face with the next likeliest hairstyles."""

from __future__ import annotations

import torch
from torch import Tensor

from ..images import Picture
from .method import Context, State

__all__ = ["other_hairstyles"]


def other_hairstyles(
    context: Context, state: State, vector: Tensor, count: int, size: int
) -> list[tuple[Tensor, Picture]]:
    """Return at most ``count`` vectors (D,) with other hairstyles and their pictures.

    The likeliest is first. The list is empty if no stage compared hairstyles with the photo, e.g.
    without an engine.

    Args:
        state: after all stages; ranks the choices of the settled groups.
        vector: (D,), the result of the fit.
        size: side of the engine's pictures, uint8 (size, size, 3) RGB sRGB.

    Raises:
        BridgeError: the engine failed.
    """
    if not state.settled or context.engine is None or count < 1:
        return []
    group = max(state.settled, key=lambda one: one.stop - one.start)
    order = state.ranking[group].argsort(descending=True).tolist()
    worn = int(vector[group].argmax())
    others = [choice for choice in order if choice != worn][:count]
    vectors = vector.repeat(len(others), 1)
    vectors[:, group] = torch.eye(len(order), dtype=vector.dtype)[others]
    return list(zip(vectors, context.engine.draw(vectors, size), strict=True))
