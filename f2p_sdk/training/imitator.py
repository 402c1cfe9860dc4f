"""Training an imitator on a captured dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .. import weights
from ..mesh import Mesh
from ..mesh.network import MeshImitator
from ..networks import Imitator
from ..parameters import Layout
from .crops import Windows
from .device import Device, pick_device
from .figures import picture_figures
from .initialise import start_network
from .loop import Loop, Rows
from .pairs import Pairs
from .pictures import Pictures
from .plan import Plan, Report, Trained

__all__ = ["train_imitator"]

_STEEP = 2.0  # times the usual length of a gradient
_FEW = 128  # pictures that tell which checkpoint is the best
LICENCE = "Apache-2.0; trained only on pictures of the engine named in the card"


def train_imitator(
    layout: Layout,
    pictures: Pictures,
    output: Path,
    plan: Plan | None = None,
    *,
    device: str = "auto",
    licence: str = LICENCE,
    neighbours: Pictures | None = None,
    mesh: Mesh | None = None,
    preparing: Callable[[int, int], None] | None = None,
    progress: Callable[[Report], None] | None = None,
) -> Trained:
    """Train an imitator and write its weights with their card.

    While it runs, ``<output>.training/`` holds the last checkpoint and the best weights so far; a
    call with the same plan and data goes on from there. It is removed when the weights are written.

    Args:
        layout: of the characters in ``pictures``.
        pictures: from :func:`open_pictures`, at the network's size.
        output: the weights file.
        plan: what to train; default: the recipe ``best``.
        device: ``auto``, or torch's name of one.
        licence: for the card.
        neighbours: of ``pictures``, each with one parameter changed (``Layout.neighbour``): the
            network learns the changes too, and a compact one begins with what they show.
        mesh: what the engine has told of its surface, for the network ``mesh``.
        preparing: called, before the first step, with how much has been looked at, of how much.
        progress: called after every step.

    Raises:
        TrainingError: the loss is no longer a number (the best weights so far are kept), or the
            folder holds the state of another training.
    """
    training = _Training(
        layout,
        Pairs(pictures, neighbours),
        output,
        plan or Plan(),
        pick_device(device),
        mesh,
        preparing,
    )
    return training.run(licence, progress)


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
        self.network = start_network(layout, pairs, self.train, plan, device, mesh, preparing)
        self.optimiser = self.recipe.build_optimiser(self.network)
        count = len(pairs.neighbours) if pairs.neighbours is not None else 0
        self.begin(
            {
                **plan.key(),
                "layout": layout.hash,
                "pictures": len(self.pictures),
                "neighbours": count,
                "mesh": mesh is not None,
            }
        )
        self.state["norm"] = None  # usual length of a gradient

    def loss(self, rows: Rows) -> Tensor:
        return self._windows(rows) if self.recipe.window else self._whole(rows)

    def _whole(self, rows: Rows) -> Tensor:
        """The loss of whole pictures."""
        vectors, pictures, pairs = self._rows(rows)
        wanted = self.device.pictures(pictures)
        with self.device.autocast():
            drawn = self.network(vectors)
        found: Tensor = self.recipe.loss(drawn.float(), wanted, pairs, self.fraction)
        return found

    def _windows(self, rows: Rows) -> Tensor:
        """The loss of a window of each picture."""
        assert isinstance(self.network, MeshImitator)
        vectors, pictures, pairs = self._rows(rows)
        generator = np.random.Generator(np.random.PCG64([self.seed, 1, self.step]))
        whole = torch.from_numpy(pictures).to(self.device.name)
        windows = Windows.random(whole, pairs, self.recipe.window, generator)
        drawn = self.network(vectors, windows.on(self.device.name))
        wanted = self.device.pictures(windows.cut(whole))
        found: Tensor = self.recipe.loss(drawn, wanted, pairs, self.fraction)
        return found

    def _rows(self, rows: Rows) -> tuple[Tensor, npt.NDArray[np.uint8], int]:
        """Vectors and pictures of these rows and their neighbours, pairs first and last, and how
        many pairs there are."""
        first, last = self.pairs.of(rows)
        if not self.recipe.change:
            first = last = first[:0]
        alone = np.setdiff1d(rows, first)
        data = [(self.pictures, first), (self.pictures, alone)]
        if self.pairs.neighbours is not None:
            data.append((self.pairs.neighbours, last))
        vectors = np.concatenate([where.vectors[found] for where, found in data])
        pictures = np.concatenate([where.pictures[found] for where, found in data])
        return torch.from_numpy(vectors).to(self.device.name), pictures, len(first)

    def clip(self) -> None:
        """Cut a gradient that is far longer than those before it: a change that hardly shows has a
        steep relative error, and one such step can throw a network off for good."""
        usual = self.state["norm"]
        most = _STEEP * usual if usual is not None else float("inf")
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), most))
        self.state["norm"] = norm if usual is None else 0.98 * usual + 0.02 * min(norm, most)

    def figures(self, rows: Rows) -> dict[str, Any]:
        return dict(picture_figures(self.network, self.pictures, rows, self.device))

    def sample(self) -> Rows:
        return self.held[:_FEW]

    def better(self, figures: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
        return bool(figures["l1"] < best["l1"])

    def round(self) -> None:
        weights.rounded(self.network)

    def write(self, training: dict[str, Any], figures: dict[str, Any], licence: str) -> Path:
        told = {name: self.state["key"][name] for name in ("mesh", "neighbours")}
        card = weights.imitator_card(
            self.network,
            self.layout,
            training={**self.pictures.source, **training, **told},
            figures=figures,
            licence=licence,
        )
        return weights.save_weights(self.output, self.network.state_dict(), card)
