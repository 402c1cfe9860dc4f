"""Verdicts of the commands on an imitator that has hardly been trained: a game team's first try."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERO, PHOTO

from f2p_sdk.parameters import Character

Run = Callable[..., Any]
SLIDERS = ["nose", "eyes", "red", "green"]


@pytest.fixture
def weak(f2p: Run, tmp_path: Path) -> tuple[Path, Any]:
    """Weights of about 20 dB, and the output of their training."""
    data, path = tmp_path / "data", tmp_path / "weak.safetensors"
    assert f2p("capture", "-g", "toy", "-o", data, "-n", 20, "--size", 256).code == 0
    done = f2p(
        *("train", "imitator", "-g", "toy", "--data", data, "-o", path),
        *("--batch", 4, "--epochs", 1, "--device", "cpu", "--licence", "ours alone"),
    )
    assert done.code == 0, done.text
    return path, done


@pytest.mark.slow
def test_every_command_says_that_it_is_poor(
    f2p: Run, weak: tuple[Path, Any], tmp_path: Path
) -> None:
    from f2p_sdk.weights import load_card

    path, trained = weak
    decibels = load_card(path)["figures"]["psnr_db"]
    assert 8 < decibels < 24
    assert load_card(path)["licence"] == "ours alone"
    assert f"verdict: poor: {decibels:.1f} dB; sensitivity not measured (usable from 28 dB)" in (
        trained.text
    )
    assert "next: train on more pictures or for longer: f2p capture -g toy/hero" in trained.text

    evaluate = ("evaluate", "imitator", "-g", "toy", "--weights", path, "--count", 2)
    done = f2p(*evaluate, "--write-card")
    assert done.code == 0, done.text
    assert "verdict: poor:" in done.text
    assert "sensitivity of 4 sliders:" in done.text
    assert f"sensitivities are in the card of {path}" in done.text
    known = load_card(path)["sensitivity"]
    assert list(known) == [*SLIDERS, "hair"]
    assert known["hair"] == 0  # the toy engine draws none
    unknown = [name for name, value in known.items() if value < 0.3]
    assert unknown
    out = tmp_path / "out"
    done = f2p("fit", PHOTO, "-g", "toy", "-o", out, "--weights", path, "--steps", 1)
    assert done.code == 3, done.text
    assert "verdict: poor: the fit gains next to nothing over the average character" in done.text
    assert f"next: the imitator is poor: {decibels:.1f} dB" in done.text
    assert f"held {len(unknown)} parameters" in done.text
    files = ("character.json", "picture.png", "report.json", "sheet.png")
    assert all((out / name).is_file() for name in files)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["held"] == unknown
    assert report["verdict"]["word"] == "poor"
    values = Character.load(out / "character.json", HERO).values
    assert all(values[name] == HERO.default().values[name] for name in unknown)


def test_a_pointer_of_git_lfs_as_weights(f2p: Run, tmp_path: Path) -> None:
    pointer = tmp_path / "w.safetensors"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    for command in (
        ("weights", "show", pointer),
        ("fit", PHOTO, "-g", "toy", "-o", tmp_path / "out", "--weights", pointer),
    ):
        done = f2p(*command)
        assert done.code == 1
        assert f"{pointer}: a pointer of Git LFS, not the weights themselves" in done.text
        assert "git lfs pull" in done.text
        assert "waiting" not in done.text  # no engine was started
