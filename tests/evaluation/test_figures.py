"""Figures over fits, compared with values counted by hand and with simpler computations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from f2p_sdk.evaluation import PERTURBATIONS, Photo, robustness, summary
from f2p_sdk.evaluation.figures import (
    auc,
    consistency,
    identification,
    landmark_error,
    verification,
)
from f2p_sdk.evaluation.measures import _altered, colour_error
from f2p_sdk.evaluation.photos import share_at_ends
from f2p_sdk.metrics import ciede2000, srgb_to_lab
from f2p_sdk.parameters import Continuous, Discrete, Layout


def test_identification_counts_characters_near_another_photo_of_the_person() -> None:
    photos = np.array([[0.0], [1.0], [10.0], [11.0], [50.0]])
    who = ["a", "a", "b", "b", "c"]
    characters = np.array([[0.9], [9.0], [10.9], [0.2], [50.0]])
    found = identification(characters, photos, who, (1, 3))
    # Nearest other photos: of character 0 photo 1 (a), of character 1 photos 2 (b), 3 (b), 0 (a).
    assert found == {"rank1": 2 / 4, "rank3": 4 / 4, "counted": 4}


def test_identification_ignores_the_fitted_photo() -> None:
    photos = np.array([[0.0], [5.0], [0.1], [9.0]])
    found = identification(photos, photos, ["a", "a", "b", "b"], (1,))
    assert found["rank1"] == 0.0  # each character is nearest to its own photo


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    generator = np.random.default_rng(1)
    same, other = generator.normal(1, 1, 30).round(1), generator.normal(0, 1, 40).round(1)
    pairs = [(a > b) + 0.5 * (a == b) for a in same for b in other]
    assert auc(same, other) == pytest.approx(np.mean(pairs))
    assert auc(same, np.zeros(0)) is None


def test_verification_counts_every_pair_once() -> None:
    vectors = np.array([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 3.0]])
    found = verification(vectors, ["a", "a", "b", "b"], sliders=2)
    assert found == {
        "verification_auc": 1.0,
        "sliders_auc": 1.0,
        "choices_auc": None,  # no columns
        "pairs_same": 2,
        "pairs_other": 4,
    }
    assert verification(vectors, ["a", "b", "a", "b"], 2)["verification_auc"] < 0.5


def test_verification_of_sliders_and_choices_apart() -> None:
    sliders = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])  # equal within a person
    choices = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # equal across persons
    found = verification(np.hstack([sliders, choices]), ["a", "a", "b", "b"], sliders=2)
    assert found["sliders_auc"] == 1.0
    # Pairs of one person never agree; two of the four other pairs do.
    assert found["choices_auc"] == 0.25


def test_consistency_compares_choices_and_sliders_of_pairs() -> None:
    # Two sliders, then choices of two and of three values.
    vectors = np.array(
        [
            [0.2, 0.5, 1, 0, 1, 0, 0],
            [0.3, 0.5, 1, 0, 0, 1, 0],
            [0.9, 0.1, 0, 1, 0, 0, 1],
        ]
    )
    expected = {
        "choices": 1 / 2,
        "sliders": pytest.approx(0.1 / 2),
        "choices_other": 0.0,
        "sliders_other": pytest.approx((0.7 + 0.4 + 0.6 + 0.4) / 4),
    }
    average = np.array([0.5, 0.5, 1, 0, 1, 0, 0])
    for some in (vectors, vectors - average):
        assert consistency(some, ["a", "a", "b"], 2, 2) == expected
    alone = consistency(vectors[:1], ["a"], 2, 2)
    assert set(alone.values()) == {None}
    assert consistency(vectors[:2, :2], ["a", "a"], 2, 0)["choices"] is None


def test_landmark_error_is_in_eye_distances() -> None:
    marks = np.array([[8.0, 0], [6, 0], [0, 0], [2, 0], [4, 5]])  # eyes at 7 and 1
    assert landmark_error(marks + np.array([0, 3]), marks) == pytest.approx(3 / 6)


@pytest.mark.parametrize("name", sorted(PERTURBATIONS))
def test_perturbations_are_deterministic(name: str) -> None:
    picture = np.random.default_rng(0).integers(40, 200, (192, 200, 3), dtype=np.uint8)
    before = picture.copy()
    perturbed = PERTURBATIONS[name](picture)
    assert (perturbed.shape, perturbed.dtype) == (picture.shape, np.uint8)
    assert np.abs(perturbed.astype(int) - picture).mean() > 2
    assert np.array_equal(perturbed, PERTURBATIONS[name](picture))
    assert np.array_equal(picture, before)


def test_blur_removes_detail_and_illumination_darkens_one_side() -> None:
    stripes = np.zeros((192, 192, 3), np.uint8)
    stripes[:, ::2] = 200
    assert PERTURBATIONS["blur"](stripes)[20:-20, 20:-20].std() < 20 < stripes.std()
    plain = np.full((32, 64, 3), 128, np.uint8)
    columns = PERTURBATIONS["illumination"](plain).mean(axis=(0, 2))
    assert columns[0] == pytest.approx(128, abs=1)
    assert columns[-1] / 128 == pytest.approx(0.55 ** (1 / 2.2), abs=0.01)


def test_altered_picture_and_its_landmarks_are_mirrored() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:32, 40:56] = (250, 100, 20)
    marks = np.array([[56.0, 24], [46, 24], [8, 24], [16, 24], [32, 40]])
    altered, points = _altered(picture, marks)
    assert (altered == altered[..., :1]).all()
    x = np.nonzero(altered[..., 0] > 60)[1]
    assert (abs(x.min() - 8) <= 2, abs(x.max() - 23) <= 2) == (True, True)
    # The order of the landmarks is that of the mirrored face.
    assert points.tolist() == [[55, 24], [47, 24], [7, 24], [17, 24], [31, 40]]


def test_colour_error_compares_medians_inside_the_masks() -> None:
    mask = np.zeros((20, 20), bool)
    mask[:4, :5] = True
    one, two = np.zeros((2, 20, 20, 3), np.uint8)
    one[:4, :5], two[:4, :5] = (90, 60, 40), (120, 90, 60)
    one[0, 0] = 255  # one wrong pixel does not move the median
    first, second = srgb_to_lab(np.array([[90, 60, 40], [120, 90, 60]]))
    assert colour_error([one, two], [mask, mask]) == pytest.approx(float(ciede2000(first, second)))
    assert colour_error([one, one], [mask, mask]) == 0.0
    tiny = np.zeros((20, 20), bool)
    tiny[0, 0] = True  # 0.25 % of the picture
    assert colour_error([one, two], [mask, tiny]) is None


def test_sliders_at_ends_counts_sliders_with_a_spread() -> None:
    sliders = [Continuous(name, "face") for name in "abc"]
    hair = Discrete("hair", "hair", ("short", "long"), "short")
    vector = np.array([0.96, 0.94, 0.0, 1, 0], np.float32)
    assert share_at_ends(Layout("g", "k", (*sliders, hair)), vector) == pytest.approx(2 / 3)
    shape = [Continuous(name, "face", spread=0.5) for name in "ab"]
    assert share_at_ends(Layout("g", "k", (*shape, sliders[2], hair)), vector) == 1 / 2
    assert share_at_ends(Layout("g", "k", (hair,)), vector[3:]) == 0.0


def _fitted(
    file: str, identity: str, photo: float, picture: float, distance: float, kind: str
) -> Any:
    row = {
        "average_character": 0.8,
        "fitted": distance,
        "imitator": 0.3,
        "gain": 0.8 - distance,
        "landmark_error": 0.1,
        "iou": 0.5,
        "colour_error.hair": None if file == "a0" else distance * 10,
        "colour_error.skin": None,
        "sliders_at_ends": distance / 2,
        "kind": kind,
        "seconds": 2.0,
        "second.altered": distance + 0.1,
    }
    measurements = SimpleNamespace(
        photo=np.array([photo]),
        picture=np.array([picture]),
        classes={"hair": 0.4, "nose": 0.6},
        opinions={"altered": (np.array([photo]), np.array([picture]))},
    )
    parts = {"nose": True, "mouth": file != "b0"}
    report = {
        "chosen": "refine",
        "verified": {"refine": {"distance": distance, "total": 1.0}},
        "verdict": {"word": "poor" if file == "b0" else "usable", "parts_in_place": parts},
    }
    vector = np.array([photo, 1.0]) if kind == "hero" else np.array([1.0, photo, 0.0])
    return SimpleNamespace(
        photo=Photo("", file, identity, kind),
        row=row,
        measurements=measurements,
        result=SimpleNamespace(report=report),
        vector=vector,
        layout=SimpleNamespace(n_continuous=1, discrete=(0,), game="toy", name=f"toy/{kind}"),
    )


def test_summary_verifies_within_a_kind_and_identifies_over_all_photos() -> None:
    fitted = [
        _fitted("a0", "a", 0.0, 0.1, 0.4, "hero"),
        _fitted("a1", "a", 0.2, 0.1, 0.5, "hero"),
        _fitted("b0", "b", 9.0, 8.0, 0.9, "hero"),
        _fitted("c0", "c", 5.0, 5.4, 0.6, "villain"),
        _fitted("c1", "c", 5.5, 5.1, 0.6, "villain"),
    ]
    found = summary(fitted)
    assert found["photos"] == 5
    assert found["identity_distance"]["fitted"] == pytest.approx(0.6)
    assert found["improved"] == 4 / 5  # b0 is further away than the average character
    assert found["gain"] == pytest.approx(0.2)
    assert found["identification"] == {"rank1": 1.0, "rank5": 1.0, "counted": 4}
    assert found["verification"]["pairs_same"] == 2  # a0 a1, c0 c1
    assert found["verification"]["pairs_other"] == 2  # a0 b0, a1 b0; none across kinds
    assert found["verification"]["verification_auc"] == 1.0
    # One slider of the hero: a0 has cosine 0 with all, a1 and b0 have cosine 1.
    assert found["verification"]["sliders_auc"] == 0.25
    assert found["verification"]["choices_auc"] == 0.5
    # Sliders: a0 a1 0.2, c0 c1 0; other pairs only of the hero: a0 b0 9, a1 b0 8.8.
    assert found["consistency"]["sliders"] == pytest.approx(0.1)
    assert found["consistency"]["sliders_other"] == pytest.approx(8.9)
    assert found["sliders_at_ends"] == pytest.approx(0.3)
    assert found["colour_error"] == {"hair": pytest.approx(6.5), "skin": None}
    assert found["second_opinion"]["altered"]["fitted"] == pytest.approx(0.7)
    assert found["iou"] == {"mean": 0.5, "hair": pytest.approx(0.4), "nose": pytest.approx(0.6)}
    assert found["terms"] == {"distance": pytest.approx(0.6), "total": 1.0}
    verdict = found["verdict"]
    assert verdict["word"] == "usable"
    assert "gain 25%; 9 of 10 parts in place (good from a gain of 40%)" in verdict["reason"]
    assert verdict["next_step"].endswith("f2p check -g toy")
    assert verdict["counts"] == {"good": 0, "usable": 4, "poor": 1}


def test_robustness_compares_photos_with_both_fits() -> None:
    plain = [_fitted("a", "a", 0, 0, 0.4, "hero"), _fitted("b", "b", 0, 0, 0.2, "hero")]
    noisy = [_fitted("a", "a", 0, 0, 0.5, "hero")]
    noisy[0].row["iou"] = 0.4
    noisy[0].row["photo_moved"] = 0.3
    found = robustness(plain, {"noise": noisy})["noise"]
    assert found["photos"] == 1
    assert found["fitted_worse"] == pytest.approx(0.25)
    assert found["iou_worse"] == pytest.approx(0.2)
    assert found["landmark_error_worse"] == 0.0
    assert found["photo_moved"] == pytest.approx(0.3)


def test_no_identification_without_identities() -> None:
    found = summary([_fitted("x", "", 0.0, 0.1, 0.6, "hero")])
    assert "identification" not in found
    assert "verification" not in found
    assert "consistency" not in found
    assert found["verdict"]["next_step"].endswith("f2p check -g toy/hero")
    assert summary([])["photos"] == 0
    assert "verdict" not in summary([])
