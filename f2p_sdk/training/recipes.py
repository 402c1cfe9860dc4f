"""How an imitator is trained: which network, loss, optimiser and schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError

__all__ = ["RECIPES", "Recipe", "edges", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """Everything about a training that is not the data.

    Attributes:
        name: the name :func:`recipe` knows it by.
        network: the imitator it was made for.
        optimiser: ``sgd`` or ``adamw``.
        rate: learning rate, the highest of the schedule.
        batch: pictures in a step.
        epochs: how often every picture is seen, unless steps or time are given instead.
        schedule: ``steps`` multiplies the rate by 0.9 after every tenth of the training ("every 50
            of 500 epochs"); ``cosine`` warms up and then falls to nothing, so that the training is
            at its best when it ends.
        edges: weight of the L1 between the pictures' gradients, added to the L1 between pictures.
        momentum, weight_decay, warmup: of the optimiser; warmup in steps.
    """

    name: str
    network: str
    optimiser: Literal["sgd", "adamw"]
    rate: float
    batch: int
    epochs: int
    schedule: Literal["steps", "cosine"]
    edges: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: int = 0

    def rate_at(self, fraction: float, step: int) -> float:
        """Learning rate at ``fraction`` of the training, in its ``step``-th step."""
        if self.schedule == "steps":
            return float(self.rate * 0.9 ** math.floor(10 * min(fraction, 1.0) + 1e-9))
        warm = min(1.0, (step + 1) / (self.warmup + 1))
        fall = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
        return self.rate * warm * max(fall, 0.002)

    def build_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimiser over the network's parameters."""
        parameters = list(network.parameters())
        if self.optimiser == "sgd":
            return torch.optim.SGD(
                parameters, self.rate, self.momentum, weight_decay=self.weight_decay
            )
        return torch.optim.AdamW(
            parameters, self.rate, betas=(0.9, 0.99), weight_decay=self.weight_decay, fused=True
        )

    def loss(self, drawn: Tensor, wanted: Tensor) -> Tensor:
        """Mean L1 of pictures (B, 3, S, S) in [0, 1], plus ``edges`` times that of gradients."""
        loss = (drawn - wanted).abs().mean()
        return loss + self.edges * edges(drawn - wanted) if self.edges else loss


def edges(difference: Tensor) -> Tensor:
    """Mean absolute first differences of (B, 3, S, S), along x plus along y."""
    along_x = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    along_y = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return along_x + along_y


RECIPES = {
    # "Face-to-Parameter Translation for Game Character Auto-Creation": L1, SGD 0.01, momentum 0.9,
    # batch 16, 500 epochs, x0.9 every 50.
    "slides": Recipe("slides", "published", "sgd", 0.01, 16, 500, "steps"),
    # Ours, made to reach its figures on two CPU cores within an hour.
    "best": Recipe("best", "compact", "adamw", 2e-3, 16, 20, "cosine", warmup=200),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name. UnknownNameError with the names there are."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownNameError("training recipe", name, RECIPES) from None
