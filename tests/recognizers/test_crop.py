"""The face crop: eyes and mouth at upstream's places, for any rotation and size."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from f2p_sdk.errors import FaceError
from f2p_sdk.recognizers.crop import crop_faces, crop_transform

Array = NDArray[np.float64]

# In pixels of the crop: outer and inner corner of the eye on the right, of that on the left, and
# the base of the nose, where dlib's mean face has it when the mouth is 48 pixels below the eyes.
NOSE = 40 + 48 * (0.628106 - 0.224078) / (0.780233 - 0.224078)
PLACE = np.array([(90.0, 41), (74, 39), (37, 41), (53, 39), (60, NOSE)])
MIRRORED = [2, 3, 0, 1, 4]


def face(x: Array, y: Array) -> Array:
    """A smooth pattern without repetition, (..., 3) in [0, 1], in pixels of the crop."""
    red = 0.5 + 0.4 * np.sin(x / 17 + 0.3) * np.cos(y / 23)
    green = np.exp(-((x - 63.5) ** 2 + (y - 88) ** 2) / 800)
    blue = 0.5 + 0.3 * np.cos((x + 2 * y) / 31)
    return np.stack((red, green, blue), axis=-1)


GREY = face(*np.meshgrid(np.arange(128.0), np.arange(128.0))) @ (0.299, 0.587, 0.114)


def shot(turn: float, scale: float, size: int) -> tuple[Tensor, Array]:
    """A picture of that face turned by degrees and scaled about the picture's middle."""
    angle = math.radians(turn)
    matrix = scale * np.array(
        [(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))]
    )
    middle = np.array(((size - 1) / 2, (size - 1) / 2 + 0.2))
    x, y = np.meshgrid(np.arange(float(size)), np.arange(float(size)))
    back = (np.stack((x, y), axis=-1) - middle) @ np.linalg.inv(matrix).T + (63.5, 63.5)
    picture = torch.from_numpy(face(back[..., 0], back[..., 1])).permute(2, 0, 1)[None]
    return picture, (PLACE - (63.5, 63.5)) @ matrix.T + middle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turn", "scale", "size"),
    [
        (0, 1.0, 140),
        (25, 0.6, 130),
        (-40, 2.3, 460),
        (180, 1.5, 220),
        (90, 5.4, 1000),
        (7, 11, 2200),
    ],
)
def test_a_rotated_and_scaled_picture_gives_the_same_crop(
    turn: float, scale: float, size: int
) -> None:
    picture, landmarks = shot(turn, scale, size)
    crop = crop_faces(picture, landmarks)
    assert crop.shape == (1, 1, 128, 128)
    assert np.abs(crop[0, 0].numpy() - GREY).max() < 0.02  # bilinear in a picture of 0.6
    assert np.abs(crop[0, 0].numpy() - GREY).mean() < 0.002


def test_eyes_and_mouth_are_at_upstreams_places() -> None:
    """Eyes level, 40 down in the middle; the mouth of dlib's mean face 48 below them."""
    # dlib's mean face in its unit square: corners of the eyes, base of the nose; then the mouth.
    right, left = [(0.858516, 0.231733), (0.645647, 0.231733)], [(0.121737, 0.216423)]
    five = np.array([*right, *left, (0.334606, 0.231733), (0.490127, 0.628106)])
    five[:4, 1] = 0.224078  # its left and right differ a little; here the eyes are level
    mouth = np.array([0.490127, 0.780233])
    turned = np.array([(300.0, -110.0), (110.0, 300.0)])
    plan = crop_transform(five @ turned.T + 40)
    back = np.linalg.inv(np.vstack((plan, (0, 0, 1))))
    eyes = back @ (*(five[:4].mean(axis=0) @ turned.T + 40), 1)
    lips = back @ (*(mouth @ turned.T + 40), 1)
    assert eyes[:2] == pytest.approx((63.5, 40))
    assert lips[:2] == pytest.approx((63.5, 88), abs=0.1)


