"""Alignment compared with analytic pictures and transforms, and with a second Umeyama."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from f2p_sdk.alignment import Face, PickedFace, align, pick_face, similarity
from f2p_sdk.errors import FaceError, ImageError, NoFaceError
from f2p_sdk.kinds import Framing

# The five landmarks of dlib in that photo.
POINTS = np.array([(255.0, 120.0), (235, 120), (198, 112), (217, 115), (221, 147)])

PLACES = ((0.62, 0.40), (0.55, 0.405), (0.38, 0.40), (0.45, 0.405), (0.5, 0.55))


def turned(
    points: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]
) -> np.ndarray:
    angle = np.radians(degrees)
    matrix = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    return scale * points @ matrix.T + shift


def umeyama(src: np.ndarray, dst: np.ndarray) -> np.ndarray:
    """The method of the paper: singular value decomposition, any dimension."""
    x, y = src - src.mean(0), dst - dst.mean(0)
    u, d, vt = np.linalg.svd(y.T @ x)
    signs = np.ones(len(d))
    signs[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = u @ np.diag(signs) @ vt
    scale = (d * signs).sum() / (x**2).sum()
    return np.column_stack((scale * rotation, dst.mean(0) - scale * rotation @ src.mean(0)))


class TestSimilarity:
    @pytest.mark.parametrize("seed", range(8))
    def test_equals_the_method_of_the_paper(self, seed: int) -> None:
        src, dst = np.random.default_rng(seed).normal(size=(2, 5, 2))
        np.testing.assert_allclose(similarity(src, dst), umeyama(src, dst), atol=1e-12)

    def test_known_transform(self) -> None:
        matrix = similarity(POINTS, turned(POINTS, 3.5, 77, (-20, 9)))
        angle = np.radians(77)
        expected = [(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]
        np.testing.assert_allclose(matrix[:, :2], 3.5 * np.array(expected), atol=1e-12)
        np.testing.assert_allclose(matrix[:, 2], (-20, 9), atol=1e-9)

    def test_never_a_reflection(self) -> None:
        matrix = similarity(POINTS, POINTS * (-1, 1))
        assert np.linalg.det(matrix[:, :2]) >= 0

    def test_minimises_the_squared_error(self) -> None:
        rng = np.random.default_rng(0)
        src, dst = rng.normal(size=(2, 5, 2))
        best = similarity(src, dst)

        def error(a: float, b: float, x: float, y: float) -> float:
            moved = src @ np.array([(a, b), (-b, a)]) + (x, y)
            return float(((moved - dst) ** 2).sum())

        own = (best[0, 0], best[1, 0], best[0, 2], best[1, 2])
        for _ in range(50):
            assert error(*own) <= error(*(own + rng.normal(size=4) * 0.01))

    def test_errors(self) -> None:
        with pytest.raises(FaceError, match="distinct"):
            similarity(np.ones((5, 2)), POINTS)
        with pytest.raises(FaceError, match="finite"):
            similarity(POINTS * np.nan, POINTS)
        for src, dst in ((POINTS, POINTS[:4]), (POINTS[:1], POINTS[:1]), (np.ones((5, 3)),) * 2):
            with pytest.raises(ValueError, match="similarity needs"):
                similarity(src, dst)


def waves(x: np.ndarray, y: np.ndarray, scale: float) -> np.ndarray:
    """Values of a smooth pattern at points in pixels; `scale` is the scale of the pattern."""
    x, y = x / scale, y / scale
    red = 128 + 60 * np.sin(x / 19) + 40 * np.cos(y / 23)
    green = 128 + 90 * np.sin((x + y) / 29)
    blue = 128 + 90 * np.cos((x - 2 * y) / 37)
    return np.stack((red, green, blue), axis=-1)


class TestAlign:
    # Photos of 0.4 to 5 times the frame's size, with any rotation.
    @pytest.mark.parametrize("scale", [0.4, 0.97, 1.0, 1.6, 5.0])
    @pytest.mark.parametrize("degrees", [0, -31, 90, 180])
    def test_every_pixel_has_the_colour_of_its_source(self, scale: float, degrees: float) -> None:
        framing, size = Framing(128, PLACES), 128
        side = int(200 * scale) + 1
        points = turned(framing.pixels() - 63.5, scale, degrees, ((side - 1) / 2,) * 2)
        rows, columns = np.mgrid[:side, :side].astype(float)
        picture = np.rint(waves(columns, rows, scale)).astype(np.uint8)

        aligned = align(picture, points, framing)
        assert aligned.picture.shape == (size, size, 3)
        assert aligned.picture.dtype == np.uint8
        np.testing.assert_allclose(aligned.landmarks, framing.pixels(), atol=1e-9)

        rows, columns = np.mgrid[:size, :size].astype(float)
        source = turned(np.stack((columns, rows), -1) - 63.5, scale, degrees, ((side - 1) / 2,) * 2)
        expected = waves(source[..., 0], source[..., 1], scale)
        inside = ((source > 2 * scale) & (source < side - 1 - 2 * scale)).all(-1)
        assert inside.mean() > 0.8
        difference = np.abs(aligned.picture - expected)[inside]
        # Rounding to 8 bits gives about 0.4; a shift of half a pixel would give 1.5.
        assert difference.mean() < 0.6
        assert difference.max() < 3
        # The matrix agrees with the pixels.
        back = (np.stack((columns, rows), -1) - aligned.matrix[:, 2]) @ np.linalg.inv(
            aligned.matrix[:, :2]
        ).T
        np.testing.assert_allclose(back, source, atol=1e-6)

    def test_downscaling_is_antialiased(self) -> None:
        framing = Framing(64, PLACES)
        rows, columns = np.mgrid[:900, :900]
        checks = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
        points = turned(framing.pixels() - 31.5, 9.3, 20, (450, 450))
        aligned = align(checks, points, framing)
        assert np.abs(aligned.picture.astype(int) - 127).max() <= 3  # 0 or 255 without antialiasing

    def test_alignment_is_independent_of_the_photos_size(self, astronaut: np.ndarray) -> None:
        framing = Framing(128, PLACES)
        large = Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.BICUBIC)
        one = align(astronaut, POINTS, framing).picture.astype(float)
        other = align(np.array(large), (POINTS + 0.5) * 4 - 0.5, framing).picture.astype(float)
        assert np.abs(one - other).mean() < 1.2

    def test_no_black_outside_of_the_photo(self) -> None:
        white = np.full((60, 90, 3), 255, np.uint8)
        points = turned((POINTS - POINTS.mean(0)) / 4, 1, 40, (80, 10))
        aligned = align(white, points, Framing(128, PLACES))
        assert aligned.picture.min() == 255
        assert 0.3 < aligned.outside < 0.95
        assert any("cropped tightly" in hint for hint in aligned.hints)

    def test_mirror_image_outside_of_the_photo_is_blurred(self) -> None:
        framing = Framing(128, PLACES)
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (100, 100, 3), dtype=np.uint8)
        points = framing.pixels() - (64, 0)  # the photo fills the right half of the frame
        picture = align(noise, points, framing).picture.astype(float)
        assert np.abs(picture[:100, 64:] - noise[:, :64]).max() <= 1
        assert picture[:100, :30].std() < 0.2 * noise.std()
        assert abs(picture[:100, :30].mean() - noise[:, :64].mean()) < 12

    def test_outside_is_the_share_outside_of_the_photo(self) -> None:
        framing = Framing(128, PLACES)
        photo = np.zeros((128, 64, 3), np.uint8)
        assert align(photo, framing.pixels(), framing).outside == pytest.approx(0.5, abs=0.02)
        whole = np.zeros((128, 128, 3), np.uint8)
        assert align(whole, framing.pixels(), framing).outside == 0

    def test_hints(self) -> None:
        framing = Framing(128, PLACES)
        photo = np.zeros((600, 600, 3), np.uint8)
        good = turned(POINTS, 2, 0, (-100, 0))
        assert align(photo, good, framing).hints == ()
        (small,) = align(photo, POINTS / 4 + 200, framing).hints
        assert "10 pixels between the eyes" in small
        moved = good.copy()
        moved[4, 0] += 25
        (hint,) = align(photo, moved, framing).hints
        assert "the head is turned" in hint

    def test_fifty_megapixels(self) -> None:
        photo = np.full((6250, 8000, 3), 100, np.uint8)
        points = turned(POINTS - POINTS.mean(0), 12, 10, (4000, 3000))
        tracemalloc.start()
        begin = time.perf_counter()
        aligned = align(photo, points, Framing(512, PLACES))
        seconds = time.perf_counter() - begin
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert set(np.unique(aligned.picture)) == {100}
        assert peak < photo.nbytes * 1.5  # numpy's allocations without the photo
        assert seconds < 10  # about 0.3 s on an idle machine

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (3, 2)])
    def test_tiny_pictures(self, shape: tuple[int, int]) -> None:
        photo = np.full((*shape, 3), 77, np.uint8)
        aligned = align(photo, (POINTS - POINTS[4]) / 20, Framing(32, PLACES))
        assert set(np.unique(aligned.picture)) == {77}

    def test_errors(self) -> None:
        framing = Framing(64, PLACES)
        photo = np.zeros((100, 100, 3), np.uint8)
        with pytest.raises(FaceError, match="lies outside of the 100x100 photo"):
            align(photo, POINTS + 5000, framing)
        for wrong in (POINTS[:4], POINTS * np.inf, np.zeros((5, 2))):
            with pytest.raises(FaceError):
                align(photo, wrong, framing)
        with pytest.raises(FaceError, match="landmarks of the framing"):
            align(photo, POINTS / 4, Framing(64, ((0.5, 0.5),) * 5))
        for bad in (photo[..., 0], photo.astype(np.float32), np.zeros((9, 9, 4), np.uint8)):
            with pytest.raises(ImageError, match=r"\(H, W, 3\)"):
                align(bad, POINTS, framing)


def face(side: float, left: float = 0.0) -> Face:
    return Face((left, 0, left + side, side), POINTS)


class TestPickFace:
    def test_default_is_the_largest(self) -> None:
        faces = [face(10), face(30), face(20)]
        picked = pick_face(faces)
        assert picked.face is faces[1]
        assert (picked.number, picked.count) == (1, 3)
        assert picked.message.startswith("3 faces found; took face 1 (the largest)")
        assert "--face" in picked.message

    def test_by_number(self) -> None:
        faces = [face(10), face(30, left=7), face(20, left=5)]
        picked = pick_face(faces, 2)
        assert picked.face is faces[2]
        assert picked.message.startswith("3 faces found; took face 2, left 5 top 0 right 25 bot")

    def test_no_message_for_a_single_face(self) -> None:
        assert pick_face([face(10)]).message == ""
        assert isinstance(pick_face([face(10)], 1), PickedFace)

    def test_no_faces(self) -> None:
        with pytest.raises(NoFaceError, match="no face was found") as caught:
            pick_face([])
        assert "from the front" in caught.value.remedy

    @pytest.mark.parametrize("number", [0, -1, 3])
    def test_unknown_number(self, number: int) -> None:
        with pytest.raises(FaceError, match=f"no face {number}: the picture has 2"):
            pick_face([face(10), face(20)], number)


class TestFace:
    def test_area_eye_distance_and_turn(self) -> None:
        it = Face((10, 20, 110, 70), POINTS, 1.5)
        assert it.area == 5000
        assert it.eye_distance == pytest.approx(np.hypot(37.5, 6.5))
        assert abs(it.turn) < 0.12
        assert Face((0, 0, 1, 1), turned(POINTS, 3, 110, (5, 5))).turn == pytest.approx(it.turn)

    def test_landmarks_must_be_five(self) -> None:
        with pytest.raises(FaceError, match="five finite points"):
            Face((0, 0, 1, 1), POINTS[:3])
