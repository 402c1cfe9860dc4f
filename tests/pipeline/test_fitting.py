"""What a fit finds, with the toy game of conftest.py: its engine and imitator differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import RECIPES, Fitter
from f2p_sdk.pipeline.denoising import grain_of, smoothed
from f2p_sdk.recognizers.embedding import embed_face
from f2p_sdk.tensors import to_tensor

Make = Callable[..., Fitter]
Face = Callable[[Tensor], Tensor]
Values = dict[str, Any]
SIZE = 32


def test_a_known_character_is_recovered_and_verified_in_the_engine(
    kind: Kind, engine: Any, fitter: Make, recognizer: Any, true: Values
) -> None:
    photo = engine.draw(true, 64)
    result = fitter(kind, engine).fit(photo)
    values = result.character.values
    assert values["hair"] == "long"
    for name in ("nose_length", "eye_size", "skin"):
        width = 2.0 if name == "nose_length" else 1.0
        assert values[name] == pytest.approx(true[name], abs=0.1 * width)
    report = result.report
    assert result.picture is not None
    np.testing.assert_array_equal(result.picture, engine.draw(values, 64))
    assert (
        report["identity_distance"]["engine"]
        < 0.2 * report["identity_distance"]["average_character"]
    )
    # What the report says of the engine's picture is so, computed again from pictures alone.
    seen, target = (
        recognizer.embed(to_tensor(p), torch.zeros(5, 2)) for p in (result.picture, photo)
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


def test_the_engine_in_the_loop_beats_the_imitator_alone(
    kind: Kind, engine: Any, fitter: Make, face: Face, true: Values
) -> None:
    """An imitator that draws too dark misleads; the engine's own picture does not."""
    photo = engine.draw(true, 64)
    wrong = lambda vector: (face(vector) * 0.7).clamp(0, 1)  # noqa: E731
    alone = fitter(kind, None, imitator=wrong).fit(photo).character.values
    both = fitter(kind, engine, imitator=wrong).fit(photo).character.values
    assert (
        abs(both["skin"] - true["skin"]) < abs(alone["skin"] - true["skin"]) or alone["skin"] == 1.0
    )
    fit = fitter(kind, engine)
    target = fit.see(photo).target
    assert fit.distance(engine.draw(both, 64), target) < fit.distance(
        engine.draw(alone, 64), target
    )


def test_grain_is_smoothed_in_photos_and_kept_in_the_games_own(
    kind: Kind, engine: Any, fitter: Make, true: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fitter(kind, engine)
    plain = engine.draw(true, 64)
    noise = np.random.default_rng(0).normal(0, 15, plain.shape)
    grainy = (plain + noise).round().clip(0, 255).astype(np.uint8)
    for own, looked_at in ((False, smoothed(grainy)), (True, grainy)):
        monkeypatch.setattr("f2p_sdk.pipeline.fitting.is_own", lambda *_, own=own: own)
        subject = fit.see(grainy)
        assert subject.own is own
        points = subject.picked.face.landmarks
        assert torch.equal(subject.target, embed_face(fit.recognizer, looked_at, points))
    assert grain_of(smoothed(grainy)) < 0.5 * grain_of(grainy)


def test_kept_values_come_back_untouched(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    keep = {"skin": 0.3, "hair": "short"}  # 0.3 is no float32: it must not come back as one
    result = fitter(kind, engine).fit(engine.draw(true, 64), keep=keep)
    assert {name: result.character.values[name] for name in keep} == keep
    average = kind.layout.default().values
    tried = [drawn for drawn in engine.drawn if drawn != average]
    assert len(tried) > 20
    assert all(drawn["hair"] == "short" for drawn in tried)
    assert all(drawn["skin"] == pytest.approx(0.3, abs=1e-6) for drawn in tried)
    assert result.report["kept"] == keep


def test_keeping_everything_gives_exactly_that(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    result = fitter(kind, engine).fit(engine.draw(true, 64), keep=true)
    assert dict(result.character.values) == true


def test_same_seed_same_character(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    photo = engine.draw(true, 64)
    runs = [fitter(kind, engine).fit(photo, seed=seed, steps=8).character for seed in (3, 3)]
    assert runs[0] == runs[1]


def test_without_an_engine_nothing_is_verified(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    result = fitter(kind, None).fit(engine.draw(true, 64))
    assert result.picture is None
    assert "engine" not in result.report["identity_distance"]
    assert "engine" not in result.report["versions"]
    assert result.imitation.shape == (SIZE, SIZE, 3)
    assert result.character.values["hair"] == "long"


def test_the_slides_method_takes_its_ten_steps(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    result = fitter(kind, engine).fit(engine.draw(true, 64), method="slides")
    assert len(result.report["losses"]["search"]) == 10
    assert set(result.report["losses"]["search"][0]) == {"identity", "content", "total"}
    assert result.report["weights_of_terms"] == {"identity": 1.0, "content": 1.0}


def test_progress_tells_every_stage(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    told: list[tuple[str, int, int]] = []
    fitter(kind, engine).fit(
        engine.draw(true, 64), steps=4, progress=lambda *args: told.append(args)
    )
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        "photo",
        "search",
        "guess",
        "engine",
        "choices",
        "refine",
        "verify",
    ]
    assert ("search", 4, 4) in told
