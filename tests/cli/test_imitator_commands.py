"""f2p train imitator and f2p evaluate imitator, with real engine processes of the toy game."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERO

Run = Callable[..., Any]


def test_evaluate_a_perfect_imitator(f2p: Run, tmp_path: Path) -> None:
    done = f2p("evaluate", "imitator", "-g", "toy", "--count", 20, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["game"] == "toy/hero"
    assert document["size"] == 64
    assert document["psnr_db"] > 35
    assert document["l1"] < 0.01
    sensitivity = document["sensitivity"]
    found = {row["name"]: row for row in sensitivity["parameters"]}
    assert list(found) == ["nose", "eyes", "red", "green", "hair=none", "hair=short", "hair=long"]
    assert found["red"]["correlation"] > 0.99
    # The toy engine draws no hair: the picture does not change.
    assert found["hair=short"]["change"] == 0
    assert sensitivity["share_above_0.8"] == round(4 / 7, 4)
    assert sensitivity["sliders"]["share_above_0.8"] == 1
    assert sensitivity["worst"][0]["correlation"] == 0
    assert sensitivity["sliders"]["share_above_0.5"] == 1
    assert document["verdict"]["word"] == "good"
    assert document["verdict"]["next_step"] == ""


def test_evaluate_writes_an_html_page_and_a_table(f2p: Run, tmp_path: Path) -> None:
    page = ("--page", tmp_path / "page", "--rows", 3)
    done = f2p("evaluate", "imitator", "-g", "toy", "--count", 4, "--characters", 2, *page)
    assert done.code == 0, done.text
    assert "psnr_db" in done.text
    assert "verdict: good:" in done.text
    assert "4 sliders: 100% above 0.8" in done.text
    text = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert text.count("<img") == 9
    assert "difference" in text


def test_evaluate_refuses_weights_of_another_layout(f2p: Run, toy_home: Path) -> None:
    weights = toy_home / "villain.safetensors"
    done = f2p("evaluate", "imitator", "-g", "toy/hero", "--weights", weights)
    assert done.code == 1
    assert "the weights are for layout" in done.text
    done = f2p("evaluate", "imitator", "-g", "toy/hero", "--weights", "grand")
    assert done.code == 2
    assert "use one of: tiny" in done.text


@pytest.fixture
def data(f2p: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    done = f2p("capture", "-g", "toy", "-o", folder, "-n", 44, "--size", 256)
    assert done.code == 0, done.text
    return folder


@pytest.mark.slow
def test_train_measures_and_ends_with_weights_that_load(
    f2p: Run, data: Path, tmp_path: Path
) -> None:

    from f2p_sdk.weights import load_card, load_imitator

    path = tmp_path / "out" / "w.safetensors"
    train = ("train", "imitator", "-g", "toy", "--data", data, "-o", path, "--batch", 8)
    done = f2p(*train, "--epochs", 2, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["steps"] == 2 * (42 // 8)
    assert document["figures"] == load_card(path)["figures"]
    assert document["verdict"]["word"] == "poor"
    assert load_card(path)["licence"] == "unspecified"
    assert load_imitator(path, HERO).size == 256

    done = f2p(*train, "--epochs", 2)  # what is there is not lost by a second call
    assert done.code == 2
    assert "exists already" in done.text
    assert "--restart" in done.text
    done = f2p(*train, "--minutes", 0.01, "--restart")
    assert done.code == 0, done.text
    assert "dB" in done.text


@pytest.mark.slow
def test_the_card_keeps_the_assets_and_from_warns_where_they_differ(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from f2p_sdk.weights import load_card

    for build in ("7", "8"):
        monkeypatch.setenv("F2P_TOY_ASSETS", f"build {build}")
        size = ("-n", 21, "--size", 256)
        assert f2p("capture", "-g", "toy", "-o", tmp_path / build, *size).code == 0
    old, new = (tmp_path / f"{build}.safetensors" for build in ("7", "8"))
    train = ("train", "imitator", "-g", "toy", "--batch", 8, "--epochs", 1)
    done = f2p(*train, "--data", tmp_path / "7", "-o", old)
    assert done.code == 0, done.text
    assert load_card(old)["assets"] == "build 7"
    assert "assets" not in load_card(old)["training"]
    done = f2p(*train, "--data", tmp_path / "8", "-o", new, "--from", old)
    assert done.code == 0, done.text
    assert (
        f"made with the assets 'build 7', the data set {tmp_path / '8'} has 'build 8'" in done.text
    )
    assert "a training without --from" in done.text
    assert load_card(new)["assets"] == "build 8"


def test_train_in_wrong_use(f2p: Run, tmp_path: Path) -> None:
    train = ("train", "imitator", "-g", "toy", "-o", tmp_path / "w.safetensors")
    done = f2p(*train, "--data", tmp_path / "nowhere")
    assert done.code == 2
    done = f2p(*train, "--data", tmp_path)
    assert done.code == 1
    assert "has no data set" in done.text
    done = f2p(*train, "--data", tmp_path, "--epochs", 1, "--minutes", 1)
    assert done.code == 2
    assert "not both" in done.text


def test_train_refuses_pictures_that_are_too_small(f2p: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert f2p("capture", "-g", "toy", "-o", folder, "-n", 21, "--size", 64).code == 0
    done = f2p("train", "imitator", "-g", "toy", "--data", folder, "-o", tmp_path / "w")
    assert done.code == 1
    assert "record 0 is 64x64" in done.text
    assert "--size 256" in done.text
