"""Photo to character with a small game whose engine and imitator differ, as they do in life.

The engine stands where a Host stands. Its pictures are the imitator's plus a pattern that the
imitator has never learnt, so that what the imitator believes and what the engine draws differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk import pipeline
from f2p_sdk.alignment import Face
from f2p_sdk.errors import (
    CharacterError,
    EngineTimeoutError,
    FaceError,
    ImageError,
    NoFaceError,
    SearchError,
    UnknownNameError,
    UsageError,
    WeightsError,
)
from f2p_sdk.hookspecs import Kind
from f2p_sdk.pipeline import RECIPES, Fitter
from f2p_sdk.pipeline.drawing import Grounded
from f2p_sdk.pipeline.report import Clock
from f2p_sdk.pipeline.views import (
    to_array,
    to_tensor,
)

torch.set_num_threads(1)
SIZE = 32
POINTS = np.array([(0.7, 0.4), (0.6, 0.4), (0.3, 0.4), (0.4, 0.4), (0.5, 0.6)])
LAYOUT = """
game = "toy"
kind = "hero"
[[continuous]]
name = "nose_length"
group = "nose"
low = -1.0
high = 1.0
default = 0.0
[[continuous]]
name = "eye_size"
group = "eye"
[[continuous]]
name = "skin"
group = "face"
[[discrete]]
name = "hair"
group = "hair"
choices = ["none", "short", "long"]
default = "none"
"""


def _face(vector: Tensor) -> Tensor:
    """(B, 6) to (B, 3, 32, 32): smooth blobs whose height, colour and place follow the vector."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")

    def blob(cx: float, cy: float, width: float) -> Tensor:
        return torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width)

    nose, eye, skin, hair = vector[:, 0], vector[:, 1], vector[:, 2], vector[:, 3:6]
    colours = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.1, 0.0], [0.0, 0.1, 0.4]])
    top = blob(0.5, 0.05, 0.03)
    picture = 0.2 + 0.4 * skin[:, None, None, None] * torch.tensor([1.0, 0.7, 0.5])[:, None, None]
    picture = picture + 0.3 * nose[:, None, None, None] * blob(0.5, 0.55, 0.02)
    picture = picture + 0.3 * eye[:, None, None, None] * (
        blob(0.3, 0.4, 0.01) + blob(0.7, 0.4, 0.01)
    )
    return (picture + (hair @ colours)[:, :, None, None] * top).clamp(0, 1)


def _pattern() -> Tensor:
    return 0.05 * torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(4))


class ToyEngine:
    """Stands where a Host stands."""

    def __init__(self, kind: Kind) -> None:
        self.layout = kind.layout
        self.drawn: list[Mapping[str, Any]] = []
        self.silent = False

    def wait(self, timeout: float = 60.0, **_: Any) -> Any:
        return SimpleNamespace(name="toy-engine", version="3", max_size=64)

    def render_many(
        self,
        values: list[Mapping[str, Any]],
        *,
        kind: str,
        size: int,
        deadline: float,
        scene: Any = None,
    ) -> Iterator[tuple[int, Any]]:
        if self.silent:
            raise EngineTimeoutError("the engine did not answer", remedy="start it again")
        assert kind == "hero"
        for i in reversed(range(len(values))):  # out of order, as a bridge may
            self.drawn.append(values[i])
            yield i, SimpleNamespace(color=self.draw(values[i], size))

    def draw(self, values: Mapping[str, Any], size: int) -> np.ndarray[Any, Any]:
        vector = torch.from_numpy(self.layout.encode(values))[None]
        picture = (_face(vector) + _pattern()).clamp(0, 1)
        return to_array(torch.nn.functional.interpolate(picture, (size, size), mode="bilinear"))


class ToyRecognizer:
    """Coarse colours, through a fixed mix: differentiable, and blind to fine patterns."""

    name = "toy-eyes"

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
        points = POINTS * (w, h) - 0.5
        box = (0.2 * w, 0.2 * h, 0.8 * w, 0.8 * h)
        small = tuple(edge / 2 for edge in box)
        return [Face(box, points, 1.0)] + [Face(small, points / 2, 1.0)] * (self.faces - 1)  # type: ignore[arg-type]


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    (tmp_path / "hero.toml").write_text(LAYOUT, encoding="utf-8")
    (tmp_path / "framing.toml").write_text(
        f"size = {SIZE}\nlandmarks = {POINTS.tolist()}\n", encoding="utf-8"
    )
    return Kind("toy", "hero", tmp_path / "hero.toml", tmp_path / "framing.toml")


@pytest.fixture
def engine(kind: Kind) -> ToyEngine:
    return ToyEngine(kind)


