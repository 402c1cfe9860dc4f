"""From a photo to the game's frame: which face, and the crop that puts it where the game has it.

Coordinates are pixels, x before y; whole numbers are centres of pixels, (0, 0) that of the top left
one. The five landmarks are those of dlib's five-point model, in its order: outer and inner corner
of the eye on the picture's right, outer and inner corner of the eye on its left, base of the nose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from .errors import FaceError, ImageError, NoFaceError

__all__ = ["Aligned", "Face", "PickedFace", "align", "pick_face", "similarity"]

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

# Below these, characters fitted to a photo get visibly worse.
SMALL_EYE_DISTANCE = 40.0  # pixels of the photo between the centres of the eyes
TURNED = 0.2  # see Face.turn: about 30 degrees
MUCH_OUTSIDE = 0.25  # share of the aligned picture that the photo does not show

# Beyond the photo's edge its mirror image is shown, more and more blurred; as shares of the frame.
_BLUR = 0.08
_FADE = 0.08


class Frame(Protocol):
    """Where a game's face stands: what `align` needs of a `Framing`."""

    @property
    def size(self) -> int: ...

    def pixels(self, size: int | None = None) -> Array: ...


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
        box: left, top, right, bottom in pixels.
        landmarks: float64 (5, 2), as in this module's docstring.
        score: the detector's confidence, larger is surer; comparable within one detector only.
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
        """Pixels between the centres of the eyes, each the middle of its two corners."""
        right, left = _eyes(self.landmarks)
        return float(np.hypot(*(right - left)))

    @property
    def turn(self) -> float:
        """How far the base of the nose is off the middle of the eyes, along their line, in eye
        distances: 0 from the front, beyond +-0.2 for a head turned by some 30 degrees."""
        right, left = _eyes(self.landmarks)
        axis = right - left
        return float((self.landmarks[4] - (right + left) / 2) @ axis / max(axis @ axis, 1e-12))


@dataclass(frozen=True, eq=False)
class PickedFace:
    """The face that `pick_face` took, its number from 1, and how many there were to choose from."""

    face: Face
    number: int
    count: int

    @property
    def message(self) -> str:
        """What a user should hear where there was a choice; empty where there was none."""
        if self.count == 1:
            return ""
        left, top, right, bottom = (round(edge) for edge in self.face.box)
        largest = " (the largest)" if self.number == 1 else ""
        return (
            f"{self.count} faces found; took face {self.number}{largest}, "
            f"left {left} top {top} right {right} bottom {bottom}; "
            f"another one: --face 1 ... {self.count}"
        )


@dataclass(frozen=True, eq=False)
class Aligned:
    """A photo in the game's frame.

    Attributes:
        picture: uint8 (S, S, 3), RGB sRGB.
        matrix: float64 (2, 3), from a pixel of the photo to a pixel of `picture`.
        landmarks: float64 (5, 2), the photo's landmarks in `picture`.
        outside: share of `picture` that lies beyond the photo's edge and was made up.
        hints: sentences for the user on why the likeness may suffer; empty for a good photo.
    """

    picture: Picture
    matrix: Array
    landmarks: Array
    outside: float = 0.0
    hints: tuple[str, ...] = ()


def pick_face(faces: Sequence[Face], number: int | None = None) -> PickedFace:
    """The face to work with: the largest, or the one of this number, from 1, by size.

    Raises:
        NoFaceError: there are no faces.
        FaceError: there is no face of this number.
    """
    if not faces:
        raise NoFaceError(
            "no face was found in the picture",
            remedy="use a photo that shows one face from the front, sharp, lit, with some room "
            "around it and at least 80 pixels wide",
        )
    if number is not None and not 1 <= number <= len(faces):
        have = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
        raise FaceError(
            f"face {number} was asked for, but the picture has {have}",
            remedy=f"give --face a number from 1 to {len(faces)}; 1 is the largest face",
        )
    by_size = sorted(faces, key=lambda face: -face.area)
    chosen = 1 if number is None else number
    return PickedFace(by_size[chosen - 1], chosen, len(faces))


