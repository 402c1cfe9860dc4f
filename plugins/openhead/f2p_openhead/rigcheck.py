"""The rig check: what sliders do to the mesh, measured on the posed head without drawing anything.

`f2p check` runs it for every kind whose layout has a rig beside it. Each slider alone at both ends,
and random characters, must leave the head whole and human:

- every slider moves skin or eyes or paints something, and no two do the same;
- no holes: a triangle that is turned over must lie under skin or on it, as in the fold of a lid;
- lids stay outside the eyeballs, and lips do not cross;
- hair does not sink into the face;
- no slider moves a point further than the head's own morph targets do at their full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from f2p_sdk import Finding, Layout

from .hair import grow
from .head import Head, VertexNormals
from .lips import lip_crossing
from .meshcheck import HairPenetration, SkinHoles, eyeball_depth, resolve_lids
from .morph_limits import beyond_limits
from .rig import Rig
from .scalp import Scalp

__all__ = ["check_rig"]

Array = NDArray[np.float32]
Values = Mapping[str, float | str]

CHARACTERS = 32
SEED = 3
MM = 0.01  # decimetres
STILL = 0.1 * MM  # what moves less is not seen
SAME = 0.98  # correlation of two sliders' fields and paint from which they do the same
TORN = 2.0  # square millimetres: four pixels of a picture of 1024
DEEP = 0.5 * MM
CROSSED = 0.5 * MM
SUNK = 4 * MM  # hair lies on skin; so deep in a brow or a cheek it grows out of the wrong place
SHARE = 0.02  # of a style's hair: single hairs may cross a brow
HAIRY = 6  # characters that each style is tried on
PAINT = 0.05  # a look value that moves by this much weighs as a millimetre

CHECK = "rig"


def check_rig(rig: Rig, head: Head, layout: Layout) -> Iterator[Finding]:
    """Findings about a rig: one for each slider or character that breaks a rule, or one a rule."""
    poses = _Poses(rig, head, layout)
    every = f"{len(rig.sliders)} sliders at both ends, {CHARACTERS} random characters"
    yield from _told(
        layout,
        "every slider moves or paints something",
        _still(rig),
        f"{len(rig.sliders)} sliders",
        "give it a morph, a bone or a look value",
    )
    yield from _told(
        layout,
        "no slider does the same as another",
        _same(rig),
        f"{len(rig.sliders)} sliders",
        "let one of them move something else",
    )
    holes = SkinHoles(rig.base, head)
    remedy = "bring its ends nearer to the middle"
    yield from _told(
        layout,
        "the mesh is not torn",
        poses.over(lambda p: holes(p), TORN, "mm2 of holes"),
        every,
        remedy,
    )
    yield from _told(
        layout,
        "lids stay outside the eyeballs",
        poses.over(lambda p: eyeball_depth(rig.base, head, p) / MM, DEEP / MM, "mm deep"),
        every,
        remedy,
    )
    if rig.lips is not None:
        lips = rig.lips
        yield from _told(
            layout,
            "lips do not cross",
            poses.over(lambda p: lip_crossing(lips, p) / MM, CROSSED / MM, "mm"),
            every,
            remedy,
        )
    yield from _told(
        layout,
        "hair does not sink into the face",
        _hair(rig, head, poses),
        f"{len(rig.choices.get('hairstyle', {}))} styles",
        "let the style lie further off the head, or calm the sliders of its shape",
    )
    yield from _told(
        layout,
        "sliders stay within what the head's own morphs do",
        beyond_limits(rig, head),
        f"{len(rig.sliders)} sliders",
        remedy,
    )


def _told(
    layout: Layout, rule: str, broken: list[tuple[str, str]], value: str, remedy: str
) -> Iterator[Finding]:
    for subject, found in broken:
        yield Finding(CHECK, f"{layout.name} {subject}", rule, "failed", found, remedy)
    if not broken:
        yield Finding(CHECK, layout.name, rule, value=value)


class _Poses:
    """Every slider alone at both ends, and random characters, as the engine poses them."""

    def __init__(self, rig: Rig, head: Head, layout: Layout) -> None:
        middle: dict[str, float | str] = dict(layout.default().values)
        # In the middle of all its sliders the head rests, whatever the default is.
        middle.update({p.name: (p.low + p.high) / 2 for p in layout.continuous})
        self.people = [layout.random(i, seed=SEED).values for i in range(CHARACTERS)]
        ends = [
            (f"{p.name} at {end}", rig.pose({**middle, p.name: value}))
            for p in layout.continuous
            for end, value in (("low", p.low), ("high", p.high))
        ]
        random = [
            (f"random character {i}, seed {SEED}", rig.pose(v)) for i, v in enumerate(self.people)
        ]
        self.all = [*ends, *random]
        self.random = random
        for _, points in self.all:
            resolve_lids(rig.base, head, points)

    def over(
        self, measure: Callable[[Array], float], limit: float, unit: str
    ) -> list[tuple[str, str]]:
        """Names of the poses whose measure exceeds the limit, and the measure."""
        rows = [(name, measure(points)) for name, points in self.all]
        return [(name, f"{value:.1f} {unit}") for name, value in rows if value > limit]


def _still(rig: Rig) -> list[tuple[str, str]]:
    """Sliders without effect."""
    found = []
    for k, name in enumerate(rig.sliders):
        moved = max(float(np.abs(f[k]).max()) for f in (rig.low, rig.high))
        painted = max(
            (high - low for low, _, high in rig.slider_material.get(name, {}).values()), default=0
        )
        if moved < STILL and abs(painted) < 1e-3:
            found.append((name, f"moves {moved / MM:.2f} mm, paints nothing"))
    return found


def _same(rig: Rig) -> list[tuple[str, str]]:
    """Pairs of sliders whose fields and paint correlate, also where one goes the other way."""
    keys = sorted({key for materials in rig.slider_material.values() for key in materials})
    paint = np.zeros((len(rig.sliders), len(keys)), np.float32)
    for k, name in enumerate(rig.sliders):
        for key, (low, _, high) in rig.slider_material.get(name, {}).items():
            paint[k, keys.index(key)] = (high - low) * MM / PAINT
    rows = np.concatenate([rig.high - rig.low, paint], 1)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    table = rows @ rows.T
    return [
        (rig.sliders[a], f"does as {rig.sliders[b]} does: correlation {table[a, b]:.3f}")
        for a, b in np.argwhere(np.triu(np.abs(table) > SAME, k=1))
    ]


def _hair(rig: Rig, head: Head, poses: _Poses) -> list[tuple[str, str]]:
    """Styles of hair that grow into the face on some head."""
    rows = head.skin.rows
    normals = VertexNormals(head.skin.triangles, len(rows))(rig.base[rows])
    scalp, penetration = Scalp(head, rig.base, normals), HairPenetration(head)
    found = []
    for style, settings in rig.choices.get("hairstyle", {}).items():
        hair = grow(settings, scalp, sum(map(ord, style)))
        if hair is None:
            continue
        for name, points in poses.random[:HAIRY]:
            strands = hair.deformed(scalp.control_motion(points - rig.base))[::7]
            share = penetration(points, strands, SUNK)
            if share > SHARE:
                found.append((f"hairstyle {style}", f"{share:.1%} of it on {name}"))
                break
    return found
