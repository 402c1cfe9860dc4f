"""Pictures for the search and for people: the engine's, the imitator's, the time they took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk import pipeline
from f2p_sdk.errors import UsageError, WeightsError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline.drawing import Grounded, Probed
from f2p_sdk.pipeline.report import Clock

Face = Callable[[Tensor], Tensor]
Values = dict[str, Any]
SIZE = 32


def test_the_grounded_picture_is_the_engines_and_its_gradient_the_imitators(face: Face) -> None:
    engine = SimpleNamespace(tensor=lambda v, size, scenes: torch.full((1, 3, SIZE, SIZE), 0.25))
    vector = torch.rand(1, 6, generator=torch.Generator().manual_seed(1)).requires_grad_()
    weight = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    grounded = Grounded(face, engine, lambda x: x)(vector, 0)  # type: ignore[arg-type]
    torch.testing.assert_close(grounded, torch.full((1, 3, SIZE, SIZE), 0.25))
    (got,) = torch.autograd.grad((grounded * weight).sum(), vector)
    (want,) = torch.autograd.grad((face(vector) * weight).sum(), vector)
    torch.testing.assert_close(got, want)


def test_the_probed_picture_is_the_engines_and_so_is_its_gradient(face: Face) -> None:
    """Only the free sliders are moved, each alone, never out of its range."""
    asked: list[Tensor] = []

    def tensor(vectors: Tensor, size: int, scenes: Any) -> Tensor:
        assert list(scenes) == [{"yaw": 5.0}] * len(vectors)
        asked.extend(vectors)
        return face(vectors.clamp(0, 1))

    engine: Any = SimpleNamespace(tensor=tensor)
    start = torch.tensor([0.3, 1.0, 0.5, 0.0, 1.0, 0.0])
    told: list[int] = []
    probed = Probed(engine, start, [0, 1], SIZE, step=0.1, scene={"yaw": 5.0}, tell=told.append)
    moved = torch.stack(asked)[1:] - start
    assert moved[0].tolist() == pytest.approx([0.1, 0, 0, 0, 0, 0])
    assert moved[1].tolist() == pytest.approx([0, -0.1, 0, 0, 0, 0])
    assert told == [3]
    vector = torch.tensor([[0.35, 0.9, 0.5, 0.0, 1.0, 0.0]], requires_grad=True)
    picture = probed(vector, 0)
    torch.testing.assert_close(picture, face(vector))
    weight = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    (got,) = torch.autograd.grad((picture * weight).sum(), vector)
    (want,) = torch.autograd.grad((face(vector) * weight).sum(), vector)
    torch.testing.assert_close(got[:, :2], want[:, :2], rtol=0.01, atol=0.01)
    assert got[0, 2:].tolist() == [0.0] * 4


def test_a_probe_of_nothing_free_still_draws(face: Face) -> None:
    engine: Any = SimpleNamespace(tensor=lambda vectors, size, scenes: face(vectors))
    start = torch.tensor([0.3, 1.0, 0.5, 0.0, 1.0, 0.0])
    picture = Probed(engine, start, [], SIZE, step=0.1)(start[None].requires_grad_(), 0)
    torch.testing.assert_close(picture, face(start[None]))


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
