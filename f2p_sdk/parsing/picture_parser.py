"""A face parser as the objective uses it: on pictures of any size, with probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ..objective import Parsed

if TYPE_CHECKING:
    from ..hookspecs import Parser

__all__ = ["PictureParser"]


class PictureParser:
    """Pictures (B, 3, S, S) RGB sRGB in [0, 1] to features and class probabilities.

    Pictures are resized to the side of ``parser``, which is frozen. Differentiable with respect to
    the pictures.
    """

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def __call__(self, pictures: Tensor) -> Parsed:
        side = self.parser.size
        if pictures.shape[-1] != side or pictures.shape[-2] != side:
            pictures = functional.interpolate(
                pictures, (side, side), mode="bilinear", align_corners=False, antialias=True
            )
        features = self.parser.features(pictures)
        stages = (features.stage1, features.stage2, features.stage4)
        return Parsed(stages, torch.softmax(features.logits, dim=1))

    def class_weights(self, weights: Mapping[str, float]) -> Tensor:
        """Weights (K,) of the parser's classes from weights by name; 0 for classes without one."""
        return torch.tensor([float(weights.get(name, 0.0)) for name in self.parser.classes])
