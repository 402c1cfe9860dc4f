"""How a parser is trained: which network, loss, optimiser, schedule and variation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import UnknownNameError
from ...training.recipes import share_of_rate
from .augment import Variation

__all__ = ["RECIPES", "ParserRecipe", "parser_recipe", "pixel_loss"]


@dataclass(frozen=True)
class ParserRecipe:
    """Everything about a training that is not the data.

    Attributes:
        name: the name :func:`parser_recipe` knows it by.
        network: the parser it was made for, and ``options`` of it.
        optimiser: ``sgd`` or ``adamw``.
        rate: learning rate, the highest of the schedule.
        batch: pictures in a step.
        epochs: how often every picture is seen, unless time is given instead.
        schedule: ``steps`` multiplies the rate by 0.9 after every tenth of the training ("every 50
            of 500 epochs"); ``cosine`` warms up and then falls to nothing.
        variation: what is done to the pictures, see :func:`augment`.
        small: share of the training that looks at smaller pictures first, which is faster; their
            side is ``small_side`` of the others'.
        settle: share of the training, its end, that sees more of the engine's pictures as they are:
            for the last it learns is where exactly the edges of thin parts run.
        overlap: weight of ``1 - intersection / union`` beside the cross entropy.
        momentum, weight_decay, warmup: of the optimiser; warmup in steps.
    """

    name: str
    network: str
    optimiser: Literal["sgd", "adamw"]
    rate: float
    batch: int
    epochs: int
    schedule: Literal["steps", "cosine"]
    variation: Variation
    small: float = 0.0
    small_side: float = 0.625
    settle: float = 0.0
    overlap: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    def rate_at(self, fraction: float, step: int) -> float:
        """Learning rate at ``fraction`` of the training, in its ``step``-th step."""
        return self.rate * share_of_rate(self.schedule, self.warmup, fraction, step)

    def build_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimiser over the network's parameters; norms and biases do not decay."""
        flat = [p for p in network.parameters() if p.ndim < 2]
        filters = [p for p in network.parameters() if p.ndim >= 2]
        if self.optimiser == "sgd":
            return torch.optim.SGD(
                network.parameters(), self.rate, self.momentum, weight_decay=self.weight_decay
            )
        groups: list[dict[str, Any]] = [
            {"params": filters, "weight_decay": self.weight_decay},
            {"params": flat, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, self.rate, betas=(0.9, 0.99), fused=True)


def pixel_loss(logits: Tensor, labels: Tensor, overlap: float = 0.0) -> Tensor:
    """Cross entropy of each pixel, mean, plus ``overlap`` times the missing overlap of classes.

    Args:
        logits: (B, C, h, w), h and w of which H and W are multiples.
        labels: int64 (B, H, W).
        overlap: weight of the mean over the classes that are there of 1 minus intersection by
            union, both in probabilities over the batch (soft Jaccard index): a brow has few pixels
            and matters as much as all the hair.

    The logits are compared at half the labels' side, where each stands amid four pixels and is held
    against all four: the cross entropy with their mean, for a quarter of the work.
    """
    side = labels.shape[-1] // 2
    scores = functional.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
    logs = functional.log_softmax(scores, dim=1)
    corners = torch.stack([labels[:, y::2, x::2] for y in (0, 1) for x in (0, 1)], dim=1)
    true = logs.gather(1, corners)  # of the class that is there
    entropy = -true.mean()
    if not overlap:
        return entropy
    nothing = logs.new_zeros(logits.shape[1])
    where = corners.flatten()
    shared = nothing.index_add(0, where, true.exp().flatten()) / 4
    wanted = nothing.index_add(0, where, torch.ones_like(true).flatten()) / 4
    union = logs.exp().sum(dim=(0, 2, 3)) + wanted - shared
    missing = 1 - shared / union.clamp_min(1e-6)
    return entropy + overlap * missing[wanted > 0].mean()


RECIPES = {
    # "Face-to-Parameter Translation for Game Character Auto-Creation": as the imitator's, SGD,
    # momentum 0.9, batch 16, 500 epochs, x0.9 every 50, but a rate of 0.001; scaling and shifting.
    "slides": ParserRecipe("slides", "resnet50", "sgd", 0.001, 16, 500, "steps", "shift"),
    # Ours: small enough for one CPU core and an hour, on pictures that look like photos.
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
    """The recipe of this name. UnknownNameError with the names there are."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownNameError("parser recipe", name, RECIPES) from None
