"""``f2p weights calibrate`` on the toy game."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import PHOTO

from f2p_sdk import load_card
from f2p_sdk.pipeline import calibration

Run = Callable[..., Any]
FAST = ("--method", "slides", "--steps", "1")


@pytest.mark.slow
def test_calibrate_writes_the_units_to_the_card(
    f2p: Run, toy_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "SCALES", (2.0**-12,))  # one search
    weights = tmp_path / "hero.safetensors"
    shutil.copy(toy_home / "hero.safetensors", weights)
    hint, out = "the loss of method 'slides' has default units", tmp_path / "fit"
    fit = ("fit", PHOTO, "-g", "toy", "--weights", weights, "-o", out, *FAST)
    assert hint in f2p(*fit).text
    before = load_card(weights)
    done = f2p("weights", "calibrate", "-g", "toy", "--weights", weights, "--count", 1, "--json")
    assert done.code == 0
    assert set(json.loads(done.out)["loss"]["units"]) == {"identity", "content"}
    document, card = json.loads(done.out), load_card(weights)
    assert document["weights"] == str(weights)
    assert document["loss"] == card["loss"]
    assert card["content_hash"] == before["content_hash"]
    assert {**card, "loss": None} == {**before, "loss": None}
    assert hint not in f2p(*fit).text


def test_calibrate_names_unknown_weights(f2p: Run) -> None:
    done = f2p("weights", "calibrate", "-g", "toy", "--weights", "tinny")
    assert done.code == 1
    assert "there is no weights of toy/hero named 'tinny'" in done.text
