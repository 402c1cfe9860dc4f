"""Verdicts on fits: parts in their place, and the next step by its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from f2p_toy import FACE, PHOTO

from f2p_sdk import parser, resize_image
from f2p_sdk.images import load
from f2p_sdk.kinds import Kind
from f2p_sdk.parsing.picture_parser import PictureParser
from f2p_sdk.pipeline import Fitter
from f2p_sdk.pipeline.judgement import PARTS, judge_imitator, parts_in_place

Make = Callable[..., Fitter]
Values = dict[str, Any]


@pytest.fixture(scope="module")
def reader() -> PictureParser:
    return PictureParser(parser())


@pytest.fixture(scope="module")
def portrait() -> Any:
    return resize_image(load(PHOTO)[FACE], 256)


def test_all_parts_of_a_picture_are_in_place_in_itself(
    reader: PictureParser, portrait: Any
) -> None:
    assert parts_in_place(reader, portrait, portrait) == dict.fromkeys(PARTS, True)


def test_no_part_is_in_place_in_a_moved_picture_or_in_one_colour(
    reader: PictureParser, portrait: Any
) -> None:
    for other in (np.roll(portrait, 60, axis=0), np.full_like(portrait, 90)):
        found = parts_in_place(reader, portrait, other)
        assert found is not None
        assert list(found) == list(PARTS)
        assert sum(found.values()) == 0


def test_a_photo_without_parts_has_none_to_compare(reader: PictureParser, portrait: Any) -> None:
    assert parts_in_place(reader, np.full_like(portrait, 90), portrait) == {}
    assert parts_in_place(None, portrait, portrait) is None


def verdict(fitter: Fitter, photo: Any, method: str = "best") -> Values:
    found: Values = fitter.fit(photo, steps=1, method=method).report["verdict"]
    return found


def test_the_next_step_follows_the_cause(
    kind: Kind, engine: Any, fitter: Make, true: Values
) -> None:
    photo = engine.draw(true, 64)
    plain = fitter(kind, engine)
    # The keys of every verdict; the toy has no parser's parts.
    assert list(verdict(plain, photo)) == [
        "word",
        "reason",
        "next_step",
        "gained",
        "parts_in_place",
    ]
    assert "--method best" in verdict(plain, photo, "slides")["next_step"]

    weak = fitter(kind, engine)
    weak.card = {"figures": {"psnr_db": 19.5}, "sensitivity": {"nose": 0.1}}
    weak.unknown = ("nose", "eyes", "red", "green", "hair")
    found = judge_imitator(weak)
    assert found is not None
    assert "4 sliders: 0% above 0.8" in found.reason
    assert verdict(weak, photo)["next_step"].startswith("the imitator is poor: 19.5 dB")


def test_a_picture_without_a_face_points_at_the_check(
    kind: Kind, engine: Any, fitter: Make, true: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, flat = engine.draw(true, 64), lambda values, size: np.full((size, size, 3), 120, "u1")
    monkeypatch.setattr(engine, "draw", flat)
    found = verdict(fitter(kind, engine), photo)
    assert found["word"] == "poor"
    assert "next to nothing" in found["reason"]
    assert found["next_step"].endswith("shows no face: f2p check -g toy/hero")
