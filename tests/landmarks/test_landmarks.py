"""Landmark models: training, file, gradients.

The landmarker of these tests reads its answer from the picture, so that the truth is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import HERE, HERO, VILLAIN

import f2p_sdk
from f2p_sdk import DatasetError, WeightsError
from f2p_sdk.landmarks import (
    DenseLandmarks,
    ExpressionBasis,
    LandmarkModel,
    LandmarkReader,
    LandmarkRecord,
    load_landmarks,
    train_landmarks,
)
from f2p_sdk.landmarks.dense import eye_distance, point_weights
from f2p_sdk.weights import load_card

Records = Callable[..., list[Any]]

POINTS, SIDE = 6, 16
FRAMING = f2p_sdk.Framing.load(HERE / "framing.toml")
RNG = np.random.default_rng(3)
MEAN = RNG.random((POINTS, 3)).astype(np.float32)
SLOPE = (0.1 * RNG.normal(size=(HERO.size, POINTS, 3))).astype(np.float32)
SMILE = (0.1 * RNG.normal(size=(POINTS, 3))).astype(np.float32)


class CodedLandmarker:
    """Points and expression of a picture whose first pixels hold the number of a record."""

    name = "coded"
    regions: Mapping[str, Sequence[int]] = {
        "left_eye": (0,),
        "right_eye": (1,),
        "nose": (2,),
        "lips": (3, 4),
    }
    expressions = ("mouthSmileLeft", "jawOpen", "other")
    basis: ExpressionBasis | None = None

    def __init__(self) -> None:
        self.vectors: list[Any] = []
        self.smiles: list[float] = []

    def record(self, vector: Any, smile: float = 0.0) -> LandmarkRecord:
        number = len(self.vectors)
        self.vectors.append(vector)
        self.smiles.append(smile)
        picture = np.zeros((SIDE, SIDE, 3), np.uint8)
        picture[0, 0] = number // 256, number % 256, 255
        return LandmarkRecord(vector, {"smile": smile} if smile else {}, picture)

    def find(self, picture: Any, landmarks: Any) -> DenseLandmarks | None:
        assert landmarks == pytest.approx(FRAMING.pixels(len(picture)))
        if not picture[0, 0, 2]:
            return None
        number = 256 * int(picture[0, 0, 0]) + int(picture[0, 0, 1])
        vector, smile = self.vectors[number], self.smiles[number]
        points = MEAN + np.tensordot(vector, SLOPE, axes=1) + smile * SMILE
        shift = np.array([0.5, 0.5, 0], np.float32)
        expression = np.array([0.1 + 0.8 * smile, 0.05, vector[0]], np.float32)
        return DenseLandmarks((points * SIDE - shift).astype(np.float32), expression, 1.0)


@pytest.fixture
def landmarker() -> CodedLandmarker:
    return CodedLandmarker()


@pytest.fixture
def records() -> Records:
    """Records of random characters; every second one smiles where ``smiling``."""

    def make(landmarker: CodedLandmarker, count: int, smiling: bool = True) -> list[LandmarkRecord]:
        vectors = [HERO.encode(HERO.random(i, seed=5)) for i in range(count)]
        smiles = np.random.default_rng(9).random(count)
        return [
            landmarker.record(vector, float(smiles[i]) if smiling and i % 2 else 0.0)
            for i, vector in enumerate(vectors)
        ]

    return make


@pytest.fixture
def trained(landmarker: CodedLandmarker, records: Records, tmp_path: Path) -> Path:
    rows = records(landmarker, 600)
    rows[7] = rows[7]._replace(picture=np.zeros_like(rows[7].picture))  # no face
    out = tmp_path / "hero.safetensors"
    result = train_landmarks(
        HERO, FRAMING, landmarker, rows, out, source={"data": ["toy"]}, licence="none"
    )
    assert (result.pictures, result.missed, result.path) == (599, 1, out)
    assert result.figures["r2"] > 0.999
    assert result.figures["error"] < 1e-2
    assert result.figures["expression_r2"] > 0.8
    return out


def test_the_model_predicts_points_of_new_vectors(trained: Path) -> None:
    model = load_landmarks(trained, HERO, "coded")
    vectors = np.stack([HERO.encode(HERO.random(i, seed=6)) for i in range(4)])
    located = model(torch.from_numpy(vectors))
    expected = MEAN + np.tensordot(vectors, SLOPE, axes=1)
    assert np.abs(located.points.numpy() - expected).max() < 0.02
    assert located.expression[:, 2].numpy() == pytest.approx(vectors[:, 0], abs=0.1)


def test_expressions_are_separated_from_shape(trained: Path) -> None:
    model = load_landmarks(trained, HERO, "coded")
    assert model.actions == ("smile",)
    unit = eye_distance(model.mean.numpy(), CodedLandmarker.regions)
    expression = np.array([0.1 + 0.8 * 0.5, 0.05, 0.5], np.float32)
    assert model.basis(expression) * unit == pytest.approx(0.5 * SMILE, abs=0.02)
    assert model.scene_expression(torch.from_numpy(expression))["smile"] == pytest.approx(
        0.5, abs=0.15
    )
    neutral = np.array([0.1, 0.05, 0.5], np.float32)
    assert model.scene_expression(torch.from_numpy(neutral)) == {}


def test_the_card_describes_data_and_figures(trained: Path) -> None:
    card = load_card(trained)
    assert card["what"] == "landmarks"
    assert card["training"] == {"data": ["toy"], "pictures": 599, "missed": 1}
    assert card["figures"]["r2"] > 0.999


def test_an_engine_without_expressions_uses_the_landmarkers_basis(
    landmarker: CodedLandmarker, records: Records, tmp_path: Path
) -> None:
    rows, out = records(landmarker, 100, smiling=False), tmp_path / "w.safetensors"
    with pytest.raises(DatasetError, match="--vary expression") as caught:
        train_landmarks(HERO, FRAMING, landmarker, rows, out, source={}, licence="none")
    assert "brings no basis" in caught.value.message
    basis = ExpressionBasis(np.zeros(3, np.float32), np.ones((3, 6, 3), np.float32))
    landmarker.basis = basis
    train_landmarks(HERO, FRAMING, landmarker, rows, out, source={}, licence="none")
    model = load_landmarks(out, HERO, "coded")
    assert model.basis.displacement == pytest.approx(basis.displacement)
    assert model.actions == ()


def test_too_few_pictures_are_refused(
    landmarker: CodedLandmarker, records: Records, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="landmarks need 50 pictures with a face, got 20"):
        train_landmarks(
            HERO,
            FRAMING,
            landmarker,
            records(landmarker, 20),
            tmp_path / "w",
            source={},
            licence="none",
        )


def test_files_of_others_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="layout_hash must be"):
        load_landmarks(trained, VILLAIN, "coded")
    with pytest.raises(WeightsError, match="landmarker must be 'facemesh'"):
        load_landmarks(trained, HERO, "facemesh")
    with pytest.raises(WeightsError, match="no such weights file"):
        load_landmarks(tmp_path / "missing.safetensors", HERO, "coded")


def _model(slope: float = 1.0) -> LandmarkModel:
    model = LandmarkModel(HERO.size, POINTS, 3)
    model.slope.fill_(slope)
    model.expression_slope.fill_(slope)
    return model


def test_the_reader_gives_detected_values_and_linear_gradients(landmarker: CodedLandmarker) -> None:
    vector = HERO.encode(HERO.random(0, seed=1))
    record = landmarker.record(vector)
    picture = torch.from_numpy(record.picture).permute(2, 0, 1)[None].float() / 255
    read = LandmarkReader(landmarker, _model(), FRAMING)
    x = torch.zeros(2, HERO.size, requires_grad=True)
    located = read(x, torch.cat([picture, torch.zeros_like(picture)]))
    expected = MEAN + np.tensordot(vector, SLOPE, axes=1)
    assert located.points[0].detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert float(located.points[1].detach().abs().max()) == 0  # no face: the model's values
    (gradient,) = torch.autograd.grad(located.points.sum(), x)
    assert gradient.numpy() == pytest.approx(np.full((2, HERO.size), 18.0))


def test_regions_weigh_points() -> None:
    weights = point_weights({"left_eye": (0, 1), "unknown": (2,)}, 4)
    assert weights.tolist() == [3.0, 3.0, 0.5, 0.5]


def test_fractions_count_from_the_edge_of_the_picture() -> None:
    points = np.array([[-0.5, -0.5, 0], [SIDE - 0.5, 7.5, 8]], np.float32)
    found = DenseLandmarks(points, np.zeros(3, np.float32), 1.0)
    assert found.fractions(SIDE).tolist() == [[0, 0, 0], [1, 0.5, 0.5]]
