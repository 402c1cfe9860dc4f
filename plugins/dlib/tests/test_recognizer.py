"""Embeddings of faces in pictures, against dlib's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from f2p_dlib.chips import extract_chips, plan_chip
from f2p_dlib.recognizer import DlibRecognizer

from f2p_sdk import FaceError, Recognizer


def test_implements_the_protocol(recognizer: DlibRecognizer) -> None:
    assert isinstance(recognizer, Recognizer)


@pytest.mark.slow
def test_embeddings_equal_dlibs(
    faces: dict[str, np.ndarray], reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    for name, picture in faces.items():
        shape = reference.shape(picture)
        theirs = reference.descriptor(reference.chip(picture, shape))
        points, pixels = reference.array(shape), as_tensor(picture)
        same = recognizer.embed(pixels, points, like_dlib=True)[0].numpy()
        # One pixel in 100,000 is rounded differently.
        assert np.linalg.norm(same - theirs) < 5e-4, name
        smooth = recognizer.embed(pixels, points)[0].numpy()
        assert np.linalg.norm(smooth - theirs) < 0.015, name


def test_landmarks_are_shared_or_per_picture(
    astronaut: np.ndarray, reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    one = torch.from_numpy(reference.array(reference.shape(astronaut)))
    each = torch.stack((one, one + 3, one * 1.04))
    pictures = as_tensor(astronaut).expand(3, -1, -1, -1)
    singly = torch.cat([recognizer.embed(pictures[:1], points) for points in each])
    torch.testing.assert_close(recognizer.embed(pictures, each), singly, atol=1e-5, rtol=1e-4)
    shared = recognizer.embed(pictures, one)
    torch.testing.assert_close(shared, singly[:1].expand(3, -1), atol=1e-5, rtol=1e-4)


def test_gradient_reaches_the_picture(
    astronaut: np.ndarray, reference: Any, as_tensor: Any
) -> None:
    recognizer = DlibRecognizer()
    recognizer.network.double()
    points = reference.array(reference.shape(astronaut))
    picture = as_tensor(astronaut).double().requires_grad_()
    towards = torch.randn(128, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (recognizer.embed(picture, points) @ towards).sum().backward()
    assert picture.grad is not None
    assert picture.grad[:, :, 400:].abs().max() == 0  # outside of the chip

    step = 1e-9 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        change = recognizer.embed(picture + step, points) - recognizer.embed(picture - step, points)
    ours = (picture.grad * step).sum()
    torch.testing.assert_close(ours, (change @ towards).sum() / 2, rtol=1e-4, atol=1e-13)


def test_float32_gradient_agrees_with_float64(
    astronaut: np.ndarray, reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    points = reference.array(reference.shape(astronaut))
    plan = plan_chip(points, 512, 512)
    exact = DlibRecognizer()
    exact.network.double()
    gradients = []
    for network, dtype in ((recognizer.network, torch.float32), (exact.network, torch.float64)):
        picture = as_tensor(astronaut).to(dtype).requires_grad_()
        network(extract_chips(picture, plan)).sum().backward()
        assert picture.grad is not None
        gradients.append(picture.grad.double())
    cosine = torch.nn.functional.cosine_similarity(*(g.flatten() for g in gradients), dim=0)
    assert cosine > 0.999


def test_wrong_shapes_are_refused(recognizer: DlibRecognizer) -> None:
    points = torch.rand(5, 2) * 100
    with pytest.raises(FaceError, match=r"\(B, 3, H, W\), not \(3, 100, 100\)"):
        recognizer.embed(torch.rand(3, 100, 100), points)
    with pytest.raises(FaceError, match=r"\(2, 5, 2\), not \(3, 5, 2\)"):
        recognizer.embed(torch.rand(2, 3, 100, 100), points.expand(3, 5, 2))
    with pytest.raises(FaceError, match="not"):
        recognizer.embed(torch.rand(1, 3, 100, 100), torch.rand(68, 2))
