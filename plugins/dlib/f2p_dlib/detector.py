"""The detector offered to f2p-sdk: dlib's frontal face detector and five-point landmark model.

dlib's detector slides a window of 80x80 pixels over an image pyramid and finds upright faces only.
The picture is first tried at a working size, so that photos of any size behave alike and 50
megapixels are fast. Only if nothing is found, it is enlarged for small faces, extended at the edges
for faces that the edge cuts, and rotated for photos held sideways.

Each candidate is then checked on a patch of its own, upright and of a fixed size. There faces have
high scores and folds of cloth have low ones. The landmarks are the mean over slightly shifted
boxes, because the model returns whole pixels with an error of about one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import dlib
import numpy as np
import numpy.typing as npt
from PIL import Image

from f2p_sdk import Face, ImageError, WeightsError

from .files import LANDMARKS, REINSTALL, read_model
from .pixels import Picture, cut, shrink, turn_back

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Attempt:
    """One detection pass: longer side in pixels, margin as a share of it, rotation in degrees."""

    side: int
    margin: float = 0.0
    turn: float = 0.0

    @property
    def plain(self) -> bool:
        return not self.margin and not self.turn


_SIDES = (640, 1600)  # limits of the longer side in the first attempt
_ENLARGED = 2400
_OTHERS = (
    _Attempt(_ENLARGED),
    _Attempt(600, margin=0.3),
    *(_Attempt(600, margin=0.1, turn=turn) for turn in (90, -90, 45, -45, 180, 135, -135)),
    _Attempt(3600),  # late, because it takes seconds; only for large pictures
)
# The last attempt, for small faces in panoramas and in photos of more than about 12 megapixels. It
# goes through overlapping tiles of one size, so that it needs little memory.
_TILED_PIXELS = 20_000_000  # of the whole picture, takes about ten seconds
_TILE, _OVERLAP = 2048, 320  # a face up to 320 pixels wide is whole in one of the tiles
_GAIN = 1.2  # least enlargement over the other attempts

# Mean score on the patch at three sizes. Measured: faces 1.1 to 3.2, 0.6 if 20 pixels wide; folds,
# badges and inverted faces at most 0.4.
_MIN_SCORE = 0.5
_SCORE_WIDTHS = (90, 110, 140)  # of the face, in pixels

_FACE = 240  # width of the face on the landmarks' patch, in pixels
_AROUND = 3.6  # side of the surroundings in face widths: 2.2, and a margin for rotation
_PASSES = 2
_BOX_WIDTH, _BOX_BELOW_EYES = 2.41, 0.48  # of dlib's box, in eye distances; mean of 63 detections
_JITTER = ((0, 0), (6, 0), (-6, 0), (0, 6), (0, -6), (4, 4), (-4, -4), (4, -4), (-4, 4))  # percent


@dataclass(frozen=True)
class _Place:
    """Position of a face: centre (x, y), width of dlib's box, rotation that makes it upright."""

    centre: Array
    width: float
    turn: float

    @classmethod
    def of(cls, points: Array) -> _Place:
        """The mean box of dlib's detector for these landmarks, with level eyes.

        The detector itself only has upright boxes, in size steps of 1.2.
        """
        right, left = points[:2].mean(axis=0), points[2:4].mean(axis=0)
        axis = right - left
        down = np.array((-axis[1], axis[0]))
        middle = (right + left) / 2 + _BOX_BELOW_EYES * down
        width = max(float(np.hypot(*axis)) * _BOX_WIDTH, 1.0)
        return cls(middle, width, math.degrees(math.atan2(axis[1], axis[0])))


