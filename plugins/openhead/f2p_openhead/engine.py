"""The engine: draws a character of a rig with Panda3D, without a window."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath, PTA_LVecBase4f, Vec3, Vec4, loadPrcFileData

from .backdrop import Curtain
from .camera import Camera
from .expression import Expressions
from .face import Face
from .head import Head, build_head
from .mouth import Mouth
from .rig import Rig
from .scene import Scene
from .views import RenderError, Views
from .wardrobe import Wardrobe

__all__ = ["MAX_SIZE", "PASSES", "Engine", "RenderError"]

Values = Mapping[str, float | str]

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

MAX_SIZE = 1024
PASSES = ("color", "labels", "depth")
STANDARD = Scene()


class Engine:
    """Draws one rig's characters. Not for use from several threads at once.

    The head is posed on the CPU, lit and painted by GLSL; the same values give the same bytes.
    Raises RenderError when no OpenGL is found.
    """

    def __init__(self, rig: Rig, head: Head | None = None) -> None:
        self.rig = rig
        self.head = head or build_head()
        self._root = NodePath("world")
        self._views = Views(self._root, Camera.of(rig.camera))
        self._looks = sorted({k for s in rig.looks.values() for k in s} | set(rig.constants))
        self._face = Face(self._root, rig, self.head, self._looks)
        self._mouth = Mouth(self._root, self.head, self._looks)
        self._wardrobe = Wardrobe(self._root, rig, self.head, self._face.rest_normals, self._looks)
        self._curtain = Curtain(self._root)
        ids = np.concatenate([self.head.ids, self.head.inner.ids])
        self._expressions = Expressions(ids)

    def render(self, values: Values, size: tuple[int, int] | int = 512) -> NDArray[np.uint8]:
        """Draw a character: values in game units -> picture (H, W, 3) uint8 RGB sRGB.

        ``size`` is (width, height) or the side of a square, 16 to MAX_SIZE pixels. Raises
        RenderError for another size, or when the renderer gives no picture.
        """
        return np.asarray(self.draw(values, size)["color"], np.uint8)

    def draw(
        self,
        values: Values,
        size: tuple[int, int] | int = 512,
        passes: Sequence[str] = ("color",),
        scene: Scene = STANDARD,
    ) -> dict[str, NDArray[Any]]:
        """Draw ``passes`` of PASSES in a scene, by name.

        ``color`` as :meth:`render`; ``labels`` (H, W) uint8 classes of the face parser and
        ``depth`` (H, W) float32 decimetres from the camera's plane, 0 where nothing is: both of
        the pixels' middles.
        """
        width, height = (size, size) if isinstance(size, int) else size
        if not (16 <= width <= MAX_SIZE and 16 <= height <= MAX_SIZE):
            raise RenderError(
                f"openhead: picture size {width}x{height}, must be 16 to {MAX_SIZE}",
                remedy="ask for a smaller picture",
            )
        self._pose(values, scene)
        self._curtain.hang(scene.backdrop, (width, height))
        drawn: dict[str, NDArray[Any]] = {}
        if "color" in passes:
            drawn["color"] = self._views.colour(width, height)
        if "labels" in passes or "depth" in passes:
            drawn["labels"], drawn["depth"] = self._views.labels(width, height)
        return {name: drawn[name] for name in passes}

    def _pose(self, values: Values, scene: Scene) -> None:
        calm, moved = self.rig.pose(values), None
        points = calm
        if scene.expression:
            acted = self._expressions(scene.expression)
            points, moved = calm + acted[: len(calm)], acted[len(calm) :]
        look = self.rig.look(values)
        packed = PTA_LVecBase4f.emptyArray((len(self._looks) + 3) // 4)
        numbers = [look[k] for k in self._looks] + [0.0] * 3
        for k in range(len(packed)):
            packed.setElement(k, Vec4(*numbers[4 * k : 4 * k + 4]))
        self._root.setShaderInput("look", packed)
        self._root.setShaderInput("head_turn", scene.turn)
        for name, value in scene.light.items():
            self._root.setShaderInput(name, Vec3(*value))
        self._face.pose(points)
        self._mouth.pose(calm, moved, points)
        self._face.paint(values, look)
        self._wardrobe.dress(values, points)
