"""Terms on dense landmarks and on the expression of the candidate's face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .sample import Sample, need

__all__ = ["Landmarks", "Leak", "align_points"]


def align_points(points: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Move points onto a target by the best similarity (Umeyama 1991).

    Rotation and scale get no gradient: at the optimum the first-order effect is zero.

    Args:
        points: (B, N, 3).
        target: (N, 3).
        weights: (N,), of the points; not all zero.

    Returns:
        The moved points (B, N, 3), and the rotations (B, 3, 3): ``moved = scale * points @ R``.
    """
    share = (weights / weights.sum())[:, None]
    middle = (target * share).sum(dim=0)
    centred = points - (points * share).sum(dim=1, keepdim=True)
    aim = target - middle
    with torch.no_grad():
        covariance = centred.transpose(1, 2) @ (share * aim)
        u, size, v = torch.linalg.svd(covariance.double())
        flip = torch.ones_like(size)
        flip[:, 2] = torch.linalg.det(u @ v).sign()
        rotation = (u * flip[:, None]) @ v
        length = (centred.square() * share).sum(dim=(1, 2)).clamp_min(1e-12)
        scale = (size * flip).sum(dim=1) / length
        turn = (scale[:, None, None] * rotation).to(points.dtype)
    return centred @ turn + middle, rotation.to(points.dtype)


@dataclass(frozen=True)
class Landmarks:
    """Mean squared distance of landmarks after a 3-D similarity, in squared eye distances.

    Attributes:
        target: (N, 3), neutral points of the photo's face, in eye distances.
        weights: (N,), of the points.
        depth: factor of the distance in z, which is inaccurate in a single picture.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"located"})
    target: Tensor
    weights: Tensor
    depth: float = 0.3

    def __call__(self, sample: Sample, /) -> Tensor:
        points = need(sample.located, "landmarks", "located").points
        moved, _ = align_points(points, self.target, self.weights)
        axes = torch.tensor([1.0, 1.0, self.depth])
        squares = ((moved - self.target) * axes).square().sum(dim=2)
        return squares @ (self.weights / self.weights.sum())


@dataclass(frozen=True)
class Leak:
    """Sum of squared expression coefficients above those of neutral faces.

    The engine draws a neutral face: a smile in its picture is a smile in the shape.

    Attributes:
        neutral: (K,), mean coefficients of neutral faces.
        columns: (K,), indices of the coefficients that count.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"located"})
    neutral: Tensor
    columns: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        found = need(sample.located, "leak", "located").expression[:, self.columns]
        return (found - self.neutral).clamp_min(0).square().sum(dim=1)
