"""The raster against plain loops over triangles and pixels."""

from __future__ import annotations

import f2p_toy_mesh
import numpy as np
import pytest
import torch

from f2p_sdk.mesh.raster import nearest, rasterise

SIDE = 24


@pytest.fixture(scope="module")
def triangles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, triangles and flags: some outside of the picture, some one-sided."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-10, SIDE + 10, (90, 3))
    points[:, 2] = rng.uniform(1, 3, 90)
    corners = rng.integers(0, 90, (60, 3))
    return points.astype(np.float32), corners, rng.random(60) < 0.5


def _torch(triangles, pictures: int = 1):
    points, corners, one_sided = triangles
    which = torch.zeros(len(corners), dtype=torch.int64) + pictures - 1
    return rasterise(
        torch.from_numpy(points),
        torch.from_numpy(corners),
        which,
        torch.from_numpy(one_sided),
        SIDE,
    )


def test_the_same_fragments_as_loops(triangles) -> None:
    hits = _torch(triangles)
    wanted = {
        (pixel, triangle): (depth, weights)
        for pixel, found in enumerate(f2p_toy_mesh.fragments(*triangles, SIDE))
        for depth, triangle, weights in found
    }
    got = dict(
        zip(
            zip(hits.pixel.tolist(), hits.triangle.tolist(), strict=True),
            zip(hits.depth.tolist(), hits.weights.tolist(), strict=True),
            strict=True,
        )
    )
    # a pixel centre on an edge may be on either side of it
    assert len(set(wanted) ^ set(got)) <= 2
    assert len(got) > 300
    for key in set(wanted) & set(got):
        assert got[key][0] == pytest.approx(wanted[key][0], abs=1e-4)
        assert got[key][1] == pytest.approx(list(wanted[key][1]), abs=1e-3)


def test_pictures_have_their_own_pixels(triangles) -> None:
    first, third = _torch(triangles), _torch(triangles, 3)
    assert torch.equal(third.pixel, first.pixel + 2 * SIDE * SIDE)


def test_the_nearest_fragment_wins(triangles) -> None:
    hits = _torch(triangles)
    rows, depth = nearest(hits.pixel, hits.depth, SIDE * SIDE)
    over = f2p_toy_mesh.fragments(*triangles, SIDE)
    wanted = {p: found[0][0] for p, found in enumerate(over) if found}
    assert len(rows) == len(wanted)
    for row in rows.tolist():
        assert float(hits.depth[row]) == pytest.approx(wanted[int(hits.pixel[row])], abs=1e-4)
    assert int(torch.isinf(depth).sum()) == SIDE * SIDE - len(wanted)


def test_at_equal_depth_the_last_fragment_wins_on_any_number_of_threads() -> None:
    pixels, layers = 1000, 400
    pixel = torch.arange(pixels).repeat(layers)
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        rows, _ = nearest(pixel, torch.ones(len(pixel)), pixels)
    finally:
        torch.set_num_threads(threads)
    assert rows.tolist() == list(range(pixels * (layers - 1), pixels * layers))


def test_no_triangles_give_no_fragments() -> None:
    none = torch.zeros(0, 3, dtype=torch.int64)
    flags = torch.zeros(0, dtype=torch.bool)
    hits = rasterise(torch.rand(5, 3) + 1, none, none[:, 0], flags, SIDE)
    assert len(hits.pixel) == 0
