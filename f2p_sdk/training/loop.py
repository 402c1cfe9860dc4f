"""The loop that all trainings share: steps, schedule, validations, checkpoints, resuming."""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import TrainingError
from ..weights import round_to_half, save_weights
from .cache import Rows
from .checkpoint import load_checkpoint, load_tensors, save_checkpoint, save_tensors
from .device import Device
from .plan import BasePlan, Report, TrainingResult

__all__ = ["CHECKPOINT_SECONDS", "Loop"]

CHECKPOINT_SECONDS = 60.0

_Network = TypeVar("_Network", bound=nn.Module)


class Loop(ABC, Generic[_Network]):
    """One training.

    A subclass builds ``network`` and ``optimiser`` after ``super().__init__``, calls :meth:`begin`,
    and implements the abstract methods.

    Args:
        output: the weights file; ``<output>.training/`` holds the last checkpoint and the best
            weights so far.
        split: rows to train on, and rows held out.
    """

    validations: ClassVar[int]  # in a whole training
    network: _Network
    optimiser: torch.optim.Optimizer

    def __init__(
        self, output: Path, plan: BasePlan, device: Device, split: tuple[Rows, Rows]
    ) -> None:
        self.output, self.seed, self.licence = output, plan.seed, plan.licence
        self.recipe, self.device = plan.recipe, device
        self.epochs, self.minutes = plan.epochs, plan.minutes
        self.folder = output.with_name(output.name + ".training")
        self.train, self.held = split
        self.batch = min(self.recipe.batch, len(self.train))
        self.per_epoch: int = len(self.train) // self.batch
        self.order = (-1, np.zeros(0, dtype=np.int64))
        self.state: dict[str, Any] = {}
        torch.manual_seed(plan.seed)

    def begin(self, key: Mapping[str, Any]) -> None:
        """Initialise the state. ``key`` must be equal to resume from a checkpoint."""
        self.state = {
            "key": {**key, "device": self.device.name.split(":")[0]},
            "step": 0,
            "seconds": 0.0,
            "loss": None,
            "figures": {},
            "best": None,
            "validations": 0,
        }

    @abstractmethod
    def loss(self, rows: Rows) -> Tensor:
        """The loss of these rows, a scalar."""

    @abstractmethod
    def clip(self) -> None:
        """Clip a gradient that is too long."""

    @abstractmethod
    def figures(self, rows: Rows) -> dict[str, Any]:
        """The network's figures on these rows."""

    @abstractmethod
    def validation_rows(self) -> Rows:
        """The held-out rows that a validation uses."""

    @abstractmethod
    def better(self, figures: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
        """Return True if the figures are better than the best so far."""

    @abstractmethod
    def card(self, training: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
        """The card of the weights, with ``training`` and ``figures`` in it."""

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state["step"])

    @property
    def steps(self) -> int:
        """Steps of the whole training; an estimate if it ends with the time."""
        if self.minutes is None:
            return max(1, int(self.epochs or self.recipe.epochs) * self.per_epoch)
        if self.fraction >= 1:
            return self.step
        return int(self.step / self.fraction) if self.step else 1

    @property
    def fraction(self) -> float:
        """Share of the training that is done, 0 to 1."""
        if self.minutes is not None:
            return min(1.0, float(self.state["seconds"]) / (60 * self.minutes))
        return min(1.0, self.step / self.steps)

    def rows(self) -> Rows:
        """The rows of the next step.

        The order depends on seed and epoch alone, so that a resumed training uses the same rows.
        """
        epoch, place = divmod(self.step, self.per_epoch)
        if self.order[0] != epoch:
            generator = np.random.Generator(np.random.PCG64([self.seed, epoch]))
            self.order = (epoch, generator.permutation(self.train))
        return np.sort(self.order[1][place * self.batch : (place + 1) * self.batch])

    def run(self, progress: Callable[[Report], None] | None) -> TrainingResult:
        """Train to the end and write the weights. TrainingError."""
        resumed_at = self._resume()
        began = saved = last = time.monotonic()
        while self.fraction < 1:
            self._step()
            now = time.monotonic()
            self.state["seconds"] += now - last
            last = now
            if self.fraction * self.validations >= self.state["validations"] + 1:
                self._validate()
                saved = last = self._checkpoint()  # validation is not training time
            elif now - saved >= CHECKPOINT_SECONDS:
                saved = self._checkpoint()
            if progress is not None:
                rate = (self.step - resumed_at) / max(time.monotonic() - began, 1e-9) * self.batch
                loss, figures = self.state["loss"], self.state["figures"]
                progress(Report(self.step, self.steps, loss, rate, figures))
        return self._finish(resumed_at)

    def _resume(self) -> int:
        path = self.folder / "checkpoint.safetensors"
        document = load_checkpoint(path, self.network, self.optimiser)
        if document is None:
            return 0
        if document["key"] != self.state["key"]:
            changed = [k for k, v in self.state["key"].items() if document["key"].get(k) != v]
            raise TrainingError(
                f"{self.folder} holds the state of another training: other {', '.join(changed)}",
                remedy="give its options and data, or --restart to start again",
            )
        self.state = document
        return self.step

    def _step(self) -> None:
        step = self.step
        for group in self.optimiser.param_groups:
            group["lr"] = group.get("scale", 1.0) * self.recipe.rate_at(self.fraction, step)
        self.network.train()
        loss = self.loss(self.rows())
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in step {step}; the best weights so far are in {self.folder}",
                remedy="lower --rate, and give --restart",
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.clip()
        self.optimiser.step()
        mean = self.state["loss"]
        self.state["loss"] = value if mean is None else 0.98 * mean + 0.02 * value
        self.state["step"] = step + 1

    def _validate(self) -> None:
        figures = self.figures(self.validation_rows())
        self.state["figures"] = figures
        self.state["validations"] = int(self.fraction * self.validations + 1e-9)
        best = self.state["best"]
        if best is None or self.better(figures, best):
            self.state["best"] = {**figures, "step": self.step}
            tensors = self.network.state_dict()
            save_tensors(self.folder / "best.safetensors", tensors, self.state["best"])

    def _checkpoint(self) -> float:
        path = self.folder / "checkpoint.safetensors"
        save_checkpoint(path, self.network, self.optimiser, self.state)
        return time.monotonic()

    def _finish(self, resumed_at: int) -> TrainingResult:
        best = load_tensors(self.folder / "best.safetensors")
        if best is not None:
            self.network.load_state_dict(best[0])
        round_to_half(self.network)
        figures = self.figures(self.held)  # of the numbers that the file will hold
        state = self.state
        epochs, seconds = self.step / self.per_epoch, state["seconds"]
        training = {
            "trained_on": len(self.train),
            "held_out": len(self.held),
            "recipe": asdict(self.recipe),
            "seed": self.seed,
            "steps": self.step,
            "best_step": state["best"]["step"] if state["best"] else self.step,
            "epochs": round(epochs, 2),
            "seconds": round(seconds, 1),
            "torch": torch.__version__,
            "device": self.device.describe(),
        }
        self.network.cpu()
        path = save_weights(self.output, self.network.state_dict(), self.card(training, figures))
        shutil.rmtree(self.folder, ignore_errors=True)
        size = path.stat().st_size
        return TrainingResult(path, figures, self.step, epochs, seconds, resumed_at, size)