def _fitter(kind: Kind, engine: ToyEngine | None, **changes: Any) -> Fitter:
    parts = {"recognizer": ToyRecognizer(), "detector": ToyDetector(), "imitator": _face}
    return Fitter(kind, engine, **{**parts, **changes})  # type: ignore[arg-type]


TRUE = {"nose_length": 0.8, "eye_size": 0.1, "skin": 0.9, "hair": "long"}


def test_a_known_character_is_recovered_and_verified_in_the_engine(
    kind: Kind, engine: ToyEngine
) -> None:
    photo = engine.draw(TRUE, 64)
    result = _fitter(kind, engine).fit(photo)
    values = result.character.values
    assert values["hair"] == "long"
    for name in ("nose_length", "eye_size", "skin"):
        width = 2.0 if name == "nose_length" else 1.0
        assert values[name] == pytest.approx(TRUE[name], abs=0.1 * width)
    report = result.report
    assert result.picture is not None
    np.testing.assert_array_equal(result.picture, engine.draw(values, 64))
    assert (
        report["identity_distance"]["engine"]
        < 0.2 * report["identity_distance"]["average_character"]
    )
    # What the report says of the engine's picture is so, computed again from pictures alone.
    seen, target = (
        ToyRecognizer().embed(to_tensor(p), torch.zeros(5, 2)) for p in (result.picture, photo)
    )
    assert report["identity_distance"]["engine"] == pytest.approx(
        float((seen - target).norm()), abs=1e-5
    )
    assert report["engine_pictures"] == len(engine.drawn) - 0
    json.dumps(report, allow_nan=False)
    stages = [stage.name for stage in RECIPES["best"].stages]
    assert list(report["seconds"]) == ["photo", *stages, "verify", "total"]
    assert report["versions"]["engine"] == "toy-engine 3"
    assert report["losses"]["search"][0]["distance"] > report["losses"]["refine"][-1]["distance"]


def test_the_engine_in_the_loop_beats_the_imitator_alone(kind: Kind, engine: ToyEngine) -> None:
    """An imitator that draws too dark misleads; the engine's own picture does not."""
    photo = engine.draw(TRUE, 64)
    wrong = lambda vector: (_face(vector) * 0.7).clamp(0, 1)  # noqa: E731
    alone = _fitter(kind, None, imitator=wrong).fit(photo).character.values
    both = _fitter(kind, engine, imitator=wrong).fit(photo).character.values
    assert (
        abs(both["skin"] - TRUE["skin"]) < abs(alone["skin"] - TRUE["skin"]) or alone["skin"] == 1.0
    )
    fitter = _fitter(kind, engine)
    target = fitter.see(photo).target
    assert fitter.distance(engine.draw(both, 64), target) < fitter.distance(
        engine.draw(alone, 64), target
    )


def test_kept_values_come_back_untouched(kind: Kind, engine: ToyEngine) -> None:
    keep = {"skin": 0.3, "hair": "short"}  # 0.3 is no float32: it must not come back as one
    result = _fitter(kind, engine).fit(engine.draw(TRUE, 64), keep=keep)
    assert {name: result.character.values[name] for name in keep} == keep
    average = kind.layout.default().values
    tried = [drawn for drawn in engine.drawn if drawn != average]
    assert len(tried) > 20
    assert all(drawn["hair"] == "short" for drawn in tried)
    assert all(drawn["skin"] == pytest.approx(0.3, abs=1e-6) for drawn in tried)
    assert result.report["kept"] == keep


def test_keeping_everything_gives_exactly_that(kind: Kind, engine: ToyEngine) -> None:
    result = _fitter(kind, engine).fit(engine.draw(TRUE, 64), keep=TRUE)
    assert dict(result.character.values) == TRUE


@pytest.mark.parametrize(
    ("keep", "message"),
    [({"skim": 0.5}, "no parameter 'skim'"), ({"skin": 1.5}, "skin"), ({"hair": "blue"}, "hair")],
)
def test_keep_is_checked(kind: Kind, keep: dict[str, Any], message: str) -> None:
    with pytest.raises(CharacterError, match=message):
        _fitter(kind, None).fit(np.zeros((8, 8, 3), np.uint8), keep=keep)


def test_same_seed_same_character(kind: Kind, engine: ToyEngine) -> None:
    photo = engine.draw(TRUE, 64)
    runs = [_fitter(kind, engine).fit(photo, seed=seed, steps=8).character for seed in (3, 3)]
    assert runs[0] == runs[1]


def test_without_an_engine_nothing_is_verified(kind: Kind, engine: ToyEngine) -> None:
    result = _fitter(kind, None).fit(engine.draw(TRUE, 64))
    assert result.picture is None
    assert "engine" not in result.report["identity_distance"]
    assert "engine" not in result.report["versions"]
    assert result.imitation.shape == (SIZE, SIZE, 3)
    assert result.character.values["hair"] == "long"


