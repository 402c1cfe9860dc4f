"""Linear network from the vector to landmarks and expression, and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import WeightsError
from ..objective import Located
from ..parameters import Layout
from ..weights import check_golden, load_card, load_network, round_to_half, save_weights
from .dense import ExpressionBasis

__all__ = ["LandmarkModel", "load_landmarks", "save_landmarks"]

WHAT, NAME = "landmarks", "linear"
_REMEDY = "train it: f2p train landmarks"
_LEAST = 0.25  # smaller weights are differences between people, not expressions


class LandmarkModel(nn.Module):
    """Landmarks and expression of a kind's neutral picture as a linear function of the vector.

    Tensors, with N landmarks, E coefficients and A actions of the engine:

    - ``centre`` (D,): the mean vector. ``mean`` (N, 3): its landmarks, units as in
      :class:`~f2p_sdk.objective.Located`. ``slope`` (D, N, 3): their change per unit.
    - ``expression`` (E,), ``expression_slope`` (D, E): the same for the coefficients.
    - ``neutral`` (E,), ``displacement`` (E, N, 3): see :class:`ExpressionBasis`.
    - ``drive`` (E, A): weights of the actions per unit of a coefficient.

    Args:
        dimension: D.
        points: N.
        expressions: E.
        actions: names of the engine's actions; none for an engine without expressions.
    """

    def __init__(
        self, dimension: int, points: int, expressions: int, actions: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.actions = tuple(actions)
        for name, shape in (
            ("centre", (dimension,)),
            ("mean", (points, 3)),
            ("slope", (dimension, points, 3)),
            ("expression", (expressions,)),
            ("expression_slope", (dimension, expressions)),
            ("neutral", (expressions,)),
            ("displacement", (expressions, points, 3)),
            ("drive", (expressions, len(self.actions))),
        ):
            self.register_parameter(name, nn.Parameter(torch.zeros(shape), requires_grad=False))

    centre: Tensor
    mean: Tensor
    slope: Tensor
    expression: Tensor
    expression_slope: Tensor
    neutral: Tensor
    displacement: Tensor
    drive: Tensor

    def config(self) -> dict[str, Any]:
        """Arguments that build the network again, with its name."""
        sizes = (len(self.centre), len(self.mean), len(self.expression))
        names = ("dimension", "points", "expressions")
        return {"name": NAME, **dict(zip(names, sizes, strict=True)), "actions": list(self.actions)}

    @property
    def basis(self) -> ExpressionBasis:
        """Effect of expressions on the landmarks."""
        return ExpressionBasis(self.neutral.numpy(), self.displacement.numpy())

    def forward(self, vectors: Tensor) -> Located:
        """Predict the landmarks of vectors (B, D), differentiable."""
        offset = vectors - self.centre
        points = self.mean + torch.einsum("bd,dnk->bnk", offset, self.slope)
        return Located(points, self.expression + offset @ self.expression_slope)

    def scene_expression(self, expression: Tensor) -> dict[str, float]:
        """Return the weights of the engine's actions for coefficients (E,) of a photo."""
        weights = ((expression - self.neutral) @ self.drive).clamp(0, 1).tolist()
        pairs = zip(self.actions, weights, strict=True)
        return {name: round(weight, 3) for name, weight in pairs if weight > _LEAST}


def build_landmarks(name: str, **options: Any) -> LandmarkModel:
    """Build a model by the name in its card. ValueError for another name."""
    if name != NAME:
        raise ValueError(f"there is no landmark model {name!r}")
    return LandmarkModel(**options)


def save_landmarks(
    path: str | Path,
    model: LandmarkModel,
    layout: Layout,
    landmarker: str,
    *,
    training: Mapping[str, Any],
    figures: Mapping[str, float],
    licence: str,
) -> Path:
    """Write a model with its card. Raises WeightsError."""
    round_to_half(model)
    vector = torch.from_numpy(layout.encode(layout.random(0, seed=0)))
    card = {
        "what": WHAT,
        "network": model.config(),
        "game": layout.game,
        "kind": layout.kind,
        "layout_hash": layout.hash,
        "layout_size": layout.size,
        "landmarker": landmarker,
        "input": {"size": layout.size, "range": [0, 1]},
        "output": {"size": len(model.mean), "channels": 3, "unit": "side of the picture"},
        "normalisation": "none outside the network: it takes the layout's vector as it is",
        "training": {name: value for name, value in training.items() if name != "assets"},
        "licence": licence,
        "figures": dict(figures),
        "golden": {
            "input": [round(v, 7) for v in vector.tolist()],
            "output": _golden(model, vector),
        },
    }
    if "assets" in training:
        card["assets"] = training["assets"]
    return save_weights(path, model.state_dict(), card)


def load_landmarks(path: str | Path, layout: Layout, landmarker: str) -> LandmarkModel:
    """Read the model of a layout and a landmarker.

    Raises:
        WeightsError: a damaged file, or one of another layout or landmarker.
    """
    path = Path(path)
    card = load_card(path, remedy=_REMEDY)
    model = load_network(path, card, WHAT, build_landmarks, remedy=_REMEDY)
    for key, expected in (("layout_hash", layout.hash), ("landmarker", landmarker)):
        if card.get(key) != expected:
            raise WeightsError(
                f"{path}: {key} must be {expected!r}, the file has {card.get(key)!r}",
                remedy=_REMEDY,
            )
    sizes = (layout.size, len(model.expression) + 3)
    failure = "predict its golden landmarks"
    check_golden(path, card, lambda v: _golden(model, v), sizes, failure, remedy=_REMEDY)
    return model


def _golden(model: LandmarkModel, vector: Tensor) -> list[float]:
    """Coefficients (E,) and the mean landmark (3,) of a vector (D,)."""
    found = model(vector[None])
    values = [*found.expression[0].tolist(), *found.points[0].mean(dim=0).tolist()]
    return [round(v, 6) for v in values]
