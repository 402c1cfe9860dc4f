"""The rig check: measures what sliders do to the mesh, without drawing.

`f2p check` runs it for every kind with a rig beside its layout. The rules, for each slider alone at
both ends and for random characters, are in docs/reference/rig.md.
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
MIN_MOTION = 0.1 * MM  # smaller displacements are invisible
MAX_CORRELATION = 0.98  # of the displacements and material values of two sliders
MAX_HOLE_AREA = 2.0  # square millimetres: four pixels of a 1024 pixel picture
MAX_EYEBALL_DEPTH = 0.5  # millimetres
MAX_LIP_CROSSING = 0.5  # millimetres
HAIR_DEPTH = 4 * MM  # smaller depths occur where hair touches the skin
MAX_HAIR_SHARE = 0.02  # of a style's points: single hairs may cross a brow
HAIR_CHARACTERS = 6  # random characters that each style is tested on
MATERIAL_PER_MM = 0.05  # a material change that counts as much as 1 mm

CHECK = "rig"


def check_rig(rig: Rig, head: Head, layout: Layout) -> Iterator[Finding]:
    """Check all rules; yield one finding per violation, or one per rule that holds."""
    poses = _Poses(rig, head, layout)
    holes, lips = SkinHoles(rig.base, head), rig.lips
    sliders = f"{len(rig.sliders)} sliders"
    every = f"{sliders} at both ends, {CHARACTERS} random characters"
    reduce = "reduce the slider's morph weights and bone motion"

    def findings(
        rule: str, violations: list[tuple[str, str]], checked: str, remedy: str = reduce
    ) -> Iterator[Finding]:
        for subject, found in violations:
            yield Finding(CHECK, f"{layout.name} {subject}", rule, "failed", found, remedy)
        if not violations:
            yield Finding(CHECK, layout.name, rule, value=checked)

    yield from findings(
        "every slider moves or paints something",
        _without_effect(rig),
        sliders,
        "give it a morph target, a bone or a material value",
    )
    yield from findings(
        "no two sliders have the same effect",
        _duplicates(rig),
        sliders,
        "change what one of them moves",
    )
    yield from findings(
        "the skin has no holes", poses.violations(holes, MAX_HOLE_AREA, "mm2 of holes"), every
    )
    yield from findings(
        "lids stay outside the eyeballs",
        poses.violations(
            lambda p: eyeball_depth(rig.base, head, p) / MM, MAX_EYEBALL_DEPTH, "mm deep"
        ),
        every,
    )
    if lips is not None:
        yield from findings(
            "lips do not cross",
            poses.violations(lambda p: lip_crossing(lips, p) / MM, MAX_LIP_CROSSING, "mm"),
            every,
        )
    yield from findings(
        "hair does not penetrate the face",
        _penetrating_styles(rig, head, poses),
        f"{len(rig.choices.get('hairstyle', {}))} styles",
        "increase the style's volume, or reduce the sliders of the head's shape",
    )
    yield from findings(
        "sliders stay within the range of the head's morph targets",
        beyond_limits(rig, head),
        sliders,
    )


class _Poses:
    """Posed heads: each slider alone at both ends, and random characters."""

    def __init__(self, rig: Rig, head: Head, layout: Layout) -> None:
        middle: dict[str, float | str] = dict(layout.default().values)
        # The head rests at the middle of all sliders; a layout's default may differ.
        middle.update({p.name: (p.low + p.high) / 2 for p in layout.continuous})
        ends = [
            (f"{p.name} at {end}", rig.pose({**middle, p.name: value}))
            for p in layout.continuous
            for end, value in (("low", p.low), ("high", p.high))
        ]
        random = [
            (f"random character {i}, seed {SEED}", rig.pose(layout.random(i, seed=SEED).values))
            for i in range(CHARACTERS)
        ]
        self.all = [*ends, *random]
        self.random = random
        for _, points in self.all:
            resolve_lids(rig.base, head, points)

    def violations(
        self, measure: Callable[[Array], float], limit: float, unit: str
    ) -> list[tuple[str, str]]:
        """Names of the poses whose measure exceeds the limit, with the measure."""
        rows = [(name, measure(points)) for name, points in self.all]
        return [(name, f"{value:.1f} {unit}") for name, value in rows if value > limit]


def _without_effect(rig: Rig) -> list[tuple[str, str]]:
    """Sliders without a visible effect."""
    found = []
    for k, name in enumerate(rig.sliders):
        moved = max(float(np.abs(f[k]).max()) for f in (rig.low, rig.high))
        painted = max(
            (high - low for low, _, high in rig.slider_material.get(name, {}).values()), default=0
        )
        if moved < MIN_MOTION and abs(painted) < 1e-3:
            found.append((name, f"moves {moved / MM:.2f} mm, changes no material value"))
    return found


def _duplicates(rig: Rig) -> list[tuple[str, str]]:
    """Pairs of sliders whose effects correlate, positively or negatively."""
    keys = sorted({key for materials in rig.slider_material.values() for key in materials})
    paint = np.zeros((len(rig.sliders), len(keys)), np.float32)
    for k, name in enumerate(rig.sliders):
        for key, (low, _, high) in rig.slider_material.get(name, {}).items():
            paint[k, keys.index(key)] = (high - low) * MM / MATERIAL_PER_MM
    rows = np.concatenate([rig.high - rig.low, paint], 1)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    table = rows @ rows.T
    return [
        (rig.sliders[a], f"same as {rig.sliders[b]}: correlation {table[a, b]:.3f}")
        for a, b in np.argwhere(np.triu(np.abs(table) > MAX_CORRELATION, k=1))
    ]


def _penetrating_styles(rig: Rig, head: Head, poses: _Poses) -> list[tuple[str, str]]:
    """Hair styles that penetrate the face of a random character."""
    rows = head.skin.rows
    normals = VertexNormals(head.skin.triangles, len(rows))(rig.base[rows])
    scalp, penetration = Scalp(head, rig.base, normals), HairPenetration(head)
    found = []
    for style, settings in rig.choices.get("hairstyle", {}).items():
        hair = grow(settings, scalp, sum(map(ord, style)))
        if hair is None:
            continue
        for name, points in poses.random[:HAIR_CHARACTERS]:
            strands = hair.deformed(scalp.control_motion(points - rig.base))[::7]
            share = penetration(points, strands, HAIR_DEPTH)
            if share > MAX_HAIR_SHARE:
                found.append((f"hairstyle {style}", f"{share:.1%} of it on {name}"))
                break
    return found
