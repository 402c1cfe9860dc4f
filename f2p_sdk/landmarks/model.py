"""Linear model from the vector to landmarks and expression, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightsError
from ..objective import Located
from ..parameters import Layout
from ..weights import load_card, save_weights
from .dense import ExpressionBasis

__all__ = ["LandmarkModel", "load_landmarks", "save_landmarks"]

WHAT = "landmarks"


@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """Landmarks and expression of a kind's neutral picture as a linear function of the vector.

    Attributes:
        mean: float32 (N, 3), at the mean vector; units as in :class:`~f2p_sdk.objective.Located`.
        slope: float32 (D, N, 3), change per unit of the vector.
        expression: float32 (E,), coefficients at the mean vector.
        expression_slope: float32 (D, E).
        centre: float32 (D,), the mean vector.
        basis: effect of expressions on the landmarks.
        drive: float32 (E, A), weights of the engine's actions per unit of a coefficient; A is 0
            for an engine without expressions.
        actions: names of these actions.
    """

    mean: Tensor
    slope: Tensor
    expression: Tensor
    expression_slope: Tensor
    centre: Tensor
    basis: ExpressionBasis
    drive: Tensor
    actions: tuple[str, ...] = ()

    def __call__(self, vectors: Tensor) -> Located:
        """Predict the landmarks of vectors (B, D), differentiable."""
        offset = vectors - self.centre
        points = self.mean + torch.einsum("bd,dnk->bnk", offset, self.slope)
        return Located(points, self.expression + offset @ self.expression_slope)

    def scene_expression(self, expression: Tensor) -> dict[str, float]:
        """Return the weights of the engine's actions for coefficients (E,) of a photo."""
        weights = (expression - torch.from_numpy(self.basis.neutral)) @ self.drive
        pairs = zip(self.actions, weights.clamp(0, 1).tolist(), strict=True)
        return {name: round(weight, 3) for name, weight in pairs if weight > _LEAST}


_LEAST = 0.05  # weight of an action that one can see


def save_landmarks(path: str | Path, model: LandmarkModel, card: Mapping[str, Any]) -> Path:
    """Write a model with its card. Raises WeightsError."""
    tensors = {
        "mean": model.mean,
        "slope": model.slope,
        "expression": model.expression,
        "expression_slope": model.expression_slope,
        "centre": model.centre,
        "neutral": torch.from_numpy(model.basis.neutral),
        "displacement": torch.from_numpy(model.basis.displacement),
        "drive": model.drive,
    }
    return save_weights(path, tensors, {"what": WHAT, **card, "actions": list(model.actions)})


def load_landmarks(path: str | Path, layout: Layout, landmarker: str) -> LandmarkModel:
    """Read the model of a layout and a landmarker.

    Raises:
        WeightsError: a damaged file, or one of another layout or landmarker.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    remedy = "train it: f2p train landmarks"
    path = Path(path)
    card = load_card(path, remedy=remedy)
    for key, expected in (
        ("what", WHAT),
        ("layout_hash", layout.hash),
        ("landmarker", landmarker),
    ):
        if card.get(key) != expected:
            raise WeightsError(
                f"{path}: {key} must be {expected!r}, the file has {card.get(key)!r}",
                remedy=remedy,
            )
    try:
        tensors = {name: tensor.float() for name, tensor in load(path.read_bytes()).items()}
        basis = ExpressionBasis(tensors.pop("neutral").numpy(), tensors.pop("displacement").numpy())
        model = LandmarkModel(**tensors, basis=basis, actions=tuple(card["actions"]))
        model(torch.zeros(1, layout.size))
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError) as problem:
        raise WeightsError(f"{path}: cannot be read: {problem}", remedy=remedy) from None
    return model
