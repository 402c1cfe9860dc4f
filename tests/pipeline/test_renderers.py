"""Renderers: straight-through gradients, `render`, and the clock of a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import SIDE
from torch import Tensor

from f2p_sdk import pipeline
from f2p_sdk.errors import UsageError, WeightsError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline.renderers import StraightThrough, known_assets, open_engine_renderer
from f2p_sdk.pipeline.report import Clock

Face = Callable[[Tensor], Tensor]
Values = dict[str, Any]


def test_straight_through_has_the_engines_value_and_the_imitators_gradient(face: Face) -> None:
    engine = SimpleNamespace(tensor=lambda v, size, scenes: torch.full((1, 3, SIDE, SIDE), 0.25))
    vector = torch.rand(1, 7, generator=torch.Generator().manual_seed(1)).requires_grad_()
    weight = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    drawn = StraightThrough(face, engine, lambda x: x, {})(vector, 0)  # type: ignore[arg-type]
    torch.testing.assert_close(drawn, torch.full((1, 3, SIDE, SIDE), 0.25))
    (got,) = torch.autograd.grad((drawn * weight).sum(), vector)
    (want,) = torch.autograd.grad((face(vector) * weight).sum(), vector)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize(("assets", "warned"), [("build 8", True), ("build 7", False), ("", False)])
def test_an_engine_with_other_assets_than_the_imitator_causes_a_warning(
    kind: Kind, caplog: pytest.LogCaptureFixture, assets: str, warned: bool
) -> None:
    card = {"assets": "build 7"}
    host: Any = SimpleNamespace(wait=lambda: SimpleNamespace(assets=assets))
    engine = open_engine_renderer(host, kind, card, 1.0)
    assert known_assets(engine, card) == assets
    assert known_assets(None, card) == "build 7"
    assert ("capture and train again: f2p capture -g" in caplog.text) is warned
    assert ("made with the assets 'build 7', the engine has" in caplog.text) is warned


def test_the_clock_adds_up() -> None:
    clock = Clock()
    with clock.stage("a"), clock.stage("b"):
        pass
    seconds = clock.seconds()
    assert set(seconds) == {"a", "b", "total"}
    assert seconds["total"] >= seconds["a"] >= 0


def test_render_takes_a_character_or_a_file(
    kind: Kind, engine: Any, tmp_path: Path, true: Values
) -> None:
    character = kind.layout.character(true)
    path = character.save(tmp_path / "c.json")
    host = SimpleNamespace(
        wait=engine.wait,
        render=lambda values, *, kind, size: SimpleNamespace(color=engine.draw(values, size)),
    )
    for given in (character, path):
        picture = pipeline.render(given, kind, via="engine", engine=host)  # type: ignore[arg-type]
        np.testing.assert_array_equal(picture, engine.draw(true, 512))
    with pytest.raises(UsageError, match="via must be"):
        pipeline.render(character, kind, via="magic")
    with pytest.raises(WeightsError):
        pipeline.render(character, kind)
