"""The detector against dlib's own landmarks, on pictures with known changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from f2p_dlib import detector as module
from f2p_dlib.detector import DlibDetector
from PIL import Image

from f2p_sdk import Detector, Face, ImageError, NoFaceError, WeightsError, pick_face


def only(faces: list[Face]) -> Face:
    assert len(faces) == 1
    return faces[0]


def apart(face: Face, points: np.ndarray) -> float:
    """Mean distance of landmarks in eye distances."""
    return float(np.hypot(*(face.landmarks - points).T).mean() / face.eye_distance)


@pytest.fixture(scope="module")
def found(detector: DlibDetector, astronaut: np.ndarray) -> Face:
    return only(detector.detect(astronaut))


def test_implements_the_protocol(detector: DlibDetector) -> None:
    assert isinstance(detector, Detector)
    assert detector.name == "dlib"


@pytest.mark.slow
def test_landmarks_agree_with_dlibs(
    detector: DlibDetector, faces: dict[str, np.ndarray], reference: Any
) -> None:
    for name, picture in faces.items():
        face = only(detector.detect(picture))
        assert apart(face, reference.array(reference.shape(picture))) < 0.04, name
        left, top, right, bottom = face.box
        x, y = face.landmarks.mean(0)
        assert left < x < right, name
        assert top < y < bottom, name


@pytest.mark.parametrize("side", [128, 256, 700, 1800])
def test_landmarks_scale_with_the_picture(
    detector: DlibDetector, astronaut: np.ndarray, found: Face, side: int
) -> None:
    image = Image.fromarray(astronaut).resize((side, side), Image.Resampling.LANCZOS)
    face = only(detector.detect(np.array(image)))
    assert apart(face, (found.landmarks + 0.5) * side / 512 - 0.5) < 0.02


def test_a_mirrored_face_has_mirrored_landmarks(
    detector: DlibDetector, astronaut: np.ndarray, found: Face
) -> None:
    face = only(detector.detect(np.ascontiguousarray(astronaut[:, ::-1])))
    points = found.landmarks[[2, 3, 0, 1, 4]] * (-1, 1) + (511, 0)
    assert apart(face, points) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [10, -25, 45, 90, 135, 180, 270])
def test_a_rotated_face_has_rotated_landmarks(
    detector: DlibDetector, astronaut: np.ndarray, found: Face, degrees: int
) -> None:
    turned = Image.fromarray(astronaut).rotate(degrees, Image.Resampling.BICUBIC)
    face = only(detector.detect(np.array(turned)))
    angle = np.radians(degrees)
    back = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    assert apart(face, (found.landmarks - 255.5) @ back + 255.5) < 0.02


def test_faces_are_sorted_by_size(detector: DlibDetector, astronaut: np.ndarray) -> None:
    picture = np.full((420, 1300, 3), 120, np.uint8)
    image, left = Image.fromarray(astronaut[:270, 100:370]), 10
    for side in (270, 400, 330):
        small = image.resize((side, side), Image.Resampling.BICUBIC)
        picture[10 : 10 + side, left : left + side] = np.array(small)
        left += side + 20
    faces = detector.detect(picture)
    assert [round(face.box[0] / 1300, 1) for face in faces] == [0.3, 0.6, 0.1]
    assert faces[0].area > faces[1].area > faces[2].area
    assert "3 faces found; took face 2" in pick_face(faces, 2).message


def test_a_face_at_the_edge_is_found(
    detector: DlibDetector, astronaut: np.ndarray, found: Face
) -> None:
    left, top = 185, 95  # through the hair on all sides, and below the lip
    close = np.ascontiguousarray(astronaut[top : top + 83, left : left + 77])
    assert apart(only(detector.detect(close)), found.landmarks - (left, top)) < 0.06


@pytest.mark.slow
def test_a_small_face_in_a_huge_picture_is_found(
    detector: DlibDetector, astronaut: np.ndarray
) -> None:
    picture = np.full((5000, 10000, 3), 128, np.uint8)  # 50 megapixels
    image = Image.fromarray(astronaut).resize((2000, 2000), Image.Resampling.BICUBIC)
    picture[2500:4500, 6000:8000] = np.array(image)
    face = only(detector.detect(picture))
    inside = Face((0, 0, 1, 1), (face.landmarks - (6000, 2500) + 0.5) / 2000 * 512 - 0.5)
    assert apart(inside, only(detector.detect(astronaut)).landmarks) < 0.03


@pytest.mark.slow
def test_small_faces_in_a_panorama_are_found_once(
    detector: DlibDetector, astronaut: np.ndarray
) -> None:
    sky = np.linspace(120, 220, 512).astype(np.uint8)[:, None, None]
    picture = np.broadcast_to(sky, (512, 14_000, 3)).copy()
    # The second face lies in the overlap of two tiles.
    for left in (9_000, 2 * (module._TILE - module._OVERLAP) - 100):
        picture[:, left : left + 512] = astronaut
    faces = detector.detect(picture)
    assert len(faces) == 2
    (known,) = detector.detect(astronaut)
    for face in faces:
        left = min((9_000, 3_356), key=lambda left: abs(face.box[0] - left))
        inside = Face((0, 0, 1, 1), face.landmarks - (left, 0))
        assert apart(inside, known.landmarks) < 0.06


@pytest.mark.slow
@pytest.mark.parametrize("name", ["black", "noise", "blots", "dot", "line", "no face"])
def test_pictures_without_a_face_have_no_faces(
    detector: DlibDetector, astronaut: np.ndarray, name: str
) -> None:
    rng = np.random.default_rng(4)
    blots = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    picture = {
        "black": np.zeros((240, 320, 3), np.uint8),
        "noise": rng.integers(0, 256, (200, 300, 3), dtype=np.uint8),
        "blots": np.array(blots.resize((480, 320), Image.Resampling.BICUBIC)),
        "dot": np.zeros((1, 1, 3), np.uint8),
        "line": np.zeros((9, 3000, 3), np.uint8),
        "no face": np.ascontiguousarray(astronaut[220:]),
    }[name]
    faces = detector.detect(picture)
    assert faces == []
    with pytest.raises(NoFaceError):
        pick_face(faces)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((50, 50, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(detector: DlibDetector, picture: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"uint8 \(H, W, 3\)"):
        detector.detect(picture)


def test_a_damaged_landmark_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module.read_model(module.LANDMARKS)
    monkeypatch.setattr(module, "read_model", lambda name: whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="is damaged") as caught:
        DlibDetector()
    assert "pip install" in caught.value.remedy
