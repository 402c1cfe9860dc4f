"""Optimisers as chains of frozen states: problem, state, step, result."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from f2p_sdk.errors import SearchError
from f2p_sdk.objective import Loss, Objective, Parsed, Sample
from f2p_sdk.search.space import Space

__all__ = [
    "Adam",
    "GradientDescent",
    "Optimiser",
    "Problem",
    "Render",
    "Result",
    "State",
    "minimise",
]

#: (B, D) relaxed vectors, step -> (B, 3, S, S) RGB sRGB in [0, 1].
Render = Callable[[Tensor, int], Tensor]
#: (B, 3, S, S), step -> (V, B, E): V views of each picture (jittered, mirrored, ...).
Embed = Callable[[Tensor, int], Tensor]
#: (B, 3, S, S) -> what the face parser sees in each.
Parse = Callable[[Tensor], Parsed]

_EPSILON = 1e-8


@dataclass(frozen=True)
class Problem:
    """What is searched, and what is minimised there.

    ``embed`` and ``parse`` are called only where a term of the objective reads what they give.
    ``lens``: what is done to every picture before anything looks at it, None for nothing.
    """

    space: Space
    objective: Objective
    render: Render
    embed: Embed | None = None
    parse: Parse | None = None
    lens: Callable[[Tensor], Tensor] | None = None

    def loss(self, vector: Tensor, step: int = 0) -> Loss:
        """The objective of (B, D) vectors; ``step`` lets views and renderings vary, repeatably."""
        picture = self.render(vector, step)
        if self.lens is not None:
            picture = self.lens(picture)
        reads = self.objective.reads
        embed = self.embed if "embedding" in reads else None
        parse = self.parse if "parsed" in reads else None
        return self.objective(
            Sample(
                vector,
                picture,
                None if embed is None else embed(picture, step),
                None if parse is None else parse(picture),
            )
        )


@dataclass(frozen=True)
class State:
    """One moment of a search. ``x`` (B, D); ``best`` (B, D) vectors with ``best_loss`` (B,).

    ``history``: for every step taken, each term and ``total`` of the candidate that led then.
    """

    x: Tensor
    best: Tensor
    best_loss: Tensor
    step: int = 0
    memory: tuple[Tensor, ...] = ()
    history: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class Result:
    """vectors: (B, D), hardened, best candidate first; last: the same of the last step.

    relaxed: (B, D), the best as they were before; losses: (B,), of those.
    status: "finished" (all steps taken) or "stopped".
    """

    vectors: Tensor
    last: Tensor
    relaxed: Tensor
    losses: Tensor
    status: str
    steps: int
    history: tuple[Mapping[str, float], ...] = field(repr=False, default=())


@dataclass(frozen=True)
class Optimiser(ABC):
    """Common to all: when to stop, how sharp the choices are, and what is kept."""

    steps: int = 10
    rate: float = 10.0
    sharpness: tuple[float, float] = (1.0, 1.0)

    def init(
        self, problem: Problem, *, candidates: int = 1, spread: float = 0.0, seed: int = 0
    ) -> State:
        """The state before the first step; candidate 0 starts at the average character."""
        x = problem.space.initial(candidates, spread, seed)
        best = problem.space.relax(x, self._sharpness(0))
        return State(x, best, x.new_full((candidates,), math.inf), memory=self._memory(x))

    def step(self, problem: Problem, state: State) -> State:
        """One step; ``state`` is left as it was. Raises SearchError for NaN or infinite numbers."""
        x = state.x.detach().requires_grad_()
        vector = problem.space.relax(x, self._sharpness(state.step))
        loss = problem.loss(vector, state.step)
        _finite(loss.total, "loss", state.step, loss)
        (gradient,) = torch.autograd.grad(loss.total.sum(), x)
        _finite(gradient, "gradient", state.step, loss)
        with torch.no_grad():
            better = loss.total < state.best_loss
            best = torch.where(better[:, None], vector, state.best)
            best_loss = torch.where(better, loss.total, state.best_loss)
            move, memory = self._move(gradient * problem.space.free, state)
            x = problem.space.project(x + move)
        leader = int(loss.total.argmin())
        return replace(
            state,
            x=x.detach(),
            best=best.detach(),
            best_loss=best_loss.detach(),
            step=state.step + 1,
            memory=memory,
            history=(*state.history, loss.breakdown(leader)),
        )

    def done(self, state: State) -> bool:
        """True when all steps are taken."""
        return state.step >= self.steps

    def result(self, problem: Problem, state: State) -> Result:
        """What has been found so far, choices made certain by argmax."""
        order = state.best_loss.argsort()
        space = problem.space
        return Result(
            space.harden(state.best[order]),
            space.harden(space.relax(state.x, self._sharpness(state.step)))[order],
            state.best[order],
            state.best_loss[order],
            "finished" if self.done(state) else "stopped",
            state.step,
            state.history,
        )

    def _sharpness(self, step: int) -> float:
        """From first to last in equal ratios, so that choices firm up as the search goes on."""
        first, last = self.sharpness
        return float(first * (last / first) ** (step / max(1, self.steps - 1)))

    def _memory(self, x: Tensor) -> tuple[Tensor, ...]:
        return ()

    @abstractmethod
    def _move(self, gradient: Tensor, state: State) -> tuple[Tensor, tuple[Tensor, ...]]:
        """How far x goes, (B, D), and what to remember for the next step."""


@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """Plain gradient descent with projection, as the slides have it: rate 10, 10 iterations.

    ``decay`` multiplies the rate every ``every`` steps (the papers: 50 iterations, 0.8 every 5).
    """

    decay: float = 1.0
    every: int = 5

    def _move(self, gradient: Tensor, state: State) -> tuple[Tensor, tuple[Tensor, ...]]:
        return -self.rate * self.decay ** (state.step // self.every) * gradient, ()


@dataclass(frozen=True)
class Adam(Optimiser):
    """Adam (Kingma and Ba 2015) with the rate going down along half a cosine.

    ``logit_rate``: the rate of the logits, whose scale is not that of the sliders. ``floor``: what
    share of the rate is left at the last step.
    """

    steps: int = 100
    rate: float = 0.03
    sharpness: tuple[float, float] = (1.0, 5.0)
    logit_rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    floor: float = 0.02

    def init(
        self, problem: Problem, *, candidates: int = 1, spread: float = 0.0, seed: int = 0
    ) -> State:
        state = super().init(problem, candidates=candidates, spread=spread, seed=seed)
        rates = torch.full_like(state.x, self.rate)
        rates[:, problem.space.continuous :] = self.logit_rate
        return replace(state, memory=(*state.memory, rates))

    def _memory(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.zeros_like(x), torch.zeros_like(x)

    def _move(self, gradient: Tensor, state: State) -> tuple[Tensor, tuple[Tensor, ...]]:
        first, second, rates = state.memory
        b1, b2 = self.betas
        first = b1 * first + (1 - b1) * gradient
        second = b2 * second + (1 - b2) * gradient.square()
        n = state.step + 1
        step = (first / (1 - b1**n)) / ((second / (1 - b2**n)).sqrt() + _EPSILON)
        wave = 0.5 * (1 + math.cos(math.pi * state.step / max(1, self.steps)))
        share = self.floor + (1 - self.floor) * wave
        return -rates * share * step, (first, second, rates)


def minimise(
    optimiser: Optimiser,
    problem: Problem,
    *,
    candidates: int = 1,
    spread: float = 0.0,
    seed: int = 0,
    on_step: Callable[[State], object] | None = None,
) -> Result:
    """Run an optimiser to its end; ``on_step`` sees every state (progress, snapshots)."""
    state = optimiser.init(problem, candidates=candidates, spread=spread, seed=seed)
    while not optimiser.done(state):
        state = optimiser.step(problem, state)
        if on_step is not None:
            on_step(state)
    return optimiser.result(problem, state)


def _finite(value: Tensor, what: str, step: int, loss: Loss) -> None:
    if bool(torch.isfinite(value).all()):
        return
    broken = [name for name, term in loss.terms.items() if not bool(torch.isfinite(term).all())]
    raise SearchError(
        f"search: the {what} at step {step} is not a finite number"
        + (f" (from {', '.join(broken)})" if broken else ""),
        remedy="lower the rate, or check the weights with the game's own check",
    )
