"""How well labels are found: intersection over union, of each class and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...training.device import Device
from .data import Faces

__all__ = ["Overlap", "find_labels", "held_out_overlap"]

_BATCH = 8


class Overlap:
    """Counts pixels of found and true classes over any number of pictures."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.table = np.zeros((len(self.classes), len(self.classes)), np.int64)

    def add(self, found: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        """Labels of the same shape, whole numbers below the count of classes."""
        n = len(self.classes)
        both = truth.astype(np.int64).ravel() * n + found.astype(np.int64).ravel()
        self.table += np.bincount(both, minlength=n * n).reshape(n, n)

    def iou(self) -> dict[str, float | None]:
        """Pixels both found and true, by those either; None where neither was seen."""
        shared = np.diag(self.table)
        union = self.table.sum(axis=0) + self.table.sum(axis=1) - shared
        return {
            name: round(float(shared[k] / union[k]), 5) if union[k] else None
            for k, name in enumerate(self.classes)
        }

    def mean_iou(self) -> float:
        """Mean over the classes that were seen; 0 if there was nothing to see."""
        found = [value for value in self.iou().values() if value is not None]
        return round(sum(found) / len(found), 5) if found else 0.0


def find_labels(parser: Any, pictures: Tensor, side: int | None = None) -> npt.NDArray[np.uint8]:
    """Classes (B, side, side) in pictures float32 (B, 3, S, S) RGB in [0, 1]: of the logits,
    bilinearly upsampled, the largest. ``side`` is S unless given."""
    side = side or int(pictures.shape[-1])
    with torch.no_grad():
        logits = parser.sharp(pictures)
        large = functional.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
        return large.argmax(dim=1).to(torch.uint8).cpu().numpy()


def held_out_overlap(
    network: nn.Module,
    faces: Faces,
    rows: npt.NDArray[np.int64],
    classes: Sequence[str],
    device: Device,
) -> Overlap:
    """Of a network, in evaluation mode meanwhile, on these rows as they are."""
    overlap = Overlap(classes)
    training = network.training
    network.eval()
    for start in range(0, len(rows), _BATCH):
        batch = [faces[int(row)] for row in rows[start : start + _BATCH]]
        pictures = device.pictures(np.stack([face.picture for face in batch]))
        found = find_labels(network, pictures)  # in float32, as it will be used
        overlap.add(found, np.stack([face.labels for face in batch]))
    network.train(training)
    return overlap
