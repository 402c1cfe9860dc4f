"""The engine: draws a character of a rig with Panda3D, without a window."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

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
    Vec3,
    Vec4,
    WindowProperties,
    loadPrcFileData,
)

from f2p_sdk import F2PError

from .face import Face
from .head import Head, build_head
from .rig import Rig
from .wardrobe import Wardrobe

__all__ = ["Engine", "RenderError"]

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
# Directions to the lights and their colours (linear), and the sky's, below and above.
LIGHT = {
    "key": (0.371, 0.464, 0.804),
    "fill": (-0.743, 0.093, 0.663),
    "key_colour": (0.80, 0.765, 0.72),
    "fill_colour": (0.17, 0.185, 0.21),
    "ground_colour": (0.15, 0.135, 0.13),
    "sky_colour": (0.34, 0.345, 0.36),
}


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
        self._face = Face(self._root, rig, self.head, self._looks)
        self._wardrobe = Wardrobe(self._root, rig, self.head, self._face.rest_normals, self._looks)
        self._light()
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

    def _light(self) -> None:
        for name, value in LIGHT.items():
            self._root.setShaderInput(name, Vec3(*value))
        self._root.setShaderInput("head_turn", (0.0, 0.0))

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
        self._face.pose(points)
        packed = PTA_LVecBase4f.emptyArray((len(self._looks) + 3) // 4)
        numbers = [look[k] for k in self._looks] + [0.0] * 3
        for k in range(len(packed)):
            packed.setElement(k, Vec4(*numbers[4 * k : 4 * k + 4]))
        self._root.setShaderInput("look", packed)
        self._face.paint(values, look)
        self._wardrobe.dress(values, points)
