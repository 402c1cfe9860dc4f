"""Quality of an imitator: its pictures, and their changes, compared with the engine's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import UsageError
from ..metrics import psnr
from ..networks import Imitator
from ..parameters import Character, Layout
from .device import Device, pick_device
from .pictures import Pictures

__all__ = ["Comparison", "Sensitivity", "by_parameter", "compare", "picture_figures", "sensitivity"]

Draw = Callable[[Sequence[Character]], Iterable[npt.NDArray[np.uint8]]]
"""The engine: characters to their pictures, uint8 (S, S, 3), in the same order."""

VISIBLE = 5e-5
"""Smallest visible change of a picture in [0, 1], mean absolute: 0.2 in 16 pixels of 256x256."""
ATTEMPTS = 8

_BATCH = 16
_SEED_STEP = 1_000_000  # between the characters of two attempts


class _Errors:
    """Mean squared and mean absolute error over pictures in [0, 1]."""

    def __init__(self) -> None:
        self.squared = self.absolute = 0.0
        self.count = 0

    def add(self, drawn: Tensor, target: Tensor) -> None:
        difference = (drawn - target).double()
        self.squared += float(difference.square().mean(dim=(1, 2, 3)).sum())
        self.absolute += float(difference.abs().mean(dim=(1, 2, 3)).sum())
        self.count += len(drawn)

    def figures(self) -> dict[str, float]:
        """``l1``, and ``psnr_db`` of the mean squared error over all pictures.

        It is lower than the mean of the pictures' own PSNR.
        """
        decibels = psnr(self.squared / self.count, limit=100.0)
        return {"psnr_db": round(decibels, 3), "l1": round(self.absolute / self.count, 5)}


def picture_figures(
    network: Imitator, pictures: Pictures, rows: npt.NDArray[np.int64], device: Device
) -> dict[str, float]:
    """``psnr_db`` and ``l1`` of a network on these rows of a dataset, in float32."""
    errors = _Errors()
    training = network.training
    network.eval()
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            vectors = torch.from_numpy(pictures.vectors[batch]).to(device.name)
            errors.add(network(vectors), device.pictures(pictures.pictures[batch]))
    network.train(training)
    return errors.figures()


@dataclass(frozen=True)
class Comparison:
    """One character, drawn by the engine and by the imitator: uint8 (S, S, 3)."""

    number: int
    engine: npt.NDArray[np.uint8]
    imitator: npt.NDArray[np.uint8]
    psnr_db: float
    l1: float


def compare(
    network: Imitator,
    layout: Layout,
    draw: Draw,
    count: int,
    *,
    seed: int,
    keep: int = 0,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, float], list[Comparison]]:
    """``psnr_db`` and ``l1`` on ``count`` random characters, and the first ``keep`` comparisons.

    Args:
        draw: the engine, at the network's size.
        seed: of the characters; not that of the training data.
        progress: called with the number of characters done.
    """
    where = pick_device(device)
    errors, kept = _Errors(), []
    characters = [layout.random(i, seed=seed) for i in range(count)]
    for start, chunk, engine in _drawn(characters, draw):
        with torch.no_grad():
            drawn = network(_encode(layout, chunk, where))
        target = where.pictures(engine)
        errors.add(drawn, target)
        for i in range(start, min(start + len(chunk), keep)):
            own = _Errors()
            own.add(drawn[i - start, None], target[i - start, None])
            picture = (drawn[i - start].permute(1, 2, 0) * 255).round().byte().cpu().numpy()
            kept.append(Comparison(i, engine[i - start], picture, **own.figures()))
        if progress is not None:
            progress(start + len(chunk))
    return errors.figures(), kept


@dataclass(frozen=True)
class Sensitivity:
    """Effect of one number of the vector on the picture, in the imitator and in the engine.

    Attributes:
        name: the parameter; ``slot=choice`` for a choice.
        discrete: whether it is a choice.
        correlation: Pearson's, over all pixels and channels, between the imitator's and the
            engine's change of picture; mean over the characters. 0 if the engine's picture does not
            change.
        change: the engine's mean absolute change, in [0, 1].
    """

    name: str
    discrete: bool
    correlation: float
    change: float


def sensitivity(
    network: Imitator,
    layout: Layout,
    draw: Draw,
    *,
    seed: int,
    characters: int = 1,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> list[Sensitivity]:
    """Sensitivity of each of the D numbers of the vector, in its order.

    Each slider moves from its low to its high end on a random character of its own; a choice is
    replaced by another, random choice of its slot. If the change is not visible in the engine's
    picture, as that of an ear under hair (:data:`VISIBLE`), the next random character is used, up
    to :data:`ATTEMPTS`; the last result counts.

    Args:
        draw: the engine, at the network's size.
        characters: number of characters per number of the vector; their mean counts.
        progress: called with the number of pictures drawn.

    Raises:
        UsageError: ``characters`` is below 1.
    """
    if characters < 1:
        raise UsageError(f"sensitivity needs at least one character, got {characters}")
    where = pick_device(device)
    found = np.zeros((layout.size * characters, 2))
    waiting = np.arange(len(found))
    done = 0
    for attempt in range(ATTEMPTS):
        if not len(waiting):
            break
        pairs = [
            c
            for i in waiting
            for c in _ends(layout, i // characters, seed, i + attempt * _SEED_STEP)
        ]  # low, high, low, high ...
        for start, chunk, engine in _drawn(pairs, draw):
            with torch.no_grad():
                drawn = network(_encode(layout, chunk, where))
            target = where.pictures(engine)
            for i in range(0, len(chunk), 2):
                change = target[i + 1] - target[i]
                correlation = _correlation(drawn[i + 1] - drawn[i], change)
                place = waiting[(start + i) // 2]
                found[place] = correlation, float(change.abs().mean())
            done += len(chunk)
            if progress is not None:
                progress(done)
        waiting = waiting[found[waiting, 1] < VISIBLE]
    means = found.reshape(layout.size, characters, 2).mean(axis=1)
    choices = [f"{slot.name}={choice}" for slot in layout.discrete for choice in slot.choices]
    return [
        Sensitivity(name, k >= layout.n_continuous, float(means[k, 0]), float(means[k, 1]))
        for k, name in enumerate([*(p.name for p in layout.continuous), *choices])
    ]


def by_parameter(rows: Sequence[Sensitivity]) -> dict[str, float]:
    """Return the correlation of each parameter; that of a slot is the mean of its choices."""
    found: dict[str, list[float]] = {}
    for row in rows:
        name = row.name.partition("=")[0] if row.discrete else row.name
        found.setdefault(name, []).append(row.correlation)
    return {name: round(sum(values) / len(values), 3) for name, values in found.items()}


def _ends(layout: Layout, k: int, seed: int, index: int) -> Iterator[Character]:
    """The random character of this index with the k-th number of the vector at both its ends."""
    character = layout.random(index, seed=seed)
    if k < layout.n_continuous:
        slider = layout.continuous[k]
        yield character.replace(**{slider.name: slider.low})
        yield character.replace(**{slider.name: slider.high})
        return
    columns = next(s for s in layout.slots if s.start <= k < s.stop)
    slot = layout.discrete[layout.slots.index(columns)]
    choice = k - columns.start
    generator = np.random.Generator(np.random.PCG64([seed, index, k]))
    other = (choice + 1 + int(generator.integers(len(slot.choices) - 1))) % len(slot.choices)
    yield character.replace(**{slot.name: slot.choices[other]})
    yield character.replace(**{slot.name: slot.choices[choice]})


def _drawn(
    characters: Sequence[Character], draw: Draw
) -> Iterator[tuple[int, Sequence[Character], npt.NDArray[np.uint8]]]:
    """Chunks of characters with the engine's pictures of them, (B, S, S, 3)."""
    stream = iter(draw(characters))
    for start in range(0, len(characters), _BATCH):
        chunk = characters[start : start + _BATCH]
        yield start, chunk, np.stack([next(stream) for _ in chunk])


def _encode(layout: Layout, characters: Sequence[Character], device: Device) -> Tensor:
    return torch.from_numpy(np.stack([layout.encode(c) for c in characters])).to(device.name)


def _correlation(a: Tensor, b: Tensor) -> float:
    a, b = (t.double().flatten() - t.double().mean() for t in (a, b))
    norm: Any = a.norm() * b.norm()
    return float(a @ b / norm) if norm > 1e-12 else 0.0
