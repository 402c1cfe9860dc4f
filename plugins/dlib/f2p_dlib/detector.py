"""The detector offered to f2p-sdk: dlib's frontal face detector and its five-point landmark model.

dlib's detector slides a window of 80x80 pixels over ever smaller versions of a picture and knows
upright faces only. So the picture is tried at a working size first, which serves photos of any size
alike and keeps 50 megapixels quick. Only where nothing is found it is tried enlarged for small
faces, with its edges continued for faces they cut off, and turned for photos held sideways.

What is found is looked at again on a patch of its own, turned upright and brought to one size:
there faces score high and folds of cloth do not, and there the landmarks are found, as the mean
over slightly shifted boxes, since the model answers in whole pixels and trembles by about one.
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
    """One way to look: longer side in pixels, room added as a share of it, turn in degrees."""

    side: int
    room: float = 0.0
    turn: float = 0.0

    @property
    def plain(self) -> bool:
        return not self.room and not self.turn


_SIDES = (640, 1600)  # of the first attempt: the longer side of the picture, within these
_ENLARGED = 2400
_OTHERS = (
    _Attempt(_ENLARGED),
    _Attempt(600, room=0.3),
    *(_Attempt(600, room=0.1, turn=turn) for turn in (90, -90, 45, -45, 180, 135, -135)),
    _Attempt(3600),  # last, since it takes seconds; only for pictures that have the pixels
)

# Mean score on the patch at three sizes. Measured: faces 1.1 to 3.2, 0.6 where 20 pixels wide;
# folds, badges and faces upside down 0.4 at most.
_SURE = 0.5
_LOOKS = (90, 110, 140)  # widths of the face for these, in pixels

_FACE = 240  # width of the face on the patch that landmarks are found on
_AROUND = 3.6  # what is looked at around it, in widths of the face: 2.2, and room to turn
_PASSES = 2
_BOX_WIDTH, _BOX_BELOW_EYES = 2.41, 0.48  # of dlib's box, in eye distances; mean of 63 detections
_JITTER = ((0, 0), (6, 0), (-6, 0), (0, 6), (0, -6), (4, 4), (-4, -4), (4, -4), (-4, 4))  # percent


@dataclass(frozen=True)
class _Place:
    """Where a face is: centre (x, y), width of dlib's box, and the turn that makes it upright."""

    centre: Array
    width: float
    turn: float

    @classmethod
    def of(cls, points: Array) -> _Place:
        """The box that dlib's detector finds around these landmarks in the mean, eyes level.

        The detector itself knows sizes in steps of 1.2 only, and upright boxes.
        """
        right, left = points[:2].mean(axis=0), points[2:4].mean(axis=0)
        axis = right - left
        down = np.array((-axis[1], axis[0]))
        middle = (right + left) / 2 + _BOX_BELOW_EYES * down
        width = max(float(np.hypot(*axis)) * _BOX_WIDTH, 1.0)
        return cls(middle, width, math.degrees(math.atan2(axis[1], axis[0])))


