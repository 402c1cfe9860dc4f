"""The photo's scene is found, and what it changes is not laid to the character's charge."""

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
from f2p_sdk.pipeline.appearance import Appearance
from f2p_sdk.pipeline.flow import Tools, find
from f2p_sdk.pipeline.recipes import Recipe
from f2p_sdk.pipeline.report import Clock
from f2p_sdk.pipeline.scene import KNOBS, explain
from f2p_sdk.pipeline.stages import Explain, Search
from f2p_sdk.pipeline.targets import Goal
from f2p_sdk.search import Adam, Space

torch.set_num_threads(1)
START = torch.tensor([0.5, 0.5, 1.0, 0.0, 0.0])
SPACE = Space.around(START, 2, [slice(2, 5)])


def _numbers(scene: Mapping[str, Any]) -> list[float]:
    flat = {**scene, **scene.get("expression", {})}
    return [float(flat.get(knob.name, knob.start)) for knob in KNOBS]


def test_the_scene_of_a_picture_is_found() -> None:
    """A picture is the scene's own numbers: descent has to come within its last, halved step."""
    true = {"expression": {"smile": 0.7, "open_mouth": 0.2}, "light_azimuth": -40.0}
    scale = torch.tensor([knob.high - knob.low for knob in KNOBS])
    asked: list[Mapping[str, Any]] = []

    def draw(scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        asked.extend(scenes)
        return torch.tensor([_numbers(scene) for scene in scenes])

    def score(pictures: Tensor) -> Tensor:
        return ((pictures - torch.tensor(_numbers(true))) / scale).square().sum(dim=1)

    found = explain(draw, score, rounds=4)
    for knob, got, want in zip(KNOBS, _numbers(found), _numbers(true), strict=True):
        assert abs(got - want) <= knob.step / 4, knob.name
    assert "light_strength" not in found  # it was the standard portrait's
    assert all(k.low <= v <= k.high for s in asked for k, v in zip(KNOBS, _numbers(s), strict=True))


def test_the_standard_portrait_is_no_scene() -> None:
    found = explain(
        lambda scenes: torch.tensor([_numbers(scene) for scene in scenes]),
        lambda pictures: (pictures - torch.tensor([k.start for k in KNOBS])).abs().sum(dim=1),
    )
    assert found == {}


def _draw(vectors: Tensor, smile: Sequence[float]) -> Tensor:
    """Two sliders in red and green; a smile adds to green, too, and is seen in blue."""
    smiles = torch.tensor(smile)
    colour = torch.stack([vectors[:, 0], vectors[:, 1] + 0.4 * smiles, smiles], dim=1)
    return colour[:, :, None, None].expand(-1, -1, 8, 8)


def _find(engine: Any, explaining: bool) -> tuple[Tensor, Mapping[str, Any]]:
    colour = {"colour": 1.0}
    stages = (
        *((Explain("explain", 3, colour),) if explaining else ()),
        Search("fit", Adam(steps=200, rate=0.02), engine=True),
    )
    wanted = torch.tensor([0.2, 0.6, 0.5])  # green 0.4, and a smile of one half
    look = Appearance(wanted[:, None, None].expand(3, 4, 4), torch.ones(4, 4))
    views: Any = lambda pictures, step: pictures.new_zeros(1, len(pictures), 4)  # noqa: E731
    tools = Tools(lambda v: _draw(v, [0.0] * len(v)), views, views, engine, 8)
    plan = Recipe("test", stages, colour, strictness=1.0)
    found = find(plan, SPACE, Goal(torch.ones(1, 4), look), tools, 0, Clock())
    return found.candidates["fit"], found.scene


def test_what_a_smile_changes_is_not_carved_into_the_face() -> None:
    def tensor(vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        return _draw(vectors, [s.get("expression", {}).get("smile", 0.0) for s in scenes])

    engine = SimpleNamespace(tensor=tensor)
    plain, nothing = _find(engine, explaining=False)
    assert nothing == {}
    assert float(plain[1]) == pytest.approx(0.6, abs=0.02)
    explained, scene = _find(engine, explaining=True)
    assert scene["expression"]["smile"] == pytest.approx(0.5, abs=0.1)
    assert float(explained[1]) == pytest.approx(0.4, abs=0.06)


def test_an_engine_that_knows_no_scenes_leaves_the_photo_unexplained() -> None:
    def tensor(vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]]) -> Tensor:
        if any(scenes):
            raise EngineError("scene is not known")
        return _draw(vectors, [0.0] * len(vectors))

    found, scene = _find(SimpleNamespace(tensor=tensor), explaining=True)
    assert scene == {}
    assert float(found[1]) == pytest.approx(0.6, abs=0.02)


def test_the_reader_brings_pictures_to_the_parsers_size_and_names_its_classes() -> None:
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
