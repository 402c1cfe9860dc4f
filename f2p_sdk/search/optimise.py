"""Gradient search: torch's optimisers on sliders and logits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import SGD
from torch.optim import Adam as TorchAdam
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, StepLR

from ..errors import SearchError
from ..objective import Located, Loss, Objective, Parsed, Sample
from .space import Space

__all__ = ["Adam", "GradientDescent", "Optimiser", "Problem", "Render", "Result", "minimise"]

#: (B, D) relaxed vectors, step -> (B, 3, S, S) RGB sRGB in [0, 1].
Render = Callable[[Tensor, int], Tensor]
#: (B, 3, S, S), step -> (V, B, E): embeddings of V crops (plain, augmented, mirrored).
Embed = Callable[[Tensor, int], Tensor]
#: (B, 3, S, S) -> output of the face parser.
Parse = Callable[[Tensor], Parsed]
#: Relaxed vectors (B, D), their pictures (B, 3, S, S) -> dense landmarks.
Locate = Callable[[Tensor, Tensor], Located]


@dataclass(frozen=True)
class Problem:
    """Search space, objective, and the networks between vector and terms.

    ``embed``, ``parse`` and ``locate`` run only where a term reads their output. ``blur`` is
    applied to every picture first; None for nothing.
    """

    space: Space
    objective: Objective
    render: Render
    embed: Embed | None = None
    parse: Parse | None = None
    locate: Locate | None = None
    blur: Callable[[Tensor], Tensor] | None = None

    def loss(self, vector: Tensor, step: int = 0) -> Loss:
        """Return the objective of vectors (B, D); ``step`` seeds the augmentation."""
        picture = self.render(vector, step)
        if self.blur is not None:
            picture = self.blur(picture)
        reads = self.objective.reads
        embed = self.embed if "embedding" in reads else None
        parse = self.parse if "parsed" in reads else None
        locate = self.locate if "located" in reads else None
        return self.objective(
            Sample(
                vector,
                picture,
                None if embed is None else embed(picture, step),
                None if parse is None else parse(picture),
                None if locate is None else locate(vector, picture),
            )
        )


@dataclass(frozen=True)
class Result:
    """Best vector of a search.

    Attributes:
        vector: (D,), hard choices.
        relaxed: (D,), the same vector before argmax.
        loss: its objective before argmax.
        history: every term and ``total``, per step.
    """

    vector: Tensor
    relaxed: Tensor
    loss: float
    history: tuple[Mapping[str, float], ...] = field(repr=False, default=())


@dataclass(frozen=True)
class Optimiser(ABC):
    """Settings of a gradient search.

    Attributes:
        steps: number of steps.
        rate: learning rate of the sliders, in shares of their range.
        sharpness: factor of the logits at the first and at the last step, geometric in between.
    """

    steps: int = 10
    rate: float = 10.0
    sharpness: tuple[float, float] = (1.0, 1.0)

    def sharpness_at(self, step: int) -> float:
        """Return the factor of the logits at a step."""
        first, last = self.sharpness
        return float(first * (last / first) ** (step / max(1, self.steps - 1)))

    @abstractmethod
    def build(self, sliders: Tensor, logits: Tensor) -> tuple[torch.optim.Optimizer, LRScheduler]:
        """Return torch's optimiser and schedule for the two parameters."""


@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """Plain gradient descent (slides: rate 10, 10 iterations).

    ``decay`` multiplies the rate every ``every`` steps (papers: 50 iterations, 0.8 every 5).
    """

    decay: float = 1.0
    every: int = 5

    def build(self, sliders: Tensor, logits: Tensor) -> tuple[torch.optim.Optimizer, LRScheduler]:
        torch_optimiser = SGD([sliders, logits], lr=self.rate)
        return torch_optimiser, StepLR(torch_optimiser, self.every, self.decay)


@dataclass(frozen=True)
class Adam(Optimiser):
    """Adam (Kingma and Ba 2015) with a cosine schedule.

    ``logit_rate`` is the learning rate of the logits; ``floor`` the share of the rate that is left
    at the end.
    """

    steps: int = 100
    rate: float = 0.03
    sharpness: tuple[float, float] = (1.0, 5.0)
    logit_rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    floor: float = 0.02

    def build(self, sliders: Tensor, logits: Tensor) -> tuple[torch.optim.Optimizer, LRScheduler]:
        parameters = [
            {"params": [sliders], "lr": self.rate},
            {"params": [logits], "lr": self.logit_rate},
        ]
        torch_optimiser = TorchAdam(parameters, betas=self.betas)
        return torch_optimiser, LambdaLR(torch_optimiser, self._share)

    def _share(self, step: int) -> float:
        wave = 0.5 * (1 + math.cos(math.pi * step / max(1, self.steps)))
        return self.floor + (1 - self.floor) * wave


def minimise(
    problem: Problem, optimiser: Optimiser, on_step: Callable[[int], object] | None = None
) -> Result:
    """Run a search from the start of its space.

    Args:
        problem: what to minimise.
        optimiser: how.
        on_step: called with the number of steps taken, after each.

    Raises:
        SearchError: loss or gradient is NaN or infinite.
    """
    space = problem.space
    sliders, logits = space.start[None].clone().tensor_split([space.continuous], dim=1)
    sliders, logits = sliders.clone(), logits * space.lead
    free = space.free[None].to(sliders.dtype).tensor_split([space.continuous], dim=1)
    torch_optimiser, schedule = optimiser.build(sliders.requires_grad_(), logits.requires_grad_())
    best, best_loss = space.relax(torch.cat([sliders, logits], 1), 1.0).detach(), math.inf
    history = []
    for step in range(optimiser.steps):
        x = torch.cat([sliders, logits], dim=1)
        vector = space.relax(x, optimiser.sharpness_at(step))
        loss = problem.loss(vector, step)
        _check_finite(loss.total, "loss", step, loss)
        gradients = torch.autograd.grad(loss.total.sum(), [sliders, logits])
        for parameter, gradient, mask in zip((sliders, logits), gradients, free, strict=True):
            _check_finite(gradient, "gradient", step, loss)
            parameter.grad = gradient * mask
        history.append(loss.breakdown())
        if history[-1]["total"] < best_loss:
            best, best_loss = vector.detach(), history[-1]["total"]
        torch_optimiser.step()
        schedule.step()
        with torch.no_grad():
            sliders.clamp_(0.0, 1.0)
        if on_step is not None:
            on_step(step + 1)
    return Result(space.harden(best)[0], best[0], best_loss, tuple(history))


def _check_finite(value: Tensor, name: str, step: int, loss: Loss) -> None:
    if bool(torch.isfinite(value).all()):
        return
    broken = [term for term, terms in loss.terms.items() if not bool(torch.isfinite(terms).all())]
    raise SearchError(
        f"search: the {name} at step {step} is not a finite number"
        + (f" (from {', '.join(broken)})" if broken else ""),
        remedy="lower the rate, or check the weights with `f2p check`",
    )
