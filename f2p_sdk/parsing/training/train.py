"""Training of a parser on captured datasets with labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import TrainingError
from ...training.cache import Rows
from ...training.device import Device, pick_device
from ...training.loop import Loop
from ...training.plan import BasePlan, Report, TrainingResult
from ..network import ParserNetwork, ResNetParser, build_parser
from ..store import load_parser, parser_card
from .augment import PLAIN
from .data import Faces
from .figures import held_out_overlap
from .recipes import RECIPES, ParserRecipe, pixel_loss
from .workers import AugmentAll, Task, augmenter

__all__ = ["ParserPlan", "train_parser"]

_VALIDATED = 128  # held-out pictures per validation; all of them at the end
_PLAIN_AT_END = 0.75  # share of plain pictures while the training settles
_MAX_GRADIENT = 5.0


@dataclass(frozen=True)
class ParserPlan(BasePlan):
    """Recipe and duration of a parser training.

    ``initial_weights``: file to continue from, of the recipe's network; None for random weights.
    """

    recipe: ParserRecipe = RECIPES["best"]
    initial_weights: Path | None = None


def train_parser(
    faces: Faces,
    output: Path,
    plan: ParserPlan | None = None,
    *,
    backbone: dict[str, Tensor] | None = None,
    device: str = "auto",
    progress: Callable[[Report], None] | None = None,
) -> TrainingResult:
    """Train a parser and write its weights with their card.

    Meanwhile ``<output>.training/`` holds the last checkpoint and the best weights so far; a call
    with the same plan and data resumes from there. It is removed when the weights are written.

    Args:
        faces: from :func:`open_faces`, at the network's size.
        output: the weights file.
        plan: default: the recipe ``best``.
        backbone: initial ``state_dict`` of a ResNet-50 with torchvision's names.
        device: ``auto``, or torch's name of a device.
        progress: called after every step.

    Raises:
        TrainingError: the loss is not finite (the best weights so far are kept), the folder holds
            the state of another training, or the initial weights are of another network.
        WeightsError: the backbone is not a ResNet-50's, or the initial weights are damaged.
    """
    where = pick_device(device)
    with augmenter(faces, where) as augment_all:
        training = _Training(faces, output, plan or ParserPlan(), where, backbone, augment_all)
        return training.run(progress)


class _Training(Loop[ParserNetwork]):
    validations = 10

    def __init__(
        self,
        faces: Faces,
        output: Path,
        plan: ParserPlan,
        device: Device,
        backbone: dict[str, Tensor] | None,
        augment_all: AugmentAll,
    ) -> None:
        super().__init__(output, plan, device, faces.split())
        self.faces, self.augment_all = faces, augment_all
        self.network = _network(self.recipe, faces.size, backbone, plan.initial_weights)
        self.network.to(device.name)
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
        """Augmented pictures and labels; the seed depends on plan, epoch and row alone."""
        recipe = self.recipe
        side = self.faces.size
        if self.fraction < recipe.small:
            side = max(32, round(side * recipe.small_side / 32) * 32)
        plain = _PLAIN_AT_END if self.fraction > 1 - recipe.settle else PLAIN
        epoch = self.step // self.per_epoch
        tasks = [
            Task(row, (self.seed, epoch, row, 1), recipe.variation, side, plain)
            for row in rows.tolist()
        ]
        pictures, labels = zip(*self.augment_all(tasks), strict=True)
        truth = torch.from_numpy(np.stack(labels)).to(self.device.name)
        return self.device.pictures(np.stack(pictures)), truth.long()

    def clip(self) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT)

    def figures(self, rows: Rows) -> dict[str, Any]:
        overlap = held_out_overlap(self.network, self.faces, rows, self.device)
        return {"mean_iou": overlap.mean_iou(), "iou": overlap.iou()}

    def validation_rows(self) -> Rows:
        return self.held[:: -(-len(self.held) // _VALIDATED)]

    def better(self, figures: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
        return bool(figures["mean_iou"] >= best["mean_iou"])

    def card(self, training: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
        training = {**self.faces.source, **training}
        return parser_card(self.network, training=training, figures=figures, licence=self.licence)


def _network(
    recipe: ParserRecipe, size: int, backbone: dict[str, Tensor] | None, initial: Path | None
) -> ParserNetwork:
    if size % 32:
        raise TrainingError(f"the side of the pictures must be a multiple of 32, got {size}")
    if initial is not None:
        trained = load_parser(initial)
        if trained.name != recipe.network:
            raise TrainingError(
                f"{initial}: the network is {trained.name!r}, the recipe's is {recipe.network!r}",
                remedy=f"--network {trained.name}",
            )
        return trained.requires_grad_(True)
    network = build_parser(recipe.network, **recipe.options)
    if backbone is not None:
        if not isinstance(network, ResNetParser):
            raise TrainingError(
                f"the network {recipe.network!r} takes no backbone", remedy="--network resnet50"
            )
        network.load_backbone(backbone)
    return network