class DlibDetector:
    """Faces with five landmarks. Reading the landmark model takes a moment."""

    name = "dlib"

    def __init__(self) -> None:
        self._find = dlib.get_frontal_face_detector()
        # From bytes: on Windows dlib cannot open a path with letters outside of the code page.
        self._points = dlib.shape_predictor.__new__(dlib.shape_predictor)
        try:
            self._points.__setstate__((read_model(LANDMARKS),))
        except RuntimeError as error:
            raise WeightsError(f"{LANDMARKS} is damaged: {error}", remedy=REINSTALL) from error

    def detect(self, picture: Picture) -> list[Face]:
        """Find faces.

        Args:
            picture: uint8 (H, W, 3), RGB sRGB, any size.

        Returns:
            Faces, largest first, with subpixel landmarks; empty without faces. The score is dlib's
            on the upright face: at least 0.5; 1 to 3 for a good photo.

        Raises:
            ImageError: `picture` is not of that form.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ImageError(
                f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}"
            )
        longer = max(picture.shape[:2])
        if min(picture.shape[:2]) < 8:
            return []
        most = max(longer, min(_ENLARGED, longer * 5))
        first = _Attempt(min(max(longer, _SIDES[0]), _SIDES[1]))
        for attempt in (first, *_OTHERS):
            if attempt.plain and attempt.side > max(most, first.side):
                continue  # enlarging adds no detail
            faces = self._faces(picture, self._candidates(picture, attempt), attempt.turn)
            if faces:
                return faces
        area = picture.shape[0] * picture.shape[1]
        side = round(longer * min(1.0, math.sqrt(_TILED_PIXELS / area)))
        if side < _GAIN * _OTHERS[-1].side:
            return []
        return self._faces(picture, self._tiled(picture, side), 0.0)

    def _faces(
        self, picture: Picture, candidates: list[tuple[Array, float]], turn: float
    ) -> list[Face]:
        """The candidates that are faces, with landmarks, the largest first, each once."""
        refined = (self._refined(picture, *found, turn) for found in candidates)
        faces = [face for face in refined if face.score >= _MIN_SCORE]
        once: list[Face] = []
        for face in sorted(faces, key=lambda face: -face.area):
            if all(_apart(face, other) for other in once):
                once.append(face)
        return once

    def _tiled(self, picture: Picture, side: int) -> list[tuple[Array, float]]:
        """Candidates of all tiles of the picture, resized to this longer side."""
        small = shrink(picture, side)
        scale = side / max(picture.shape)
        found = []
        for top in range(0, max(small.shape[0] - _OVERLAP, 1), _TILE - _OVERLAP):
            for left in range(0, max(small.shape[1] - _OVERLAP, 1), _TILE - _OVERLAP):
                tile = small[top : top + _TILE, left : left + _TILE]
                for box in self._find(np.ascontiguousarray(tile), 0):
                    middle = np.array((box.left() + box.right(), box.top() + box.bottom())) / 2
                    centre = (middle + (left, top) + 0.5) / scale - 0.5
                    found.append((centre, box.width() / scale))
        return found

    def _candidates(self, picture: Picture, attempt: _Attempt) -> list[tuple[Array, float]]:
        """Centre (x, y) and width of possible faces, in pixels of the picture."""
        small = shrink(picture, attempt.side)
        scale = max(small.shape) / max(picture.shape)
        margin = round(attempt.margin * attempt.side)
        if margin:
            small = np.pad(small, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        middle = _middle(small)
        if attempt.turn:
            image = Image.fromarray(small)
            image = image.rotate(attempt.turn, Image.Resampling.BICUBIC, expand=True)
            small = np.asarray(image)
        found = []
        for box in self._find(np.ascontiguousarray(small), 0):
            centre = np.array((box.left() + box.right(), box.top() + box.bottom())) / 2
            centre = turn_back(attempt.turn) @ (centre - _middle(small)) + middle - margin
            found.append(((centre + 0.5) / scale - 0.5, box.width() / scale))
        return found

    def _refined(self, picture: Picture, centre: Array, width: float, turn: float) -> Face:
        # The surroundings, with the face _FACE pixels wide; all later patches are cut from them.
        near = cut(picture, centre, _AROUND * width, round(_AROUND * _FACE))
        place = _Place(_middle(near), _FACE, turn)
        for _ in range(_PASSES):
            points = self._landmarks(near, place)
            place = _Place.of(points)
        patch = cut(
            near, place.centre, 2.2 * place.width, round(2.2 * max(_SCORE_WIDTHS)), place.turn
        )
        score = float(np.mean([self._score(patch, face) for face in _SCORE_WIDTHS]))
        scale = width / _FACE
        middle = (place.centre - _middle(near)) * scale + centre
        low, high = (middle + sign * place.width * scale / 2 for sign in (-1, 1))
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Face(box, (points - _middle(near)) * scale + centre, score)

    def _score(self, patch: Picture, width: int) -> float:
        """dlib's score of the face at the centre of a patch, `width` pixels wide; -1 without."""
        patch = shrink(patch, round(2.2 * width))
        boxes, scores, _ = self._find.run(patch, 0, -0.5)
        best = -1.0
        for box, score in zip(boxes, scores, strict=True):
            centre = np.array((box.left() + box.right(), box.top() + box.bottom())) / 2
            if np.abs(centre - _middle(patch)).max() < 0.3 * width:
                best = max(best, score)
        return best

    def _landmarks(self, near: Picture, place: _Place) -> Array:
        """Landmarks (5, 2) of the face at this place, in pixels of `near`."""
        patch = cut(near, place.centre, 2 * place.width, 2 * _FACE, place.turn)
        half, shapes = _FACE // 2, []
        for x, y in np.rint(_middle(patch) + np.array(_JITTER) * half / 100).astype(int).tolist():
            box = dlib.rectangle(x - half, y - half, x + half, y + half)
            shapes.append([(p.x, p.y) for p in self._points(patch, box).parts()])
        offsets = (np.mean(shapes, axis=0) - _middle(patch)) @ turn_back(place.turn).T
        points: Array = offsets * (place.width / _FACE) + place.centre
        return points


def _apart(face: Face, other: Face) -> bool:
    """False for two findings of one face."""
    distance = float(np.hypot(*(face.landmarks - other.landmarks).T).mean())
    return distance > 0.5 * min(face.eye_distance, other.eye_distance)


def _middle(picture: Picture) -> Array:
    """The centre of rotation of a picture, in pixels."""
    return np.array((picture.shape[1] - 1, picture.shape[0] - 1)) / 2
