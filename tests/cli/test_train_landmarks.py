"""``f2p train landmarks`` on pictures of the toy game, with the real landmarker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERO

from f2p_sdk import plugins
from f2p_sdk.landmarks import load_landmarks
from f2p_sdk.weights import load_card

Run = Callable[..., Any]


@pytest.mark.slow
def test_a_model_is_trained_from_pictures_alone(f2p: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert f2p("capture", "-g", "toy", "-n", 60, "--size", 128, "-o", data).code == 0
    out = tmp_path / "hero.safetensors"
    done = f2p("train", "landmarks", "-g", "toy", "--data", data, "-o", out, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert document["pictures"] + document["missed"] == 60
    assert document["pictures"] >= 50
    assert {"r2", "error"} <= set(document)
    model = load_landmarks(out, HERO, "facemesh")
    assert model.actions == ()  # the toy engine draws no expressions
    assert load_card(out)["training"]["data"] == [data.name]

    again = f2p("train", "landmarks", "-g", "toy", "--data", data, "-o", out)
    assert again.code == 2
    assert "exists already" in again.text
    shown = f2p("train", "landmarks", "-g", "toy", "--data", data, "-o", out, "--restart")
    assert shown.code == 0
    assert "landmarks' variance on held-out pictures" in shown.text


def test_data_of_another_layout_or_with_turned_heads_are_refused(f2p: Run, tmp_path: Path) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    manifest = {
        "format": 1,
        "game": "toy",
        "kind": "hero",
        "layout": HERO.hash,
        "seed": 0,
        "size": 32,
        "shard_size": 10,
        "count": 1,
        "vary": "pose",
    }
    (folder / "dataset.json").write_text(json.dumps(manifest), encoding="utf-8")
    out = tmp_path / "w.safetensors"
    done = f2p("train", "landmarks", "-g", "toy", "--data", folder, "-o", out)
    assert done.code == 1
    assert "without --vary pose" in done.text


def test_without_a_landmarker_the_next_step_is_named(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "landmarker", lambda: None)
    done = f2p("train", "landmarks", "-g", "toy", "--data", tmp_path, "-o", tmp_path / "w")
    assert done.code == 1
    assert "none can be used" in done.text
    assert "f2p plugins" in done.text
