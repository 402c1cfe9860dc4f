"""Alignment of a photo to a game's framing: choice of a face, and the crop around it.

Coordinates are pixels (x, y); (0, 0) is the centre of the top-left pixel. The five landmarks have
the order of dlib's five-point model: outer and inner corner of the eye on the picture's right,
outer and inner corner of the eye on its left, base of the nose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from .errors import FaceError, NoFaceError
from .images import Picture, check_picture

if TYPE_CHECKING:
    from .kinds import Framing

__all__ = ["Aligned", "Face", "PickedFace", "align", "pick_face", "similarity"]

Array = npt.NDArray[np.float64]

# Limits of a good photo: beyond them, fitted characters become visibly worse.
SMALL_EYE_DISTANCE = 40.0  # pixels of the photo between the centres of the eyes
TURNED = 0.2  # of Face.turn: about 30 degrees
MUCH_OUTSIDE = 0.25  # share of the aligned picture outside of the photo

# Blur radius of the mirror image outside of the photo, and width of the transition to it, as shares
# of the frame's side.
_BLUR = 0.08
_FADE = 0.08


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
        box: left, top, right, bottom in pixels.
        landmarks: float64 (5, 2) in the order of this module's docstring.
        score: confidence of the detector; scores of different detectors are not comparable.
    """

    box: tuple[float, float, float, float]
    landmarks: Array
    score: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "landmarks", _five_points(self.landmarks))

    @property
    def area(self) -> float:
        left, top, right, bottom = self.box
        return max(right - left, 0.0) * max(bottom - top, 0.0)

    @property
    def eye_distance(self) -> float:
        """Pixels between the centres of the eyes; a centre is the mean of two corners."""
        right, left = _eyes(self.landmarks)
        return float(np.hypot(*(right - left)))

    @property
    def turn(self) -> float:
        """Offset of the base of the nose from the middle between the eyes, along the line of the
        eyes, in eye distances: 0 for a frontal face, about +-0.2 for a yaw of 30 degrees."""
        right, left = _eyes(self.landmarks)
        axis = right - left
        return float((self.landmarks[4] - (right + left) / 2) @ axis / max(axis @ axis, 1e-12))


@dataclass(frozen=True, eq=False)
class PickedFace:
    """The chosen face, its number from 1 by size, and the number of faces."""

    face: Face
    number: int
    count: int

    @property
    def message(self) -> str:
        """Message for the user about the choice; empty for a single face."""
        if self.count == 1:
            return ""
        left, top, right, bottom = (round(edge) for edge in self.face.box)
        largest = " (the largest)" if self.number == 1 else ""
        return (
            f"{self.count} faces found; took face {self.number}{largest}, "
            f"left {left} top {top} right {right} bottom {bottom}; "
            f"choose another one with --face 1 ... {self.count}"
        )


@dataclass(frozen=True, eq=False)
class Aligned:
    """A photo aligned to the game's framing.

    Attributes:
        picture: uint8 (S, S, 3), RGB, sRGB.
        matrix: float64 (2, 3), from pixels of the photo to pixels of `picture`.
        landmarks: float64 (5, 2), the photo's landmarks in `picture`.
        outside: share of `picture` outside of the photo, filled with the mirror image.
        hints: sentences for the user about defects of the photo; empty for a good photo.
    """

    picture: Picture
    matrix: Array
    landmarks: Array
    outside: float = 0.0
    hints: tuple[str, ...] = ()


def pick_face(faces: Sequence[Face], number: int | None = None) -> PickedFace:
    """Choose the largest face, or the face of this number, from 1, by size.

    Raises:
        NoFaceError: no faces.
        FaceError: no face of this number.
    """
    if not faces:
        raise NoFaceError(
            "no face was found in the picture",
            remedy="use a sharp, well lit photo of one face from the front, at least 80 pixels "
            "wide, with some space around it",
        )
    if number is not None and not 1 <= number <= len(faces):
        count = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
        raise FaceError(
            f"there is no face {number}: the picture has {count}",
            remedy=f"give --face a number from 1 to {len(faces)}; 1 is the largest face",
        )
    by_size = sorted(faces, key=lambda face: -face.area)
    chosen = 1 if number is None else number
    return PickedFace(by_size[chosen - 1], chosen, len(faces))


