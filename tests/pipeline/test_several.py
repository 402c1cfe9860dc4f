"""Several photos of one person."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.expression import NeutralFace
from f2p_sdk.pipeline.result import Subject
from f2p_sdk.pipeline.several import mean_colours, merge_subjects, photo_weights

POINTS = torch.randn(8, 3, generator=torch.Generator().manual_seed(3))


def _face(points: torch.Tensor, mouth: float = 0.0) -> NeutralFace:
    none = torch.zeros(0)
    return NeutralFace(points, torch.ones(8), none, none, mouth, points, none, {})


def _subject(level: float, eyes: float = 100.0, turn: float = 0.0, face: Any = None) -> Subject:
    picked: Any = SimpleNamespace(face=SimpleNamespace(eye_distance=eyes, turn=turn))
    aligned: Any = SimpleNamespace(picture=level)
    return Subject(picked, aligned, torch.full((2, 4), level), torch.full((3,), level), False, face)


def test_large_frontal_and_calm_faces_count_more() -> None:
    good = _subject(0, face=_face(POINTS))
    for worse in (
        _subject(0, eyes=40.0, face=_face(POINTS)),
        _subject(0, turn=0.2, face=_face(POINTS)),
        _subject(0, face=_face(POINTS, mouth=1.0)),
    ):
        assert photo_weights([good, worse]).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert photo_weights([good, _subject(0, turn=0.9)])[1] > 0.05  # no photo is without use


def test_embeddings_and_points_are_weighted_means() -> None:
    turned = 2 * POINTS @ torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]) + 5
    subjects = [_subject(1.0, face=_face(POINTS)), _subject(4.0, face=_face(turned))]
    weights = torch.tensor([0.75, 0.25])
    merged = merge_subjects(subjects, weights)
    assert merged.aligned is subjects[0].aligned
    assert merged.target.tolist() == [[1.75] * 4] * 2
    assert merged.measured.tolist() == [1.75] * 3
    assert merged.face is not None
    # The second photo shows the same face in another position.
    assert merged.face.points.numpy() == pytest.approx(POINTS.numpy(), abs=1e-5)


def test_photos_without_landmarks_do_not_move_points() -> None:
    merged = merge_subjects(
        [_subject(1.0, face=_face(POINTS)), _subject(2.0)], torch.tensor([0.6, 0.4])
    )
    assert merged.face is not None
    assert merged.face.points.numpy() == pytest.approx(POINTS.numpy(), abs=1e-5)
    assert merge_subjects([_subject(1.0), _subject(2.0)], torch.tensor([0.6, 0.4])).face is None


def test_cells_count_by_their_own_weight() -> None:
    dark = CellColours(torch.zeros(3, 1, 2), torch.tensor([[1.0, 0.0]]))
    light = CellColours(torch.ones(3, 1, 2), torch.tensor([[1.0, 1.0]]))
    mean = mean_colours([dark, light], torch.tensor([0.5, 0.5]))
    assert mean.colours[0].tolist() == [[pytest.approx(0.5), pytest.approx(1.0)]]
    assert mean.weight.tolist() == [[1.0, 0.5]]
