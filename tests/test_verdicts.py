"""Verdicts at their limits, with the next step that suits the cause."""

from __future__ import annotations

import pytest

from f2p_sdk.verdicts import FIT, IMITATOR, fit_verdict, imitator_verdict, share_above


def sliders(above_0_8: float, above_0_5: float) -> list[float]:
    """A hundred sensitivities with these shares."""
    well, known = round(100 * above_0_8), round(100 * above_0_5)
    return [0.9] * well + [0.6] * (known - well) + [0.1] * (100 - known)


@pytest.mark.parametrize(
    ("decibels", "shares", "word"),
    [
        (34.1, (0.87, 0.97), "good"),  # justice/female
        (35.6, (0.85, 0.98), "good"),  # justice/male
        (30.2, (0.29, 0.72), "usable"),  # a compact one, from pictures alone
        (26.9, (0.17, 0.49), "poor"),  # a published one
        (20.0, (0.02, 0.1), "poor"),
        (31.9, (1.0, 1.0), "usable"),
        (36.0, (0.3, 0.9), "usable"),
        (36.0, (0.1, 0.9), "poor"),
        (36.0, (0.3, 0.4), "poor"),
    ],
)
def test_of_an_imitator(decibels: float, shares: tuple[float, float], word: str) -> None:
    found = imitator_verdict("toy/hero", decibels, sliders(*shares))
    assert found.word == word
    assert f"{decibels:.1f} dB" in found.reason
    assert f"100 sliders: {shares[0]:.0%} above 0.8, {shares[1]:.0%} above 0.5" in found.reason
    assert bool(found.next_step) == (word != "good")


def test_the_next_step_follows_the_cause() -> None:
    dark = imitator_verdict("toy/hero", 20.0, sliders(0.9, 0.95))
    assert "(usable from 28 dB)" in dark.reason
    assert "f2p capture -g toy/hero -n 20000" in dark.next_step
    unknown = imitator_verdict("toy/hero", 34.0, sliders(0.3, 0.9))
    assert "(good from 60% above 0.8)" in unknown.reason
    assert "--neighbours" in unknown.next_step


def test_without_sensitivity_the_pictures_decide_and_the_next_step_measures_it() -> None:
    found = imitator_verdict("toy/hero", 34.0)
    assert found.word == "good"
    assert "sensitivity not measured" in found.reason
    assert found.next_step.endswith("f2p evaluate imitator -g toy/hero --write-card")
    assert "f2p capture" in imitator_verdict("toy/hero", 20.0).next_step
    assert imitator_verdict("toy/hero", 34.0, []).next_step == ""


@pytest.mark.parametrize(
    ("fitted", "parts", "word"),
    [
        (0.24, (6, 6), "good"),
        (0.24, None, "good"),
        (0.24, (0, 0), "good"),
        (0.24, (4, 6), "usable"),
        (0.24, (2, 6), "poor"),
        (0.50, (6, 6), "usable"),
        (0.63, (6, 6), "poor"),
        (0.70, (6, 6), "poor"),
    ],
)
def test_of_a_fit(fitted: float, parts: tuple[float, float] | None, word: str) -> None:
    found = fit_verdict("toy/hero", 0.66, fitted, parts)
    assert found.word == word
    assert found.poor == (word == "poor")
    assert f"{fitted:.3f}" in found.reason
    assert ("parts in place" in found.reason) == (parts is not None and parts[1] > 0)
    assert ("next to nothing" in found.reason) == (fitted > 0.6)
    assert ("f2p check -g toy/hero" in found.next_step) == (word != "good")


def test_an_average_character_at_the_photo_cannot_be_improved() -> None:
    assert fit_verdict("toy/hero", 0.0, 0.0).poor


def test_a_good_result_meets_all_limits_of_a_usable_one() -> None:
    for limits in (IMITATOR, FIT):
        good, usable = (vars(limits[word]) for word in ("good", "usable"))
        assert all(good[name] > usable[name] for name in good)


def test_share_above() -> None:
    assert share_above([0.7, 0.8, 0.9, 1.0], 0.8) == 0.5
    assert share_above([], 0.8) == 0
