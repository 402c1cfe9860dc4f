"""What a face parser sees in a picture, as the objective wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ..objective import Parsed

if TYPE_CHECKING:
    from ..hookspecs import Parser

__all__ = ["Reader"]


class Reader:
    """Pictures (B, 3, S, S) RGB sRGB in [0, 1] to features and class probabilities.

    Pictures are brought to the parser's own side first. Differentiable in the pictures.

    Args:
        parser: frozen.
    """

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def __call__(self, pictures: Tensor) -> Parsed:
        side = self.parser.size
        if pictures.shape[-1] != side or pictures.shape[-2] != side:
            pictures = functional.interpolate(
                pictures, (side, side), mode="bilinear", align_corners=False, antialias=True
            )
        seen = self.parser.features(pictures)
        stages = (seen.stage1, seen.stage2, seen.stage4)
        return Parsed(stages, torch.softmax(seen.logits, dim=1))

    def classes(self, weights: Mapping[str, float]) -> Tensor:
        """(K,): the weights of the parser's classes by name; what is not named weighs nothing."""
        return torch.tensor([float(weights.get(name, 0.0)) for name in self.parser.classes])
