"""Recipes of imitator trainings: network, loss, optimiser and schedule."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError

__all__ = ["RECIPES", "BaseRecipe", "Recipe", "recipe"]

_INVISIBLE = 1e-6  # mean square of an invisible change: a quarter of a step of 8 bits
_ROOT = 1e-6


@dataclass(frozen=True)
class BaseRecipe:
    """Numbers that all trainings have.

    Attributes:
        name: of the recipe.
        network: the network that the recipe was made for.
        optimiser: ``sgd`` or ``adamw``.
        rate: highest learning rate of the schedule.
        batch: pictures per step.
        epochs: passes over the pictures, unless a plan gives epochs or time.
        schedule: ``steps`` multiplies the rate by 0.9 after every tenth of the training ("every 50
            of 500 epochs"); ``cosine`` warms up, then falls to nothing.
        momentum, weight_decay, warmup: of the optimiser; warmup in steps.
    """

    name: str
    network: str
    optimiser: Literal["sgd", "adamw"]
    rate: float
    batch: int
    epochs: int
    schedule: Literal["steps", "cosine"]
    _: KW_ONLY
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: int = 0

    def rate_at(self, fraction: float, step: int) -> float:
        """Learning rate at ``fraction`` of the training, in its ``step``-th step."""
        if self.schedule == "steps":
            factor = float(0.9 ** math.floor(10 * min(fraction, 1.0) + 1e-9))
        else:
            warm = min(1.0, (step + 1) / (self.warmup + 1))
            fall = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
            factor = warm * max(fall, 0.002)
        return self.rate * factor

    def optimise(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """A new optimiser of groups of parameters, as torch's optimisers take them."""
        if self.optimiser == "sgd":
            return torch.optim.SGD(groups, self.rate, self.momentum, weight_decay=self.weight_decay)
        return torch.optim.AdamW(
            groups, self.rate, betas=(0.9, 0.99), weight_decay=self.weight_decay, fused=True
        )


@dataclass(frozen=True)
class Recipe(BaseRecipe):
    """Numbers of an imitator training.

    Attributes:
        edges: weight of the L1 between the pictures' gradients, added to the L1 between pictures.
        change: weight of the relative error of changes of picture, for pairs; the weight rises from
            a quarter of it to all of it in the second half.
        crop: side in pixels of the crop of each picture that a step draws; 0 for whole pictures.
        textures: learning rate of textures relative to ``rate``: each texel is visible seldom.
    """

    edges: float = 0.0
    change: float = 0.0
    crop: int = 0
    textures: float = 1.0

    def build_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimiser of the network; ``scale`` of a group is its relative learning rate."""
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                texture = name.startswith("shaders") and parameter.ndim > 2
                groups.setdefault(self.textures if texture else 1.0, []).append(parameter)
        return self.optimise([{"params": found, "scale": scale} for scale, found in groups.items()])

    def loss(self, drawn: Tensor, target: Tensor, pairs: int = 0, fraction: float = 1.0) -> Tensor:
        """Mean L1 of pictures (B, 3, S, S) in [0, 1], plus the other weighted terms.

        The first and the last ``pairs`` of the B pictures form pairs, in this order. ``fraction``
        of the training is done.
        """
        loss = (drawn - target).abs().mean()
        if self.edges:
            loss = loss + self.edges * _edges(drawn - target)
        if self.change and pairs:
            factor = 0.25 + 0.75 * min(1.0, max(0.0, 2 * fraction - 1))
            loss = loss + factor * self.change * _change(
                drawn[-pairs:] - drawn[:pairs], target[-pairs:] - target[:pairs]
            )
        return loss


def _change(drawn: Tensor, target: Tensor) -> Tensor:
    """Mean relative error of changes of picture (B, 3, S, S), at most 4 each.

    ``|drawn - target| / |target|`` in the L2 norm, so a small change counts as much as a large one.
    A search uses the gradient of an imitator, and this loss trains the gradient.
    """
    error = (drawn - target).square().flatten(1).mean(dim=1)
    size = target.square().flatten(1).mean(dim=1) + _INVISIBLE
    # _ROOT: the gradient of a square root is infinite at 0
    return (error / size + _ROOT).sqrt().clamp(max=4).mean()


def _edges(difference: Tensor) -> Tensor:
    """Mean absolute first differences of (B, 3, S, S), along x plus along y."""
    along_x = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    along_y = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return along_x + along_y


RECIPES = {
    # "Face-to-Parameter Translation for Game Character Auto-Creation": L1, SGD 0.01, momentum 0.9,
    # batch 16, 500 epochs, x0.9 every 50.
    "slides": Recipe("slides", "published", "sgd", 0.01, 16, 500, "steps"),
    # For engines without mesh passes; made for two CPU cores and an hour.
    "best": Recipe(
        "best", "compact", "adamw", 2e-3, 16, 40, "cosine", edges=0.5, change=0.03, warmup=100
    ),
    # For engines with mesh passes: many small crops, because each pixel is drawn separately.
    "mesh": Recipe(
        "mesh",
        "mesh",
        "adamw",
        3e-3,
        36,
        60,
        "cosine",
        change=0.16,
        crop=36,
        textures=4.0,
        warmup=100,
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name. UnknownNameError with the known names."""
    if name not in RECIPES:
        raise UnknownNameError("training recipe", name, RECIPES)
    return RECIPES[name]
