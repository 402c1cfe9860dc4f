"""What the head wears: styles of hair, grown once and kept, moved along with the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath, TransparencyAttrib, Vec3, Vec4

from . import colours
from .beard import AREAS, grow_beard
from .hair import Hair, grow
from .head import Head
from .rig import Rig
from .scalp import Scalp
from .surface import Surface, hide_from_labels, set_shaders

__all__ = ["HairSurfaces"]

Array = NDArray[np.float32]


class HairSurface:
    """A style as drawn: first what covers whole pixels, nearest first; at last its soft edges.

    Edges are blended over everything else, furthest first, where nothing hides them. So each pixel
    of a thick mass is shaded about once, and yet no edge is jagged.
    """

    def __init__(
        self, name: str, hair: Hair, material_names: Sequence[str], labelled: bool = True
    ) -> None:
        self.hair = hair
        fixed = {"tangent": hair.tangents, "normal": hair.normals, "strand": hair.strand}
        self._surface = Surface(name, hair.triangles, fixed, {"vertex": 3})
        self._core = self._surface.node
        self._edge = self._surface.add_node(f"{name}-edge", hair.triangles[::-1])
        for node, defines in ((self._core, ()), (self._edge, ("EDGE",))):
            node.setTwoSided(True)
            set_shaders(node, "hair.vert", "hair.frag", material_names, defines=defines)
        # Before the skin: what hair hides is then never shaded.
        self._core.setBin("background", 10)
        self._edge.setBin("fixed", 10)
        self._edge.setTransparency(TransparencyAttrib.MAlpha)
        self._edge.setDepthWrite(False)
        self._edge.setDepthTest(True)
        hide_from_labels(self._edge)
        if not labelled:
            hide_from_labels(self._core)

    def move(self, motion: Array) -> None:
        """Follow a head whose control points moved by ``motion`` (K, 3)."""
        self._surface.write(self.hair.deformed(motion))

    def show(self, root: NodePath | None) -> None:
        """Hang it under ``root``, or take it off."""
        for node in (self._core, self._edge):
            if root is None:
                node.detachNode()
            else:
                node.reparentTo(root)


class HairSurfaces:
    """The hair of one rig under ``root``; ``material_names`` names the packed look values.

    ``rest_normals`` (S, 3) are the resting skin's.
    """

    def __init__(
        self,
        root: NodePath,
        rig: Rig,
        head: Head,
        rest_normals: Array,
        material_names: Sequence[str],
    ) -> None:
        self.rig, self.head = rig, head
        self._root = root
        self.scalp = Scalp(head, rig.base, rest_normals)
        self._styles: dict[str, HairSurface | None] = {}
        self._beards: dict[str, tuple[HairSurface, NDArray[np.int32]] | None] = {}
        self._material_names = material_names
        # Beards hang below a node of their own, whose colour stands in for the hair's.
        self._below = root.attachNewNode("beards")
        self._on: tuple[tuple[HairSurface, Array] | None, tuple[HairSurface, Array] | None] = (
            None,
            None,
        )

    def worn(self) -> tuple[tuple[HairSurface, Array] | None, tuple[HairSurface, Array] | None]:
        """Hair and beard that :meth:`dress` put on last, each with the motion it follows."""
        return self._on

    def select(self, values: Mapping[str, float | str], points: Array) -> None:
        """Put on the hair that ``values`` choose, moved with the posed head ``points`` (V, 3)."""
        style = str(values["hairstyle"])
        settings = self.rig.choices["hairstyle"][style]
        worn = self._style(style, settings)
        for hair in self._styles.values():
            if hair is not None and hair is not worn:
                hair.show(None)
        self._root.setShaderInput("scalp_tint", _scalp_tint(settings))
        thin = (float(settings.get("recede", 0.0)), float(settings.get("bald", 0.0)))
        self._root.setShaderInput("thinning", thin)
        moved = points - self.rig.base
        hair = None if worn is None else (worn, self.scalp.control_motion(moved))
        if hair is not None:
            hair[0].move(hair[1])
            hair[0].show(self._root)
        self._on = hair, self._grow_beard(values, moved)

    def _grow_beard(
        self, values: Mapping[str, float | str], moved: Array
    ) -> tuple[HairSurface, Array] | None:
        """The beard that ``values`` choose, and what it follows; None where there is none."""
        slot = self.rig.choices.get("beard")
        style = str(values["beard"]) if slot is not None else ""
        settings = slot[style] if slot is not None else {}
        area = Vec4(*(float(settings.get(k, 0.0)) for k in AREAS))
        self._root.setShaderInput("beard_area", area)
        self._root.setShaderInput("stubble", float(settings.get("stubble", 0.0)))
        if slot is not None:
            colour, grey = colours.beard(self.rig.material(values))
            tint = Vec3(*(float(x) for x in colour))
            self._root.setShaderInput("beard_colour", tint)  # of its shadow on the skin
            self._below.setShaderInput("hair_colour", tint)
            self._below.setShaderInput("grey", grey * 0.6)
        if style not in self._beards:
            grown = grow_beard(settings, self.head, self.scalp, sum(map(ord, style)))
            self._beards[style] = None
            if grown is not None:
                # What is labelled is the skin that it grows on.
                self._beards[style] = (
                    HairSurface(style, grown[0], self._material_names, labelled=False),
                    grown[1],
                )
        on = None
        for name, other in self._beards.items():
            if other is not None:
                if name == style:
                    on = other[0], moved[other[1]]
                    other[0].move(on[1])
                other[0].show(self._below if name == style else None)
        return on

    def _style(self, style: str, settings: Mapping[str, Any]) -> HairSurface | None:
        if style not in self._styles:
            hair = grow(settings, self.scalp, sum(map(ord, style)))
            self._styles[style] = (
                None if hair is None else HairSurface(style, hair, self._material_names)
            )
        return self._styles[style]


def _scalp_tint(settings: Mapping[str, Any]) -> Vec4:
    """How much hair colours the scalp: above, below, and between which heights it changes."""
    above = float(settings.get("scalp_tint", 1.0))
    low, high = settings.get("fade", (-1.0, -0.9))
    return Vec4(above, float(settings.get("scalp_tint_low", above)), float(low), float(high))
