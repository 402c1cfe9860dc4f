"""Motion: measured from an engine that is known, kept on disk, spread over a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from f2p_sdk.errors import DatasetError
from f2p_sdk.motion import Motion, measure
from f2p_sdk.parameters import Character, Continuous, Discrete, Layout

LAYOUT = Layout(
    "toy",
    "face",
    (
        Continuous("jaw", "face", -1.0, 1.0, 0.4),
        Discrete("hair", "hair", ("bob", "bun"), "bun"),
        Continuous("nose", "nose", 10.0, 30.0, 12.0),
    ),
)
REST = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 20.0]])  # pixels of 64


def _landmarks(characters: Sequence[Character]) -> Iterator[np.ndarray]:
    for c in characters:
        jaw, nose = float(c.values["jaw"]), (float(c.values["nose"]) - 20) / 10
        assert c.values["hair"] == "bun"
        moved = [[3 * jaw, 0], [0, 2 * max(nose, 0)], [0, 5 * min(nose, 0)]]
        yield np.add(REST, moved)


def test_measures_each_end_of_each_slider() -> None:
    motion = measure(LAYOUT, _landmarks, 64)
    pixel = 2 / 64
    assert np.allclose(motion.rest, (REST + 0.5) * pixel - 1)
    assert np.allclose(motion.high[0], [[3 * pixel, 0], [0, 0], [0, 0]], atol=1e-6)
    assert np.allclose(motion.low[0], [[-3 * pixel, 0], [0, 0], [0, 0]], atol=1e-6)
    assert np.allclose(motion.high[1], [[0, 0], [0, 2 * pixel], [0, 0]], atol=1e-6)
    assert np.allclose(motion.low[1], [[0, 0], [0, 0], [0, -5 * pixel]], atol=1e-6)


def test_fields_are_those_of_the_points_near_by() -> None:
    generator = np.random.default_rng(0)
    rest = generator.uniform(-1, 1, (400, 2)).astype(np.float32)
    high = np.stack([rest * 0.1, np.full_like(rest, 0.2)])
    low = np.stack([rest * -0.3, np.zeros_like(rest)])
    fields = Motion("x", rest, low, high).fields(16)
    assert fields.shape == (4, 2, 16, 16)
    centres = (np.arange(16) + 0.5) / 8 - 1
    inner = slice(3, 13)
    # a displacement that grows with the place comes out as that, up to the blur
    assert np.allclose(fields[0, 0, inner, inner], 0.1 * centres[None, inner], atol=0.01)
    assert np.allclose(fields[0, 1, inner, inner], 0.1 * centres[inner, None], atol=0.01)
    assert np.allclose(fields[2], -3 * fields[0], atol=1e-5)
    assert np.allclose(fields[1], 0.2, atol=1e-6)
    assert not fields[3].any()


def test_far_from_every_point_the_nearest_counts() -> None:
    rest = np.array([[0.9, 0.9], [0.95, 0.95]], np.float32)
    high = np.array([[[0.1, 0.0], [0.3, 0.0]]], np.float32)
    fields = Motion("x", rest, -high, high).fields(64)
    assert np.isfinite(fields).all()
    assert 0.1 <= fields[0, 0, 0, 0] <= 0.3


def test_comes_back_from_disk(tmp_path: Path) -> None:
    motion = measure(LAYOUT, _landmarks, 64)
    loaded = Motion.load(motion.save(tmp_path / "a" / "motion.npz"), LAYOUT)
    assert loaded.layout_hash == LAYOUT.hash
    for name in ("rest", "low", "high"):
        assert np.array_equal(getattr(loaded, name), getattr(motion, name))


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = measure(LAYOUT, _landmarks, 64).save(tmp_path / "motion.npz")
    other = Layout("toy", "face", LAYOUT.parameters[:2])
    with pytest.raises(
        DatasetError, match=f"is of layout {LAYOUT.hash}, the layout .* {other.hash}"
    ):
        Motion.load(path, other)
    whole = path.read_bytes()
    for damaged in (b"", b"no zip", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="cannot be read") as error:
            Motion.load(path, LAYOUT)
        assert "f2p capture" in error.value.remedy


def test_points_that_come_and_go_are_refused() -> None:
    def fickle(characters: Sequence[Character]) -> Iterator[np.ndarray]:
        for i, points in enumerate(_landmarks(characters)):
            yield points[: 3 - i % 2]

    with pytest.raises(DatasetError, match="the same points for every character"):
        measure(LAYOUT, fickle, 64)
