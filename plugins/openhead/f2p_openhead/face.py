"""Face surfaces: skin, eyes and lashes, and the shader inputs of what is painted on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath, TransparencyAttrib, Vec3, Vec4

from . import beard, brows, colours, facemap, lids
from .hair import hairline
from .head import Head, VertexNormals, ambient_occlusion, unit_sphere
from .lids import eyeball_sphere
from .paint_coordinates import TILT
from .rig import Rig
from .shader_variants import VARIANTS, split_skin
from .surface import Surface, hide_from_labels, make_shader, make_texture, set_shaders

__all__ = ["Face"]

Array = NDArray[np.float32]


class Face:
    """Skin, eyes and lashes of one rig; ``material_names`` are those of the packed values.

    Attributes:
        rest_normals: (S, 3) of the resting skin.
        columns: vertex columns of the skin, by name.
        brow_sheet: atlas of the brow styles.
        sphere, sphere_triangles: (E, 3) and (T, 3), the unit sphere that draws an eye.
        lash_coordinates: (L, 3): hairs along the lid, root to tip, 1 on the upper lid.
    """

    def __init__(self, root: NodePath, rig: Rig, head: Head, material_names: Sequence[str]) -> None:
        self.rig, self.head = rig, head
        self._root, self._material_names = root, material_names
        self._build_skin()
        self._build_eyes()
        self._build_lashes()

    def _build_skin(self) -> None:
        rig, head, rest = self.rig, self.head, self.rig.base
        rows = head.skin.rows
        self._skin_normals = VertexNormals(head.skin.triangles, len(rows))
        self.rest_normals = self._skin_normals(rest[rows])
        shade = ambient_occlusion(rest[rows], self.rest_normals, head.skin.triangles)
        # The inside of the mouth gets little light.
        x, y, z = rest[rows].T
        shade[(np.abs(x) < 0.26) & (np.abs(y + 0.63) < 0.11) & (z < 0.24 - 1.3 * x * x)] *= 0.2
        ears = (np.abs(rest[rows, 0]) > 0.60) & (rest[rows, 1] < 0.08) & (rest[rows, 2] > -0.95)
        scalp = np.where(ears, np.minimum(hairline(rest[rows]), -0.2), hairline(rest[rows]))
        baked = np.stack([shade, scalp], 1).astype(np.float32)
        columns = {
            "rest": rest[rows],
            "baked": baked,
            "regions": head.region_weights[rows],
            "beard": beard.area_weights(head)[rows],
        }
        self.columns = columns
        maps = facemap.bake(head, rest)
        sheet = self.brow_sheet = brows.atlas(rig.choices["eyebrow_style"])
        self._skin = Surface("skin", head.skin.triangles, columns, {"vertex": 3, "normal": 3})
        groups = split_skin(rig, head, columns, maps[0][..., 0], sheet)
        node = self._skin_node = self._root.attachNewNode("skin")
        for k, triangles in enumerate(groups):
            if len(triangles):
                node_part = self._skin.add_node(f"skin-{k}", triangles)
                # A fixed draw order gives the same pixels where two groups meet.
                node_part.setBin("background", 20 + k)
                node_part.reparentTo(node)
                defines = sorted(
                    VARIANTS[k] - ({"PAINT_BEARD"} if "beard" not in rig.choices else set())
                )
                parts = ("regions.glsl",)
                set_shaders(
                    node_part, "skin.vert", "skin.frag", self._material_names, parts, defines
                )
        # All variants sample ``broad``; only those with lips or scalp sample ``masks``.
        broad = np.concatenate([maps[0][..., 2:], maps[1][..., 1:3]], 2)
        masks = np.concatenate([maps[0][..., :2], maps[1][..., [3, 3]]], 2)
        node.setShaderInput("masks", make_texture("masks", masks))
        node.setShaderInput("broad", make_texture("broad", broad))
        node.setShaderInput("detail", make_texture("detail", maps[1], repeat=True))
        node.setShaderInput("brow_atlas", make_texture("brows", sheet))
        self._tiles = {}
        height, width = sheet.shape
        for k, name in enumerate(self.rig.choices["eyebrow_style"]):
            y, x = divmod(k, brows.COLUMNS)
            w, h = brows.TILE
            # v = 0 is the bottom of the sheet.
            self._tiles[name] = Vec4(x * w / width, 1 - (y + 1) * h / height, w / width, h / height)

    def _build_eyes(self) -> None:
        self.sphere, self.sphere_triangles = unit_sphere()
        self._eyes = []
        for rows, outward in ((self.head.left_eye, 1.0), (self.head.right_eye, -1.0)):
            surface = Surface("eye", self.sphere_triangles, {"unit": self.sphere}, {"vertex": 3})
            surface.node.reparentTo(self._root)
            set_shaders(surface.node, "eye.vert", "eye.frag", self._material_names)
            surface.node.setShaderInput("outward", outward)
            self._eyes.append((surface, rows))

    def _build_lashes(self) -> None:
        part, rest = self.head.lashes, self.rig.base
        self._openings = [
            lids.find_opening(self.head, rest, rest[rows])
            for rows in (self.head.left_eye, self.head.right_eye)
        ]
        upper = rest[part.rows, 1:2] > self._openings[0].corner
        coordinates = lids.lash_coordinates(self.head, rest)
        strip = np.concatenate([coordinates, upper], 1).astype(np.float32)
        self.lash_coordinates = strip
        self._lashes = Surface("lashes", part.triangles, {"strip": strip}, {"vertex": 3})
        node = self._lashes.node
        node.reparentTo(self._root)
        node.setTwoSided(True)
        node.setTransparency(TransparencyAttrib.MAlpha)
        node.setShader(make_shader("lash.vert", "lash.frag", self._material_names))
        hide_from_labels(node)
        span, rims = self._openings[0](rest)
        self._skin_node.setShaderInput("eye_span", span)
        self._skin_node.setShaderInput("lids", rims)

    def pose(self, points: Array) -> Array:
        """Move skin, eyes and lashes to the posed head ``points`` (V, 3); return the drawn points.

        In these, lids do not penetrate the eyeballs.
        """
        points = points.copy()
        for (surface, rows), opening in zip(self._eyes, self._openings, strict=True):
            centre, radius = eyeball_sphere(points[rows])
            surface.write(centre + self.sphere * radius)
            opening.resolve_penetration(points, centre, radius)
            span, rims = opening(points)
            surface.node.setShaderInput("eye_span", span)
            surface.node.setShaderInput("lids", rims)
        skin_points = points[self.head.skin.rows]
        self._skin.write(skin_points, self._skin_normals(skin_points))
        self._lashes.write(points[self.head.lashes.rows])
        return points

    def paint(self, values: Mapping[str, float | str], material: Mapping[str, float]) -> None:
        """Set the shader inputs of colours, brows and lips, from choices and material values."""
        skin = colours.skin(material)
        hair = colours.hair(material, material["hair_light"], material["hair_warm"])
        brow = colours.brow(material)
        lipstick = self._choice("lipstick_colour", values)
        inputs = {
            "skin_colour": skin,
            "hair_colour": hair,
            "brow_colour": brow,
            "iris_colour": colours.iris(material),
            "lip_natural": colours.lips(material, skin),
            "lipstick": colours.linear(lipstick.get("rgb", (128, 128, 128))),
            "shadow_colour": colours.eyeshadow(material),
        }
        for name, colour in inputs.items():
            self._root.setShaderInput(name, Vec3(*(float(x) for x in colour)))
        lip = self._choice("lipstick_style", values)
        half = float(lip.get("upper", 0)) - float(lip.get("lower", 0))
        self._root.setShaderInput(
            "lip_a", Vec4(*(float(lip.get(k, 0)) for k in ("opacity", "gloss", "matte", "inner")))
        )
        self._root.setShaderInput(
            "lip_b", Vec4(*(float(lip.get(k, 0)) for k in ("soft", "overline", "liner")), half)
        )
        self._root.setShaderInput(
            "lip_c", (float(lip.get("metallic", 0)), float(lip.get("centre", 0)))
        )
        self._root.setShaderInput("brow_tile", self._tiles[str(values["eyebrow_style"])])
        tilt = material["brow_tilt"] + TILT
        self._root.setShaderInput("brow_rotation", (float(np.cos(tilt)), float(np.sin(tilt))))
        self._root.setShaderInput("blush_height", material["blush_y"])
        self._root.setShaderInput("grey", float(np.clip(material["hair_grey"], 0, 1)) * 0.6)

    def _choice(self, slot: str, values: Mapping[str, float | str]) -> Mapping[str, Any]:
        """Settings of the selected choice; empty if the layout has no such parameter."""
        return self.rig.choices[slot][str(values[slot])] if slot in values else {}
