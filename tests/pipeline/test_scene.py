"""Scene estimation, and the parser's reader."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from f2p_sdk.errors import EngineError
from f2p_sdk.objective import Parsed
from f2p_sdk.parsing.picture_parser import PictureParser
from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.method import Context, Method
from f2p_sdk.pipeline.scene import PARAMETERS, estimate_scene
from f2p_sdk.pipeline.stages import GradientSearch, SceneEstimation
from f2p_sdk.pipeline.targets import Targets
from f2p_sdk.search import Adam, Space

START = torch.tensor([0.5, 0.5, 1.0, 0.0, 0.0])
SPACE = Space.around(START, 2, [slice(2, 5)])


def _numbers(scene: Mapping[str, Any]) -> list[float]:
    flat = {**scene, **scene.get("expression", {})}
    return [float(flat.get(parameter.name, parameter.start)) for parameter in PARAMETERS]


def test_the_scene_of_a_picture_is_estimated() -> None:
    """A picture holds the scene's own numbers; the result lies within the last step."""
    true = {"expression": {"smile": 0.7, "open_mouth": 0.2}, "light_azimuth": -40.0}
    scale = torch.tensor([parameter.high - parameter.low for parameter in PARAMETERS])
    drawn: list[Mapping[str, Any]] = []

    def draw(scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        drawn.extend(scenes)
        return torch.tensor([_numbers(scene) for scene in scenes])

    def score(pictures: Tensor) -> Tensor:
        return ((pictures - torch.tensor(_numbers(true))) / scale).square().sum(dim=1)

    found = estimate_scene(draw, score, rounds=4)
    for parameter, got, want in zip(PARAMETERS, _numbers(found), _numbers(true), strict=True):
        assert abs(got - want) <= parameter.step / 4, parameter.name
    assert "light_strength" not in found  # the standard portrait's value
    assert all(
        k.low <= v <= k.high for s in drawn for k, v in zip(PARAMETERS, _numbers(s), strict=True)
    )


def test_the_standard_portrait_is_the_empty_scene() -> None:
    found = estimate_scene(
        lambda scenes: torch.tensor([_numbers(scene) for scene in scenes]),
        lambda pictures: (pictures - torch.tensor([k.start for k in PARAMETERS])).abs().sum(dim=1),
    )
    assert found == {}


def _draw(vectors: Tensor, smile: Sequence[float]) -> Tensor:
    """Two sliders in red and green; a smile adds to green, and shows in blue."""
    smiles = torch.tensor(smile)
    colour = torch.stack([vectors[:, 0], vectors[:, 1] + 0.4 * smiles, smiles], dim=1)
    return colour[:, :, None, None].expand(-1, -1, 8, 8)


def _fit(engine: Any, estimate: bool) -> tuple[Tensor, Mapping[str, Any]]:
    stages = (
        *((SceneEstimation(name="scene", rounds=3),) if estimate else ()),
        GradientSearch(name="fit", optimiser=Adam(steps=200, rate=0.02), engine=True),
    )
    wanted = torch.tensor([0.2, 0.6, 0.5])  # green 0.4, and a smile of one half
    cells = CellColours(wanted[:, None, None].expand(3, 4, 4), torch.ones(4, 4))
    embed: Any = lambda pictures, step: pictures.new_zeros(1, len(pictures), 4)  # noqa: E731
    context = Context(
        SPACE,
        Targets(torch.ones(1, 4), cells, strictness=1.0),
        {"colour": 1.0},
        torch.zeros(1, 3, 8, 8),
        lambda v: _draw(v, [0.0] * len(v)),
        embed,
        embed,
        engine,
        8,
    )
    state = Method("test", "test", stages, {"colour": 1.0}).run(context)
    return state.candidates["fit"], state.scene


def test_an_estimated_smile_does_not_change_the_sliders() -> None:
    def tensor(vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        return _draw(vectors, [s.get("expression", {}).get("smile", 0.0) for s in scenes])

    engine = SimpleNamespace(tensor=tensor)
    plain, none = _fit(engine, estimate=False)
    assert none == {}
    assert float(plain[1]) == pytest.approx(0.6, abs=0.02)
    estimated, scene = _fit(engine, estimate=True)
    assert scene["expression"]["smile"] == pytest.approx(0.5, abs=0.1)
    assert float(estimated[1]) == pytest.approx(0.4, abs=0.06)


def test_an_engine_without_scenes_keeps_the_standard_portrait() -> None:
    def tensor(vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        if any(scenes):
            raise EngineError("unknown setting: scene")
        return _draw(vectors, [0.0] * len(vectors))

    found, scene = _fit(SimpleNamespace(tensor=tensor), estimate=True)
    assert scene == {}
    assert float(found[1]) == pytest.approx(0.6, abs=0.02)


def test_the_reader_resizes_to_the_parsers_size_and_weights_classes_by_name() -> None:
    seen: list[Tensor] = []

    def features(pictures: Tensor) -> Any:
        seen.append(pictures)
        logits = torch.zeros(len(pictures), 2, 4, 4)
        logits[:, 1] = 1.0
        stages = {f"stage{k}": torch.full((1, 1, 4, 4), float(k)) for k in (1, 2, 4)}
        return SimpleNamespace(**stages, logits=logits)

    parser = SimpleNamespace(size=32, classes=("wall", "face"), features=features)
    reader = PictureParser(parser)  # type: ignore[arg-type]
    checks = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    parsed = reader(checks.float().expand(1, 3, 64, 64))
    assert isinstance(parsed, Parsed)
    # a chequered picture of twice the side is grey, not the half of its squares
    assert (seen[0].shape, float(seen[0].std())) == ((1, 3, 32, 32), pytest.approx(0, abs=0.05))
    assert [float(f.mean()) for f in parsed.features] == [1.0, 2.0, 4.0]
    e = math.e
    assert float(parsed.probabilities[0, 1, 0, 0]) == pytest.approx(e / (1 + e))
    assert reader.class_weights({"face": 0.5}).tolist() == [0.0, 0.5]
