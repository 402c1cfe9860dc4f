"""What is to be trained, how far it is, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .recipes import RECIPES, Recipe

__all__ = ["Plan", "Report", "Trained"]


@dataclass(frozen=True)
class Plan:
    """What to train and how long.

    Attributes:
        recipe: optimiser, loss, schedule.
        network: name of the imitator; the recipe's own if empty.
        options: of the network.
        epochs: how often every picture is seen; the recipe's own if None.
        minutes: train for that long instead, pauses between a stop and a resume not counted. The
            schedule ends with the time, so how many steps there were depends on the machine.
        start: weights to go on from, of the same layout; None for new ones.
        seed: of the first weights and of the order of the pictures. The same seed, data, epochs and
            machine give the same weights.
    """

    recipe: Recipe = RECIPES["best"]
    network: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    minutes: float | None = None
    seed: int = 0
    start: Path | None = None

    def key(self) -> dict[str, Any]:
        """What must be equal for a training to go on from a checkpoint."""
        plan = asdict(self)
        plan["network"] = self.network or self.recipe.network
        plan["options"] = dict(self.options)
        plan["start"] = str(self.start or "")
        return dict(json.loads(json.dumps(plan)))


@dataclass(frozen=True)
class Report:
    """How far a training is.

    Attributes:
        step, steps: done, and all of them; with a time budget, what the rate so far promises.
        loss: running mean of the recipe's loss.
        rate: pictures per second.
        seconds_left: until the last step.
        figures: of the last validation: ``psnr_db`` and ``l1``, empty before the first.
    """

    step: int
    steps: int
    loss: float
    rate: float
    seconds_left: float
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """The outcome: the weights file, its figures on all held-out pictures, and what it took."""

    path: Path
    figures: Mapping[str, Any]
    steps: int
    epochs: float
    seconds: float
    resumed_at: int
    bytes: int