def similarity(src: npt.ArrayLike, dst: npt.ArrayLike) -> Array:
    """Least-squares rotation, scale and translation (no reflection) from `src` to `dst`.

    S. Umeyama, 1991; in two dimensions it is a linear regression of complex numbers.

    Args:
        src, dst: points (N, 2), N >= 2.

    Returns:
        float64 (2, 3): ``[s cos, -s sin, tx; s sin, s cos, ty]``.

    Raises:
        ValueError: wrong shapes.
        FaceError: all points of `src` are equal, or points are not finite.
    """
    a, b = np.asarray(src, dtype=np.float64), np.asarray(dst, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or len(a) < 2 or a.shape != b.shape:
        raise ValueError(f"similarity needs two arrays (N >= 2, 2), got {a.shape} and {b.shape}")
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    x, y = a - centre_a, b - centre_b
    spread = float((x * x).sum())
    if not np.isfinite(spread + float(y.sum())) or spread < 1e-12:
        raise FaceError(f"landmarks must be finite and distinct, got {a.tolist()}")
    cosine = float((x * y).sum()) / spread
    sine = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    turn = np.array([(cosine, -sine), (sine, cosine)])
    return np.column_stack((turn, centre_b - turn @ centre_a))


def align(picture: Picture, landmarks: npt.ArrayLike, framing: Framing) -> Aligned:
    """Crop a photo so that its face has the position of the face in the game's pictures.

    Downscaling is antialiased. Outside of the photo, the crop shows the photo's mirror image,
    blurred with the distance from the edge.

    Args:
        picture: uint8 (H, W, 3), RGB, sRGB.
        landmarks: (5, 2) in pixels of `picture`.
        framing: side S of the game's pictures and the landmarks in them.

    Raises:
        ImageError: `picture` is not a picture.
        FaceError: the landmarks are not five distinct points, or the face is outside of the photo.
    """
    check_picture(picture)
    points, size = _five_points(landmarks), framing.size
    matrix = similarity(points, framing.pixels(size))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1e-6:
        raise FaceError(f"the landmarks of the framing must be distinct, got scale {scale}")
    back = np.linalg.inv(np.vstack((matrix, (0, 0, 1))))
    warped, outside = _warp(picture, back, scale, size)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return Aligned(warped, matrix, moved, outside, _hints(points, outside))


def _warp(picture: Picture, back: Array, scale: float, size: int) -> tuple[Picture, float]:
    """Return the crop and its share outside of the photo; `back` (3, 3): crop -> photo."""
    height, width = picture.shape[:2]
    edge = np.array([(-1, -1, 1), (size, -1, 1), (-1, size, 1), (size, size, 1)], dtype=np.float64)
    reach = (edge @ back.T)[:, :2]
    # Cut the required part and scale it down first: the affine transform samples without
    # antialiasing, and large photos take little time and memory.
    start = np.clip(np.floor(reach.min(0)) - 2, 0, (width, height)).astype(int)
    end = np.clip(np.ceil(reach.max(0)) + 3, 0, (width, height)).astype(int)
    if (end <= start).any():
        raise FaceError(f"the face lies outside of the {width}x{height} photo")
    part = Image.fromarray(np.ascontiguousarray(picture[start[1] : end[1], start[0] : end[0]]))
    span = end - start
    small = np.maximum(np.rint(span * min(scale, 1.0)), 1).astype(int)
    if (small < span).any():
        part = part.resize((int(small[0]), int(small[1])), Image.Resampling.LANCZOS, reducing_gap=3)
    ratio = small / span
    # crop -> part, with pixel centres at whole numbers
    to_part = np.diag((ratio[0], ratio[1], 1.0))
    to_part[:2, 2] = (0.5 - start) * ratio - 0.5
    total = to_part @ back
    need = (edge @ total.T)[:, :2]
    low = np.maximum(np.ceil(-need.min(0)).astype(int) + 2, 0)
    high = np.maximum(np.ceil(need.max(0) - small).astype(int) + 3, 0)
    canvas = _extend(part, low, high, size * min(scale, 1.0) / scale)
    total[:2, 2] += low
    # Pillow's pixel centres are at +0.5.
    shift = total[:2, 2] + 0.5 - total[:2, :2] @ (0.5, 0.5)
    data = tuple(map(float, (*total[0, :2], shift[0], *total[1, :2], shift[1])))
    # Transform in floating point: Pillow truncates 8-bit values instead of rounding.
    how = (Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    turned = [
        np.asarray(channel.convert("F").transform((size, size), *how)) for channel in canvas.split()
    ]
    pixels = np.clip(np.rint(np.stack(turned, axis=-1)), 0, 255).astype(np.uint8)
    return pixels, _share_outside(back, size, width, height)


def _extend(
    part: Image.Image, low: npt.NDArray[Any], high: npt.NDArray[Any], unit: float
) -> Image.Image:
    """Extend `part` by its blurred mirror image; `unit`: side of the crop in pixels of `part`."""
    if not low.any() and not high.any():
        return part
    margins = ((int(low[1]), int(high[1])), (int(low[0]), int(high[0])))
    wide = Image.fromarray(np.pad(np.asarray(part), (*margins, (0, 0)), mode="symmetric"))
    soft = wide.filter(ImageFilter.GaussianBlur(max(_BLUR * unit, 1.0)))
    beyond = [
        np.pad(np.zeros(side), margin, "linear_ramp", end_values=margin)
        for side, margin in zip((part.height, part.width), margins, strict=True)
    ]
    distance = np.hypot(beyond[0][:, None], beyond[1][None, :])
    mask = Image.fromarray(np.uint8(255 * np.clip(distance / max(_FADE * unit, 1.0), 0, 1)))
    return Image.composite(soft, wide, mask)


def _share_outside(back: Array, size: int, width: int, height: int) -> float:
    line = (np.arange(64) + 0.5) / 64 * size - 0.5
    grid = np.stack([*np.meshgrid(line, line), np.ones((64, 64))], axis=-1) @ back.T
    x, y = grid[..., 0], grid[..., 1]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return float(1 - inside.mean())


def _hints(points: Array, outside: float) -> tuple[str, ...]:
    face = Face((0.0, 0.0, 0.0, 0.0), points)
    hints = []
    if face.eye_distance < SMALL_EYE_DISTANCE:
        hints.append(
            f"the face is small: {face.eye_distance:.0f} pixels between the eyes; "
            f"{SMALL_EYE_DISTANCE:.0f} or more give a better likeness"
        )
    if abs(face.turn) > TURNED:
        hints.append("the head is turned; a photo from the front gives a better likeness")
    if outside > MUCH_OUTSIDE:
        hints.append(f"the photo is cropped tightly: {outside:.0%} of the game's frame is outside")
    return tuple(hints)


def _eyes(points: Array) -> tuple[Array, Array]:
    return points[:2].mean(axis=0), points[2:4].mean(axis=0)


def _five_points(landmarks: npt.ArrayLike) -> Array:
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError(f"landmarks must be five finite points (x, y), got {points.tolist()}")
    return points
