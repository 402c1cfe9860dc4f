"""The engine: draws the characters of one rig with Panda3D, without a window."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath, PTA_LVecBase4f, Vec3, Vec4, loadPrcFileData

from .background import BackgroundCard
from .camera import Camera
from .expression import Expressions
from .face import Face
from .hair_surfaces import HairSurfaces
from .head import Head, build_head
from .head_rotation import rotate_head
from .landmarks import Landmarks
from .meshes import Meshes
from .mouth import Mouth
from .render_targets import RenderError, RenderTargets
from .rig import Rig
from .scalp import Scalp
from .scene import Scene

__all__ = ["MAX_SIZE", "PASSES", "Engine", "RenderError"]

Array = NDArray[np.float32]
Values = Mapping[str, float | str]

loadPrcFileData(
    "openhead",
    # EGL draws without a display server on Linux.
    f"load-display {'p3headlessgl' if sys.platform.startswith('linux') else 'pandagl'}\n"
    "audio-library-name null\n"
    "coordinate-system yup-right\n"
    "sync-video 0\n"
    "notify-level-display error\n"
    "notify-level-egldisplay error\n"
    "gl-coordinate-system default\n"
    "textures-power-2 none\n"
    # Free unused render states at once. Panda3D frees them in its own main loop, which is not used
    # here, so each picture would leak 0.2 MB.
    "garbage-collect-states 0\n",
)

MAX_SIZE = 1024
PASSES = ("color", "labels", "landmarks", "depth", "vertices", "attributes", "triangles")
OCCLUSION_MARGIN = 0.06  # decimetres that a visible landmark may be behind the drawn surface
STANDARD = Scene()


class Engine:
    """Draws the characters of one rig; not thread-safe.

    The head is posed on the CPU, and shaded by GLSL. The same values give the same bytes.

    Raises:
        RenderError: no OpenGL is available.
    """

    def __init__(self, rig: Rig, head: Head | None = None) -> None:
        self.rig = rig
        self.head = head or build_head()
        self._root = NodePath("world")
        self._camera = Camera.of(rig.camera)
        self._render_targets = RenderTargets(self._root, self._camera)
        self._material_names = sorted(
            {k for s in rig.slider_material.values() for k in s} | set(rig.material_base)
        )
        self._face = Face(self._root, rig, self.head, self._material_names)
        self._mouth = Mouth(self._root, self.head, self._material_names)
        self._hair = HairSurfaces(
            self._root, rig, self.head, self._face.rest_normals, self._material_names
        )
        self._background = BackgroundCard(self._root)
        ids = np.concatenate([self.head.ids, self.head.mouth.ids])
        self._expressions = Expressions(ids)

    @property
    def scalp(self) -> Scalp:
        """The scalp of the resting head."""
        return self._hair.scalp

    def render(self, values: Values, size: tuple[int, int] | int = 512) -> NDArray[np.uint8]:
        """Draw a character in the standard portrait.

        Args:
            values: the character's values in game units.
            size: (width, height), or the side of a square, 16 to MAX_SIZE pixels.

        Returns:
            Picture (H, W, 3) uint8, RGB, sRGB.

        Raises:
            RenderError: the size is out of range, or the renderer fails.
        """
        return np.asarray(self.draw(values, size)["color"], np.uint8)

    def draw(
        self,
        values: Values,
        size: tuple[int, int] | int = 512,
        passes: Sequence[str] = ("color",),
        scene: Scene = STANDARD,
    ) -> dict[str, NDArray[Any]]:
        """Draw ``passes`` of PASSES in a scene.

        Returns:
            ``color``: see :meth:`render`. ``labels``: (H, W) uint8, the face parser's classes, and
            ``depth``: (H, W) float32 decimetres from the camera's plane, 0 for the background,
            both at the pixels' centres. ``landmarks``: (73, 3) float32, x and y in pixels, 1 if
            visible. ``vertices``, ``attributes``, ``triangles``: see :class:`Meshes`; not
            rotated.

        Raises:
            RenderError: the size is out of range, or the renderer fails.
        """
        width, height = (size, size) if isinstance(size, int) else size
        if not (16 <= width <= MAX_SIZE and 16 <= height <= MAX_SIZE):
            raise RenderError(
                f"openhead: picture size must be 16 to {MAX_SIZE} a side, got {width}x{height}",
                remedy="request another size",
            )
        points, material = self._pose(values, scene)
        self._background.show(scene.background, (width, height))
        drawn: dict[str, NDArray[Any]] = {}
        if "color" in passes:
            drawn["color"] = self._render_targets.colour(width, height)
        if {"labels", "depth", "landmarks"} & set(passes):
            with_depth = bool({"depth", "landmarks"} & set(passes))
            drawn["labels"], depth = self._render_targets.labels(width, height, with_depth)
            if depth is not None:
                drawn["depth"] = depth
        if "landmarks" in passes:
            style = str(values["eyebrow_style"])
            places = rotate_head(self._landmarks(points, material, style), scene.rotation)
            drawn["landmarks"] = self._project_visible(places, drawn["depth"])
        if "vertices" in passes:
            drawn["vertices"] = self._meshes.vertices(
                points, material, self._camera, (width, height)
            )
        if "attributes" in passes:
            drawn["attributes"] = self._meshes.attributes()
        if "triangles" in passes:
            drawn["triangles"] = self._meshes.triangles()
        return {name: drawn[name] for name in passes}

    @cached_property
    def _meshes(self) -> Meshes:
        return Meshes(self.rig, self._face, self._hair)

    @cached_property
    def _landmarks(self) -> Landmarks:
        return Landmarks(self.rig, self.head, self._face.brow_sheet)

    def _project_visible(self, places: Array, depth: Array) -> Array:
        """Project points (N, 3) to (N, 3): x and y in pixels, 1 if ``depth`` does not hide it."""
        height, width = depth.shape
        pixels = self._camera.project(places, (width, height))
        out = np.column_stack([pixels, np.zeros(len(pixels))]).astype(np.float32)
        far = self._camera.depth(places)
        for k, (x, y) in enumerate(np.round(pixels).astype(int)):
            if 0 <= x < width and 0 <= y < height:
                # A point on the outline may round to a background pixel, so test the neighbours.
                near = depth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                out[k, 2] = float(((near > 0) & (near > far[k] - OCCLUSION_MARGIN)).any())
        return out

    def _pose(self, values: Values, scene: Scene) -> tuple[Array, dict[str, float]]:
        """Update the scene graph; return the drawn head (V, 3) unrotated, and material values."""
        neutral, moved = self.rig.pose(values), None
        points = neutral
        if scene.expression:
            field = self._expressions(scene.expression)
            points, moved = neutral + field[: len(neutral)], field[len(neutral) :]
        material = self.rig.material(values)
        packed = PTA_LVecBase4f.emptyArray((len(self._material_names) + 3) // 4)
        numbers = [material[k] for k in self._material_names] + [0.0] * 3
        for k in range(len(packed)):
            packed.setElement(k, Vec4(*numbers[4 * k : 4 * k + 4]))
        self._root.setShaderInput("material", packed)
        self._root.setShaderInput("head_rotation", scene.rotation)
        for name, value in scene.light.items():
            self._root.setShaderInput(name, Vec3(*value))
        points = self._face.pose(points)
        self._mouth.pose(neutral, moved, points)
        self._face.paint(values, material)
        self._hair.select(values, points)
        return points, material