class DlibDetector:
    """Faces with five landmarks. Make it once: reading the landmark model takes a moment."""

    name = "dlib"

    def __init__(self) -> None:
        self._find = dlib.get_frontal_face_detector()
        # From bytes, not from a path: dlib cannot open a path with letters beyond the code page of
        # a Windows machine.
        self._points = dlib.shape_predictor.__new__(dlib.shape_predictor)
        try:
            self._points.__setstate__((read_model(LANDMARKS),))
        except RuntimeError as error:
            raise WeightsError(f"{LANDMARKS} is damaged: {error}", remedy=REINSTALL) from error

    def detect(self, picture: Picture) -> list[Face]:
        """Finds faces.

        Args:
            picture: uint8 (H, W, 3), RGB sRGB, any size.

        Returns:
            Faces, largest first; landmarks in fractions of a pixel; empty if there is none. A
            score is dlib's on the upright face: 0.5 at least, 1 to 3 for a good photo.

        Raises:
            ImageError: `picture` is not of that form.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ImageError(f"a picture is uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
        longer = max(picture.shape[:2])
        if min(picture.shape[:2]) < 8:
            return []
        most = max(longer, min(_ENLARGED, longer * 5))
        first = _Attempt(min(max(longer, _SIDES[0]), _SIDES[1]))
        for attempt in (first, *_OTHERS):
            if attempt.plain and attempt.side > max(most, first.side):
                continue  # there is no more to see
            looks = (
                self._look_again(picture, *f, attempt.turn) for f in self._look(picture, attempt)
            )
            faces = [face for face in looks if face.score >= _SURE]
            if faces:
                return sorted(faces, key=lambda face: -face.area)
        return []

    def _look(self, picture: Picture, attempt: _Attempt) -> list[tuple[Array, float]]:
        """Centre (x, y) and width of what may be faces, in pixels of the picture."""
        small = shrink(picture, attempt.side)
        scale = max(small.shape) / max(picture.shape)
        room = round(attempt.room * attempt.side)
        if room:
            small = np.pad(small, ((room, room), (room, room), (0, 0)), mode="edge")
        middle = _middle(small)
        if attempt.turn:
            image = Image.fromarray(small)
            image = image.rotate(attempt.turn, Image.Resampling.BICUBIC, expand=True)
            small = np.asarray(image)
        found = []
        for box in self._find(np.ascontiguousarray(small), 0):
            centre = np.array((box.left() + box.right(), box.top() + box.bottom())) / 2
            centre = turn_back(attempt.turn) @ (centre - _middle(small)) + middle - room
            found.append(((centre + 0.5) / scale - 0.5, box.width() / scale))
        return found

    def _look_again(self, picture: Picture, centre: Array, width: float, turn: float) -> Face:
        # What is around the face, with the face _FACE pixels wide; all that follows is cut from it.
        near = cut(picture, centre, _AROUND * width, round(_AROUND * _FACE))
        place = _Place(_middle(near), _FACE, turn)
        for _ in range(_PASSES):
            points = self._landmarks(near, place)
            place = _Place.of(points)
        patch = cut(near, place.centre, 2.2 * place.width, round(2.2 * max(_LOOKS)), place.turn)
        score = float(np.mean([self._score(patch, look) for look in _LOOKS]))
        scale = width / _FACE
        middle = (place.centre - _middle(near)) * scale + centre
        low, high = (middle + side * place.width * scale / 2 for side in (-1, 1))
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Face(box, (points - _middle(near)) * scale + centre, score)

    def _score(self, patch: Picture, width: int) -> float:
        """dlib's score of the face in the middle of a patch when it is `width` wide, or -1."""
        patch = shrink(patch, round(2.2 * width))
        boxes, scores, _ = self._find.run(patch, 0, -0.5)
        best = -1.0
        for box, score in zip(boxes, scores, strict=True):
            centre = np.array((box.left() + box.right(), box.top() + box.bottom())) / 2
            if np.abs(centre - _middle(patch)).max() < 0.3 * width:
                best = max(best, score)
        return best

    def _landmarks(self, near: Picture, place: _Place) -> Array:
        """Landmarks (5, 2) in pixels of `near` of the face at this place."""
        patch = cut(near, place.centre, 2 * place.width, 2 * _FACE, place.turn)
        half, shapes = _FACE // 2, []
        for x, y in np.rint(_middle(patch) + np.array(_JITTER) * half / 100).astype(int).tolist():
            box = dlib.rectangle(x - half, y - half, x + half, y + half)
            shapes.append([(p.x, p.y) for p in self._points(patch, box).parts()])
        offsets = (np.mean(shapes, axis=0) - _middle(patch)) @ turn_back(place.turn).T
        points: Array = offsets * (place.width / _FACE) + place.centre
        return points


def _middle(picture: Picture) -> Array:
    """The point that turning a picture leaves where it is, in pixels."""
    return np.array((picture.shape[1] - 1, picture.shape[0] - 1)) / 2
