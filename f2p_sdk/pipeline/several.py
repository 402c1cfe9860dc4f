"""Several photos of one person as one subject; better photos count more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..objective import align_points
from .colours import CellColours
from .expression import NeutralFace
from .result import Subject

__all__ = ["mean_colours", "merge_subjects", "photo_weights"]

_LARGE = 80.0  # pixels between the eyes of a photo without a lack of detail
_TURNED = 0.4  # of Face.turn: a face without use
_LEAST = 0.1  # share that every photo has


def photo_weights(subjects: Sequence[Subject]) -> Tensor:
    """Return (P,), shares of the photos, by size, turn and expression of the face; sum 1."""
    shares = []
    for subject in subjects:
        face = subject.picked.face
        size = min(1.0, face.eye_distance / _LARGE)
        front = max(0.0, 1 - abs(face.turn) / _TURNED)
        calm = 1 - 0.5 * (0.0 if subject.face is None else subject.face.mouth)
        shares.append(max(_LEAST, size * front * calm))
    weights = torch.tensor(shares)
    return weights / weights.sum()


def merge_subjects(subjects: Sequence[Subject], weights: Tensor) -> Subject:
    """Return the best photo's subject with the weighted means of embeddings and landmarks."""
    best = subjects[int(weights.argmax())]
    return replace(
        best,
        target=torch.einsum("p,pce->ce", weights, torch.stack([s.target for s in subjects])),
        measured=weights @ torch.stack([s.measured for s in subjects]),
        own=all(subject.own for subject in subjects),
        face=_mean_face(best.face, [subject.face for subject in subjects], weights),
    )


def _mean_face(
    best: NeutralFace | None, faces: Sequence[NeutralFace | None], weights: Tensor
) -> NeutralFace | None:
    """The best photo's face with the weighted mean of all neutral points."""
    found = [(face, w) for face, w in zip(faces, weights, strict=True) if face is not None]
    if best is None or not found:
        return best
    points = torch.stack([face.points for face, _ in found])
    shares = torch.stack([w for _, w in found])
    moved, _ = align_points(points, best.points, best.weights)
    return replace(best, points=torch.einsum("p,pnk->nk", shares / shares.sum(), moved))


def mean_colours(colours: Sequence[CellColours], weights: Tensor) -> CellColours:
    """Return the weighted mean of cell colours; a cell counts by its own weight too."""
    cells = torch.stack([one.colours for one in colours])
    weight = torch.stack([one.weight for one in colours]) * weights[:, None, None]
    total = weight.sum(dim=0)
    mean = (cells * weight[:, None]).sum(dim=0) / total.clamp_min(1e-6)
    return CellColours(mean, total)