def test_the_slides_method_takes_its_ten_steps(kind: Kind, engine: ToyEngine) -> None:
    result = _fitter(kind, engine).fit(engine.draw(TRUE, 64), method="slides")
    assert len(result.report["losses"]["search"]) == 10
    assert set(result.report["losses"]["search"][0]) == {"identity", "total"}
    assert result.report["weights_of_terms"] == {"identity": 1.0}


def test_wrong_use_is_named(kind: Kind, engine: ToyEngine) -> None:
    photo = engine.draw(TRUE, 64)
    with pytest.raises(UnknownNameError, match="no method named 'bets'"):
        _fitter(kind, None).fit(photo, method="bets")
    with pytest.raises(UsageError, match="steps must be 1 or more, got 0"):
        _fitter(kind, None).fit(photo, steps=0)


def test_faces_that_are_not_there(kind: Kind, engine: ToyEngine) -> None:
    fitter = _fitter(kind, None)
    with pytest.raises(NoFaceError):
        fitter.fit(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(FaceError, match="face 2 was asked for"):
        fitter.fit(engine.draw(TRUE, 64), face=2)
    with pytest.raises(ImageError):
        fitter.fit(np.zeros((64, 64), np.uint8))


def test_several_faces_are_counted_and_one_is_named(kind: Kind, engine: ToyEngine) -> None:
    finder = ToyDetector()
    finder.faces = 3
    report = _fitter(kind, None, detector=finder).fit(engine.draw(TRUE, 64), steps=1).report
    assert (report["face"]["found"], report["face"]["taken"]) == (3, 1)
    assert "--face" in report["face"]["message"]


def test_a_silent_engine_ends_the_fit(kind: Kind, engine: ToyEngine) -> None:
    photo = engine.draw(TRUE, 64)
    engine.silent = True
    with pytest.raises(EngineTimeoutError):
        _fitter(kind, engine).fit(photo)


def test_an_imitator_of_nonsense_is_a_search_error(kind: Kind, engine: ToyEngine) -> None:
    broken = _fitter(kind, None, imitator=lambda vector: _face(vector) * float("nan"))
    with pytest.raises(SearchError, match="not a finite number"):
        broken.fit(engine.draw(TRUE, 64))


def test_progress_tells_every_stage(kind: Kind, engine: ToyEngine) -> None:
    told: list[tuple[str, int, int]] = []
    _fitter(kind, engine).fit(
        engine.draw(TRUE, 64), steps=4, progress=lambda *args: told.append(args)
    )
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        "photo",
        "search",
        "engine",
        "choices",
        "refine",
        "verify",
    ]
    assert ("search", 4, 4) in told


def test_no_weights_is_an_error_that_says_how_to_get_them(kind: Kind) -> None:
    with pytest.raises(WeightsError, match="no imitator weights") as caught:
        Fitter(kind, None, recognizer=ToyRecognizer(), detector=ToyDetector())  # type: ignore[arg-type]
    assert "f2p capture" in caught.value.remedy


def test_the_grounded_picture_is_the_engines_and_its_gradient_the_imitators() -> None:
    engine = SimpleNamespace(tensor=lambda v, size, scenes: torch.full((1, 3, SIZE, SIZE), 0.25))
    vector = torch.rand(1, 6, generator=torch.Generator().manual_seed(1)).requires_grad_()
    weight = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    grounded = Grounded(_face, engine, lambda x: x)(vector, 0)  # type: ignore[arg-type]
    torch.testing.assert_close(grounded, torch.full((1, 3, SIZE, SIZE), 0.25))
    (got,) = torch.autograd.grad((grounded * weight).sum(), vector)
    (want,) = torch.autograd.grad((_face(vector) * weight).sum(), vector)
    torch.testing.assert_close(got, want)


def test_the_clock_adds_up() -> None:
    clock = Clock()
    with clock.stage("a"), clock.stage("b"):
        pass
    seconds = clock.seconds()
    assert set(seconds) == {"a", "b", "total"}
    assert seconds["total"] >= seconds["a"] >= 0


def test_render_takes_a_character_or_a_file(kind: Kind, engine: ToyEngine, tmp_path: Path) -> None:
    character = kind.layout.character(TRUE)
    path = character.save(tmp_path / "c.json")
    host = SimpleNamespace(
        wait=engine.wait,
        render=lambda values, *, kind, size: SimpleNamespace(color=engine.draw(values, size)),
    )
    for given in (character, path):
        picture = pipeline.render(given, kind, via="engine", engine=host)  # type: ignore[arg-type]
        np.testing.assert_array_equal(picture, engine.draw(TRUE, 512))
    with pytest.raises(UsageError, match="via must be"):
        pipeline.render(character, kind, via="magic")
    with pytest.raises(WeightsError):
        pipeline.render(character, kind)
