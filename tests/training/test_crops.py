"""Where windows lie, and what they cut."""

from __future__ import annotations

import numpy as np
import torch

from f2p_sdk.training.crops import Windows


def test_pairs_share_a_window_where_they_differ() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (6, 64, 64, 3), dtype=np.uint8)
    pictures[4:] = pictures[:2]  # pairs are the first two and the last two
    pictures[4, 40:44, 10:14] ^= 255
    found = [
        Windows.random(torch.from_numpy(pictures), 2, 16, np.random.default_rng(s))
        for s in range(20)
    ]
    for windows in found:
        assert np.array_equal(windows.top[:2], windows.top[4:])
        assert np.array_equal(windows.left[:2], windows.left[4:])
        assert windows.top.min() >= 0
        assert windows.top.max() <= 48
        # somewhere on what has changed, which lies in rows 40 to 44 and columns 10 to 14
        assert 24 <= windows.top[0] <= 44
        assert 0 <= windows.left[0] <= 14
    assert len({int(w.top[3]) for w in found}) > 5


def test_the_same_seed_cuts_the_same() -> None:
    pictures = np.arange(2 * 32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 32, 32, 3)
    one, other = (
        Windows.random(torch.from_numpy(pictures), 0, 8, np.random.default_rng(4)) for _ in range(2)
    )
    cut = one.cut(torch.from_numpy(pictures))
    assert torch.equal(cut, other.cut(torch.from_numpy(pictures)))
    top, left = int(one.top[1]), int(one.left[1])
    assert np.array_equal(cut[1].numpy(), pictures[1, top : top + 8, left : left + 8])
    assert one.on("cpu").side == 8