def test_a_mirrored_face_gives_the_mirrored_crop() -> None:
    picture, landmarks = shot(12, 1.7, 260)
    mirrored = landmarks[MIRRORED].copy()
    mirrored[:, 0] = 259 - mirrored[:, 0]
    crop, other = crop_faces(picture, landmarks), crop_faces(picture.flip(-1), mirrored)
    assert torch.allclose(crop.flip(-1), other, atol=1e-12)


def test_fine_patterns_are_averaged() -> None:
    """Otherwise every fourth pixel of a chequerboard would alias."""
    board = (torch.arange(600)[:, None] + torch.arange(600)) % 2
    picture = board.double().expand(1, 3, 600, 600)
    landmarks = (PLACE - 63.5) * 4.3 + 300.3
    crop = crop_faces(picture, landmarks)
    assert (crop - 0.5).abs().max() < 0.1
    assert crop.std() < 0.03


def test_grey_is_the_luma_of_bt_601() -> None:
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        picture = torch.zeros(1, 3, 160, 160)
        picture[:, channel] = 1
        crop = crop_faces(picture, PLACE + 16)
        assert torch.allclose(crop, torch.full_like(crop, weight))


def test_pixels_outside_of_the_picture_are_black() -> None:
    picture = torch.ones(1, 3, 128, 64)
    crop = crop_faces(picture, PLACE - (3.5, 0))[0, 0]
    assert crop[:, 5:60].min() > 0.9
    assert crop[:, 72:].max() == 0


def test_a_crop_does_not_depend_on_other_pictures() -> None:
    small, near = shot(0, 0.7, 150)
    large, far = shot(30, 2.6, 150)
    both = crop_faces(torch.cat([small, large]), np.stack([near, far]))
    assert torch.equal(both[:1], crop_faces(small, near))
    assert torch.equal(both[1:], crop_faces(large, far))


@pytest.mark.parametrize("scale", [0.3, 2.6, 5.5], ids=["enlarged", "averaged", "in blocks"])
def test_the_gradient_equals_finite_differences(scale: float) -> None:
    """Autograd against finite differences, in float64, of five weighted sums of the crop."""
    generator = torch.Generator().manual_seed(2)
    picture = torch.rand(2, 3, 24, 22, dtype=torch.float64, generator=generator)
    weights = torch.randn(5, 128, 128, dtype=torch.float64, generator=generator)
    landmarks = (PLACE - 63.5) * scale + 11.2

    def sums(x: Tensor) -> Tensor:
        return torch.einsum("bchw,khw->bk", crop_faces(x, landmarks), weights)

    x = picture.requires_grad_()
    assert torch.autograd.gradcheck(sums, (x,), fast_mode=True)
    (gradient,) = torch.autograd.grad(sums(x).sum(), x)
    assert (gradient.abs().amax(dim=1) > 0).all()


def _bent(change: Callable[[Array], None]) -> Array:
    landmarks = PLACE.copy()
    change(landmarks)
    return landmarks


def _nan(landmarks: Array) -> None:
    landmarks[2, 1] = math.nan


def _eyes_together(landmarks: Array) -> None:
    landmarks[:4] = landmarks[0]


def _nose_up(landmarks: Array) -> None:
    landmarks[4, 1] = 10


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (_bent(_nan), "five finite points"),
        (_bent(_eyes_together), "both eyes are in one place"),
        (_bent(_nose_up), "lies -0.81 below"),
        (PLACE + 500, "outside of the 128x128 picture"),
        (PLACE[:4], r"\(5, 2\) or \(1, 5, 2\), not \(4, 2\)"),
        (np.stack([PLACE, PLACE]), r"not \(2, 5, 2\)"),
    ],
)
def test_invalid_landmarks_are_refused(landmarks: Array, message: str) -> None:
    with pytest.raises(FaceError, match=message):
        crop_faces(torch.zeros(1, 3, 128, 128), landmarks)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(FaceError, match=r"\(B, 3, H, W\), not \(1, 1, 128, 128\)"):
        crop_faces(torch.zeros(1, 1, 128, 128), PLACE)
