"""The part of the picture that is linear in the vector, known before any training.

On a face that holds still (:mod:`.flow`) most of what a slider does besides moving is to add a
pattern of light and colour. Least squares over the dataset find those patterns at once and for all
(:mod:`f2p_sdk.training.patterns`); gradient descent, which meets the strongest first, would need
hours for the weak. They are kept as a product of two thin matrices and are not trained any more:
the painter learns what they leave.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Basis", "features"]


def features(vector: Tensor, x: Tensor, sliders: int) -> Tensor:
    """What patterns are added for: (B, D + P), each of mean 0 and deviation 1 over random vectors.

    Args:
        vector: (B, D) in [0, 1].
        x: the same normalised.
        sliders: P, how many of its numbers, the first, are sliders. How far one is from the middle
            of its range counts too: its two halves may do different things.
    """
    bend = (2 * vector[:, :sliders] - 1).abs()
    return torch.cat([x, (bend - 0.5) * 12**0.5], dim=1)


class Basis(nn.Module):
    """Patterns (3, side, side) for each feature, as a product of rank ``rank``, and a mean.

    Args:
        count: of the features.
        rank, side: see above.
    """

    def __init__(self, count: int, rank: int, side: int) -> None:
        super().__init__()
        self.count, self.rank, self.side = count, rank, side
        self.register_buffer("weights", torch.zeros(count, rank))
        self.register_buffer("patterns", torch.zeros(rank, 3 * side * side))
        self.register_buffer("middle", torch.zeros(3 * side * side))

    weights: Tensor
    patterns: Tensor
    middle: Tensor

    def set_patterns(self, patterns: Tensor, middle: Tensor) -> None:
        """Set the patterns (count, 3 * side * side) of the features, and their mean, one of them.

        A weak pattern counts as much as a strong one when the rank is cut, or a small slider would
        be the first to go. ValueError for another number of patterns.
        """
        if patterns.shape != (self.count, self.patterns.shape[1]):
            raise ValueError(f"the basis takes {self.count} patterns, got {tuple(patterns.shape)}")
        norm = patterns.norm(dim=1, keepdim=True)
        u, s, v = torch.linalg.svd(patterns / (norm + 1e-9), full_matrices=False)
        kept = min(self.rank, len(s))
        root = s[:kept].sqrt()
        with torch.no_grad():
            self.weights.zero_()[:, :kept] = norm * u[:, :kept] * root
            self.patterns.zero_()[:kept] = root[:, None] * v[:kept]
            self.middle.copy_(middle)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, count) -> (B, 3, side, side), before the sigmoid."""
        with torch.autocast(features.device.type, enabled=False):
            planes = features.to(self.weights.dtype) @ self.weights @ self.patterns + self.middle
        return planes.view(-1, 3, self.side, self.side)
