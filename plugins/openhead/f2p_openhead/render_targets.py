"""Offscreen buffers for the picture, and for labels with depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d.core import (
    BitMask32,
    Camera,
    FrameBufferProperties,
    GraphicsEngine,
    GraphicsOutput,
    GraphicsPipe,
    GraphicsPipeSelection,
    NodePath,
    PerspectiveLens,
    Point3,
    Texture,
    Vec3,
    Vec4,
    WindowProperties,
)

from f2p_sdk import F2PError

from .camera import TARGET_Z
from .camera import Camera as Portrait
from .surface import LABELS, LABELS_MASK, label_shaders

__all__ = ["BACKGROUND", "RenderError", "RenderTargets"]

BACKGROUND = (0.47, 0.50, 0.53)
# Kinds of buffer: a picture, labels alone, or labels and depth.
COLOUR, CLASSES, DEPTH = "colour", "classes", "depth"
NEAR, FAR = 4.0, 6.0  # clipping planes, decimetres in front of and behind the camera's target

_REMEDY = "install libegl1 libgl1 libgl1-mesa-dri, or a GPU driver"


class RenderError(F2PError):
    """OpenGL is not available, or drawing failed."""


class RenderTargets:
    """Buffers of all requested sizes, drawn with the portrait camera.

    Raises:
        RenderError: no OpenGL is available.
    """

    def __init__(self, root: NodePath, portrait: Portrait) -> None:
        self._root, self._portrait = root, portrait
        self._engine = GraphicsEngine.getGlobalPtr()
        self._pipe = GraphicsPipeSelection.getGlobalPtr().makeDefaultPipe()
        if self._pipe is None:
            raise RenderError("openhead: OpenGL is not available", remedy=_REMEDY)
        self._buffers: dict[tuple[str, int, int], tuple[GraphicsOutput, Texture, Texture]] = {}
        self._lens = PerspectiveLens()
        span, distance = portrait.span, portrait.distance
        self._lens.setFov(float(np.degrees(2 * np.arctan(span / 2 / distance))))
        self._lens.setNearFar(distance - NEAR, distance + FAR)
        self._cameras = {labels: self._camera(labels) for labels in (False, True)}

    def colour(self, width: int, height: int) -> NDArray[np.uint8]:
        """Draw the current scene graph: (H, W, 3) uint8 sRGB."""
        pixels = self._bytes(self._draw(COLOUR, width, height)[1], width, height)
        out = np.empty((height, width, 3), np.uint8)
        for k in range(3):  # much faster than reversing the last axis at once
            out[..., k] = pixels[..., 2 - k]
        return out

    def labels(
        self, width: int, height: int, depth: bool = True
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """Draw class and depth at every pixel's centre: (H, W) uint8, (H, W) float32 decimetres.

        Depth is the distance from the camera's plane, 0 for the background. It is None without
        ``depth``, which saves the time to read it back.
        """
        camera = self._cameras[True].node()
        for node in self._root.findAllMatches(f"**/={LABELS}"):
            tag = node.getTag(LABELS)
            if not camera.hasTagState(tag):
                state = NodePath("state")
                state.setShader(label_shaders[tag], 10)
                camera.setTagState(tag, state.getState())
        _, classes, z_buffer = self._draw(DEPTH if depth else CLASSES, width, height)
        label = np.ascontiguousarray(self._bytes(classes, width, height)[..., 2])
        if not depth:
            return label, None
        far = self._portrait.distance + FAR
        near = self._portrait.distance - NEAR
        z = self._pixels(z_buffer.getRamImage(), np.float32, (height, width))[::-1]
        distance = near * far / (far - z.astype(np.float64) * (far - near))
        return label, np.where(z >= 1, 0, distance).astype(np.float32)

    def _camera(self, labels: bool) -> NodePath:
        node = Camera("labels" if labels else "colour", self._lens)
        if labels:
            node.setTagStateKey(LABELS)
            node.setCameraMask(LABELS_MASK)
        else:
            node.setCameraMask(BitMask32.bit(0))
        camera = self._root.attachNewNode(node)
        target = Point3(0, self._portrait.height, TARGET_Z)
        camera.setPos(target + Vec3(0, 0, self._portrait.distance))
        camera.lookAt(target, Vec3(0, 1, 0))
        return camera

    def _draw(self, kind: str, width: int, height: int) -> tuple[GraphicsOutput, Texture, Texture]:
        key = (kind, width, height)
        if key not in self._buffers:
            self._buffers[key] = self._open(kind, width, height)
        for other, (buffer, _, _) in self._buffers.items():
            buffer.setActive(other == key)
        self._lens.setAspectRatio(width / height)
        self._engine.renderFrame()
        if not self._buffers[key][0].getGsg().isActive():
            # After twenty OpenGL errors Panda3D still moves vertices, but no longer changes shaders
            # and inputs.
            raise RenderError(
                "openhead: too many OpenGL errors, drawing has stopped",
                remedy="see the driver's messages above; update the driver, restart the engine",
            )
        return self._buffers[key]

    def _open(self, kind: str, width: int, height: int) -> tuple[GraphicsOutput, Texture, Texture]:
        form = FrameBufferProperties()
        form.setRgbaBits(8, 8, 8, 8)
        form.setDepthBits(24)
        name = f"{kind}-{width}x{height}"
        size = WindowProperties.size(width, height)
        buffer = self._engine.makeOutput(
            self._pipe, name, 0, form, size, GraphicsPipe.BFRefuseWindow
        )
        if buffer is None:
            raise RenderError(f"openhead: cannot create a {width}x{height} buffer", remedy=_REMEDY)
        texture, depth = Texture(), Texture()
        buffer.addRenderTexture(texture, GraphicsOutput.RTMCopyRam)
        labels = kind != COLOUR
        if kind == DEPTH:
            depth.setFormat(Texture.FDepthComponent)
            depth.setComponentType(Texture.TFloat)
            buffer.addRenderTexture(depth, GraphicsOutput.RTMCopyRam, GraphicsOutput.RTPDepth)
        # Clear the region, not the buffer: Panda3D clears a buffer's front side, which EGL buffers
        # do not have; NVIDIA's driver reports that as an error.
        buffer.disableClears()
        region = buffer.makeDisplayRegion()
        region.setClearColorActive(True)
        region.setClearDepthActive(True)
        region.setClearColor(Vec4(0, 0, 0, 1) if labels else Vec4(*BACKGROUND, 1))
        region.setCamera(self._cameras[labels])
        return buffer, texture, depth

    def _bytes(self, texture: Texture, width: int, height: int) -> NDArray[np.uint8]:
        """Pixels (H, W, 3 or 4) uint8 in the order blue, green, red; row 0 at the top."""
        shape = (height, width, texture.getNumComponents())
        return self._pixels(texture.getRamImage(), np.uint8, shape)[::-1]

    @staticmethod
    def _pixels(data: Any, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
        if not data:
            raise RenderError(
                "openhead: the renderer returned no picture", remedy="check the OpenGL driver"
            )
        return np.frombuffer(data, dtype).reshape(shape)
