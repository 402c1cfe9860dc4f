"""dlib's distance between pictures."""

from __future__ import annotations

import csv
from itertools import combinations

import numpy as np
import pytest
from f2p_dlib.compare import SAME_PERSON, describe, distance
from f2p_toy import ROOT

from f2p_sdk import FaceError

TABLE = ROOT.parent / "shared" / "photos" / "identities.csv"


@pytest.mark.slow
def test_changed_pictures_of_one_person_are_close(faces: dict[str, np.ndarray]) -> None:
    first = describe(faces["unchanged"])
    assert first is not None
    assert first.shape == (128,)
    for name in ("mirrored", "turned", "dark", "noisy", "cut off"):
        other = describe(faces[name])
        assert other is not None, name
        assert np.linalg.norm(first - other) < 0.5, name


@pytest.mark.slow
def test_a_picture_has_no_distance_to_itself(astronaut: np.ndarray) -> None:
    assert distance(astronaut, astronaut) == 0


def test_without_a_face_there_is_no_distance(astronaut: np.ndarray) -> None:
    black = np.zeros((6, 6, 3), np.uint8)
    assert describe(black) is None
    assert distance(astronaut, black) is None
    assert distance(black, astronaut) is None


def test_face_by_number(astronaut: np.ndarray) -> None:
    with pytest.raises(FaceError, match="no face 2: the picture has 1 face"):
        describe(astronaut, 2)


@pytest.mark.slow
def test_the_threshold_separates_people(photos: dict[str, np.ndarray]) -> None:
    if not TABLE.is_file():
        pytest.skip("there is no table of identities")
    with TABLE.open(newline="", encoding="utf-8") as file:
        person = {row["file"]: row["identity"] for row in csv.DictReader(file)}
    found = {name: describe(photos[name]) for name in person}
    same: list[float] = []
    different: list[float] = []
    for (one, a), (other, b) in combinations(found.items(), 2):
        assert a is not None
        assert b is not None
        pairs = same if person[one] == person[other] else different
        pairs.append(float(np.linalg.norm(a - b)))
    assert max(same) < SAME_PERSON < min(different)
