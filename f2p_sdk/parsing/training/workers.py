"""Augmentation of the pictures of each training step, on one core or on many."""

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

__all__ = ["AugmentAll", "Task", "augmenter"]

_RESERVED = 2  # cores that do not augment


@dataclass(frozen=True)
class Task:
    """A picture to augment; the last three values are those of :func:`.augment.augment`."""

    row: int  # of the faces
    seed: tuple[int, ...]  # of its random numbers
    variation: Variation
    side: int
    plain: float


AugmentAll = Callable[[Iterable[Task]], Iterable[tuple[Bytes, Bytes]]]
"""Tasks to pictures uint8 (S, S, 3) and labels uint8 (S, S), in their order."""

_faces: Faces | None = None  # of the training that forked this process


def _augmented(task: Task, faces: Faces | None = None) -> tuple[Bytes, Bytes]:
    faces = _faces if faces is None else faces
    assert faces is not None
    rng = np.random.default_rng(task.seed)
    return augment(faces[task.row], rng, task.variation, task.side, task.plain)


@contextlib.contextmanager
def augmenter(faces: Faces, device: Device) -> Iterator[AugmentAll]:
    """Augments pictures of ``faces``; on many cores if the network runs on a GPU."""
    global _faces
    workers = (os.cpu_count() or 1) - _RESERVED
    if device.name == "cpu" or workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda tasks: (_augmented(task, faces) for task in tasks)
        return
    _faces = faces  # forked processes share its memory
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield lambda tasks: pool.map(_augmented, tasks)
    finally:
        _faces = None
