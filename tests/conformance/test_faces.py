"""The face in the engine's pictures: measured points, comparison with the framing, missed faces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERE, LANDMARKS

from f2p_sdk import Face, Finding, Framing, Kind, PluginError, open_engine, plugins
from f2p_sdk.conformance import check_bridge, check_faces
from f2p_sdk.conformance.faces import deviation, mirrored_mean, symmetric

POINTS = np.array([[0.7, 0.4], [0.6, 0.41], [0.3, 0.4], [0.4, 0.41], [0.5, 0.6]])


def turned(points: Any, degrees: float, centre: tuple[float, float]) -> Any:
    angle = np.radians(degrees)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    return (points - 0.5) @ turn + centre


class Detector:
    """Finds a face at fixed fractions of every picture, but not at the listed calls."""

    name = "fixed"

    def __init__(self, points: Any = LANDMARKS, misses: Callable[[int], bool] = bool) -> None:
        self.points, self.misses, self.calls = points, misses, 0

    def detect(self, picture: Any) -> list[Face]:
        self.calls += 1
        if self.misses(self.calls):
            return []
        height, width = picture.shape[:2]
        return [Face((0, 0, width, height), self.points * (width, height) - 0.5)]


def test_left_and_right_are_averaged_about_the_axis_of_the_face() -> None:
    for degrees, centre in ((0, (0.5, 0.5)), (7, (0.4, 0.6))):
        face = turned(POINTS, degrees, centre)
        assert np.allclose(symmetric(face), face)  # symmetric faces stay, wherever they are
        shift = np.zeros((5, 2))
        shift[0], shift[2] = (0.01, 0.02), (0.01, -0.02)
        noisy = symmetric(face + shift)
        assert np.allclose(symmetric(noisy), noisy)
        eyes = np.hypot(*(noisy[0] - noisy[4])), np.hypot(*(noisy[2] - noisy[4]))
        assert eyes[0] == pytest.approx(eyes[1])


def test_the_mirror_image_cancels_the_detectors_own_asymmetry() -> None:
    biased = POINTS + np.array((0.02, 0))
    picture = np.zeros((100, 100, 3), np.uint8)
    found = mirrored_mean(Detector(biased, lambda call: False), picture)
    assert np.allclose(found, POINTS)
    assert mirrored_mean(Detector(biased, lambda call: call == 2), picture) is None


def test_deviation_is_in_eye_distances() -> None:
    framing = Framing(256, tuple(map(tuple, POINTS)))
    assert deviation(framing, POINTS) == pytest.approx(0)
    assert deviation(framing, POINTS + np.array((0, 0.03))) == pytest.approx(0.1)


@pytest.fixture
def hero(toy: None) -> Kind:
    return plugins.game("toy/hero")


def checked(kind: Kind) -> dict[str, Finding]:
    with open_engine(kind) as host:
        return {finding.rule: finding for finding in check_faces(kind, host)}


FOUND = "the default character's face is found"
PLACE = "the framing is at the default character's face"
RANDOM = "faces of random characters are found"


@pytest.mark.slow
def test_the_toy_game_passes(hero: Kind) -> None:
    found = checked(hero)
    assert {rule: f.status for rule, f in found.items()} == dict.fromkeys(
        (FOUND, PLACE, RANDOM), "ok"
    )
    assert found[RANDOM].value == "a face is found in 20 of 20"


@pytest.mark.slow
@pytest.mark.parametrize(("by_hand", "status"), [(False, "failed"), (True, "warning")])
def test_a_wrong_framing_names_the_command_that_mends_it(
    hero: Kind, tmp_path: Path, by_hand: bool, status: str
) -> None:
    large = tuple(map(tuple, (LANDMARKS - 0.5) * 1.5 + 0.5))
    path = Framing(128, large, by_hand).save(tmp_path / "framing.toml")
    found = checked(dataclasses.replace(hero, framing_path=path))
    assert found[FOUND].status == "ok"
    assert found[PLACE].status == status
    assert "of the eye distance, more than 5%" in found[PLACE].value
    assert found[PLACE].remedy.endswith("f2p framing -g toy/hero --overwrite")


@pytest.mark.parametrize(("by_hand", "status"), [(False, "failed"), (True, "warning")])
def test_a_flat_engine_fails(
    hero: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_hand: bool, status: str
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "flat")
    path = Framing(128, tuple(map(tuple, LANDMARKS)), by_hand).save(tmp_path / "framing.toml")
    kind = dataclasses.replace(hero, framing_path=path)
    with open_engine(kind) as host:
        (face,) = check_faces(kind, host)
        bridge = {f.rule: f for f in check_bridge(kind, host)}
    assert (face.rule, face.status) == (FOUND, status)
    assert "finds no face at 384, 512, 768 pixels" in face.value
    assert "f2p framing -g toy/hero" in face.remedy
    assert "by_hand = true" in face.remedy
    assert not bridge["draws 64x64"].ok


def test_missed_faces_are_a_warning_with_their_numbers(
    hero: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 3 pictures of the default character and their mirror images, then 20 random ones
    detector = Detector(misses=lambda call: call - 7 in (4, 9, 11, 17))
    monkeypatch.setattr(plugins, "detector", lambda: detector)
    found = checked(hero)[RANDOM]
    assert found.status == "warning"
    assert found.value.startswith("a face is found in 16 of 20")
    assert "numbers 4, 9, 11 of seed 0" in found.value
    assert "f2p sheet -g toy/hero --random 20 --evenly --seed 0" in found.remedy
    detector = Detector(misses=lambda call: call == 8)
    assert checked(hero)[RANDOM].status == "ok"  # 95 %


def test_without_a_detector_or_a_framing_rules_are_skipped(
    hero: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Any:
        raise PluginError("no detector can be used", remedy="install one")

    monkeypatch.setattr(plugins, "detector", none)
    (finding,) = checked(hero).values()
    assert (finding.status, finding.value) == ("skipped", "no detector can be used")
    assert finding.remedy == "install one"
    monkeypatch.setattr(plugins, "detector", lambda: Detector(misses=lambda call: False))
    for path in (None, HERE / "not there.toml"):
        assert set(checked(dataclasses.replace(hero, framing_path=path))) == {FOUND, RANDOM}
