"""How alike a photo and the engine's picture of its character are, by several eyes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .. import images, plugins
from ..hookspecs import Recognizer
from ..images import Picture
from ..metrics import confusion_matrix, iou
from ..pipeline import Fitter, Subject
from ..recognizers.embedding import MIRRORED, embed_face, find_landmarks
from ..tensors import to_tensor
from .figures import landmark_error

__all__ = ["Look", "Looker"]

Array = NDArray[Any]

#: Dark, small and mirrored: a picture of a face that no search has looked at.
ALTERED = "altered"
_SMALL = 4


@dataclass(frozen=True)
class Look:
    """A photo and a picture, compared.

    Attributes:
        photo, picture: the judge's embeddings, (E,).
        figures: ``landmark_error``, ``iou`` (mean over classes) and, for each second opinion, the
            distance ``second.NAME``.
        classes: intersection over union by class.
        opinions: for each second opinion, embeddings of photo and picture.
    """

    photo: Array
    picture: Array
    figures: Mapping[str, float | None]
    classes: Mapping[str, float]
    opinions: Mapping[str, tuple[Array, Array]] = field(repr=False, default_factory=dict)


class Looker:
    """Compares what one fitter has fitted.

    The search climbs what its recognizer sees, so that recognizer flatters it. Second opinions are
    those of every other recognizer that can be used, and the judge's on grey, small and mirrored
    pictures (``altered``).
    """

    def __init__(self, fitter: Fitter) -> None:
        self.fitter = fitter
        used = {fitter.recognizer.name, fitter.judge.name}
        others = [n for n in plugins.usable(plugins.recognizers()) if n not in used]
        self.others = {name: plugins.recognizer(name) for name in others}

    def __call__(self, subject: Subject, picture: Picture) -> Look:
        """``picture``: uint8 (S, S, 3), the engine's, of the character found for the photo."""
        fitter = self.fitter
        photo, marks = subject.aligned.picture, subject.aligned.landmarks
        found = find_landmarks(fitter.detector, picture)
        where = fitter.framing.pixels(picture.shape[0]) if found is None else found
        here = marks * (picture.shape[0] / photo.shape[0])
        opinions = {
            name: (self._embed(eyes, photo, marks), self._embed(eyes, picture, where))
            for name, eyes in self.others.items()
        }
        opinions[ALTERED] = (
            self._embed(fitter.judge, *_altered(photo, marks)),
            self._embed(fitter.judge, *_altered(picture, where)),
        )
        classes = self._classes(photo, picture)
        figures: dict[str, float | None] = {
            "landmark_error": None if found is None else landmark_error(found, here),
            "iou": float(np.mean(list(classes.values()))) if classes else None,
            **{f"second.{k}": float(np.linalg.norm(a - b)) for k, (a, b) in opinions.items()},
        }
        seen = self._embed(fitter.judge, picture, where)
        return Look(subject.judged.numpy(), seen, figures, classes, opinions)

    def _embed(self, recognizer: Recognizer, picture: Picture, landmarks: Array) -> Array:
        return embed_face(recognizer, picture, landmarks)[0].numpy()

    def _classes(self, photo: Picture, picture: Picture) -> dict[str, float]:
        """How far the parser sees the same parts in the same places; empty without a parser."""
        reader = self.fitter.reader
        if reader is None:
            return {}
        side = reader.parser.size
        maps = []
        for shown in (photo, picture):
            with torch.no_grad():
                logits = reader.parser.sharp(to_tensor(images.resize(shown, side)))
            large = functional.interpolate(logits, (side, side), mode="bilinear")
            maps.append(large[0].argmax(dim=0).numpy())
        classes = reader.parser.classes
        scores = iou(confusion_matrix(maps[0], maps[1], len(classes)))
        return {k: float(v) for k, v in zip(classes, scores, strict=True) if not np.isnan(v)}


def _altered(picture: Picture, landmarks: Array) -> tuple[Picture, Array]:
    """Grey, mirrored, and no finer than a quarter of its side; and its landmarks."""
    side = picture.shape[0]
    grey = (picture @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
    small = images.resize(np.repeat(grey[..., None], 3, axis=2), max(1, side // _SMALL))
    large = images.resize(small, side)[:, ::-1].copy()
    points = np.asarray(landmarks)[list(MIRRORED)].copy()
    points[:, 0] = picture.shape[1] - 1 - points[:, 0]
    return large, points
