"""Fits of the toy game of conftest.py, whose engine and imitator differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import SIDE
from torch import Tensor

from f2p_sdk.errors import UsageError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import METHODS, Fitter
from f2p_sdk.pipeline.denoising import denoised, noise_level
from f2p_sdk.recognizers.embedding import embed_face
from f2p_sdk.tensors import to_tensor

Make = Callable[..., Fitter]
Face = Callable[[Tensor], Tensor]
Values = dict[str, Any]


@pytest.mark.slow
def test_a_known_character_is_recovered_and_verified_in_the_engine(
    kind: Kind, engine: Any, fitter: Make, recognizer: Any, true: Values
) -> None:
    photo = engine.draw(true, 64)
    result = fitter(kind, engine).fit(photo)
    values = result.character.values
    assert values["hair"] == "long"
    for name in ("nose", "eyes", "red", "green"):
        width = 2.0 if name == "nose" else 1.0
        assert values[name] == pytest.approx(true[name], abs=0.1 * width)
    report = result.report
    assert result.picture is not None
    np.testing.assert_array_equal(result.picture, engine.draw(values, 64))
    assert (
        report["identity_distance"]["engine"]
        < 0.3 * report["identity_distance"]["average_character"]
    )
    # The reported distance, computed again from pictures alone.
    found, target = (
        recognizer.embed(to_tensor(p), torch.zeros(5, 2)) for p in (result.picture, photo)
    )
    assert report["identity_distance"]["engine"] == pytest.approx(
        float((found - target).norm()), abs=1e-5
    )
    assert report["engine_pictures"] == len(engine.drawn)
    json.dumps(report, allow_nan=False)
    stages = [stage.name for stage in METHODS["best"].stages]
    assert list(report["seconds"]) == ["photo", *stages, "verify", "total"]
    assert report["versions"]["engine"] == "toy-engine 3"
    assert report["losses"]["search"][0]["distance"] > report["losses"]["refine"][-1]["distance"]


@pytest.mark.slow
def test_the_engine_in_the_loop_corrects_a_wrong_imitator(
    kind: Kind, engine: Any, fitter: Make, face: Face, true: Values
) -> None:
    """The imitator draws too dark, so without the engine the red comes out too light."""
    photo = engine.draw(true, 64)
    wrong = lambda vector: (face(vector) * 0.8).clamp(0, 1)  # noqa: E731
    alone = fitter(kind, None, imitator=wrong).fit(photo).character.values
    both = fitter(kind, engine, imitator=wrong).fit(photo).character.values
    assert abs(both["red"] - true["red"]) < 0.5 * abs(alone["red"] - true["red"])
    fit = fitter(kind, engine)
    target = fit.see(photo).target
    assert fit.distance(engine.draw(both, 64), target) < fit.distance(
        engine.draw(alone, 64), target
    )


def test_photos_are_denoised_and_own_pictures_are_not(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    fit = fitter(kind, engine)
    plain = engine.draw(true, 64)
    noise = np.random.default_rng(0).normal(0, 15, plain.shape)
    noisy = (plain + noise).round().clip(0, 255).astype(np.uint8)
    for own, expected in ((False, denoised(noisy)), (True, noisy)):
        subject = fit.see(noisy, own_picture=own)
        points = subject.picked.face.landmarks
        assert torch.equal(subject.target, embed_face(fit.recognizer, expected, points))
    assert noise_level(denoised(noisy)) < 0.5 * noise_level(noisy)


def test_the_exact_method_recovers_the_engines_own_picture(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    photo = engine.draw(true, 64)
    result = fitter(kind, engine).fit(photo, method="exact")
    assert result.report["method"] == "exact"
    assert result.character.values["hair"] == true["hair"]
    for name, width in (("nose", 2.0), ("eyes", 1.0), ("red", 1.0), ("green", 1.0)):
        assert result.character.values[name] == pytest.approx(true[name], abs=0.03 * width)
    assert result.report["engine_pictures"] < 300


@pytest.mark.parametrize(
    ("own", "method", "hint"), [(True, "best", "--method exact"), (False, "exact", "--method best")]
)
def test_a_hint_names_the_method_for_the_picture(
    kind: Kind,
    engine: Any,
    fitter: Make,
    true: Values,
    monkeypatch: pytest.MonkeyPatch,
    own: bool,
    method: str,
    hint: str,
) -> None:
    monkeypatch.setattr("f2p_sdk.pipeline.fitting.is_own_picture", lambda *_: own)
    photo = engine.draw(true, 64)
    report = fitter(kind, engine).fit(photo, method=method, steps=1).report
    assert report["own_picture"] is own
    assert report["method"] == method
    assert [h for h in report["face"]["hints"] if hint in h]


def test_the_exact_method_needs_a_square_picture(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    with pytest.raises(UsageError, match="square picture by the engine, got 64x60"):
        fitter(kind, engine).fit(engine.draw(true, 64)[:60], method="exact")


@pytest.mark.slow
def test_kept_values_return_unchanged(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    keep = {"red": 0.3, "hair": "short"}  # 0.3 has no exact float32
    result = fitter(kind, engine).fit(engine.draw(true, 64), keep=keep)
    assert {name: result.character.values[name] for name in keep} == keep
    average = kind.layout.default().values
    tried = [drawn for drawn in engine.drawn if drawn != average]
    assert len(tried) > 20
    assert all(drawn["hair"] == "short" for drawn in tried)
    assert all(drawn["red"] == pytest.approx(0.3, abs=1e-6) for drawn in tried)
    assert result.report["kept"] == keep


@pytest.mark.slow
def test_keeping_everything_returns_it(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    result = fitter(kind, engine).fit(engine.draw(true, 64), keep=true)
    assert dict(result.character.values) == true


@pytest.mark.slow
def test_same_seed_same_character(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    photo = engine.draw(true, 64)
    runs = [fitter(kind, engine).fit(photo, seed=seed, steps=8).character for seed in (3, 3)]
    assert runs[0] == runs[1]


@pytest.mark.slow
def test_without_an_engine_nothing_is_verified(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    result = fitter(kind, None).fit(engine.draw(true, 64))
    assert result.picture is None
    assert "engine" not in result.report["identity_distance"]
    assert "engine" not in result.report["versions"]
    assert result.imitation.shape == (SIDE, SIDE, 3)
    assert result.character.values["hair"] == "long"


@pytest.mark.slow
def test_the_slides_method_takes_its_ten_steps(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    fit = fitter(kind, engine)
    result = fit.fit(engine.draw(true, 64), method="slides")
    assert len(result.report["losses"]["search"]) == 10
    assert set(result.report["losses"]["search"][0]) == {"identity", "content", "total"}
    scale, units = fit.loss_units.scale, fit.loss_units.units
    assert result.report["weights_of_terms"] == {term: scale / units[term] for term in units}


@pytest.mark.slow
def test_progress_reports_every_stage(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    calls: list[tuple[str, int, int]] = []
    fitter(kind, engine).fit(
        engine.draw(true, 64), steps=4, progress=lambda *args: calls.append(args)
    )
    assert list(dict.fromkeys(stage for stage, _, _ in calls)) == [
        "photo",
        "search",
        "guess",
        "hair",
        "engine",
        "choices",
        "refine",
        "verify",
    ]
    assert ("search", 4, 4) in calls
