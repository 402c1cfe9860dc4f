"""Meshes of the toy game, drawn by plain loops: the reference for the core's raster.

A dome that ``nose`` widens and ``eyes`` raises, with a term for both together; ``red`` sets its
colour. A half transparent band is in front of it. The hair is a ribbon that follows the dome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from f2p_sdk.mesh import ProbeResult
from f2p_sdk.parameters import Character

GRID, AWAY = 7, 5.0
BACK = (0.4, 0.45, 0.5)
HAIR = (0.15, 0.1, 0.3)
BAND = (0.05, 0.05, 0.05)


def _face() -> tuple[Any, Any]:
    line = np.linspace(-0.6, 0.6, GRID)
    x, y = np.meshgrid(line, line)
    points = np.stack([x.ravel(), y.ravel(), 0.5 - 0.6 * (x**2 + y**2).ravel()], 1)
    index = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return points, faces


FACE, FACES = _face()
STRIP = np.array([[-0.4, -0.05, 0.6], [0.4, -0.05, 0.6], [0.4, 0.1, 0.6], [-0.4, 0.1, 0.6]])
QUAD = np.array([[0, 1, 2], [0, 2, 3]])


def points_of(character: Character) -> tuple[Any, Any]:
    """World points (N, 3), y up and z to the viewer: of face and strip, and of the hair."""
    v = character.values
    wide, up = float(v["nose"]), 2 * float(v["eyes"]) - 1

    def moved(points: Any, both: float = 0.1) -> Any:
        out = points.copy()
        out[:, 0] *= 1 + (0.3 if wide > 0 else 0.2) * wide
        out[:, 1] += 0.15 * up
        out[:, 1] += both * wide * up * points[:, 0] ** 2
        return out

    hair = np.zeros((0, 3))
    if v["hair"] != "none":
        high = 0.2 if v["hair"] == "short" else 0.45
        hair = np.array(
            [[-0.5, 0.4, 0.7], [0.5, 0.4, 0.7], [0.5, 0.4 + high, 0.7], [-0.5, 0.4 + high, 0.7]]
        )
        hair = moved(hair, 0.0)
    return moved(np.concatenate([FACE, STRIP])), hair


def meshes(character: Character, size: int, topology: bool = True) -> ProbeResult:
    """The mesh passes of a character."""
    body, hair = points_of(character)
    points = np.concatenate([body, hair])
    away = AWAY - points[:, 2]
    scale = AWAY / away * size / 2
    x, y = size / 2 - 0.5 + points[:, 0] * scale, size / 2 - 0.5 - points[:, 1] * scale
    paint = np.zeros((len(points), 2))
    paint[: len(FACE)] = FACE[:, :2] / 0.6
    paint[: len(FACE), 0] += 0.1 * float(character.values["nose"])
    vertices = np.column_stack([x, y, away * size / 2, paint]).astype(np.float32)
    if not topology:
        return ProbeResult(vertices)
    attributes = np.zeros((len(points), 7), np.float32)
    attributes[: len(FACE), 4:7] = FACE
    strip = slice(len(FACE), len(body))
    attributes[strip, 0], attributes[strip, 2], attributes[strip, 4:6] = 1, 1, STRIP[:, :2]
    own = slice(len(body), None)
    attributes[own, 0], attributes[own, 1], attributes[own, 2], attributes[own, 3] = 2, 1, 2, 3
    attributes[own, 4] = [-1, -1, 1, 1][: len(hair)]
    triangles = [FACES, QUAD + len(FACE)] + ([QUAD + len(body)] if len(hair) else [])
    return ProbeResult(vertices, attributes, np.concatenate(triangles).astype(np.int32))


def probe(characters: Sequence[Character], topology: bool, size: int = 64) -> Iterable[ProbeResult]:
    return (meshes(c, size, topology) for c in characters)


def fragments(
    points: Any, triangles: Any, single: Any, size: int
) -> list[list[tuple[float, int, Any]]]:
    """The triangles over each pixel centre, the nearest first: depth, triangle, weights."""
    over: list[list[tuple[float, int, Any]]] = [[] for _ in range(size * size)]
    for t, corners in enumerate(triangles):
        p = np.asarray(points, np.float64)[corners]
        (x0, y0), (x1, y1), (x2, y2) = p[:, :2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9 or (single[t] and area > 0):
            continue
        for row in range(max(0, int(p[:, 1].min())), min(size, int(p[:, 1].max()) + 2)):
            for column in range(max(0, int(p[:, 0].min())), min(size, int(p[:, 0].max()) + 2)):
                b = ((column - x0) * (y2 - y0) - (x2 - x0) * (row - y0)) / area
                c = ((x1 - x0) * (row - y0) - (column - x0) * (y1 - y0)) / area
                flat = np.array([1 - b - c, b, c])
                if (flat >= 0).all():
                    share = flat / p[:, 2]
                    depth = 1 / share.sum()
                    over[row * size + column].append((depth, t, share * depth))
    return [sorted(one, key=lambda f: f[0]) for one in over]


def draw(character: Character, size: int = 64) -> npt.NDArray[np.uint8]:
    """The engine's picture, uint8 (size, size, 3)."""
    found = meshes(character, size)
    assert found.attributes is not None
    assert found.triangles is not None
    a, t = found.attributes, found.triangles
    over = fragments(found.vertices[:, :3], t, a[t[:, 0], 2] == 0, size)
    tint = float(character.values["red"])
    picture = np.zeros((size * size, 3))
    for pixel, hits in enumerate(over):
        layers = []
        for _, triangle, weights in hits:
            corner = a[t[triangle]]
            values = weights @ corner
            part = int(corner[0, 0])
            if part == 0:
                bright = 0.9 + 0.2 * values[4]
                layers.append((np.array([0.5 + 0.4 * tint, 0.5, 0.9 - 0.5 * tint]) * bright, 1.0))
                break
            if part == 1:
                layers.append((np.array(BAND), 0.5))
            else:
                cover = min(1.0, (1 - abs(values[4])) * values[3])
                cover = cover * cover * (3 - 2 * cover)
                layers.append((np.array(HAIR), cover))
                if cover >= 0.99:
                    break
        else:
            layers.append((np.array(BACK), 1.0))
        colour = layers[-1][0]
        for above, cover in reversed(layers[:-1]):
            colour = colour * (1 - cover) + above * cover
        picture[pixel] = colour
    return (picture.clip(0, 1).reshape(size, size, 3) * 255).round().astype(np.uint8)
