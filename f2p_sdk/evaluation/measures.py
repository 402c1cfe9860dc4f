"""Measurements of the similarity between a photo and the engine's picture of its character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import images, plugins
from ..hookspecs import Recognizer
from ..images import Picture
from ..landmarks import LandmarkReader
from ..metrics import ciede2000, confusion_matrix, iou, srgb_to_lab
from ..objective import align_points
from ..pipeline import Fitter, Subject
from ..pipeline.expression import NeutralFace
from ..pipeline.judgement import label_map
from ..recognizers.embedding import MIRRORED, embed_face, find_landmarks
from .figures import landmark_error

Array = NDArray[Any]

#: Name of the second opinion on pictures that are grey, small and mirrored.
ALTERED = "altered"
_REDUCTION = 4

#: Compared colours: name of the figure, and class of the parser.
COLOURS = {"hair": "hair", "skin": "face_skin"}
_SMALLEST = 0.005  # share of the picture; the colour of a smaller class is not reliable


@dataclass(frozen=True)
class Measurements:
    """Comparison of a photo and a picture.

    Attributes:
        photo, picture: embeddings (E,) by the measuring recognizer.
        figures: ``landmark_error``, ``iou`` (mean over classes), ``colour_error.NAME`` (CIEDE2000)
            of hair and skin, the distance ``second.NAME`` of each second opinion, and the figures
            of :func:`dense_figures`.
        classes: intersection over union by class.
        opinions: embeddings of photo and picture by second opinion.
    """

    photo: Array
    picture: Array
    figures: Mapping[str, float | None]
    classes: Mapping[str, float]
    opinions: Mapping[str, tuple[Array, Array]] = field(repr=False, default_factory=dict)


class Measurer:
    """Measures the characters of one fitter.

    The search minimises the distance of its own recognizer, so that this distance is biased. Second
    opinions come from all other available recognizers, and from the measuring recognizer on grey,
    small and mirrored pictures (``altered``).
    """

    def __init__(self, fitter: Fitter) -> None:
        self.fitter = fitter
        used = {fitter.recognizer.name, fitter.measure.name}
        others = [n for n in plugins.usable(plugins.recognizers()) if n not in used]
        self.others = {name: plugins.recognizer(name) for name in others}

    def __call__(self, subject: Subject, picture: Picture) -> Measurements:
        """Compare a photo with ``picture``, uint8 (S, S, 3), the engine's picture of its fit."""
        fitter = self.fitter
        photo, photo_landmarks = subject.aligned.picture, subject.aligned.landmarks
        detected = find_landmarks(fitter.detector, picture)
        landmarks = fitter.framing.pixels(picture.shape[0]) if detected is None else detected
        opinions = {
            name: (
                _embedding(recognizer, photo, photo_landmarks),
                _embedding(recognizer, picture, landmarks),
            )
            for name, recognizer in self.others.items()
        }
        opinions[ALTERED] = (
            _embedding(fitter.measure, *_altered(photo, photo_landmarks)),
            _embedding(fitter.measure, *_altered(picture, landmarks)),
        )
        classes, colours = self._parsed(photo, picture)
        scaled = photo_landmarks * (picture.shape[0] / photo.shape[0])
        figures: dict[str, float | None] = {
            "landmark_error": None if detected is None else landmark_error(detected, scaled),
            "iou": float(np.mean(list(classes.values()))) if classes else None,
            **{f"colour_error.{name}": error for name, error in colours.items()},
            **{f"second.{k}": float(np.linalg.norm(a - b)) for k, (a, b) in opinions.items()},
            **dense_figures(fitter.locate, subject.face, picture),
        }
        embedding = _embedding(fitter.measure, picture, landmarks)
        return Measurements(subject.measured.numpy(), embedding, figures, classes, opinions)

    def _parsed(
        self, photo: Picture, picture: Picture
    ) -> tuple[dict[str, float], dict[str, float | None]]:
        """Intersection over union by class of the parser's label maps, and colour errors by name.

        Both are empty without a parser.
        """
        reader = self.fitter.reader
        if reader is None:
            return {}, {}
        resized = [images.resize(one, reader.parser.size) for one in (photo, picture)]
        maps = [label_map(reader, one) for one in resized]
        names = reader.parser.classes
        scores = iou(confusion_matrix(maps[0], maps[1], len(names)))
        overlap = {n: float(s) for n, s in zip(names, scores, strict=True) if np.isfinite(s)}
        return overlap, {
            name: colour_error(resized, [labels == names.index(label) for labels in maps])
            for name, label in COLOURS.items()
            if label in names
        }


def dense_figures(
    locate: LandmarkReader | None, face: NeutralFace | None, picture: Picture
) -> dict[str, float | None]:
    """Figures of dense landmarks; empty without them, None where the picture shows no face.

    ``dense_error.all`` and ``dense_error.no_mouth`` are mean distances in the picture's plane to
    the photo's face without expression and turn, after a similarity, in eye distances.
    ``leak.smile`` and ``leak.jaw_open`` are expression coefficients of the neutral character.
    """
    if locate is None or face is None:
        return {}
    landmarker, side = locate.landmarker, len(picture)
    found = landmarker.find(picture, locate.framing.pixels(side))
    names = ("dense_error.all", "dense_error.no_mouth", "leak.smile", "leak.jaw_open")
    if found is None:
        return dict.fromkeys(names)
    points = torch.from_numpy(found.fractions(side))[None]
    moved, _ = align_points(points, face.points, face.weights)
    distances = (moved[0] - face.points)[:, :2].norm(dim=1).numpy()
    shown = dict(zip(landmarker.expressions, found.expression.tolist(), strict=True))
    # Landmarkers of other plugins may lack a region or a coefficient.
    smiles = [shown[n] for n in ("mouthSmileLeft", "mouthSmileRight") if n in shown]
    values = (
        float(distances.mean()),
        float(np.delete(distances, list(landmarker.regions.get("lips", ()))).mean()),
        float(np.mean(smiles)) if smiles else None,
        shown.get("jawOpen"),
    )
    return dict(zip(names, values, strict=True))


def colour_error(pictures: Sequence[Picture], masks: Sequence[Array]) -> float | None:
    """CIEDE2000 between the median colours of two pictures, uint8 (H, W, 3), in their masks (H, W).

    None if a mask covers less than 0.5 % of its picture.
    """
    if min(mask.mean() for mask in masks) < _SMALLEST:
        return None
    medians = (np.median(one[mask], axis=0) for one, mask in zip(pictures, masks, strict=True))
    return float(ciede2000(*map(srgb_to_lab, medians)))


def _embedding(recognizer: Recognizer, picture: Picture, landmarks: Array) -> Array:
    return embed_face(recognizer, picture, landmarks)[0].numpy()


def _altered(picture: Picture, landmarks: Array) -> tuple[Picture, Array]:
    """Return a grey, mirrored picture with a quarter of the resolution, and its landmarks."""
    side = picture.shape[0]
    grey = (picture @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
    small = images.resize(np.repeat(grey[..., None], 3, axis=2), max(1, side // _REDUCTION))
    large = images.resize(small, side)[:, ::-1].copy()
    points = np.asarray(landmarks)[list(MIRRORED)].copy()
    points[:, 0] = picture.shape[1] - 1 - points[:, 0]
    return large, points
