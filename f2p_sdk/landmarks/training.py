"""Ridge regressions from an engine's pictures: vector to landmarks, expression to displacement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..errors import DatasetError
from ..images import Picture
from ..parameters import Layout
from .dense import ExpressionBasis, eye_distance
from .model import LandmarkModel, save_landmarks

if TYPE_CHECKING:
    from ..hookspecs import Landmarker
    from ..kinds import Framing

__all__ = ["LandmarkRecord", "LandmarkTraining", "train_landmarks"]

Array = npt.NDArray[np.float64]

_HELD_OUT = 10  # one in ten pictures
_PENALTIES = (1e-4, 1e-3, 1e-2)  # of the ridge, in variances of a uniform slider per picture
_LEAST_EXPRESSIONS = 200  # pictures with an expression, for a basis of this engine
_NOISE = 0.0005  # ridge of the expression's regressions, in squared coefficients per picture


class LandmarkRecord(NamedTuple):
    """A vector (D,), the weights of the scene's actions, and the picture."""

    vector: npt.NDArray[np.float32]
    actions: Mapping[str, float]
    picture: Picture


@dataclass(frozen=True)
class LandmarkTraining:
    """Result: the file, the number of pictures, those without a face, and the figures.

    ``figures``: ``r2`` is the explained share of the landmarks' variance on held-out pictures,
    ``error`` the mean distance in eye distances; ``expression_r2`` the explained share of the
    displacement by expressions.
    """

    path: Path
    pictures: int
    missed: int
    figures: Mapping[str, float]


def train_landmarks(
    layout: Layout,
    framing: Framing,
    landmarker: Landmarker,
    records: Iterable[LandmarkRecord],
    out: Path,
    *,
    source: Mapping[str, Any],
    licence: str,
) -> LandmarkTraining:
    """Fit a :class:`LandmarkModel` to an engine's pictures, and write it.

    Args:
        records: pictures of random characters in the standard portrait, with or without an
            expression.
        source: description of the data, for the card.
        licence: of the model, for the card.

    Raises:
        DatasetError: too few pictures with a face.
    """
    data = _measure(framing, landmarker, records)
    least = max(2 * layout.size, 50)
    if len(data.vectors) < least:
        raise DatasetError(
            f"landmarks need {least} pictures with a face, got {len(data.vectors)}, and "
            f"{data.missed} without one",
            remedy="capture more pictures, or check the framing with `f2p check`",
        )
    held = np.arange(len(data.vectors)) % _HELD_OUT == _HELD_OUT - 1
    inputs = np.hstack([data.vectors, data.actions])
    fits = [_Ridge.of(inputs[~held], data.points[~held], penalty) for penalty in _PENALTIES]
    left = [np.square(data.points[held] - fit(inputs[held])) for fit in fits]
    best = int(np.argmin([squares.sum() for squares in left]))
    points = fits[best]
    expression = _Ridge.of(inputs[~held], data.expressions[~held], _PENALTIES[-1])
    centre = np.hstack([data.vectors.mean(axis=0), np.zeros(len(data.names))])
    mean = points(centre[None]).reshape(-1, 3)
    eyes = eye_distance(mean, landmarker.regions)
    figures = {
        "r2": float(1 - left[best].sum() / np.square(_centred(data.points[held])).sum()),
        "error": float(np.sqrt(left[best].reshape(-1, 3)[:, :2].sum(axis=1)).mean() / eyes),
    }
    size = layout.size
    drive = np.zeros((data.expressions.shape[1], 0))
    if int(data.actions.any(axis=1).sum()) >= _LEAST_EXPRESSIONS:
        moved = data.actions @ points.slope[size:] / eyes
        basis, drive, figures["expression_r2"] = _expression_basis(data, moved)
    elif (shipped := landmarker.basis) is not None:
        basis = shipped
    else:
        raise DatasetError(
            f"the data have fewer than {_LEAST_EXPRESSIONS} pictures with an expression, and the "
            "landmarker brings no basis of expressions",
            remedy="capture pictures with --vary expression too",
        )
    names = data.names if drive.size else ()
    model = LandmarkModel(size, len(mean), len(basis.neutral), names)
    for name, array in {
        "centre": centre[:size],
        "mean": mean,
        "slope": points.slope[:size].reshape(size, -1, 3),
        "expression": expression(centre[None])[0],
        "expression_slope": expression.slope[:size],
        "neutral": basis.neutral,
        "displacement": basis.displacement,
        "drive": drive,
    }.items():
        getattr(model, name).copy_(torch.from_numpy(np.ascontiguousarray(array, np.float32)))
    path = save_landmarks(
        out,
        model,
        layout,
        landmarker.name,
        training={**source, "pictures": len(data.vectors), "missed": data.missed},
        figures=figures,
        licence=licence,
    )
    return LandmarkTraining(path, len(data.vectors), data.missed, figures)


