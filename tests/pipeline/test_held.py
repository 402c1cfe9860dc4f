"""Parameters that the imitator does not know stay, except by the engine's own pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import METHODS, Fitter
from f2p_sdk.pipeline.held import card_sensitivity, known_columns, unknown_parameters
from f2p_sdk.pipeline.stages import HairSearch

Make = Callable[..., Fitter]
Values = dict[str, Any]
UNKNOWN = ("red", "hair")


def fit(fitter: Fitter, photo: Any, unknown: tuple[str, ...], **options: Any) -> Any:
    fitter.unknown = unknown
    result = fitter.fit(photo, steps=3, **options)
    return result.character.values, result.report["held"]


@pytest.mark.slow
def test_nothing_unknown_moves_without_an_engine(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    photo, average = engine.draw(true, 64), kind.layout.default().values
    values, held = fit(fitter(kind, None), photo, ())
    assert held == []
    assert values["red"] != average["red"]
    values, held = fit(fitter(kind, None), photo, UNKNOWN)
    assert held == list(UNKNOWN)
    assert {name: values[name] for name in UNKNOWN} == {name: average[name] for name in UNKNOWN}
    assert values["green"] != average["green"]


@pytest.mark.slow
def test_stages_that_draw_with_the_engine_move_unknown_parameters(
    kind: Kind, engine: Any, fitter: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = METHODS["best"].with_steps(3)
    # the toy's hair is far from that of people
    stages = tuple(replace(s, far=9.0) if isinstance(s, HairSearch) else s for s in best.stages)
    method = replace(best, stages=stages)
    monkeypatch.setattr("f2p_sdk.pipeline.fitting.find_method", lambda *_: method)
    average = kind.layout.default().values
    photo = engine.draw({**average, "hair": "long", "red": 0.9}, 64)
    values, held = fit(fitter(kind, engine), photo, UNKNOWN)
    assert held == list(UNKNOWN)
    assert values["red"] > average["red"]
    assert values["hair"] == "long"


@pytest.mark.slow
def test_the_search_by_the_imitator_holds_them_with_an_engine_too(
    kind: Kind, engine: Any, fitter: Make, true: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = METHODS["best"]
    alone = replace(best, stages=best.stages[:1])
    monkeypatch.setattr("f2p_sdk.pipeline.fitting.find_method", lambda *_: alone)
    average = kind.layout.default().values
    found = fitter(kind, engine)
    found.unknown = UNKNOWN
    values = found.fit(engine.draw(true, 64)).character.values
    assert {name: values[name] for name in UNKNOWN} == {name: average[name] for name in UNKNOWN}
    assert values["green"] != average["green"]


def test_the_exact_method_holds_nothing(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    found = fitter(kind, engine)
    found.unknown = UNKNOWN
    result = found.fit(engine.draw(true, 64), method="exact")
    assert result.report["held"] == []
    assert abs(result.character.values["red"] - true["red"]) < 0.05


def test_kept_values_are_not_listed_as_held(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    values, held = fit(fitter(kind, None), engine.draw(true, 64), UNKNOWN, keep={"red": 0.9})
    assert held == ["hair"]
    assert values["red"] == 0.9


def test_sensitivities_of_a_card(kind: Kind) -> None:
    layout = kind.layout
    card = {"sensitivity": {"nose": 0.9, "eyes": 0.29, "hair": -0.1, "gone": 0.0, "red": None}}
    assert card_sensitivity(card, layout) == {"nose": 0.9, "eyes": 0.29, "hair": -0.1}
    assert unknown_parameters(card, layout) == ("eyes", "hair")
    for without in ({}, {"sensitivity": "high"}):
        assert card_sensitivity(without, layout) is None
        assert unknown_parameters(without, layout) == ()
    known = known_columns(layout, ("eyes", "hair"))
    assert known.tolist() == [True, False, True, True, False, False, False]
