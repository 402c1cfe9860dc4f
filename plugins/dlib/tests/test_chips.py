"""Chips against dlib's; their gradient against the linearity of the crop."""

from __future__ import annotations

import math
from typing import Any

import dlib
import numpy as np
import pytest
import torch
from f2p_dlib.chips import extract_chips, plan_chip
from PIL import Image

from f2p_sdk import FaceError


def shape_at(points: np.ndarray) -> Any:
    """Landmarks for dlib, in whole pixels."""
    parts = [dlib.point(int(x), int(y)) for x, y in points]
    return dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), parts)


def moved(points: np.ndarray, scale: float, degrees: float, to: tuple[float, float]) -> np.ndarray:
    turn = math.radians(degrees)
    matrix = np.array([(math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))])
    return np.rint((points - points.mean(0)) @ matrix.T * scale + to)


@pytest.fixture(scope="module")
def landmarks(astronaut: np.ndarray, reference: Any) -> np.ndarray:
    return reference.array(reference.shape(astronaut))


# At scales up to 12 dlib halves the picture up to three times. The last chips exceed the picture.
CASES = [
    (1.0, 0, (256, 256)),
    (0.31, 5, (300, 200)),
    (1.7, -33, (250, 260)),
    (2.4, 90, (256, 256)),
    (4.3, 171, (512, 500)),
    (8.0, -12, (1000, 1100)),
    (12.0, 0, (1024, 1024)),
    (1.0, 20, (20, 40)),
    (2.0, -70, (500, 490)),
    (5.0, 10, (30, 1000)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "degrees", "to"), CASES)
def test_equals_dlib(
    astronaut: np.ndarray,
    landmarks: np.ndarray,
    as_tensor: Any,
    scale: float,
    degrees: float,
    to: tuple[float, float],
) -> None:
    side = 512 if scale < 4 else 2048
    image = Image.fromarray(astronaut).resize((side, side), Image.Resampling.BICUBIC)
    picture, points = np.array(image), moved(landmarks, scale, degrees, to)
    theirs = dlib.get_face_chip(picture, shape_at(points), 150, 0.25).astype(float)
    plan = plan_chip(points, side, side)

    ours = extract_chips(as_tensor(picture), plan, like_dlib=True)[0].permute(1, 2, 0).numpy() * 255
    difference = np.abs(ours - theirs)
    assert difference.max() < 1.01
    assert (difference > 0.01).mean() < 1e-3

    smooth = extract_chips(as_tensor(picture), plan)[0].permute(1, 2, 0).numpy() * 255
    difference = smooth - theirs  # each rounding loses up to one grey value
    assert difference.min() > -0.01
    assert difference.max() < plan.levels + 1.01


def test_the_plan_equals_dlibs(landmarks: np.ndarray) -> None:
    points = moved(landmarks, 1.3, 25, (260, 250))
    details = dlib.get_face_chip_details(shape_at(points), 150, 0.25)
    plan = plan_chip(points, 512, 512)
    assert plan.levels == 0
    right, down = plan.matrix[:, 0], plan.matrix[:, 1]
    assert math.atan2(right[1], right[0]) == pytest.approx(details.angle, abs=1e-9)
    assert right @ down == pytest.approx(0, abs=1e-9)
    rect = details.rect
    assert np.hypot(*right) * 149 == pytest.approx(rect.right() - rect.left(), rel=1e-9)
    centre = plan.matrix @ (74.5, 74.5, 1) + plan.crop[:2]
    np.testing.assert_allclose(centre, (rect.center().x, rect.center().y), atol=0.51)


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_the_gradient_is_the_adjoint(landmarks: np.ndarray, scale: float) -> None:
    # A chip is linear in the picture, so the gradient of <u, chip(x)> is exact everywhere.
    torch.manual_seed(0)
    plan = plan_chip(moved(landmarks, scale, 10, (128, 120)), 256, 256)
    x, v = torch.rand(2, 1, 3, 256, 256, dtype=torch.float64).unbind()
    x.requires_grad_()
    u = torch.randn(1, 3, 150, 150, dtype=torch.float64)
    (extract_chips(x, plan) * u).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close((x.grad * v).sum(), (extract_chips(v, plan) * u).sum())


def test_rounding_does_not_change_the_gradient(landmarks: np.ndarray) -> None:
    plan = plan_chip(landmarks, 512, 512)
    x = torch.rand(1, 3, 512, 512, requires_grad=True)
    u = torch.randn(1, 3, 150, 150)
    smooth = torch.autograd.grad((extract_chips(x, plan) * u).sum(), x)[0]
    rounded = torch.autograd.grad((extract_chips(x, plan, like_dlib=True) * u).sum(), x)[0]
    torch.testing.assert_close(smooth, rounded, atol=1e-4, rtol=1e-3)


def test_a_face_almost_outside_of_the_picture_is_black(landmarks: np.ndarray) -> None:
    chips = extract_chips(
        torch.ones(1, 3, 20, 20), plan_chip(moved(landmarks, 9, 0, (0, 0)), 20, 20)
    )
    assert chips.shape == (1, 3, 150, 150)
    assert chips.sum() == 0


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((5, 2)), "all landmarks are in one place"),
        (np.zeros((4, 2)), "must be five finite points"),
        (np.full((5, 2), np.nan), "must be five finite points"),
    ],
)
def test_invalid_landmarks_are_refused(points: np.ndarray, message: str) -> None:
    with pytest.raises(FaceError, match=message):
        plan_chip(points, 512, 512)


def test_a_face_outside_of_the_picture_is_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(FaceError, match="outside of the 512x512 picture"):
        plan_chip(landmarks + 5000, 512, 512)
