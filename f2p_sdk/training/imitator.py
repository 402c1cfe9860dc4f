"""Training of an imitator on a captured dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..mesh import Mesh
from ..mesh.network import MeshImitator
from ..networks import Imitator
from ..parameters import Layout
from ..weights import imitator_card
from .cache import Rows
from .crops import cut, random_crops
from .device import Device, pick_device
from .figures import picture_figures
from .initialise import initialise_network
from .loop import Loop
from .pairs import Pairs
from .pictures import Pictures
from .plan import Plan, Report, TrainingResult

__all__ = ["train_imitator"]

_MAX_GRADIENT = 2.0  # times the mean length of earlier gradients
_VALIDATED = 128  # held-out pictures that select the best weights


def train_imitator(
    layout: Layout,
    pictures: Pictures,
    output: Path,
    plan: Plan | None = None,
    *,
    device: str = "auto",
    neighbours: Pictures | None = None,
    mesh: Mesh | None = None,
    preparing: Callable[[int, int], None] | None = None,
    progress: Callable[[Report], None] | None = None,
) -> TrainingResult:
    """Train an imitator and write its weights with their card.

    Meanwhile ``<output>.training/`` holds the last checkpoint and the best weights so far; a call
    with the same plan and data resumes from there. It is removed when the weights are written.

    Args:
        layout: of the characters in ``pictures``.
        pictures: from :func:`open_pictures`, at the network's size.
        output: the weights file.
        plan: default: the recipe ``best``.
        device: ``auto``, or torch's name of a device.
        neighbours: of ``pictures``, each with one parameter changed (``Layout.neighbour``); the
            network also learns the changes.
        mesh: the engine's, for the network ``mesh``.
        preparing: called before the first step with the characters inspected, done and in total.
        progress: called after every step.

    Raises:
        TrainingError: the loss is not finite (the best weights so far are kept), or the folder
            holds the state of another training.
    """
    pairs, plan = Pairs(pictures, neighbours), plan or Plan()
    training = _Training(layout, pairs, output, plan, pick_device(device), mesh, preparing)
    return training.run(progress)


class _Training(Loop[Imitator]):
    validations = 4

    def __init__(
        self,
        layout: Layout,
        pairs: Pairs,
        output: Path,
        plan: Plan,
        device: Device,
        mesh: Mesh | None,
        preparing: Callable[[int, int], None] | None,
    ) -> None:
        super().__init__(output, plan, device, pairs.pictures.split())
        self.layout, self.pairs, self.pictures = layout, pairs, pairs.pictures
        self.network = initialise_network(layout, pairs, self.train, plan, device, mesh, preparing)
        self.optimiser = self.recipe.build_optimiser(self.network)
        self.begin(
            {
                **plan.key(),
                "layout": layout.hash,
                "pictures": len(self.pictures),
                "neighbours": 0 if pairs.neighbours is None else len(pairs.neighbours),
                "mesh": mesh is not None,
            }
        )
        self.state["norm"] = None  # running mean of the gradient's length

    def loss(self, rows: Rows) -> Tensor:
        vectors, pictures, pairs = self._batch(rows)
        if not self.recipe.crop:
            target = self.device.pictures(pictures)
            with self.device.autocast():
                drawn = self.network(vectors)
        else:
            assert isinstance(self.network, MeshImitator)
            generator = np.random.Generator(np.random.PCG64([self.seed, 1, self.step]))
            whole = torch.from_numpy(pictures).to(self.device.name)
            crops = random_crops(whole, pairs, self.recipe.crop, generator)
            drawn = self.network(vectors, crops)
            target = self.device.pictures(cut(whole, crops))
        found: Tensor = self.recipe.loss(drawn.float(), target, pairs, self.fraction)
        return found

    def _batch(self, rows: Rows) -> tuple[Tensor, npt.NDArray[np.uint8], int]:
        """Vectors and pictures of these rows and their neighbours, and the number of pairs.

        The first and the last of them form the pairs.
        """
        first, last = self.pairs.of(rows)
        if not self.recipe.change:
            first = last = first[:0]
        unpaired = np.setdiff1d(rows, first)
        data = [(self.pictures, first), (self.pictures, unpaired)]
        if self.pairs.neighbours is not None:
            data.append((self.pairs.neighbours, last))
        vectors = np.concatenate([source.vectors[found] for source, found in data])
        pictures = np.concatenate([source.pictures[found] for source, found in data])
        return torch.from_numpy(vectors).to(self.device.name), pictures, len(first)

    def clip(self) -> None:
        """Clip a gradient that is far longer than those before it.

        The relative error of a nearly invisible change has a steep gradient, and one such step can
        ruin a network.
        """
        mean = self.state["norm"]
        limit = _MAX_GRADIENT * mean if mean is not None else float("inf")
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), limit))
        self.state["norm"] = norm if mean is None else 0.98 * mean + 0.02 * min(norm, limit)

    def figures(self, rows: Rows) -> dict[str, Any]:
        return dict(picture_figures(self.network, self.pictures, rows, self.device))

    def validation_rows(self) -> Rows:
        return self.held[:_VALIDATED]

    def better(self, figures: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
        return bool(figures["l1"] < best["l1"])

    def card(self, training: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
        data = {name: self.state["key"][name] for name in ("mesh", "neighbours")}
        training = {**self.pictures.source, **training, **data}
        assets = training.pop("assets", "")
        card = imitator_card(
            self.network, self.layout, training=training, figures=figures, licence=self.licence
        )
        return {**card, "assets": assets} if assets else card
