"""Landmarks of candidates: detected in their pictures, with the gradient of the linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..objective import Located
from ..tensors import to_array
from .model import LandmarkModel

if TYPE_CHECKING:
    from ..hookspecs import Landmarker
    from ..kinds import Framing

__all__ = ["LandmarkReader"]


@dataclass(frozen=True)
class LandmarkReader:
    """Straight-through landmarks: values from the landmarker, gradients from the model.

    Where the landmarker finds no face, the values are the model's too.
    """

    landmarker: Landmarker
    model: LandmarkModel
    framing: Framing

    def __call__(self, vectors: Tensor, pictures: Tensor) -> Located:
        """Locate the faces of vectors (B, D) in their pictures (B, 3, S, S)."""
        linear = self.model(vectors)
        with torch.no_grad():
            values = [self._value(picture, linear, k) for k, picture in enumerate(pictures)]
        points, expression = (torch.stack(parts) for parts in zip(*values, strict=True))
        return Located(
            linear.points + (points - linear.points).detach(),
            linear.expression + (expression - linear.expression).detach(),
        )

    def _value(self, picture: Tensor, linear: Located, k: int) -> tuple[Tensor, Tensor]:
        side = picture.shape[-1]
        found = self.landmarker.find(to_array(picture), self.framing.pixels(side))
        if found is None:
            return linear.points[k], linear.expression[k]
        return torch.from_numpy(found.fractions(side)), torch.from_numpy(found.expression)
