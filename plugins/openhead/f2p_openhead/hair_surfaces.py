"""Hair and beard as drawn surfaces: each style is built once and deformed with the head."""

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
    """One style as drawn: first its opaque pixels, nearest ribbons first, then its soft edges.

    The edges are blended last, farthest first, where nothing hides them. So most pixels of thick
    hair are shaded once, and the outline is smooth. ``points`` (N, 3) are those of the last pose.
    """

    def __init__(
        self, name: str, hair: Hair, material_names: Sequence[str], labelled: bool = True
    ) -> None:
        self.hair, self.points = hair, hair.points
        fixed = {"tangent": hair.tangents, "normal": hair.normals, "strand": hair.strand}
        self._surface = Surface(name, hair.triangles, fixed, {"vertex": 3})
        self._core = self._surface.node
        self._edge = self._surface.add_node(f"{name}-edge", hair.triangles[::-1])
        for node, defines in ((self._core, ()), (self._edge, ("EDGE",))):
            node.setTwoSided(True)
            set_shaders(node, "hair.vert", "hair.frag", material_names, defines=defines)
        # Before the skin, so that the depth test skips the skin behind hair.
        self._core.setBin("background", 10)
        self._edge.setBin("fixed", 10)
        self._edge.setTransparency(TransparencyAttrib.MAlpha)
        self._edge.setDepthWrite(False)
        self._edge.setDepthTest(True)
        hide_from_labels(self._edge)
        if not labelled:
            hide_from_labels(self._core)

    def show(self, root: NodePath, motion: Array) -> None:
        """Attach to ``root``, deformed by ``motion`` (K, 3) of the control points."""
        self.points = self.hair.deformed(motion)
        self._surface.write(self.points)
        for node in (self._core, self._edge):
            node.reparentTo(root)

    def hide(self) -> None:
        """Detach from the scene graph."""
        for node in (self._core, self._edge):
            node.detachNode()


class HairSurfaces:
    """Hair and beards of one rig; ``rest_normals`` (S, 3) are those of the resting skin.

    Attributes:
        scalp: of the resting head.
        hair, beard: the surfaces that are shown now, or None.
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
        # The beards' parent node overrides the shader input ``hair_colour``.
        self._beard_root = root.attachNewNode("beards")
        self.hair: HairSurface | None = None
        self.beard: HairSurface | None = None

    def select(self, values: Mapping[str, float | str], points: Array) -> None:
        """Show the hair and the beard of ``values`` on the posed head ``points`` (V, 3)."""
        style = str(values["hairstyle"])
        settings = self.rig.choices["hairstyle"][style]
        self._root.setShaderInput("scalp_tint", _scalp_tint(settings))
        thin = (float(settings.get("recede", 0.0)), float(settings.get("bald", 0.0)))
        self._root.setShaderInput("thinning", thin)
        displacement = points - self.rig.base
        hair = self._style(style, settings)
        if self.hair is not None and self.hair is not hair:
            self.hair.hide()
        if hair is not None:
            hair.show(self._root, self.scalp.control_motion(displacement))
        self.hair = hair
        self._select_beard(values, displacement)

    def _select_beard(self, values: Mapping[str, float | str], displacement: Array) -> None:
        slot = self.rig.choices.get("beard")
        style = str(values["beard"]) if slot is not None else ""
        settings = slot[style] if slot is not None else {}
        area = Vec4(*(float(settings.get(k, 0.0)) for k in AREAS))
        self._root.setShaderInput("beard_area", area)
        self._root.setShaderInput("stubble", float(settings.get("stubble", 0.0)))
        if slot is not None:
            colour, grey = colours.beard(self.rig.material(values))
            tint = Vec3(*(float(x) for x in colour))
            self._root.setShaderInput("beard_colour", tint)  # of the stubble on the skin
            self._beard_root.setShaderInput("hair_colour", tint)
            self._beard_root.setShaderInput("grey", grey * 0.6)
        if style not in self._beards:
            grown = grow_beard(settings, self.head, self.scalp, sum(map(ord, style)))
            self._beards[style] = None
            if grown is not None:
                # Pixels of a beard have the label of the skin below.
                self._beards[style] = (
                    HairSurface(style, grown[0], self._material_names, labelled=False),
                    grown[1],
                )
        beard, rows = self._beards[style] or (None, None)
        if self.beard is not None and self.beard is not beard:
            self.beard.hide()
        if beard is not None:
            beard.show(self._beard_root, displacement[rows])
        self.beard = beard

    def _style(self, style: str, settings: Mapping[str, Any]) -> HairSurface | None:
        if style not in self._styles:
            hair = grow(settings, self.scalp, sum(map(ord, style)))
            self._styles[style] = (
                None if hair is None else HairSurface(style, hair, self._material_names)
            )
        return self._styles[style]


def _scalp_tint(settings: Mapping[str, Any]) -> Vec4:
    """Tint of the scalp: above, below, and the two heights between which it changes."""
    above = float(settings.get("scalp_tint", 1.0))
    low, high = settings.get("fade", (-1.0, -0.9))
    return Vec4(above, float(settings.get("scalp_tint_low", above)), float(low), float(high))
