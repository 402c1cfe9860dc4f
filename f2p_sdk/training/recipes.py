"""How an imitator is trained: which network, loss, optimiser and schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError

__all__ = ["RECIPES", "Recipe", "change", "edges", "recipe", "share_of_rate"]

_INVISIBLE = 1e-6  # mean square of a change that nobody sees: a quarter of an eighth bit
_ROOT = 1e-6


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
        change: weight of :func:`change`, of pairs that differ in one parameter, at the end; it
            rises to that in the last half from a quarter of it.
        window: side of the parts of the pictures that a step draws, one of each; 0 for all of them.
        textures: rate of textures, each point of which is seen seldom, in rates of the rest.
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
    change: float = 0.0
    window: int = 0
    textures: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: int = 0

    def rate_at(self, fraction: float, step: int) -> float:
        """Learning rate at ``fraction`` of the training, in its ``step``-th step."""
        return self.rate * share_of_rate(self.schedule, self.warmup, fraction, step)

    def build_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimiser over the network's parameters; a group's ``scale`` is of its rate."""
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                texture = name.startswith("shaders") and parameter.ndim > 2
                groups.setdefault(self.textures if texture else 1.0, []).append(parameter)
        parameters = [{"params": found, "scale": scale} for scale, found in groups.items()]
        if self.optimiser == "sgd":
            return torch.optim.SGD(
                parameters, self.rate, self.momentum, weight_decay=self.weight_decay
            )
        return torch.optim.AdamW(
            parameters, self.rate, betas=(0.9, 0.99), weight_decay=self.weight_decay, fused=True
        )

    def loss(self, drawn: Tensor, wanted: Tensor, pairs: int = 0, fraction: float = 1.0) -> Tensor:
        """Mean L1 of pictures (B, 3, S, S) in [0, 1], plus the weighted other terms.

        Of the B, the first and the last ``pairs`` are pairs in this order. ``fraction``: of the
        training that is done.
        """
        loss = (drawn - wanted).abs().mean()
        if self.edges:
            loss = loss + self.edges * edges(drawn - wanted)
        if self.change and pairs:
            risen = 0.25 + 0.75 * min(1.0, max(0.0, 2 * fraction - 1))
            loss = loss + risen * self.change * change(
                drawn[-pairs:] - drawn[:pairs], wanted[-pairs:] - wanted[:pairs]
            )
        return loss


def share_of_rate(
    schedule: Literal["steps", "cosine"], warmup: int, fraction: float, step: int
) -> float:
    """Share of the highest learning rate at ``fraction`` of a training, in its ``step``-th step.

    Schedules as in :class:`Recipe`; ``warmup`` in steps.
    """
    if schedule == "steps":
        return float(0.9 ** math.floor(10 * min(fraction, 1.0) + 1e-9))
    warm = min(1.0, (step + 1) / (warmup + 1))
    fall = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
    return warm * max(fall, 0.002)


def change(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean relative error of changes of picture (B, 3, S, S), at most 4 each.

    ``|drawn - wanted| / |wanted|`` in the L2 norm: however small the change is, its error counts as
    much as that of a large one. An imitator is there for its gradient; this trains the gradient.
    """
    error = (drawn - wanted).square().flatten(1).mean(dim=1)
    size = wanted.square().flatten(1).mean(dim=1) + _INVISIBLE
    # (a root has no slope at 0, where nothing changes and nothing should)
    return (error / size + _ROOT).sqrt().clamp(max=4).mean()


def edges(difference: Tensor) -> Tensor:
    """Mean absolute first differences of (B, 3, S, S), along x plus along y."""
    along_x = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    along_y = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return along_x + along_y


RECIPES = {
    # "Face-to-Parameter Translation for Game Character Auto-Creation": L1, SGD 0.01, momentum 0.9,
    # batch 16, 500 epochs, x0.9 every 50.
    "slides": Recipe("slides", "published", "sgd", 0.01, 16, 500, "steps"),
    # For engines that tell nothing but pictures, made for two CPU cores and an hour.
    "best": Recipe(
        "best",
        "compact",
        "adamw",
        2e-3,
        16,
        40,
        "cosine",
        edges=0.5,
        change=0.03,
        warmup=100,
    ),
    # For engines that tell their meshes: many small windows, since each pixel is drawn by itself.
    "mesh": Recipe(
        "mesh",
        "mesh",
        "adamw",
        3e-3,
        36,
        60,
        "cosine",
        change=0.16,
        window=36,
        textures=4.0,
        warmup=100,
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name. UnknownNameError with the names there are."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownNameError("training recipe", name, RECIPES) from None
