"""Shader variants that leave out features do not change the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_openhead import face
from f2p_openhead.engine import Engine
from f2p_openhead.head import Head
from f2p_openhead.rig import load_rig
from f2p_openhead.scene import read_scene
from f2p_openhead.shader_variants import VARIANTS, split_skin

from f2p_sdk import Layout


def _one_variant(*columns: Any) -> list[Any]:
    """All triangles, in the same order, in the variant with all features."""
    triangles = np.concatenate(split_skin(*columns))
    return [*[triangles[:0] for _ in VARIANTS[1:]], triangles]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["female", "male"])
def test_variants_do_not_change_the_picture(
    kind: str, rigs: Path, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout.load(rigs / f"{kind}.toml")
    rig = load_rig(rigs / f"{kind}.rig.toml", layout, head)
    split = Engine(rig, head)
    monkeypatch.setattr(face, "split_skin", _one_variant)
    whole = Engine(rig, head)
    assert whole._face._skin_node.getNumChildren() == 1
    assert split._face._skin_node.getNumChildren() >= len(VARIANTS) - 1
    low = {p.name: p.low for p in layout.continuous}
    high = {p.name: p.high for p in layout.continuous}
    characters = [dict(layout.random(k, seed=9).values) for k in range(6)]
    characters += [{**characters[0], **low}, {**characters[1], **high}]
    for k, values in enumerate(characters):
        scene = read_scene({"yaw": 35.0, "expression": {"smile": 1.0}} if k % 2 else {})
        one, other = (e.draw(values, 192, ("color", "labels"), scene) for e in (split, whole))
        np.testing.assert_array_equal(one["labels"], other["labels"])
        gap = np.abs(one["color"].astype(np.int16) - other["color"])
        # At grazing angles coarse mipmaps of the masks add paint from neighbouring areas; the
        # variants do not have this error.
        assert (gap.max(-1) > 3).mean() < 1e-3, (kind, k, float((gap.max(-1) > 3).mean()))
        assert gap.mean() < 0.02, (kind, k, float(gap.mean()))
