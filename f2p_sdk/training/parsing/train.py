"""Training a parser on captured datasets with labels."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import TrainingError
from ...networks import ParserNetwork, build_parser
from ...parsers import parser_card, save_parser
from ..checkpoint import load_checkpoint, load_tensors, save_checkpoint, save_tensors
from ..device import Device, pick_device
from ..plan import Report, Trained
from .augment import PLAIN, augment
from .data import Faces
from .figures import held_out_overlap
from .recipes import RECIPES, ParserRecipe, pixel_loss

__all__ = ["ParserPlan", "train_parser"]

CHECKPOINT_SECONDS = 60.0
VALIDATIONS = 10  # in a whole training
SEEN = 128  # pictures at each of them; all that are held out at the end
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
    training = _Training(faces, output, plan or ParserPlan(), pick_device(device), backbone)
    return training.run(licence, progress)


class _Training:
    def __init__(
        self,
        faces: Faces,
        output: Path,
        plan: ParserPlan,
        device: Device,
        backbone: dict[str, Tensor] | None,
    ) -> None:
        self.faces, self.output, self.plan = faces, output, plan
        self.recipe, self.device = plan.recipe, device
        self.folder = output.with_name(output.name + ".training")
        self.train, self.held = faces.split()
        self.batch = min(self.recipe.batch, len(self.train))
        self.per_epoch = len(self.train) // self.batch
        torch.manual_seed(plan.seed)
        self.network = _network(self.recipe, faces.size, backbone).to(device.name)
        # torch's stubs do not know this form for modules
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = self.recipe.build_optimiser(self.network)
        self.state: dict[str, Any] = {
            "key": {
                **plan.key(),
                **faces.source,
                "device": device.name.split(":")[0],
                "backbone": backbone is not None,
            },
            "step": 0,
            "seconds": 0.0,
            "loss": None,
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

    # The work

    def run(self, licence: str, progress: Callable[[Report], None] | None) -> Trained:
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
                left = (self.steps - self.state["step"]) / max(rate, 1e-9)
                state = self.state
                progress(
                    Report(
                        state["step"],
                        self.steps,
                        state["loss"],
                        rate * self.batch,
                        left,
                        state["figures"],
                    )
                )
        return self._finish(licence, resumed_at)

    def _resume(self) -> int:
        path = self.folder / "checkpoint.safetensors"
        document = load_checkpoint(path, self.network, self.optimiser)
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

    def _step(self) -> None:
        step = self.state["step"]
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.fraction, step)
        pictures, labels = self._batch(step)
        self.network.train()
        with self.device.autocast():
            logits = self.network.sharp(pictures)
        loss = pixel_loss(logits.float(), labels, self.recipe.overlap)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in step {step}; the best weights so far are in {self.folder}",
                remedy="lower --rate, and give --restart",
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST)
        self.optimiser.step()
        mean = self.state["loss"]
        self.state["loss"] = value if mean is None else 0.98 * mean + 0.02 * value
        self.state["step"] = step + 1

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures and labels of a step. An epoch has an order of its own, and each picture in it
        random numbers of its own: a training that goes on sees what it would have seen."""
        epoch, place = divmod(step, self.per_epoch)
        if self.order[0] != epoch:
            generator = np.random.Generator(np.random.PCG64([self.plan.seed, epoch]))
            self.order = (epoch, generator.permutation(self.train))
        pictures, labels, recipe = [], [], self.recipe
        side = self.faces.size
        if self.fraction < recipe.small:
            side = max(32, round(side * recipe.small_side / 32) * 32)
        plain = SETTLED if self.fraction > 1 - recipe.settle else PLAIN
        for row in self.order[1][place * self.batch : (place + 1) * self.batch]:
            rng = np.random.default_rng([self.plan.seed, epoch, int(row), 1])
            picture, classes = augment(self.faces[int(row)], rng, recipe.variation, side, plain)
            pictures.append(picture)
            labels.append(classes)
        there = torch.from_numpy(np.stack(labels)).to(self.device.name)
        return self.device.pictures(np.stack(pictures)), there.long()

    def _figures(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
        overlap = held_out_overlap(
            self.network, self.faces, rows, self.network.classes, self.device
        )
        return {"mean_iou": overlap.mean_iou(), "iou": overlap.iou()}

    def _validate(self) -> None:
        figures = self._figures(self.held[:: -(-len(self.held) // SEEN)])
        self.state["figures"] = figures
        self.state["validations"] = int(self.fraction * VALIDATIONS + 1e-9)
        best = self.state["best"]
        if best is None or figures["mean_iou"] >= best["mean_iou"]:
            self.state["best"] = {**figures, "step": self.state["step"]}
            tensors = self.network.state_dict()
            save_tensors(self.folder / "best.safetensors", tensors, self.state["best"])

    def _checkpoint(self) -> float:
        path = self.folder / "checkpoint.safetensors"
        save_checkpoint(path, self.network, self.optimiser, self.state)
        return time.monotonic()

    def _finish(self, licence: str, resumed_at: int) -> Trained:
        best = load_tensors(self.folder / "best.safetensors")
        if best is not None:
            self.network.load_state_dict(best[0])
        for tensor in self.network.state_dict().values():  # as the file will hold them
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(tensor.half())
        figures = self._figures(self.held)
        state = self.state
        epochs = state["step"] / self.per_epoch
        training = {
            **self.faces.source,
            "trained_on": len(self.train),
            "held_out": len(self.held),
            "recipe": asdict(self.recipe),
            "seed": self.plan.seed,
            "steps": state["step"],
            "best_step": state["best"]["step"] if state["best"] else state["step"],
            "epochs": round(epochs, 2),
            "seconds": round(state["seconds"], 1),
            "torch": torch.__version__,
            "device": self.device.describe(),
        }
        network = self.network.cpu()
        card = parser_card(network, training=training, figures=figures, licence=licence)
        path = save_parser(self.output, network, card)
        shutil.rmtree(self.folder, ignore_errors=True)
        size = path.stat().st_size
        return Trained(path, figures, state["step"], epochs, state["seconds"], resumed_at, size)


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
