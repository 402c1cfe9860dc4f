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
from .scalp import Scalp, behind
from .surface import Surface, unlabelled, use

__all__ = ["Wardrobe"]

Array = NDArray[np.float32]


class Worn:
    """A style as drawn: first what covers whole pixels, nearest first; at last its soft edges.

    Edges are blended over everything else, furthest first, where nothing hides them. So each pixel
    of a thick mass is shaded about once, and yet no edge is jagged. What the skull hides of a head
    that looks straight ahead is drawn by nodes of its own, which are left out then.
    """

    def __init__(self, name: str, hair: Hair, looks: Sequence[str], labelled: bool = True) -> None:
        self.hair = hair
        fixed = {"tangent": hair.tangents, "normal": hair.normals, "strand": hair.strand}
        self._surface = Surface(name, hair.triangles, fixed, {"vertex": 3})
        back = behind(hair.points)[hair.triangles].all(1)
        self._nodes: list[tuple[bool, NodePath]] = []
        for hidden, triangles in ((False, hair.triangles[~back]), (True, hair.triangles[back])):
            if not len(triangles):
                continue
            core = self._surface.another(f"{name}-core", triangles)
            edge = self._surface.another(f"{name}-edge", triangles[::-1])
            for node, defines in ((core, ()), (edge, ("EDGE",))):
                node.setTwoSided(True)
                use(node, "hair.vert", "hair.frag", looks, defines=defines)
                self._nodes.append((hidden, node))
            # Before the skin: what hair hides is then never shaded.
            core.setBin("background", 10)
            edge.setBin("fixed", 9 if hidden else 10)
            edge.setTransparency(TransparencyAttrib.MAlpha)
            edge.setDepthWrite(False)
            edge.setDepthTest(True)
            unlabelled(edge)
            if not labelled:
                unlabelled(core)

    def move(self, motion: Array) -> None:
        """Follow a head whose control points moved by ``motion`` (K, 3)."""
        self._surface.write(self.hair.moved(motion))

    def show(self, root: NodePath, back: NodePath) -> None:
        """Hang it under ``root``, and under ``back`` what the skull hides."""
        for hidden, node in self._nodes:
            node.reparentTo(back if hidden else root)

    def take_off(self) -> None:
        for _, node in self._nodes:
            node.detachNode()


class Wardrobe:
    """The hair of one rig under ``root``; ``looks`` names the packed look values.

    ``rest_normals`` (S, 3) are the resting skin's; ``back`` is the node of the hair that a head
    which looks straight ahead hides.
    """

    def __init__(
        self, root: NodePath, rig: Rig, head: Head, rest_normals: Array, looks: Sequence[str]
    ) -> None:
        self.rig, self.head = rig, head
        self._root = root
        self.back = root.attachNewNode("back")
        self.scalp = Scalp(head, rig.base, rest_normals)
        self._styles: dict[str, Worn | None] = {}
        self._beards: dict[str, tuple[Worn, NDArray[np.int32]] | None] = {}
        self._looks = looks
        # Beards hang below a node of their own, whose colour stands in for the hair's.
        self._below = root.attachNewNode("beards")
        self._on: tuple[tuple[Worn, Array] | None, tuple[Worn, Array] | None] = (None, None)

    def worn(self) -> tuple[tuple[Worn, Array] | None, tuple[Worn, Array] | None]:
        """Hair and beard that :meth:`dress` put on last, each with the motion it follows."""
        return self._on

    def dress(
        self, values: Mapping[str, float | str], look: Mapping[str, float], points: Array
    ) -> None:
        """Put on the hair that ``values`` choose, moved with the posed head ``points`` (V, 3).

        ``look`` has all look values.
        """
        style = str(values["hairstyle"])
        settings = self.rig.choices["hairstyle"][style]
        worn = self._style(style, settings)
        for hair in self._styles.values():
            if hair is not None and hair is not worn:
                hair.take_off()
        self._root.setShaderInput("cap", _cap(settings))
        thin = (float(settings.get("recede", 0.0)), float(settings.get("bald", 0.0)))
        self._root.setShaderInput("thinning", thin)
        moved = points - self.rig.base
        hair = None if worn is None else (worn, self.scalp.motion(moved))
        if hair is not None:
            hair[0].move(hair[1])
            hair[0].show(self._root, self.back)
        self._on = hair, self._grow_beard(values, look, moved)

    def _grow_beard(
        self, values: Mapping[str, float | str], look: Mapping[str, float], moved: Array
    ) -> tuple[Worn, Array] | None:
        """The beard that ``values`` choose, and what it follows; None where there is none."""
        slot = self.rig.choices.get("beard")
        style = str(values["beard"]) if slot is not None else ""
        settings = slot[style] if slot is not None else {}
        area = Vec4(*(float(settings.get(k, 0.0)) for k in AREAS))
        self._root.setShaderInput("beard_area", area)
        self._root.setShaderInput("stubble", float(settings.get("stubble", 0.0)))
        if slot is not None:
            colour, grey = colours.beard(look)
            tint = Vec3(*(float(x) for x in colour))
            self._root.setShaderInput("beard_colour", tint)  # of its shadow on the skin
            self._below.setShaderInput("hair_colour", tint)
            self._below.setShaderInput("grey", grey * 0.6)
        if style not in self._beards:
            grown = grow_beard(settings, self.head, self.scalp, sum(map(ord, style)))
            self._beards[style] = None
            if grown is not None:
                # What is labelled is the skin that it grows on.
                self._beards[style] = (Worn(style, grown[0], self._looks, labelled=False), grown[1])
        on = None
        for name, other in self._beards.items():
            if other is not None:
                if name == style:
                    on = other[0], moved[other[1]]
                    other[0].move(on[1])
                    other[0].show(self._below, self._below)
                else:
                    other[0].take_off()
        return on

    def _style(self, style: str, settings: Mapping[str, Any]) -> Worn | None:
        if style not in self._styles:
            hair = grow(settings, self.scalp, sum(map(ord, style)))
            self._styles[style] = None if hair is None else Worn(style, hair, self._looks)
        return self._styles[style]


def _cap(settings: Mapping[str, Any]) -> Vec4:
    """How much hair colours the scalp: above, below, and between which heights it changes."""
    above = float(settings.get("cap", 1.0))
    low, high = settings.get("fade", (-1.0, -0.9))
    return Vec4(above, float(settings.get("cap_low", above)), float(low), float(high))
