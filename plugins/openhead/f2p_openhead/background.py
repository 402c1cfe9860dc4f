"""Background of the picture: a colour, a gradient, blurred shapes, or a picture file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath, SamplerState, Texture
from PIL import Image

from f2p_sdk import F2PError, load_image

from .surface import Surface, hide_from_labels, make_shader, make_texture

__all__ = ["Background", "BackgroundCard", "is_colour", "read_background"]

Refuse = Callable[[str, str, object], F2PError]
Pixels = NDArray[np.uint8]

RULE = (
    "[red, green, blue], a gradient [top colour, bottom colour], {'shapes': SEED} or "
    "{'picture': PATH}, colours from 0 to 255"
)
SHAPES_SIDE = 96
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Background:
    """Pixels (H, W, 3) uint8 sRGB, interpolated over the whole picture."""

    pixels: Pixels


def read_background(value: object, refuse: Refuse) -> Background:
    """Read the setting ``background`` of a scene.

    Args:
        value: as the client sent it.
        refuse: makes the error for an invalid value, from setting, rule and value.
    """
    if isinstance(value, Mapping) and len(value) == 1:
        seed, path = value.get("shapes"), value.get("picture")
        if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= MAX_SEED:
            return Background(_shapes(seed))
        if isinstance(path, str):
            return Background(_picture(path))
    if isinstance(value, (list, tuple)):
        rows = value if len(value) == 2 else [value]
        if all(is_colour(row) for row in rows):
            colours = np.array(rows, np.float64)
            # 256 rows, because texture filtering does not interpolate beyond the outer texels.
            steps = np.linspace(0, len(rows) - 1, 256 if len(rows) == 2 else 1)[:, None]
            mixed = colours[0] + (colours[-1] - colours[0]) * steps
            return Background(np.round(mixed).astype(np.uint8)[:, None])
    raise refuse("background", RULE, value)


def is_colour(value: object) -> TypeGuard[Sequence[float]]:
    """Report whether ``value`` is three numbers from 0 to 255."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 255 for v in value
        )
    )


def _picture(path: str) -> Pixels:
    pixels = load_image(Path(path))
    scale = min(1.0, 1024 / max(pixels.shape[:2]))
    if scale < 1:
        size = (max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale)))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return np.ascontiguousarray(pixels[..., :3])


def _shapes(seed: int) -> Pixels:
    """Random patches of colour, blurred like a room out of focus: (96, 96, 3)."""
    rng = np.random.default_rng(seed)
    side = SHAPES_SIDE
    y, x = np.mgrid[0:side, 0:side] / side
    out = np.full((side, side, 3), rng.uniform(20, 235, 3))
    out += (y - 0.5)[..., None] * rng.normal(0, 60, 3)
    for _ in range(int(rng.integers(3, 14))):
        u, v = rng.uniform(-0.1, 1.1, 2)
        w, h = rng.uniform(0.05, 0.6, 2)
        soft = rng.uniform(0.01, 0.08)
        if rng.random() < 0.5:
            distance = np.minimum(w / 2 - np.abs(x - u), h / 2 - np.abs(y - v))
        else:
            distance = (1 - np.hypot((x - u) / w, (y - v) / h)) * min(w, h)
        alpha = 1 / (1 + np.exp(-np.clip(distance / soft, -30, 30)))
        colour = rng.uniform(0, 255) + rng.normal(0, 45, 3)
        out += (colour - out) * (alpha * rng.uniform(0.3, 1))[..., None]
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


class BackgroundCard:
    """Full-screen quad that shows a background; it is detached when the scene has none."""

    def __init__(self, root: NodePath) -> None:
        corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32)
        card = Surface(
            "background",
            np.array([(0, 1, 2), (0, 2, 3)], np.int32),
            {"corner": corners[:, :2]},
            {"vertex": 3},
        )
        card.write(corners)
        self.node = card.node
        self.node.setShader(make_shader("background.vert", "background.frag", ()))
        self.node.setBin("background", 0)
        self.node.setDepthWrite(False)
        self.node.setDepthTest(False)
        hide_from_labels(self.node)
        self._root = root

    def show(self, background: Background | None, size: tuple[int, int]) -> None:
        """Show ``background`` in a picture of ``size`` (width, height), cropped to its shape."""
        if background is None:
            self.node.detachNode()
            return
        pixels = background.pixels
        height, width = pixels.shape[:2]
        alpha = np.full((height, width, 1), 255, np.uint8)
        texture = make_texture("background", np.concatenate([pixels, alpha], 2))
        texture.setMinfilter(SamplerState.FTLinear)
        texture.setWrapU(Texture.WMClamp)
        # A colour or a gradient is one texel wide and stretches; a picture keeps its aspect ratio.
        across = min(1.0, (size[0] / size[1]) / (width / height)) if width > 1 else 1.0
        down = min(1.0, (width / height) / (size[0] / size[1])) if width > 1 else 1.0
        self.node.setShaderInput("background", texture)
        self.node.setShaderInput("part", (across, down))
        self.node.reparentTo(self._root)
