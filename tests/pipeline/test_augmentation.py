"""Augmented crops, landmark tracking, mirrored embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from f2p_toy import LANDMARKS, SIDE
from torch import Tensor

from f2p_sdk.pipeline.augmentation import AugmentedEmbedding, Jitter, LandmarkTracker
from f2p_sdk.recognizers.embedding import MIRRORED, crop_face, embed_face


class Corner:
    """Embeds the landmarks and the picture's mean."""

    name = "corner"
    metric = "euclidean"

    def embed(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        return torch.cat([landmarks.flatten(1), pictures.mean((1, 2, 3))[:, None]], 1)


def test_crops_are_plain_first_seeded_and_bounded(finder: Any) -> None:
    jitter = Jitter(shift=0.1, rotation=0.0, scale=0.0, gain=0.1, blur=0.0)
    tracker = LandmarkTracker(finder, LANDMARKS)
    embed = AugmentedEmbedding(Corner(), tracker, jittered=3, jitter=jitter, seed=1)  # type: ignore[arg-type]
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) / 2
    found = embed(picture, 5)
    assert found.shape == (4, 1, 11)
    np.testing.assert_allclose(found[0, 0, :10].reshape(5, 2), LANDMARKS * SIDE - 0.5, rtol=1e-5)
    assert torch.equal(found, embed(picture, 5))
    assert not torch.equal(found[1:], embed(picture, 6)[1:])
    eyes = float(np.linalg.norm(LANDMARKS[0] - LANDMARKS[2])) * SIDE
    assert float((found[1:, :, :10] - found[0, :, :10]).abs().max()) <= 0.1 * eyes + 1e-4
    assert float((found[1:, :, 10] / found[0, :, 10] - 1).abs().max()) <= 0.1 + 1e-4


def test_the_detector_runs_every_few_steps(finder: Any) -> None:
    tracker = LandmarkTracker(finder, LANDMARKS, every=4)
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    for step in range(9):
        tracker(picture, step)
    assert finder.calls == 3  # steps 0, 4, 8
    tracker = LandmarkTracker(finder, LANDMARKS, every=4)
    places = [tracker(torch.zeros_like(picture), step) for step in range(9)]
    assert finder.calls == 4  # a failed detection is followed by a longer pause
    np.testing.assert_allclose(places[-1][0], LANDMARKS * SIDE - 0.5, rtol=1e-5)


def test_a_mirrored_face_has_mirrored_landmarks() -> None:
    """The mirrored picture with mirrored landmarks gives the mirror image of the plain crop."""

    class Cutter:
        name = "cutter"
        metric = "euclidean"

        def embed(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
            rows = []
            for picture, points in zip(pictures, landmarks, strict=True):
                x, y = (int(v) for v in points[0].round())
                rows.append(torch.cat([picture[:, y, x], points[0] - points[2]]))
            return torch.stack(rows)

    photo = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    points = LANDMARKS * (60, 40)
    plain, mirrored = embed_face(Cutter(), photo, points)  # type: ignore[arg-type]
    # In the mirrored picture the first landmark is what was the third, found from behind.
    x, y = (round(float(v)) for v in points[MIRRORED[0]])
    np.testing.assert_allclose(mirrored[:3].numpy() * 255, photo[y, x], atol=0.01)
    np.testing.assert_allclose(mirrored[3:], plain[3:] * torch.tensor([1.0, -1.0]), atol=1e-3)


def test_a_crop_of_a_large_photo_keeps_the_landmarks_on_the_face() -> None:
    photo = np.zeros((1000, 3000, 3), np.uint8)
    points = np.array([(1510, 500), (1508, 500), (1490, 500), (1492, 500), (1500, 512)], float)
    photo[500, 1510] = 255
    crop, moved = crop_face(photo, points)
    assert crop.shape[0] < 250
    x, y = (int(v) for v in moved[0])
    assert crop[y, x].tolist() == [255, 255, 255]
    whole, same = crop_face(photo, points * (1, 0) + (0, 3))  # at the edge: clipped, not negative
    assert whole.shape[0] > 0
    assert same[0, 1] == 3
