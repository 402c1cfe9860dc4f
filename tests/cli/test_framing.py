"""f2p framing, and what f2p check and f2p capture say about faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERE, LANDMARKS
from PIL import Image

from f2p_sdk import Face, Framing, PluginError, plugins

Run = Callable[..., Any]


class Detector:
    """Finds the toy game's face in every picture that is not of one colour."""

    name = "fixed"

    def detect(self, picture: Any) -> list[Face]:
        if picture.std(axis=(0, 1)).max() < 1:
            return []
        height, width = picture.shape[:2]
        return [Face((0, 0, width, height), LANDMARKS * (width, height) - 0.5)]


@pytest.fixture
def quick(toy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that takes no time."""
    monkeypatch.setattr(plugins, "detector", Detector)


@pytest.mark.slow
def test_framing_measures_the_face(f2p: Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "framing.toml"
    done = f2p("framing", "-g", "toy/hero", "-o", out, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    made, shipped = Framing.load(out), Framing.load(HERE / "framing.toml")
    assert document["landmarks"] == [list(point) for point in made.landmarks]
    assert made.size == document["size"] == shipped.size
    assert document["off"] < 0.05
    assert (document["characters"], document["missed"]) == (20, [])
    assert np.abs(np.array(made.landmarks) - shipped.landmarks).max() < 0.02
    assert "does not use" in done.text
    with Image.open(document["picture"]) as picture:
        assert picture.size == (768, 768)
        red = (np.asarray(picture) == (255, 60, 60)).all(-1)
    x, y = np.rint(np.array(made.landmarks)[4] * 768).astype(int)
    assert red[y - 3 : y + 3, x - 3 : x + 3].any()


def test_an_existing_framing_stays(f2p: Run, tmp_path: Path, quick: None) -> None:
    out = Framing(64, tuple(map(tuple, LANDMARKS + 0.1)), by_hand=True).save(tmp_path / "f.toml")
    before = out.read_text()
    done = f2p("framing", "-g", "toy/hero", "-o", out)
    assert done.code == 2
    assert f"{out}: this framing exists" in done.text
    assert "--overwrite" in done.text
    assert out.read_text() == before
    assert f2p("framing", "-g", "toy/hero").code == 2  # that of the adapter exists
    done = f2p("framing", "-g", "toy/hero", "-o", out, "--overwrite", "--size", 96)
    assert done.code == 0, done.text
    assert "the framing before was off by" in done.text
    assert "a face is found in 20 of 20" in done.text
    assert Framing.load(out).size == 96


def test_show_draws_the_present_framing(f2p: Run, tmp_path: Path) -> None:
    done = f2p("framing", "-g", "toy/hero", "-o", tmp_path / "f.toml", "--show")
    assert done.code == 0, done.text
    assert [p.name for p in tmp_path.iterdir()] == ["f.points.png"]
    assert f2p("framing", "-g", "toy/hero", "--show", "--size", 64).code == 2


def test_without_a_face_the_picture_has_a_grid(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "flat")
    done = f2p("framing", "-g", "toy/hero", "-o", tmp_path / "f.toml")
    assert done.code == 1
    assert "no face is found in the picture of the default character" in done.text
    assert "by_hand = true" in done.text
    assert [p.name for p in tmp_path.iterdir()] == ["f.points.png"]


def test_without_a_detector_the_command_says_what_is_missing(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Any:
        raise PluginError("no detector can be used", remedy="install f2p-dlib")

    monkeypatch.setattr(plugins, "detector", none)
    done = f2p("framing", "-g", "toy/hero", "-o", tmp_path / "f.toml")
    assert done.code == 1
    assert "no detector can be used" in done.text
    assert "install f2p-dlib; or measure the five points by eye" in done.text
    assert (tmp_path / "f.points.png").exists()
    done = f2p("capture", "-g", "toy", "-o", tmp_path / "data", "-n", 2, "--size", 64)
    assert done.code == 0
    assert "the pictures were not searched for faces: no detector can be used" in done.text


@pytest.mark.slow
def test_check_of_an_engine_that_draws_one_colour(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "flat")
    done = f2p("check", "-g", "toy/hero")
    assert done.code == 1
    assert "the default character's face is found (the detector dlib finds no face at" in done.text
    assert "a picture of one colour shows no face" in done.text
    done = f2p("capture", "-g", "toy", "-o", tmp_path / "data", "-n", 3, "--size", 64)
    assert done.code == 0
    assert "a face was found in only 0 of 3 pictures; before you train, look at" in done.text


def test_check_of_a_framing_that_is_too_large(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    large = tuple(map(tuple, (LANDMARKS - 0.5) * 1.5 + 0.5))
    monkeypatch.setenv("F2P_TOY_FRAMING", str(Framing(128, large).save(tmp_path / "f.toml")))
    plugins.manager.cache_clear()
    done = f2p("check", "-g", "toy/hero", "--json")
    assert done.code == 1
    findings = json.loads(done.out)["findings"]
    (wrong,) = (f for f in findings if f["check"] == "framing" and f["status"] == "failed")
    assert "of the eye distance, more than 5%" in wrong["value"]
    assert wrong["remedy"] == "measure it again: f2p framing -g toy/hero --overwrite"
    # The command mends it: the adapter's file is the default of -o.
    assert f2p("framing", "-g", "toy/hero", "--overwrite").code == 0
    plugins.manager.cache_clear()
    findings = json.loads(f2p("check", "-g", "toy/hero", "--json").out)["findings"]
    assert all(f["status"] == "ok" for f in findings if f["check"] == "framing")


def test_capture_counts_faces(f2p: Run, tmp_path: Path, quick: None) -> None:
    capture = ("capture", "-g", "toy", "-o", tmp_path / "data", "--size", 64)
    done = f2p(*capture, "-n", 3)
    assert "3 drawn now" in done.text
    assert "a face was found in 3 of 3 pictures" in done.text
    document = json.loads(f2p(*capture, "-n", 30, "--json").out)
    assert document["faces"] == {"sample": 20, "found": 20}
    assert json.loads(f2p(*capture, "-n", 30, "--json").out)["faces"] is None  # nothing drawn