def similarity(src: npt.ArrayLike, dst: npt.ArrayLike) -> Array:
    """The rotation, scale and shift, never a reflection, that brings `src` nearest to `dst`.

    Least squares, S. Umeyama 1991; in the plane it is linear regression on complex numbers.

    Args:
        src, dst: (N, 2) each, N >= 2.

    Returns:
        float64 (2, 3): ``[s cos, -s sin, tx; s sin, s cos, ty]``.

    Raises:
        ValueError: shapes that do not fit.
        FaceError: the points of `src` all lie in one place, or are not finite.
    """
    a, b = np.asarray(src, dtype=np.float64), np.asarray(dst, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or len(a) < 2 or a.shape != b.shape:
        raise ValueError(f"similarity takes two lists of N >= 2 points, not {a.shape}, {b.shape}")
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    x, y = a - centre_a, b - centre_b
    spread = float((x * x).sum())
    if not np.isfinite(spread + float(y.sum())) or spread < 1e-12:
        raise FaceError(f"landmarks must be finite and apart from each other, got {a.tolist()}")
    cosine = float((x * y).sum()) / spread
    sine = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    turn = np.array([(cosine, -sine), (sine, cosine)])
    return np.column_stack((turn, centre_b - turn @ centre_a))


def align(picture: Picture, landmarks: npt.ArrayLike, framing: Frame) -> Aligned:
    """Cuts a photo so that its face stands where the game's average face stands.

    Downscaling is antialiased. Where the frame reaches beyond the photo's edge, the photo goes on
    as its mirror image that blurs with distance: no black, no straight streaks.

    Args:
        picture: uint8 (H, W, 3), RGB sRGB.
        landmarks: (5, 2) in pixels of `picture`.
        framing: the game's frame: its size S and the place of the landmarks in it.

    Raises:
        ImageError: `picture` is not a picture.
        FaceError: the landmarks are not five distinct points, or the face is outside of the photo.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ImageError(f"a picture is uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    points, size = _five_points(landmarks), framing.size
    matrix = similarity(points, framing.pixels(size))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1e-6:
        raise FaceError(f"the game's landmarks must be apart from each other, got scale {scale}")
    back = np.linalg.inv(np.vstack((matrix, (0, 0, 1))))
    warped, outside = _warp(picture, back, scale, size)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return Aligned(warped, matrix, moved, outside, _hints(points, outside))


def _warp(picture: Picture, back: Array, scale: float, size: int) -> tuple[Picture, float]:
    """The frame's pixels and the share of them beyond the photo; `back` (3, 3): frame -> photo."""
    height, width = picture.shape[:2]
    edge = np.array([(-1, -1, 1), (size, -1, 1), (-1, size, 1), (size, size, 1)], dtype=np.float64)
    reach = (edge @ back.T)[:, :2]
    # Work on the part of the photo that is needed, at the frame's scale if that is smaller: then
    # the last step drops no pixels, and 50 megapixels cost no more than they must.
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
    # frame -> part, with pixel centres at whole numbers throughout
    to_part = np.diag((ratio[0], ratio[1], 1.0))
    to_part[:2, 2] = (0.5 - start) * ratio - 0.5
    total = to_part @ back
    need = (edge @ total.T)[:, :2]
    low = np.maximum(np.ceil(-need.min(0)).astype(int) + 2, 0)
    high = np.maximum(np.ceil(need.max(0) - small).astype(int) + 3, 0)
    canvas = _extend(part, low, high, size * min(scale, 1.0) / scale)
    total[:2, 2] += low
    # Pillow's corner of a pixel is its whole number: shift by half a pixel there and back.
    shift = total[:2, 2] + 0.5 - total[:2, :2] @ (0.5, 0.5)
    data = tuple(map(float, (*total[0, :2], shift[0], *total[1, :2], shift[1])))
    # In floating point: for 8 bits Pillow would cut fractions off instead of rounding.
    how = (Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    turned = [
        np.asarray(channel.convert("F").transform((size, size), *how)) for channel in canvas.split()
    ]
    pixels = np.clip(np.rint(np.stack(turned, axis=-1)), 0, 255).astype(np.uint8)
    return pixels, _share_outside(back, size, width, height)


def _extend(
    part: Image.Image, low: npt.NDArray[Any], high: npt.NDArray[Any], unit: float
) -> Image.Image:
    """`part` and its mirror image beyond, blurred with distance; `unit`: the frame's side in it."""
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
            f"from {SMALL_EYE_DISTANCE:.0f} on the likeness gets better"
        )
    if abs(face.turn) > TURNED:
        hints.append("the head is turned aside; a photo from the front gives a better likeness")
    if outside > MUCH_OUTSIDE:
        hints.append(f"the photo is cut close: {outside:.0%} of the game's frame lie outside of it")
    return tuple(hints)


def _eyes(points: Array) -> tuple[Array, Array]:
    return points[:2].mean(axis=0), points[2:4].mean(axis=0)


def _five_points(landmarks: npt.ArrayLike) -> Array:
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError(f"landmarks are five finite points (x, y), got {points.tolist()}")
    return points
