"""The neutral face of a photo, and the character as in the photo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk.errors import EngineError
from f2p_sdk.landmarks import DenseLandmarks, LandmarkModel
from f2p_sdk.objective import Located
from f2p_sdk.pipeline.as_photo import draw_as_photo
from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.expression import neutral_face

RNG = np.random.default_rng(2)
EXPRESSIONS = ("mouthSmileLeft", "jawOpen", "browInnerUp")
REGIONS = {"left_eye": (0, 1), "right_eye": (2, 3), "lips": (4, 5, 6)}
LANDMARKER: Any = SimpleNamespace(name="toy", expressions=EXPRESSIONS, regions=REGIONS)
SMILE = 0.3 * RNG.normal(size=(12, 3)).astype(np.float32) * (np.arange(12) > 3)[:, None]


def _model() -> LandmarkModel:
    model = LandmarkModel(2, 12, 3, ("smile", "open_mouth"))
    points = RNG.normal(size=(12, 3)).astype(np.float32)
    points[:4, :2] = [(0.7, 0.4), (0.6, 0.4), (0.4, 0.4), (0.3, 0.4)]
    model.mean.copy_(torch.from_numpy(points))
    model.neutral.copy_(torch.tensor([0.1, 0.0, 0.2]))
    model.displacement[0] = torch.from_numpy(SMILE)
    model.drive[0, 0] = 1.25
    return model


MODEL = _model()
UNIT = 0.3  # distance of the eyes of the model's mean


def _photo(smile: float, yaw: float, pitch: float = 0.0) -> DenseLandmarks:
    """Landmarks of the mean face that smiles and turns, in pixels of a picture."""
    points = MODEL.mean.numpy() / UNIT + smile * SMILE
    a, b = math.radians(-yaw), math.radians(-pitch)  # z points away from the camera
    across = np.array([(math.cos(a), 0, -math.sin(a)), (0, 1, 0), (math.sin(a), 0, math.cos(a))])
    down = np.array([(1, 0, 0), (0, math.cos(b), math.sin(b)), (0, -math.sin(b), math.cos(b))])
    turned = (points @ down @ across) * 77 + (200, 180, 0)
    expression = np.array([0.1 + smile, 0.0, 0.2], np.float32)
    return DenseLandmarks(turned.astype(np.float32), expression, 1.0)


@pytest.mark.parametrize(("smile", "yaw"), [(0.0, 0.0), (0.8, 0.0), (0.5, 25.0), (0.8, -30.0)])
def test_smile_and_turn_are_removed(smile: float, yaw: float) -> None:
    face = neutral_face(_photo(smile, yaw), MODEL, LANDMARKER)
    neutral = MODEL.mean.numpy() / UNIT
    shift = face.points.numpy() - (neutral - neutral.mean(axis=0))
    assert np.abs(shift - shift.mean(axis=0)).max() < 1e-4
    scene = face.scene(MODEL.mean / UNIT)
    assert scene["yaw"] == pytest.approx(yaw, abs=0.2)
    assert face.mouth == pytest.approx(smile, abs=1e-6)
    if smile:
        assert scene["expression"] == {"smile": pytest.approx(min(1.25 * smile, 1), abs=1e-3)}
    else:
        assert "expression" not in scene


def test_pitch_is_that_of_the_protocol() -> None:
    face = neutral_face(_photo(0, 0, 12), MODEL, LANDMARKER)
    assert face.scene(MODEL.mean / UNIT)["pitch"] == pytest.approx(12, abs=0.2)


def test_only_coefficients_of_the_landmarker_leak() -> None:
    face = neutral_face(_photo(0.5, 0), MODEL, LANDMARKER)
    assert face.leaks.tolist() == [0, 1]
    assert face.neutral.tolist() == pytest.approx([0.1, 0.0])


class _Engine:
    """A picture whose brightness is the strength of its light."""

    def __init__(self) -> None:
        self.scenes: list[Mapping[str, Any]] = []

    def tensor(self, vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        self.scenes += scenes
        levels = torch.tensor([scene.get("light_strength", 1.0) / 2 for scene in scenes])
        return levels[:, None, None, None].expand(-1, 3, size, size)

    def draw(self, vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> list[Any]:
        return [np.zeros((size, size, 3), np.uint8) for _ in scenes]


FACE = neutral_face(_photo(0.4, 60.0, 3.0), MODEL, LANDMARKER)
PORTRAIT = np.zeros((16, 16, 3), np.uint8)


def _locate(vectors: Tensor, pictures: Tensor) -> Located:
    return Located(MODEL.mean[None], torch.zeros(1, 3))


def _context(engine: Any) -> Any:
    targets = SimpleNamespace(colours=CellColours(torch.zeros(3, 4, 4), torch.ones(4, 4)))
    _locate.landmarker = LANDMARKER  # type: ignore[attr-defined]
    photo = torch.full((1, 3, 8, 8), 0.3)
    return SimpleNamespace(engine=engine, targets=targets, photo=photo, locate=_locate)


def test_the_light_of_the_photo_is_found_in_its_turn_and_expression() -> None:
    engine = _Engine()
    picture, scene = draw_as_photo(_context(engine), torch.zeros(2), PORTRAIT, FACE)
    assert picture is not None
    assert picture.shape == (16, 16, 3)
    assert scene["light_strength"] == pytest.approx(0.6, abs=0.11)
    assert scene["yaw"] == 45.0  # the engine's largest turn
    assert scene["pitch"] == pytest.approx(3.0, abs=2)
    assert all(one["expression"] == {"smile": 0.5} for one in engine.scenes)


def test_engines_without_scenes_draw_no_such_picture() -> None:
    class Plain(_Engine):
        def tensor(self, *_: Any) -> Tensor:
            raise EngineError("unknown setting")

    vector = torch.zeros(2)
    assert draw_as_photo(_context(Plain()), vector, PORTRAIT, FACE) == (None, {})
    assert draw_as_photo(_context(None), vector, PORTRAIT, FACE) == (None, {})
    assert draw_as_photo(_context(_Engine()), vector, PORTRAIT, None) == (None, {})
