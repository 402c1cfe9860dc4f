"""Training an imitator on a captured dataset."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .. import weights
from ..errors import TrainingError
from ..mesh import Mesh
from ..networks import Imitator, MeshImitator
from ..parameters import Layout
from .checkpoint import load_checkpoint, load_tensors, save_checkpoint, save_tensors
from .device import Device, pick_device
from .figures import picture_figures
from .pairs import Pairs
from .pictures import Pictures
from .plan import Plan, Report, Trained
from .start import start_network
from .windows import Windows

__all__ = ["train_imitator"]

CHECKPOINT_SECONDS = 60.0
_STEEP = 2.0  # times the usual length of a gradient
VALIDATIONS = 4  # in a whole training
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


class _Training:
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
        self.layout, self.pairs, self.output, self.plan = layout, pairs, output, plan
        self.pictures = pairs.pictures
        self.recipe, self.device = plan.recipe, device
        self.folder = output.with_name(output.name + ".training")
        self.train, self.held = self.pictures.split()
        self.batch = min(self.recipe.batch, len(self.train))
        self.per_epoch = len(self.train) // self.batch
        torch.manual_seed(plan.seed)
        self.network = start_network(layout, pairs, self.train, plan, self.device, mesh, preparing)
        self.optimiser = self.recipe.build_optimiser(self.network)
        self.state: dict[str, Any] = {
            "key": {
                **plan.key(),
                "layout": layout.hash,
                "pictures": len(self.pictures),
                "neighbours": len(pairs.neighbours) if pairs.neighbours is not None else 0,
                "device": device.name.split(":")[0],
                "mesh": mesh is not None,
            },
            "step": 0,
            "seconds": 0.0,
            "loss": None,
            "norm": None,
            "figures": {},
            "best": None,
            "validations": 0,
        }
        self.order = (-1, np.zeros(0, dtype=np.int64))

    # How far it is

    @property
    def steps(self) -> int:
        """All steps of the training; a promise if it ends with the time."""
        if self.plan.minutes is None:
            return max(1, (self.plan.epochs or self.recipe.epochs) * self.per_epoch)
        if self.fraction >= 1:
            return int(self.state["step"])
        return int(self.state["step"] / self.fraction) if self.state["step"] else 1

    @property
    def fraction(self) -> float:
        """Share of the training that is done, 0 to 1."""
        if self.plan.minutes is not None:
            return min(1.0, float(self.state["seconds"]) / (60 * self.plan.minutes))
        return min(1.0, float(self.state["step"]) / self.steps)

    def rows(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rows of the next step: an epoch has an order of its own, from its number and seed."""
        epoch, place = divmod(self.state["step"], self.per_epoch)
        if self.order[0] != epoch:
            generator = np.random.Generator(np.random.PCG64([self.plan.seed, epoch]))
            self.order = (epoch, generator.permutation(self.train))
        return np.sort(self.order[1][place * self.batch : (place + 1) * self.batch])

    # The work

    def run(
        self,
        licence: str,
        progress: Callable[[Report], None] | None,
    ) -> Trained:
        resumed_at = self._resume()
        began = saved = last = time.monotonic()
        first = self.state["step"]
        while self.fraction < 1:
            self._step()
            now = time.monotonic()
            self.state["seconds"] += now - last
            last = now
            if self.fraction * VALIDATIONS >= self.state["validations"] + 1:
                self._validate()
                saved = last = self._checkpoint()  # validation is not training time
            elif now - saved >= CHECKPOINT_SECONDS:
                saved = self._checkpoint()
            if progress is not None:
                rate = (self.state["step"] - first) / max(time.monotonic() - began, 1e-9)
                progress(self._report(rate))
        return self._finish(licence, resumed_at)

    def _resume(self) -> int:
        document = load_checkpoint(self.folder / "checkpoint.safetensors", *self._parts())
        if document is None:
            return 0
        if document["key"] != self.state["key"]:
            changed = [k for k, v in self.state["key"].items() if document["key"].get(k) != v]
            raise TrainingError(
                f"{self.folder} holds the state of another training: other {', '.join(changed)}",
                remedy="give the options and data it was begun with, or --restart to begin anew",
            )
        self.state = document
        return int(document["step"])

    def _parts(self) -> tuple[Imitator, torch.optim.Optimizer]:
        return self.network, self.optimiser

    def _step(self) -> None:
        rows, step = self.rows(), self.state["step"]
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * self.recipe.rate_at(self.fraction, step)
        self.network.train()
        loss = self._windows(rows) if self.recipe.window else self._whole(rows)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in step {step}; the best weights so far are in {self.folder}",
                remedy="lower --rate, and give --restart",
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._clip()
        self.optimiser.step()
        mean = self.state["loss"]
        self.state["loss"] = value if mean is None else 0.98 * mean + 0.02 * value
        self.state["step"] = step + 1

    def _whole(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """The loss of whole pictures."""
        vectors, wanted, pairs = self._batch(rows)
        with self.device.autocast():
            drawn = self.network(vectors)
        return self.recipe.loss(drawn.float(), wanted, pairs, self.fraction)

    def _windows(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """The loss of a window of each picture."""
        assert isinstance(self.network, MeshImitator)
        vectors, pictures, pairs = self._rows(rows)
        generator = np.random.Generator(np.random.PCG64([self.plan.seed, 1, self.state["step"]]))
        windows = Windows.random(pictures, pairs, self.recipe.window, generator)
        drawn = self.network(vectors, windows.on(self.device.name))
        wanted = self.device.pictures(windows.cut(pictures))
        return self.recipe.loss(drawn, wanted, pairs, self.fraction)

    def _clip(self) -> None:
        """Cut a gradient that is far longer than those before it: a change that hardly shows has a
        steep relative error, and one such step can throw a network off for good."""
        usual = self.state["norm"]
        most = _STEEP * usual if usual is not None else float("inf")
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), most))
        self.state["norm"] = norm if usual is None else 0.98 * usual + 0.02 * min(norm, most)

    def _batch(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, int]:
        """Vectors and pictures of these rows and their neighbours, pairs first and last, and how
        many pairs there are."""
        vectors, pictures, pairs = self._rows(rows)
        return vectors, self.device.pictures(pictures), pairs

    def _rows(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, npt.NDArray[np.uint8], int]:
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

    def _validate(self) -> None:
        figures = self._figures(self.held[:_FEW])
        self.state["figures"] = figures
        self.state["validations"] = int(self.fraction * VALIDATIONS + 1e-9)
        best = self.state["best"]
        if best is None or figures["l1"] < best["l1"]:
            self.state["best"] = {**figures, "step": self.state["step"]}
            tensors = self.network.state_dict()
            save_tensors(self.folder / "best.safetensors", tensors, self.state["best"])

    def _figures(self, rows: npt.NDArray[np.int64]) -> dict[str, float]:
        return picture_figures(self.network, self.pictures, rows, self.device)

    def _checkpoint(self) -> float:
        path = self.folder / "checkpoint.safetensors"
        save_checkpoint(path, self.network, self.optimiser, self.state)
        return time.monotonic()

    def _report(self, rate: float) -> Report:
        left = (self.steps - self.state["step"]) / max(rate, 1e-9)
        return Report(
            self.state["step"],
            self.steps,
            self.state["loss"],
            rate * self.batch,
            left,
            self.state["figures"],
        )

    def _finish(self, licence: str, resumed_at: int) -> Trained:
        best = load_tensors(self.folder / "best.safetensors")
        if best is not None:
            self.network.load_state_dict(best[0])
        weights.rounded(self.network)
        figures = self._figures(self.held)  # of the very numbers that are written
        state, recipe = self.state, self.recipe
        epochs = state["step"] / self.per_epoch
        training = {
            **self.pictures.source,
            "trained_on": len(self.train),
            "held_out": len(self.held),
            "recipe": asdict(recipe),
            "seed": self.plan.seed,
            "steps": state["step"],
            "mesh": state["key"]["mesh"],
            "neighbours": state["key"]["neighbours"],
            "best_step": state["best"]["step"] if state["best"] else state["step"],
            "epochs": round(epochs, 2),
            "seconds": round(state["seconds"], 1),
            "torch": torch.__version__,
            "device": self.device.describe(),
        }
        network = self.network.cpu()
        card = weights.imitator_card(
            network, self.layout, training=training, figures=figures, licence=licence
        )
        path = weights.save_weights(self.output, network.state_dict(), card)
        shutil.rmtree(self.folder, ignore_errors=True)
        size = path.stat().st_size
        return Trained(path, figures, state["step"], epochs, state["seconds"], resumed_at, size)