class _Data(NamedTuple):
    """Pictures with a face: vectors (M, D), weights of the actions (M, A), points (M, 3 N) as
    fractions, coefficients (M, E); the names of the actions; the number of pictures without."""

    vectors: Array
    actions: Array
    points: Array
    expressions: Array
    names: tuple[str, ...]
    missed: int


def _measure(framing: Framing, landmarker: Landmarker, records: Iterable[LandmarkRecord]) -> _Data:
    kept, found, missed = [], [], 0
    for record in records:
        side = len(record.picture)
        one = landmarker.find(record.picture, framing.pixels(side))
        if one is None:
            missed += 1
        else:
            kept.append((record.vector, record.actions))
            found.append((one.fractions(side).ravel(), one.expression))
    names = tuple(sorted({name for _, actions in kept for name in actions}))
    rows = (
        [vector for vector, _ in kept],
        [[actions.get(name, 0.0) for name in names] for _, actions in kept],
        [points for points, _ in found],
        [expression for _, expression in found],
    )
    stacks = [np.array(some, np.float64).reshape(len(kept), -1) for some in rows]
    return _Data(stacks[0], stacks[1], stacks[2], stacks[3], names, missed)


def _expression_basis(data: _Data, moved: Array) -> tuple[ExpressionBasis, Array, float]:
    """Return the basis, the drive (E, A), and the explained share of displacements (M, 3 N).

    The inputs are coefficients above the mean of neutral faces. They contain the differences
    between people, so that the regression predicts the mean displacement behind coefficients.
    """
    neutral = ~data.actions.any(axis=1)
    seen = data.expressions
    mean = seen[neutral].mean(axis=0) if neutral.any() else seen.min(axis=0)
    inputs = seen - mean
    matrix = inputs.T @ inputs + _NOISE * len(inputs) * np.eye(inputs.shape[1])
    displacement = np.linalg.solve(matrix, inputs.T @ moved)
    drive = np.linalg.solve(matrix, inputs.T @ data.actions)
    left = np.square(moved - inputs @ displacement).sum()
    explained = float(1 - left / max(np.square(moved).sum(), 1e-12))
    points = displacement.reshape(len(displacement), -1, 3).astype(np.float32)
    return ExpressionBasis(mean.astype(np.float32), points), drive, explained


@dataclass(frozen=True)
class _Ridge:
    """Ridge regression: ``outputs = mean + (inputs - centre) slope``."""

    centre: Array
    mean: Array
    slope: Array

    @classmethod
    def of(cls, inputs: Array, outputs: Array, penalty: float) -> _Ridge:
        """``penalty``: in squared deviations of a uniform slider, per picture."""
        x = _centred(inputs)
        matrix = x.T @ x + penalty / 12 * len(x) * np.eye(x.shape[1])
        slope = np.linalg.solve(matrix, x.T @ _centred(outputs))
        return cls(inputs.mean(axis=0), outputs.mean(axis=0), slope)

    def __call__(self, inputs: Array) -> Array:
        predicted: Array = self.mean + (inputs - self.centre) @ self.slope
        return predicted


def _centred(values: Array) -> Array:
    return np.asarray(values - values.mean(axis=0))
