"""Training a parser on captured datasets with labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import TrainingError
from ...training.device import Device, pick_device
from ...training.loop import Loop, Rows
from ...training.plan import Report, Trained
from ..network import ParserNetwork, build_parser
from ..store import parser_card, save_parser
from .augment import PLAIN
from .data import Faces
from .figures import held_out_overlap
from .recipes import RECIPES, ParserRecipe, pixel_loss
from .vary import Task, Vary, varying

__all__ = ["ParserPlan", "train_parser"]

SEEN = 128  # pictures at a validation; all that are held out at the end
SETTLED = 0.75  # of the pictures are plain while it settles
_LONGEST = 5.0  # of a gradient
LICENCE = "Apache-2.0; trained only on pictures of the engines that the data were captured from"


@dataclass(frozen=True)
class ParserPlan:
    """What to train and how long.

    Attributes:
        recipe: network, optimiser, loss, schedule.
        epochs: how often every picture is seen; the recipe's own if None.
        minutes: train for that long instead, pauses between a stop and a resume not counted; the
            schedule ends with the time.
        seed: of the first weights, of the order of the pictures and of how they are varied.
    """

    recipe: ParserRecipe = RECIPES["best"]
    epochs: int | None = None
    minutes: float | None = None
    seed: int = 0

    def key(self) -> dict[str, Any]:
        """What must be equal for a training to go on from a checkpoint."""
        return dict(json.loads(json.dumps(asdict(self))))


def train_parser(
    faces: Faces,
    output: Path,
    plan: ParserPlan | None = None,
    *,
    backbone: dict[str, Tensor] | None = None,
    device: str = "auto",
    licence: str = LICENCE,
    progress: Callable[[Report], None] | None = None,
) -> Trained:
    """Train a parser and write its weights with their card.

    While it runs, ``<output>.training/`` holds the last checkpoint and the best weights so far; a
    call with the same plan and data goes on from there. It is removed when the weights are written.

    Args:
        faces: from :func:`open_faces`, at the network's size.
        output: the weights file.
        plan: what to train; default: the recipe ``best``.
        backbone: for the ResNet-50 alone, a ``state_dict`` to begin with, torchvision's names.
        device: ``auto``, or torch's name of one.
        licence: for the card.
        progress: called after every step.

    Raises:
        TrainingError: the loss is no longer a number (the best weights so far are kept), or the
            folder holds the state of another training.
        WeightsError: the backbone is not a ResNet-50's.
    """
    where = pick_device(device)
    with varying(faces, where) as vary:
        training = _Training(faces, output, plan or ParserPlan(), where, backbone, vary)
        return training.run(licence, progress)


class _Training(Loop[ParserNetwork]):
    validations = 10

    def __init__(
        self,
        faces: Faces,
        output: Path,
        plan: ParserPlan,
        device: Device,
        backbone: dict[str, Tensor] | None,
        vary: Vary,
    ) -> None:
        super().__init__(output, plan, device, faces.split())
        self.faces, self.vary = faces, vary
        self.network = _network(self.recipe, faces.size, backbone).to(device.name)
        # torch's stubs do not know this form for modules
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = self.recipe.build_optimiser(self.network)
        self.begin({**plan.key(), **faces.source, "backbone": backbone is not None})

    def loss(self, rows: Rows) -> Tensor:
        pictures, labels = self._batch(rows)
        with self.device.autocast():
            logits = self.network.sharp(pictures)
        return pixel_loss(logits.float(), labels, self.recipe.overlap)

    def _batch(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Pictures and labels of a step; in each epoch a picture has random numbers of its own."""
        recipe = self.recipe
        side = self.faces.size
        if self.fraction < recipe.small:
            side = max(32, round(side * recipe.small_side / 32) * 32)
        plain = SETTLED if self.fraction > 1 - recipe.settle else PLAIN
        epoch = self.step // self.per_epoch
        tasks = [
            Task(row, (self.seed, epoch, row, 1), recipe.variation, side, plain)
            for row in rows.tolist()
        ]
        pictures, labels = zip(*self.vary(tasks), strict=True)
        there = torch.from_numpy(np.stack(labels)).to(self.device.name)
        return self.device.pictures(np.stack(pictures)), there.long()

    def clip(self) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST)

    def figures(self, rows: Rows) -> dict[str, Any]:
        overlap = held_out_overlap(
            self.network, self.faces, rows, self.network.classes, self.device
        )
        return {"mean_iou": overlap.mean_iou(), "iou": overlap.iou()}

    def sample(self) -> Rows:
        return self.held[:: -(-len(self.held) // SEEN)]

    def better(self, figures: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
        return bool(figures["mean_iou"] >= best["mean_iou"])

    def round(self) -> None:
        for tensor in self.network.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(tensor.half())

    def write(self, training: dict[str, Any], figures: dict[str, Any], licence: str) -> Path:
        training = {**self.faces.source, **training}
        card = parser_card(self.network, training=training, figures=figures, licence=licence)
        return save_parser(self.output, self.network, card)


def _network(recipe: ParserRecipe, size: int, backbone: dict[str, Tensor] | None) -> ParserNetwork:
    network = build_parser(recipe.network, **recipe.options)
    if backbone is not None:
        adopt = getattr(network, "adopt", None)
        if adopt is None:
            raise TrainingError(
                f"the network {recipe.network!r} takes no backbone", remedy="--network resnet50"
            )
        adopt(backbone)
    if size % 32:
        raise TrainingError(f"the parser takes pictures of multiples of 32 pixels, got {size}")
    return network
