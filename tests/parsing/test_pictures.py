"""Augmentation of pictures with their labels, and datasets of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from f2p_sdk.errors import DatasetError
from f2p_sdk.faceparts import CLASSES, MIRRORED
from f2p_sdk.parsing.training import Face, LabelledRecord, augment, open_faces
from f2p_sdk.parsing.training.augment import shrunk
from f2p_sdk.parsing.training.backdrops import backdrop
from f2p_sdk.parsing.training.colours import developed, lit, recoloured
from f2p_sdk.parsing.training.geometry import Move, moved, random_move
from f2p_sdk.parsing.training.occluders import find_marks, glasses, hand, hat, patch

CLASS = {name: k for k, name in enumerate(CLASSES)}
#: Distinct colours, so that a pixel identifies its class.
CODES = np.array(
    [
        *([0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]),
        *([255, 0, 255], [0, 255, 255], [128, 0, 128], [0, 128, 0], [128, 128, 0]),
    ],
    dtype=np.uint8,
)
SIDE = 96


def face_of(side: int = SIDE) -> Face:
    """A drawn face whose colours are its labels."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    labels = np.zeros((side, side), np.uint8)

    def paint(name: str, cx: float, cy: float, rx: float, ry: float) -> None:
        labels[np.hypot((x - cx) / rx, (y - cy) / ry) < 1] = CLASS[name]

    paint("hair", 0.5, 0.4, 0.32, 0.34)
    paint("face_skin", 0.5, 0.52, 0.25, 0.33)
    for right, cx in (("left", 0.62), ("right", 0.38)):  # the subject's left is on our right
        paint(f"{right}_brow", cx, 0.38, 0.08, 0.025)
        paint(f"{right}_eye", cx, 0.46, 0.07, 0.035)
    paint("nose", 0.5, 0.56, 0.05, 0.09)
    paint("upper_lip", 0.5, 0.69, 0.1, 0.03)
    paint("lower_lip", 0.5, 0.74, 0.09, 0.03)
    return Face(CODES[labels], labels, (labels > 0).astype(np.uint8) * 255)


def decoded(picture: np.ndarray) -> np.ndarray:
    """The class whose colour is nearest."""
    apart = np.abs(picture[:, :, None].astype(int) - CODES.astype(int)).sum(axis=3)
    return np.asarray(apart.argmin(axis=2))


