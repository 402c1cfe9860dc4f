"""Parameters that the imitator does not know stay, except by the engine's own pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter
from f2p_sdk.pipeline.held import (
    card_sensitivity,
    held_parameters,
    known_columns,
    unknown_parameters,
)

Make = Callable[..., Fitter]
Values = dict[str, Any]
UNKNOWN = ("red", "hair")


def fit(fitter: Fitter, photo: Any, unknown: tuple[str, ...], **options: Any) -> Any:
    fitter.unknown = unknown
    result = fitter.fit(photo, steps=3, **options)
    return result.character.values, result.report["held"]


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


def test_gradients_leave_an_unknown_slider_where_the_engine_draws_too(
    kind: Kind, engine: Any, fitter: Make
) -> None:
    photo = engine.draw({**kind.layout.default().values, "hair": "long"}, 64)
    values, held = fit(fitter(kind, engine), photo, UNKNOWN)
    assert held == ["red"]
    assert values["red"] == kind.layout.default().values["red"]
    assert values["hair"] == "long"  # choices are compared on the engine's pictures


def test_pictures_of_the_engine_alone_move_unknown_sliders(
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
    start = torch.zeros(layout.size)
    moved = start.clone()
    moved[layout.slices["hair"].start] = 1
    assert held_parameters(layout, ("eyes", "hair"), (), start, moved) == ["eyes"]
    assert held_parameters(layout, ("eyes", "hair"), ("eyes",), start, moved) == []
