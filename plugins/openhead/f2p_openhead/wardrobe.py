"""What the head wears: styles of hair, grown once and kept, moved along with the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath

from .hair import Hair, grow
from .head import Head
from .rig import Rig
from .surface import Surface, shader

__all__ = ["Wardrobe"]

Array = NDArray[np.float32]


class Wardrobe:
    """The hair of one rig under ``root``; ``looks`` names the packed look values.

    ``rest_normals`` (S, 3) are the resting skin's.
    """

    def __init__(
        self, root: NodePath, rig: Rig, head: Head, rest_normals: Array, looks: Sequence[str]
    ) -> None:
        self.rig, self.head = rig, head
        self._root, self._rest_normals = root, rest_normals
        self._styles: dict[str, tuple[Hair, Surface] | None] = {}
        self._shader = shader("hair.vert", "hair.frag", looks)

    def dress(self, values: Mapping[str, float | str], points: Array) -> None:
        """Put on the hair that ``values`` choose, moved with the posed head ``points`` (V, 3)."""
        style = str(values["hairstyle"])
        worn = self._style(style)
        for hair in self._styles.values():
            if hair is not None and hair is not worn:
                hair[1].node.detachNode()
        cap = float(self.rig.choices["hairstyle"][style].get("cap", 1.0))
        self._root.setShaderInput("cap", cap)
        if worn is not None:
            moved = (points - self.rig.base)[worn[0].anchor]
            worn[1].write(worn[0].points + moved)
            worn[1].node.reparentTo(self._root)

    def _style(self, style: str) -> tuple[Hair, Surface] | None:
        if style not in self._styles:
            settings = self.rig.choices["hairstyle"][style]
            seed = sum(map(ord, style))
            hair = grow(settings, self.head, self.rig.base, self._rest_normals, seed)
            if hair is None:
                self._styles[style] = None
            else:
                fixed = {"tangent": hair.tangents, "normal": hair.normals, "strand": hair.coords}
                surface = Surface(style, hair.triangles, fixed, {"vertex": 3})
                surface.node.setTwoSided(True)
                surface.node.setBin("fixed", -10)
                surface.node.setShader(self._shader)
                self._styles[style] = (hair, surface)
        return self._styles[style]