def inner(labels: np.ndarray) -> np.ndarray:
    """Pixels whose eight neighbours have the same class: smoothing leaves their colour alone."""
    same = np.ones(labels.shape, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            same &= np.roll(labels, (dy, dx), axis=(0, 1)) == labels
    return same


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("turning", [False, True])
def test_labels_move_with_the_picture(seed: int, turning: bool) -> None:
    face = face_of()
    move = random_move(np.random.default_rng(seed), turning=turning)
    picture, labels = moved(Image.fromarray(face.picture), Image.fromarray(face.labels), move)
    found, wanted = decoded(np.asarray(picture)), np.asarray(labels)
    if move.mirror:  # colours stay, the classes of the sides change
        swap = {2: 3, 3: 2, 4: 5, 5: 4}
        found = np.vectorize(lambda k: swap.get(k, k))(found)
    sure = inner(wanted)
    assert sure.mean() > 0.5
    assert (found[sure] == wanted[sure]).mean() > 0.995
    assert (wanted != face.labels).mean() > 0.02


def test_a_move_shifts_scales_and_turns_as_given() -> None:
    face = face_of()
    nose = face.labels == CLASS["nose"]
    before = np.argwhere(nose).mean(axis=0)

    def middle(move: Move) -> tuple[Any, int]:
        _, labels = moved(Image.fromarray(face.picture), Image.fromarray(face.labels), move)
        found = np.asarray(labels) == CLASS["nose"]
        return np.argwhere(found).mean(axis=0), int(found.sum())

    after, pixels = middle(Move(right=0.1, down=-0.05))
    assert after - before == pytest.approx([-0.05 * SIDE, 0.1 * SIDE], abs=0.6)
    assert pixels == pytest.approx(nose.sum(), rel=0.06)
    _, pixels = middle(Move(scale=1.5))
    assert pixels == pytest.approx(1.5**2 * nose.sum(), rel=0.06)
    # clockwise: a point below the centre moves to the left
    after, _ = middle(Move(turn=30))
    assert after[1] < before[1] - 1


def test_a_mirrored_face_keeps_its_own_left() -> None:
    face = face_of()
    move = Move(mirror=True)
    _, labels = moved(Image.fromarray(face.picture), Image.fromarray(face.labels), move)
    for name in ("left_eye", "left_brow"):
        assert np.argwhere(np.asarray(labels) == CLASS[name])[:, 1].min() > SIDE / 2


def _portrait() -> tuple[Image.Image, Image.Image]:
    face = face_of(128)
    tones = np.array([[90, 120, 90]] + [[200, 150, 120]] * 9 + [[60, 40, 30]], np.uint8)
    return Image.fromarray(tones[face.labels]), Image.fromarray(face.labels)


Occluder = Callable[..., tuple[Image.Image, Image.Image]]


@pytest.mark.parametrize("occluder", [glasses, hat, hand, patch])
def test_occluded_pixels_become_background_and_other_labels_stay(occluder: Occluder) -> None:
    picture, labels = _portrait()
    marks = find_marks(labels)
    assert marks is not None
    assert marks.unit == pytest.approx(0.24 * 128, abs=1)
    hidden = 0
    for seed in range(12):
        places = (marks,) if occluder in (glasses, hat) else ()
        rng = np.random.default_rng(seed)
        covered, after = occluder(picture, labels, *places, rng)
        old, new = np.asarray(labels), np.asarray(after)
        changed = old != new
        assert (new[changed] == 0).all()
        hidden += int(changed.sum())
        # the picture changes wherever a label changes
        painted = (np.asarray(covered) != np.asarray(picture)).any(axis=2)
        assert painted[changed].mean() > 0.9 if changed.any() else painted.any()
    assert hidden > 0


def test_clear_glasses_change_no_label_dark_ones_hide_the_eyes() -> None:
    picture, labels = _portrait()
    marks = find_marks(labels)
    eyes = np.isin(np.asarray(labels), (CLASS["left_eye"], CLASS["right_eye"]))
    kept = []
    for seed in range(24):
        _, after = glasses(picture, labels, marks, np.random.default_rng(seed))
        kept.append(float((np.asarray(after)[eyes] == np.asarray(labels)[eyes]).mean()))
    assert set(np.round(kept)) == {0.0, 1.0}
    assert 12 <= sum(share == 1 for share in kept) < 24
    assert all(share == 1 or share < 0.3 for share in kept)


def test_hats_leave_the_eyes_alone() -> None:
    picture, labels = _portrait()
    marks = find_marks(labels)
    low = np.isin(np.asarray(labels), (CLASS["nose"], CLASS["upper_lip"], CLASS["left_eye"]))
    hair = np.asarray(labels) == CLASS["hair"]
    for seed in range(12):
        _, after = hat(picture, labels, marks, np.random.default_rng(seed))
        assert (np.asarray(after)[low] == np.asarray(labels)[low]).mean() > 0.8
        assert (np.asarray(after)[hair] == 0).mean() > 0.3


def test_there_are_no_marks_with_one_eye_only() -> None:
    labels = np.asarray(_portrait()[1]).copy()
    labels[labels == CLASS["left_eye"]] = CLASS["face_skin"]
    assert find_marks(Image.fromarray(labels)) is None


@pytest.mark.parametrize("change", [developed, lit])
def test_light_and_lens_change_colours_only(change: Callable[..., Image.Image]) -> None:
    picture, _ = _portrait()
    found = set()
    for seed in range(6):
        after = change(picture, np.random.default_rng(seed))
        assert after.size == picture.size
        assert after.mode == "RGB"
        found.add(after.tobytes())
    assert len(found) == 6


def test_recoloured_parts_stay_in_their_places() -> None:
    picture, labels = _portrait()
    plane = np.asarray(labels)
    rest = inner(plane) & np.isin(plane, (0, CLASS["nose"]))
    moved_hair = 0.0
    for seed in range(10):
        after = np.asarray(recoloured(picture, labels, np.random.default_rng(seed))).astype(int)
        before = np.asarray(picture).astype(int)
        assert np.abs(after - before)[rest].mean() < 1.5
        moved_hair = max(moved_hair, np.abs(after - before)[plane == CLASS["hair"]].mean())
    assert moved_hair > 20


def test_backdrops_have_the_size_and_differ() -> None:
    made = [np.asarray(backdrop(np.random.default_rng(k), 64)) for k in range(12)]
    assert {m.shape for m in made} == {(64, 64, 3)}
    assert len({m.tobytes() for m in made}) == 12
    assert sum(m.std() > 10 for m in made) >= 8


@pytest.mark.parametrize("side", [None, 64])
def test_the_same_seed_gives_the_same_picture(side: int | None) -> None:
    face = face_of()
    pictures = set()
    for seed in range(5):
        a = augment(face, np.random.default_rng(seed), "photo", side, 0.2)
        b = augment(face, np.random.default_rng(seed), "photo", side, 0.2)
        assert np.array_equal(a[0], b[0])
        assert np.array_equal(a[1], b[1])
        assert a[0].shape == (side or SIDE, side or SIDE, 3)
        assert a[1].max() < len(CLASSES)
        pictures.add(a[0].tobytes())
    assert len(pictures) == 5


def test_plain_pictures_are_only_moved() -> None:
    face, same = face_of(), 0
    for seed in range(20):
        picture, labels = augment(face, np.random.default_rng(seed), plain=1.0)
        sure = inner(labels)
        found = decoded(picture)
        swap = np.array([MIRRORED, range(len(CLASSES))])
        assert max((k[found][sure] == labels[sure]).mean() for k in swap) > 0.99
        same += np.isin(labels, (0, 1, 10)).mean() == np.isin(face.labels, (0, 1, 10)).mean()
    assert 4 <= same <= 16


def test_shrinking_keeps_labels_and_foreground() -> None:
    small = shrunk(face_of(), 48)
    sure = inner(small.labels)
    assert (decoded(small.picture)[sure] == small.labels[sure]).mean() > 0.99
    assert ((small.drawn > 0) == (small.labels > 0)).all()


# Datasets


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def records_of(count: int, side: int = SIDE, **changes: Any) -> list[LabelledRecord]:
    face = face_of(side)
    planes = {"labels": face.labels, "depth": (face.labels > 0).astype(np.float32) * 7}
    planes |= {k: v for k, v in changes.items() if v is not None}
    planes = {k: v for k, v in planes.items() if k not in changes or changes[k] is not None}
    return [(k, _png(face.picture), planes) for k in range(count)]


def test_datasets_are_joined_and_decoded_once(tmp_path: Path) -> None:
    def records(folder: Path) -> list[LabelledRecord]:
        return records_of(21 if folder.name == "a" else 40)

    def unread(folder: Path) -> list[LabelledRecord]:
        raise AssertionError("the dataset was read again")

    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    faces = open_faces(folders, records, 64)
    again = open_faces(folders, unread, 64)
    assert len(faces) == len(again) == 61
    assert faces.numbers[20:23].tolist() == [20, 0, 1]
    small = shrunk(face_of(), 64)
    face = again[60]
    assert (face.labels == small.labels).mean() > 0.97
    assert ((face.drawn > 0) == (face.labels > 0)).all()
    assert np.abs(face.picture.astype(int) - small.picture).mean() < 8
    train, held = faces.split()
    assert [int(faces.numbers[row]) for row in held] == [19, 19, 39]
    assert len(train) + len(held) == 61
    assert faces.source == {"data": ["a", "b"], "pictures": 61, "size": 64}
    (tmp_path / "a" / "000000.tar").write_bytes(b"more")  # the dataset grew
    assert len(open_faces(folders, lambda folder: records_of(30), 64)) == 70


def test_without_depth_all_is_foreground(tmp_path: Path) -> None:
    faces = open_faces([tmp_path], lambda folder: records_of(21, depth=None), 96)
    assert (faces[0].drawn == 255).all()


@pytest.mark.parametrize(
    ("records", "match"),
    [
        ([], "no records"),
        (records_of(1, labels=None), "no labels"),
        (records_of(1, labels=np.full((SIDE, SIDE), 11, np.uint8)), "the class 11"),
        (records_of(1, labels=np.zeros((9, 9), np.uint8)), "labels of the same size"),
        (records_of(1, side=32), "64 pixels or more"),
        ([(0, b"no picture", records_of(1)[0][2])], "cannot be decoded"),
    ],
)
def test_damaged_datasets_are_refused(
    tmp_path: Path, records: list[LabelledRecord], match: str
) -> None:
    with pytest.raises(DatasetError, match=match) as error:
        open_faces([tmp_path], lambda folder: records, 64)
    assert error.value.remedy
