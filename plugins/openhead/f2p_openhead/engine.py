"""The engine: draws a character of a rig with Panda3D, without a window."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import (
    Camera,
    FrameBufferProperties,
    GraphicsEngine,
    GraphicsOutput,
    GraphicsPipe,
    GraphicsPipeSelection,
    NodePath,
    PerspectiveLens,
    Point3,
    PTA_LVecBase4f,
    Texture,
    TransparencyAttrib,
    Vec3,
    Vec4,
    WindowProperties,
    loadPrcFileData,
)

from f2p_sdk import F2PError

from . import brows, colours, facemap
from .hair import Hair, grow, hairline
from .head import Head, VertexNormals, ambient_occlusion, build_head, sphere
from .rig import Rig
from .surface import Surface, make_texture, shader

__all__ = ["Engine", "RenderError"]

Array = NDArray[np.float32]

loadPrcFileData(
    "openhead",
    # Linux needs EGL to draw without a window or a screen.
    f"load-display {'p3headlessgl' if sys.platform.startswith('linux') else 'pandagl'}\n"
    "audio-library-name null\n"
    "coordinate-system yup-right\n"
    "framebuffer-multisample 1\n"
    "multisamples 4\n"
    "sync-video 0\n"
    "notify-level-display error\n"
    "notify-level-egldisplay error\n"
    "gl-coordinate-system default\n"
    "textures-power-2 none\n",
)

BACKGROUND = (0.47, 0.50, 0.53)
MAX_SIZE = 1024


class RenderError(F2PError):
    """The engine could not open a renderer or draw."""


@dataclass
class _View:
    buffer: GraphicsOutput
    texture: Texture


class Engine:
    """Draws one rig's characters. Not for use from several threads at once.

    The head is posed on the CPU, lit and painted by GLSL; the same values give the same bytes.
    Raises RenderError when no OpenGL is found.
    """

    def __init__(self, rig: Rig, head: Head | None = None) -> None:
        self.rig = rig
        self.head = head or build_head()
        self._views: dict[tuple[int, int], _View] = {}
        self._engine = GraphicsEngine.getGlobalPtr()
        self._pipe = GraphicsPipeSelection.getGlobalPtr().makeDefaultPipe()
        if self._pipe is None:
            raise RenderError(
                "openhead: no OpenGL found",
                remedy="install libegl1 libgl1 libgl1-mesa-dri, or a GPU driver",
            )
        self._root = NodePath("world")
        self._looks = sorted({k for s in rig.looks.values() for k in s} | set(rig.constants))
        self._build_skin()
        self._build_eyes()
        self._build_lashes()
        self._hair: dict[str, tuple[Hair, Surface] | None] = {}
        self._hair_shader = shader("hair.vert", "hair.frag", self._looks)
        self._camera = self._root.attachNewNode(Camera("camera"))
        look_at = Point3(0, float(rig.camera.get("height", 0.0)), 0.1)
        distance = float(rig.camera.get("distance", 9.0))
        self._span = float(rig.camera.get("span", 2.7))
        self._camera.setPos(look_at + Vec3(0, 0, distance))
        self._camera.lookAt(look_at, Vec3(0, 1, 0))
        lens = PerspectiveLens()
        lens.setFov(float(np.degrees(2 * np.arctan(self._span / 2 / distance))))
        lens.setNearFar(distance - 4, distance + 6)
        self._camera.node().setLens(lens)

    # ------------------------------------------------------------------ build

    def _build_skin(self) -> None:
        head, rest = self.head, self.rig.base
        rows = head.skin.rows
        self._skin_normals = VertexNormals(head.skin.triangles, len(rows))
        self._rest_normals = np.zeros_like(rest)
        self._rest_normals[rows] = self._skin_normals(rest[rows])
        shade = ambient_occlusion(rest[rows], self._rest_normals[rows], head.skin.triangles)
        # Nobody's mouth is lit from inside.
        x, y, z = rest[rows].T
        shade[(np.abs(x) < 0.26) & (np.abs(y + 0.63) < 0.11) & (z < 0.24 - 1.3 * x * x)] *= 0.2
        ears = (np.abs(rest[rows, 0]) > 0.60) & (rest[rows, 1] < 0.08) & (rest[rows, 2] > -0.95)
        scalp = np.where(ears, np.minimum(hairline(rest[rows]), -0.2), hairline(rest[rows]))
        baked = np.stack([shade, scalp], 1).astype(np.float32)
        self._skin = Surface(
            "skin",
            head.skin.triangles,
            {"rest": rest[rows], "baked": baked},
            {"vertex": 3, "normal": 3},
        )
        node = self._skin.node
        node.reparentTo(self._root)
        node.setShader(shader("skin.vert", "skin.frag", self._looks))
        maps = facemap.bake(head, rest)
        node.setShaderInput("masks", make_texture("masks", maps[0]))
        node.setShaderInput("detail", make_texture("detail", maps[1], repeat=True))
        sheet = brows.atlas(self.rig.choices["eyebrow_style"])
        node.setShaderInput("brow_atlas", make_texture("brows", sheet))
        eye = rest[head.left_eye].mean(0)
        node.setShaderInput("eye_at", Vec3(*(float(x) for x in eye)))
        self._tiles = {}
        height, width = sheet.shape
        for k, name in enumerate(self.rig.choices["eyebrow_style"]):
            y, x = divmod(k, brows.COLUMNS)
            w, h = brows.TILE
            # Texture coordinates start at the bottom of the sheet.
            self._tiles[name] = Vec4(x * w / width, 1 - (y + 1) * h / height, w / width, h / height)

    def _build_eyes(self) -> None:
        unit, triangles = sphere()
        self._unit = unit
        self._eyes = []
        look = shader("eye.vert", "eye.frag", self._looks)
        for rows, outward in ((self.head.left_eye, 1.0), (self.head.right_eye, -1.0)):
            surface = Surface("eye", triangles, {"unit": unit}, {"vertex": 3})
            surface.node.reparentTo(self._root)
            surface.node.setShader(look)
            surface.node.setShaderInput("outward", outward)
            self._eyes.append((surface, rows))

    def _build_lashes(self) -> None:
        part, rest = self.head.lashes, self.rig.base
        points = rest[part.rows]
        uv = self.head.uv[part.rows]
        strip = np.zeros((len(points), 2), np.float32)
        strip[:, 0] = uv[:, 0] * 1500
        centres = np.where(
            points[:, :1] > 0, rest[self.head.left_eye].mean(0), rest[self.head.right_eye].mean(0)
        )
        reach = np.linalg.norm(points - centres, axis=1)
        for k in range(len(points)):
            # Roots are the vertices nearest the eye among those at one place along one lid.
            beside = (np.abs(uv[:, 0] - uv[k, 0]) < 0.003) & (np.abs(uv[:, 1] - uv[k, 1]) < 0.03)
            strip[k, 1] = (reach[k] - reach[beside].min()) / 0.06
        # Past the corners of the eye there are no lashes.
        strip[np.abs(points[:, 0] - centres[:, 0]) > 0.135, 1] = 9
        self._lashes = Surface("lashes", part.triangles, {"strip": strip}, {"vertex": 3})
        node = self._lashes.node
        node.reparentTo(self._root)
        node.setTwoSided(True)
        node.setTransparency(TransparencyAttrib.MAlpha)
        node.setShader(shader("lash.vert", "lash.frag", self._looks))

    def _hair_of(self, style: str) -> tuple[Hair, Surface] | None:
        if style not in self._hair:
            settings = self.rig.choices["hairstyle"][style]
            seed = sum(map(ord, style))
            hair = grow(
                settings, self.head, self.rig.base, self._rest_normals[self.head.skin.rows], seed
            )
            if hair is None:
                self._hair[style] = None
            else:
                fixed = {"tangent": hair.tangents, "normal": hair.normals, "strand": hair.coords}
                surface = Surface(style, hair.triangles, fixed, {"vertex": 3})
                surface.node.setTwoSided(True)
                surface.node.setBin("fixed", -10)
                surface.node.setShader(self._hair_shader)
                self._hair[style] = (hair, surface)
        return self._hair[style]

    # ------------------------------------------------------------------- draw

    def render(
        self, values: Mapping[str, float | str], size: tuple[int, int] | int = 512
    ) -> NDArray[np.uint8]:
        """Draw a character: values in game units -> picture (H, W, 3) uint8 RGB sRGB.

        ``size`` is (width, height) or the side of a square, 16 to MAX_SIZE pixels. Raises
        RenderError for another size, or when the renderer gives no picture.
        """
        width, height = (size, size) if isinstance(size, int) else size
        if not (16 <= width <= MAX_SIZE and 16 <= height <= MAX_SIZE):
            raise RenderError(
                f"openhead: picture size {width}x{height}, must be 16 to {MAX_SIZE}",
                remedy="ask for a smaller picture",
            )
        self._pose(values)
        view = self._view(width, height)
        for other in self._views.values():
            other.buffer.setActive(other is view)
        self._camera.node().getLens().setAspectRatio(width / height)
        self._engine.renderFrame()
        data = view.texture.getRamImageAs("RGB")
        if not data:
            raise RenderError(
                "openhead: the renderer gave no picture", remedy="check the OpenGL driver"
            )
        return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1])

    def _view(self, width: int, height: int) -> _View:
        view = self._views.get((width, height))
        if view is None:
            form = FrameBufferProperties()
            form.setRgbaBits(8, 8, 8, 8)
            form.setDepthBits(24)
            form.setMultisamples(4)
            buffer = self._engine.makeOutput(
                self._pipe,
                f"{width}x{height}",
                0,
                form,
                WindowProperties.size(width, height),
                GraphicsPipe.BFRefuseWindow,
            )
            if buffer is None:
                raise RenderError(
                    f"openhead: no {width}x{height} buffer",
                    remedy="install libegl1 libgl1 libgl1-mesa-dri, or a GPU driver",
                )
            texture = Texture()
            buffer.addRenderTexture(texture, GraphicsOutput.RTMCopyRam)
            buffer.setClearColor(Vec4(*BACKGROUND, 1))
            buffer.makeDisplayRegion().setCamera(self._camera)
            view = self._views[width, height] = _View(buffer, texture)
        return view

    def _pose(self, values: Mapping[str, float | str]) -> None:
        points = self.rig.pose(values)
        look = self.rig.look(values)
        skin_points = points[self.head.skin.rows]
        self._skin.write(skin_points, self._skin_normals(skin_points))
        for surface, rows in self._eyes:
            shell = points[rows]
            centre = (shell.min(0) + shell.max(0)) / 2
            radius = float(np.linalg.norm(shell - centre, axis=1).max()) * 0.975
            surface.write(centre + self._unit * radius)
            surface.node.setShaderInput(
                "lids", Vec4(float(centre[1]) + 0.085, float(centre[1]) - 0.07, 0, 0)
            )
        self._lashes.write(points[self.head.lashes.rows])
        packed = PTA_LVecBase4f.emptyArray((len(self._looks) + 3) // 4)
        numbers = [look[k] for k in self._looks] + [0.0] * 3
        for k in range(len(packed)):
            packed.setElement(k, Vec4(*numbers[4 * k : 4 * k + 4]))
        self._root.setShaderInput("look", packed)
        self._paint(values, look)
        self._dress(values, points)

    def _paint(self, values: Mapping[str, float | str], look: Mapping[str, float]) -> None:
        skin = colours.skin(look)
        hair = colours.hair(look, look["hair_light"], look["hair_warm"])
        brow = colours.hair(look, look["brow_lightness"] * 0.7, look["brow_warmth"]) * 0.8
        inputs = {
            "skin_colour": skin,
            "hair_colour": hair,
            "brow_colour": brow,
            "iris_colour": colours.iris(look),
            "lip_natural": colours.lips(look, skin),
            "lipstick": colours.linear(self._choice("lipstick_colour", values)["rgb"]),
            "shadow_colour": colours.eyeshadow(look),
        }
        for name, colour in inputs.items():
            self._root.setShaderInput(name, Vec3(*(float(x) for x in colour)))
        lip = self._choice("lipstick_style", values)
        half = float(lip.get("upper", 0)) - float(lip.get("lower", 0))
        self._root.setShaderInput(
            "lip_a", Vec4(*(float(lip.get(k, 0)) for k in ("opacity", "gloss", "matte", "inner")))
        )
        self._root.setShaderInput(
            "lip_b", Vec4(*(float(lip.get(k, 0)) for k in ("soft", "over", "liner")), half)
        )
        self._root.setShaderInput(
            "lip_c", (float(lip.get("metal", 0)), float(lip.get("centre", 0)))
        )
        self._root.setShaderInput("brow_tile", self._tiles[str(values["eyebrow_style"])])
        self._root.setShaderInput("blush_height", look["blush_y"])
        self._root.setShaderInput("grey", float(np.clip(look["hair_grey"], 0, 1)) * 0.6)
        self._root.setShaderInput("cap", float(self._choice("hairstyle", values).get("cap", 1.0)))

    def _choice(self, slot: str, values: Mapping[str, float | str]) -> Mapping[str, Any]:
        return self.rig.choices[slot][str(values[slot])]

    def _dress(self, values: Mapping[str, float | str], points: Array) -> None:
        worn = self._hair_of(str(values["hairstyle"]))
        for hair in self._hair.values():
            if hair is not None and hair is not worn:
                hair[1].node.detachNode()
        if worn is not None:
            moved = (points - self.rig.base)[worn[0].anchor]
            worn[1].write(worn[0].points + moved)
            worn[1].node.reparentTo(self._root)
