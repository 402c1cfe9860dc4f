"""Errors of a fit name the cause and the next step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor

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
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter

Make = Callable[..., Fitter]
Face = Callable[[Tensor], Tensor]
Values = dict[str, Any]


@pytest.mark.parametrize(
    ("keep", "message"),
    [({"rad": 0.5}, "no parameter 'rad'"), ({"red": 1.5}, "red"), ({"hair": "blue"}, "hair")],
)
def test_keep_is_checked(kind: Kind, keep: dict[str, Any], message: str, fitter: Make) -> None:
    with pytest.raises(CharacterError, match=message):
        fitter(kind, None).fit(np.zeros((8, 8, 3), np.uint8), keep=keep)


def test_unknown_methods_and_steps_are_errors(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    photo = engine.draw(true, 64)
    with pytest.raises(UnknownNameError, match="no method named 'bets'"):
        fitter(kind, None).fit(photo, method="bets")
    with pytest.raises(UsageError, match="steps must be 1 or more, got 0"):
        fitter(kind, None).fit(photo, steps=0)


def test_missing_faces_are_errors(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    fit = fitter(kind, None)
    with pytest.raises(NoFaceError):
        fit.fit(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(FaceError, match="no face 2"):
        fit.fit(engine.draw(true, 64), face=2)
    with pytest.raises(ImageError):
        fit.fit(np.zeros((64, 64), np.uint8))


@pytest.mark.slow
def test_several_faces_are_counted_and_one_is_named(
    kind: Kind, engine: Any, fitter: Make, finder: Any, true: Values
) -> None:
    finder.faces = 3
    report = fitter(kind, None, detector=finder).fit(engine.draw(true, 64), steps=1).report
    assert (report["face"]["found"], report["face"]["taken"]) == (3, 1)
    assert "--face" in report["face"]["message"]


def test_a_silent_engine_ends_the_fit(kind: Kind, engine: Any, fitter: Make, true: Values) -> None:
    photo = engine.draw(true, 64)
    engine.silent = True
    with pytest.raises(EngineTimeoutError):
        fitter(kind, engine).fit(photo)


def test_nan_from_the_imitator_is_a_search_error(
    kind: Kind, engine: Any, fitter: Make, face: Face, true: Values
) -> None:
    broken = fitter(kind, None, imitator=lambda vector: face(vector) * float("nan"))
    with pytest.raises(SearchError, match="not a finite number"):
        broken.fit(engine.draw(true, 64))


def test_missing_weights_are_an_error_with_a_remedy(
    kind: Kind, recognizer: Any, finder: Any
) -> None:
    with pytest.raises(WeightsError, match="no imitator weights") as caught:
        Fitter(kind, None, recognizer=recognizer, detector=finder)  # type: ignore[arg-type]
    assert "f2p capture" in caught.value.remedy
