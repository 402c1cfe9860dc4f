"""Terms on dense landmarks."""

from __future__ import annotations

import math

import pytest
import torch

from f2p_sdk.objective import Landmarks, Leak, Located, Sample, align_points

TARGET = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.rand(20, generator=torch.Generator().manual_seed(1)) + 0.1


def _rotation(degrees: float) -> torch.Tensor:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _sample(points: torch.Tensor, expression: torch.Tensor | None = None) -> Sample:
    count = len(points)
    shown = torch.zeros(count, 3) if expression is None else expression
    return Sample(torch.zeros(count, 2), located=Located(points, shown))


def test_a_similarity_is_undone() -> None:
    moved = 1.7 * TARGET @ _rotation(30) + torch.tensor([3.0, -2.0, 5.0])
    back, rotation = align_points(moved[None], TARGET, WEIGHTS)
    assert back[0].numpy() == pytest.approx(TARGET.numpy(), abs=1e-5)
    assert rotation[0].numpy() == pytest.approx(_rotation(30).T.numpy(), abs=1e-6)


def test_a_mirrored_face_is_not_turned_inside_out() -> None:
    mirrored = TARGET * torch.tensor([-1.0, 1.0, 1.0])
    _, rotation = align_points(mirrored[None], TARGET, WEIGHTS)
    assert float(torch.linalg.det(rotation[0])) == pytest.approx(1, abs=1e-5)


def test_landmarks_are_zero_for_the_same_face_and_grow_with_the_difference() -> None:
    term = Landmarks(TARGET, WEIGHTS)
    noise = torch.randn(20, 3, generator=torch.Generator().manual_seed(2))
    same = 2 * TARGET @ _rotation(20)
    losses = term(_sample(torch.stack([same, TARGET + 0.1 * noise, TARGET + 0.2 * noise])))
    assert float(losses[0]) == pytest.approx(0, abs=1e-9)
    assert float(losses[2]) == pytest.approx(4 * float(losses[1]), rel=0.1)


def test_depth_counts_less() -> None:
    step = torch.zeros(20, 3)
    step[3, 0] = 0.3
    across = Landmarks(TARGET, WEIGHTS)(_sample((TARGET + step)[None]))
    deep = Landmarks(TARGET, WEIGHTS)(_sample((TARGET + step.roll(2, 1))[None]))
    assert float(deep) < 0.3 * float(across)


def test_the_gradient_equals_finite_differences() -> None:
    term = Landmarks(TARGET.double(), WEIGHTS.double(), depth=1.0)
    noise = torch.randn(20, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    points = (TARGET.double() + 0.1 * noise)[None].requires_grad_()
    torch.autograd.gradcheck(lambda p: term(_sample(p)), (points,), atol=1e-4, rtol=0.02)


def test_leak_counts_what_exceeds_neutral_faces() -> None:
    term = Leak(torch.tensor([0.1, 0.2]), torch.tensor([0, 2]))
    shown = torch.tensor([[0.1, 0.9, 0.0], [0.6, 0.0, 0.5]])
    losses = term(_sample(TARGET.expand(2, -1, -1), shown))
    assert losses.tolist() == pytest.approx([0.0, 0.5**2 + 0.3**2])
