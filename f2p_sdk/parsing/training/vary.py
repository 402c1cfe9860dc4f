"""Varying pictures for the steps of a training: one after another, or on many cores at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ...training.device import Device
from .augment import Bytes, Variation, augment
from .data import Faces

__all__ = ["Task", "Vary", "varying"]

_OTHERS = 2  # cores that are left to those who do not vary pictures


@dataclass(frozen=True)
class Task:
    """A picture that is to be varied.

    Attributes:
        row: of the faces.
        seed: where its random numbers begin.
        variation, side, plain: see :func:`.augment.augment`.
    """

    row: int
    seed: tuple[int, ...]
    variation: Variation
    side: int
    plain: float


Vary = Callable[[Iterable[Task]], Iterable[tuple[Bytes, Bytes]]]
"""Tasks to pictures uint8 (S, S, 3) and labels uint8 (S, S), in their order."""

_faces: Faces | None = None  # those of the training that forked this process


def _varied(faces: Faces, task: Task) -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(task.seed)
    return augment(faces[task.row], rng, task.variation, task.side, task.plain)


def _forked(task: Task) -> tuple[Bytes, Bytes]:
    assert _faces is not None
    return _varied(_faces, task)


@contextlib.contextmanager
def varying(faces: Faces, device: Device) -> Iterator[Vary]:
    """What varies pictures of ``faces``: where a GPU does the rest, all other cores at once."""
    global _faces
    workers = (os.cpu_count() or 1) - _OTHERS
    if device.name == "cpu" or workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda tasks: (_varied(faces, task) for task in tasks)
        return
    _faces = faces  # forked along: nothing of it is copied
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield lambda tasks: pool.map(_forked, tasks)
    finally:
        _faces = None
