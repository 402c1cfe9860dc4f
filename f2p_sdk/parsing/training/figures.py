"""Quality of a parser: intersection over union of each class, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ...metrics import confusion_matrix, iou
from ...training.cache import Rows
from ...training.device import Device
from ..network import ParserNetwork
from .data import Faces

__all__ = ["Overlap", "find_labels", "held_out_overlap"]

_BATCH = 8


class Overlap:
    """Intersection over union of found and true classes, over any number of pictures."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.confusion = np.zeros((len(self.classes), len(self.classes)), np.int64)

    def add(self, found: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        """Count label maps of the same shape, of whole numbers below the number of classes."""
        self.confusion += confusion_matrix(found, truth, len(self.classes))

    def iou(self) -> dict[str, float | None]:
        """By class, rounded to 5 digits; None for a class in neither map."""
        values = [None if np.isnan(v) else round(float(v), 5) for v in iou(self.confusion)]
        return dict(zip(self.classes, values, strict=True))

    def mean_iou(self) -> float:
        """Mean over the classes in the maps; 0 without any."""
        found = [value for value in self.iou().values() if value is not None]
        return round(sum(found) / len(found), 5) if found else 0.0


def find_labels(parser: Any, pictures: Tensor) -> npt.NDArray[np.uint8]:
    """Likeliest class of each pixel, uint8 (B, S, S), from bilinearly upsampled logits.

    Args:
        parser: see :class:`~f2p_sdk.hookspecs.Parser`.
        pictures: float32 (B, 3, S, S) RGB in [0, 1].
    """
    side = int(pictures.shape[-1])
    with torch.no_grad():
        logits = parser.sharp(pictures)
        large = functional.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
        return large.argmax(dim=1).to(torch.uint8).cpu().numpy()


def held_out_overlap(network: ParserNetwork, faces: Faces, rows: Rows, device: Device) -> Overlap:
    """Overlap of a network, in evaluation mode, on these rows without augmentation."""
    overlap = Overlap(network.classes)
    training = network.training
    network.eval()
    for start in range(0, len(rows), _BATCH):
        batch = [faces[int(row)] for row in rows[start : start + _BATCH]]
        pictures = device.pictures(np.stack([face.picture for face in batch]))
        found = find_labels(network, pictures)  # in float32, as in use
        overlap.add(found, np.stack([face.labels for face in batch]))
    network.train(training)
    return overlap
