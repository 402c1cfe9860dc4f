"""The toy game in one process: the engine replaces a Host and differs from the imitator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import HERE, LANDMARKS, SIDE, draw_face
from torch import Tensor

from f2p_sdk.alignment import Face
from f2p_sdk.errors import EngineTimeoutError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter
from f2p_sdk.tensors import to_array


def _pattern() -> Tensor:
    return 0.05 * torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(4))


class ToyEngine:
    """Takes the place of a Host; its pictures are the imitator's plus a fixed pattern."""

    def __init__(self, kind: Kind) -> None:
        self.layout = kind.layout
        self.drawn: list[Mapping[str, Any]] = []
        self.silent = False

    def wait(self, timeout: float = 60.0, **_: Any) -> Any:
        return SimpleNamespace(
            name="toy-engine", version="3", max_size=64, passes=("color",), assets=""
        )

    def render_many(
        self,
        values: list[Mapping[str, Any]],
        *,
        kind: str,
        size: int,
        deadline: float,
        scene: Any = None,
        passes: Any = ("color",),
        ordered: bool = False,
    ) -> Iterator[tuple[int, Any]]:
        if self.silent:
            raise EngineTimeoutError("the engine did not answer", remedy="start it again")
        assert kind == "hero"
        assert ordered
        assert tuple(passes) == ("color",)
        for i in range(len(values)):
            self.drawn.append(values[i])
            yield i, SimpleNamespace(color=self.draw(values[i], size))

    def draw(self, values: Mapping[str, Any], size: int) -> np.ndarray[Any, Any]:
        vector = torch.from_numpy(self.layout.encode(values))[None]
        picture = (draw_face(vector) + _pattern()).clamp(0, 1)
        return to_array(torch.nn.functional.interpolate(picture, (size, size), mode="bilinear"))


class ToyRecognizer:
    """A fixed random projection of coarse colours; differentiable."""

    name = "toy-eyes"
    metric = "euclidean"

    def embed(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        assert landmarks.shape[-2:] == (5, 2)
        cells = torch.nn.functional.adaptive_avg_pool2d(pictures, 8).flatten(1)
        mix = torch.randn(cells.shape[1], 32, generator=torch.Generator().manual_seed(0)) / 4
        return cells @ mix


class ToyDetector:
    """One face in every picture that is not of one colour."""

    name = "toy-finder"

    def __init__(self) -> None:
        self.calls = 0
        self.faces = 1

    def detect(self, picture: np.ndarray[Any, Any]) -> list[Face]:
        self.calls += 1
        if picture.std() < 2:
            return []
        h, w = picture.shape[:2]
        points = LANDMARKS * (w, h) - 0.5
        box = (0.2 * w, 0.2 * h, 0.8 * w, 0.8 * h)
        small = tuple(edge / 2 for edge in box)
        return [Face(box, points, 1.0)] + [Face(small, points / 2, 1.0)] * (self.faces - 1)  # type: ignore[arg-type]


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    """toy/hero with small pictures and without an engine process."""
    path = tmp_path / "framing.toml"
    path.write_text(f"size = {SIDE}\nlandmarks = {LANDMARKS.tolist()}\n", encoding="utf-8")
    return Kind("toy", "hero", HERE / "hero.toml", path)


@pytest.fixture
def engine(kind: Kind) -> ToyEngine:
    return ToyEngine(kind)


@pytest.fixture
def recognizer() -> ToyRecognizer:
    return ToyRecognizer()


@pytest.fixture
def finder() -> ToyDetector:
    return ToyDetector()


@pytest.fixture
def face() -> Callable[[Tensor], Tensor]:
    """The toy's imitator."""
    return draw_face


@pytest.fixture
def true() -> dict[str, Any]:
    """A character to recover."""
    return {"nose": 0.8, "eyes": 0.1, "red": 0.6, "green": 0.3, "hair": "long"}


@pytest.fixture
def fitter() -> Callable[..., Fitter]:
    """Makes a fitter of a kind and an engine or None; other parts of it by name."""

    def make(kind: Kind, engine: ToyEngine | None, **changes: Any) -> Fitter:
        parts = {"recognizer": ToyRecognizer(), "detector": ToyDetector(), "imitator": draw_face}
        return Fitter(kind, engine, **{**parts, **changes})  # type: ignore[arg-type]

    return make
