"""Random crops: their places, and the pixels that they cut."""

from __future__ import annotations

import numpy as np
import torch

from f2p_sdk.training.crops import cut, random_crops


def test_pairs_share_a_crop_where_they_differ() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (6, 64, 64, 3), dtype=np.uint8)
    pictures[4:] = pictures[:2]  # pairs are the first two and the last two
    pictures[4, 40:44, 10:14] ^= 255
    found = [
        random_crops(torch.from_numpy(pictures), 2, 16, np.random.default_rng(s)) for s in range(20)
    ]
    for crops in found:
        assert torch.equal(crops.top[:2], crops.top[4:])
        assert torch.equal(crops.left[:2], crops.left[4:])
        assert crops.top.min() >= 0
        assert crops.top.max() <= 48
        # the difference is in rows 40 to 44 and columns 10 to 14
        assert 24 <= crops.top[0] <= 44
        assert 0 <= crops.left[0] <= 14
    assert len({int(crops.top[3]) for crops in found}) > 5


def test_the_same_seed_gives_the_same_crops() -> None:
    pictures = np.arange(2 * 32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 32, 32, 3)
    one, other = (
        random_crops(torch.from_numpy(pictures), 0, 8, np.random.default_rng(4)) for _ in range(2)
    )
    found = cut(torch.from_numpy(pictures), one)
    assert torch.equal(found, cut(torch.from_numpy(pictures), other))
    top, left = int(one.top[1]), int(one.left[1])
    assert np.array_equal(found[1].numpy(), pictures[1, top : top + 8, left : left + 8])
