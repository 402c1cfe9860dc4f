"""Recipes of parser trainings: network, loss, optimiser, schedule and augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import UnknownNameError
from ...training.recipes import BaseRecipe
from .augment import Variation

__all__ = ["RECIPES", "ParserRecipe", "parser_recipe", "pixel_loss"]


@dataclass(frozen=True)
class ParserRecipe(BaseRecipe):
    """Numbers of a parser training.

    Attributes:
        variation: augmentation of the pictures, see :func:`augment`.
        small: share of the training, at its start, with smaller pictures, which are faster; their
            side is ``small_side`` of the others'.
        settle: share of the training, at its end, with more plain pictures: the exact edges of thin
            parts are learned last.
        overlap: weight of ``1 - intersection / union`` beside the cross entropy.
        options: of the network.
    """

    variation: Variation
    small: float = 0.0
    small_side: float = 0.625
    settle: float = 0.0
    overlap: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def build_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimiser of the network; under AdamW norms and biases do not decay."""
        if self.optimiser == "sgd":
            return self.optimise([{"params": list(network.parameters())}])
        filters = [p for p in network.parameters() if p.ndim >= 2]
        flat = [p for p in network.parameters() if p.ndim < 2]
        return self.optimise([{"params": filters}, {"params": flat, "weight_decay": 0.0}])


def pixel_loss(logits: Tensor, labels: Tensor, overlap: float = 0.0) -> Tensor:
    """Mean cross entropy of the pixels, plus ``overlap`` times 1 minus the classes' overlap.

    The logits are interpolated to half the labels' side, where each is at the centre of four
    pixels: the mean cross entropy with all four costs a quarter of that at full size.

    Args:
        logits: (B, C, h, w); H and W are multiples of h and w.
        labels: int64 (B, H, W).
        overlap: weight of 1 minus the soft Jaccard index: the intersection over union of the
            probabilities over the batch, mean over the classes in the labels. A brow with few
            pixels counts as much as all the hair.
    """
    side = labels.shape[-1] // 2
    scores = functional.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
    logs = functional.log_softmax(scores, dim=1)
    corners = torch.stack([labels[:, y::2, x::2] for y in (0, 1) for x in (0, 1)], dim=1)
    true = logs.gather(1, corners)  # log probability of the true class
    entropy = -true.mean()
    if not overlap:
        return entropy
    zero = logs.new_zeros(logits.shape[1])
    classes = corners.flatten()
    shared = zero.index_add(0, classes, true.exp().flatten()) / 4
    pixels = zero.index_add(0, classes, torch.ones_like(true).flatten()) / 4
    union = logs.exp().sum(dim=(0, 2, 3)) + pixels - shared
    missing = 1 - shared / union.clamp_min(1e-6)
    return entropy + overlap * missing[pixels > 0].mean()


RECIPES = {
    # "Face-to-Parameter Translation for Game Character Auto-Creation": as the imitator's, SGD,
    # momentum 0.9, batch 16, 500 epochs, x0.9 every 50, but a rate of 0.001; scaling and shifting.
    "slides": ParserRecipe("slides", "resnet50", "sgd", 0.001, 16, 500, "steps", "shift"),
    # For one CPU core and an hour, on pictures augmented to resemble photos.
    "best": ParserRecipe(
        "best",
        "compact",
        "adamw",
        3e-3,
        8,
        12,
        "cosine",
        "photo",
        small=0.45,
        settle=0.18,
        overlap=1.0,
        weight_decay=0.02,
        warmup=100,
    ),
}


def parser_recipe(name: str) -> ParserRecipe:
    """The recipe of this name. UnknownNameError with the known names."""
    if name not in RECIPES:
        raise UnknownNameError("parser recipe", name, RECIPES)
    return RECIPES[name]
