"""Plan, progress and result of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..weights import UNSPECIFIED
from .recipes import RECIPES, Recipe

__all__ = ["BasePlan", "Plan", "Report", "TrainingResult"]


@dataclass(frozen=True)
class BasePlan:
    """Recipe and duration of any training.

    Attributes:
        recipe: a :class:`.recipes.BaseRecipe`.
        epochs: passes over the pictures; the recipe's own if None.
        minutes: duration instead of epochs, without pauses between a stop and a resume. The
            schedule ends with the time, so the number of steps depends on the machine.
        licence: of the weights, for the card.
        seed: of all random numbers. The same seed, data, epochs and machine give the same weights.
    """

    recipe: Any
    _: KW_ONLY
    epochs: int | None = None
    minutes: float | None = None
    licence: str = UNSPECIFIED
    seed: int = 0

    def key(self) -> dict[str, Any]:
        """Values that must be equal to resume from a checkpoint; JSON types."""
        values = {name: value for name, value in asdict(self).items() if name != "licence"}
        return dict(json.loads(json.dumps(values, default=str)))


@dataclass(frozen=True)
class Plan(BasePlan):
    """Network, recipe and duration of an imitator training.

    Attributes:
        network: name of the imitator; the recipe's own if empty.
        options: of the network.
        initial_weights: file to continue from, of the same layout; None for random weights.
    """

    recipe: Recipe = RECIPES["best"]
    network: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    initial_weights: Path | None = None

    def key(self) -> dict[str, Any]:
        return {**super().key(), "network": self.network or self.recipe.network}


@dataclass(frozen=True)
class Report:
    """Progress of a training.

    Attributes:
        step, steps: done, and in total; with ``minutes``, an estimate from the rate so far.
        loss: running mean of the recipe's loss.
        rate: pictures per second.
        figures: of the last validation, empty before the first.
    """

    step: int
    steps: int
    loss: float
    rate: float
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class TrainingResult:
    """Weights file, its figures on all held-out pictures, and the cost of the training.

    ``resumed_at``: first step of this run; ``bytes``: size of the file.
    """

    path: Path
    figures: Mapping[str, Any]
    steps: int
    epochs: float
    seconds: float
    resumed_at: int
    bytes: int
