"""Visible surface points of a geometry in pictures: all that comes before shading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .geometry import Geometry, Posed
from .model import OPAQUE, PAINTED, RIBBON
from .raster import Fragments, nearest, rasterise

__all__ = [
    "FIXED_COLUMNS",
    "MAX_OPACITY",
    "Crops",
    "Visible",
    "compare_surfaces",
    "find_visible",
    "gather",
    "paint_coordinates",
    "ribbon_opacity",
    "texture_coordinates",
    "visible_triangles",
    "visible_uncropped",
]

FIXED_COLUMNS = 3  # of vertex attributes: part, opacity mode, ribbon opacity
MIN_OPACITY, MAX_OPACITY = 0.02, 0.99  # a ribbon is invisible below, opaque above
_LAYERS = 3  # translucent layers in front of what is opaque; more would change little
_MOTION = 0.02  # pixels, or paint coordinates: a smaller displacement is none
_ROTATION = 0.003  # radians: a normal that turns less changes no colour


@dataclass(frozen=True)
class Crops:
    """Square parts of B pictures: ``top`` and ``left`` int64 (B,), and one ``side``, in pixels."""

    top: Tensor
    left: Tensor
    side: int

    @classmethod
    def whole(cls, count: int, side: int) -> Crops:
        """All of ``count`` pictures."""
        zero = torch.zeros(count, dtype=torch.int64)
        return cls(zero, zero, side)


@dataclass(frozen=True)
class Visible:
    """Visible fragments of P pictures, whose vertices and triangles are joined."""

    fragments: Fragments  # all of them
    opaque: Tensor  # rows of the visible opaque fragments, at most one per pixel
    layers: list[Tensor]  # rows of translucent fragments in front of these, nearest layer first
    xy: Tensor  # (V, 2), all vertices in pixels, with their gradient
    rows: Tensor  # int64 (V,), rows of the geometry's attributes
    body: Tensor  # int64 (V,), rows of the bodies' vertices of all vectors; -1 for pieces
    triangles: Tensor  # int64 (M, 3), of these vertices
    picture: Tensor  # int64 (M,), the picture of each triangle
    faces: Tensor  # int64 (M,), the geometry's triangle that each one is

    @property
    def shown(self) -> Tensor:
        """Rows of all visible fragments: the opaque ones, then layer by layer."""
        return torch.cat([self.opaque, *self.layers])


def gather(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, several times as fast."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, *table.shape[1:])


def find_visible(
    geometry: Geometry,
    posed: Posed,
    vectors: Tensor,
    pieces: Sequence[Sequence[int]],
    crops: Crops,
    size: int,
) -> Visible:
    """Rasterise a geometry in P pictures.

    Args:
        geometry, posed: for B vectors.
        vectors: int64 (P,), row of the vector of each picture.
        pieces: the pieces in each picture.
        crops: for each vector, the part of its pictures to rasterise.
        size: of whole pictures, in pixels.
    """
    device, count = vectors.device, geometry.count
    all_faces = geometry.triangles.long()
    every = torch.arange(max(geometry.vertices[-1], geometry.faces[-1]), device=device)
    corner = torch.stack([crops.left, crops.top], dim=1).to(posed.positions)
    points, rows, body, triangles, picture, faces = [], [], [], [], [], []
    start = 0
    for i, (b, keys) in enumerate(zip(vectors.tolist(), pieces, strict=True)):
        positions = [posed.positions[b]]
        rows.append(every[:count])
        body.append(every[:count] + b * count)
        faces.append(every[: geometry.faces[0]])
        triangles.append(all_faces[: geometry.faces[0]] + start)
        start += count
        for key in keys:
            first, last = geometry.vertices[key], geometry.vertices[key + 1]
            positions.append(geometry.piece(key, posed.guides[b]))
            rows.append(every[first:last])
            body.append(torch.full((last - first,), -1, device=device))
            own = slice(geometry.faces[key], geometry.faces[key + 1])
            faces.append(every[own])
            triangles.append(all_faces[own] + start)
            start += last - first
        picture.append(torch.full((sum(map(len, faces[-1 - len(keys) :])),), i, device=device))
        joined = torch.cat(positions)
        xy = (joined[:, :2] + 1) * (size / 2) - 0.5 - corner[b]
        points.append(torch.cat([xy, joined[:, 2:]], dim=1))
    all_points, all_rows, all_triangles = torch.cat(points), torch.cat(rows), torch.cat(triangles)
    pictures = torch.cat(picture)
    with torch.no_grad():
        modes = gather(geometry.attributes[:, 1], gather(all_rows, all_triangles[:, 0]))
        fragments = rasterise(
            all_points.detach(), all_triangles, pictures, modes == OPAQUE, crops.side
        )
        modes = gather(modes, fragments.triangle)
        opacity = _ribbons(geometry, fragments, modes, all_rows, all_triangles)
        opaque, layers = _layers(fragments, modes, opacity, len(vectors) * crops.side**2)
    vertices = all_points[:, :2], all_rows, torch.cat(body)
    return Visible(fragments, opaque, layers, *vertices, all_triangles, pictures, torch.cat(faces))


def ribbon_opacity(across: Tensor, strength: Tensor) -> Tensor:
    """Opacity of a ribbon: 1 in its middle, 0 at its edges, where ``across`` is -1 or 1."""
    opacity = ((1 - across.abs()) * strength).clamp(0, 1)
    return opacity * opacity * (3 - 2 * opacity)


def _ribbons(
    geometry: Geometry, fragments: Fragments, modes: Tensor, rows: Tensor, triangles: Tensor
) -> Tensor:
    """Opacity (F,) of the fragments of ribbons; 0 for the others."""
    own = (modes == RIBBON).nonzero().flatten()
    corners = gather(rows, gather(triangles, fragments.triangle[own]))
    values = gather(geometry.attributes[:, [2, FIXED_COLUMNS]], corners)
    strength, across = (values * fragments.weights[own][..., None]).sum(dim=1).unbind(dim=1)
    return torch.zeros_like(fragments.depth).index_copy(0, own, ribbon_opacity(across, strength))


def _layers(
    fragments: Fragments, modes: Tensor, opacity: Tensor, pixels: int
) -> tuple[Tensor, list[Tensor]]:
    """Rows of the visible opaque fragments, and of the translucent layers in front of them."""
    solid = ((modes == OPAQUE) | (opacity >= MAX_OPACITY)).nonzero().flatten()
    first, depth = nearest(fragments.pixel[solid], fragments.depth[solid], pixels)
    translucent = (modes == PAINTED) | ((opacity > MIN_OPACITY) & (opacity < MAX_OPACITY))
    left = translucent.nonzero().flatten()
    left = left[fragments.depth[left] < depth[fragments.pixel[left]]]
    layers = []
    for _ in range(_LAYERS):
        nearest_left, front = nearest(fragments.pixel[left], fragments.depth[left], pixels)
        layers.append(left[nearest_left])
        left = left[fragments.depth[left] > front[fragments.pixel[left]]]
    return solid[first], layers


# Used by the initialisation of a training


def visible_uncropped(
    geometry: Geometry, vector: Tensor, pieces: Sequence[Sequence[int]], size: int
) -> Visible:
    """Visible fragments in the whole picture of each vector (B, D), without gradient."""
    rows = torch.arange(len(vector), device=vector.device)
    with torch.no_grad():
        crops = Crops.whole(len(vector), size)
        return find_visible(geometry, geometry(vector), rows, pieces, crops, size)


def visible_triangles(geometry: Geometry, visible: Visible) -> Tensor:
    """Flags (T,) of the geometry's triangles that are visible."""
    found = torch.zeros(geometry.faces[-1], dtype=torch.bool, device=visible.faces.device)
    found[visible.faces[visible.fragments.triangle[visible.shown]]] = True
    return found


def texture_coordinates(geometry: Geometry, visible: Visible, part: int, pixels: int) -> Tensor:
    """Texture coordinates (``pixels``, 2) where a part is visible, else NaN."""
    shown = visible.fragments[visible.opaque]
    rows = gather(visible.rows, gather(visible.triangles, shown.triangle))
    own = geometry.attributes[rows[:, 0], 0] == part
    table = geometry.attributes[:, FIXED_COLUMNS : FIXED_COLUMNS + 2]
    return _interpolated(table, rows[own], shown[own], pixels)


def paint_coordinates(geometry: Geometry, vector: Tensor, visible: Visible, pixels: int) -> Tensor:
    """Paint coordinates (``pixels``, 2) where the body of vectors (B, D) is visible, else NaN."""
    shown = visible.fragments[visible.opaque]
    rows = gather(visible.body, gather(visible.triangles, shown.triangle))
    own = rows[:, 0] >= 0
    with torch.no_grad():
        paint = geometry(vector).paint.flatten(0, 1)
    return _interpolated(paint, rows[own], shown[own], pixels)


def _interpolated(table: Tensor, rows: Tensor, fragments: Fragments, pixels: int) -> Tensor:
    """Values of vertices (V, 2) at fragments, whose corners are ``rows`` (F, 3); else NaN."""
    out = table.new_full((pixels, 2), torch.nan)
    out[fragments.pixel] = (gather(table, rows) * fragments.weights[..., None]).sum(dim=1)
    return out


def compare_surfaces(
    geometry: Geometry, pair: Tensor, visible: Visible, size: int, *, translucent: bool = False
) -> tuple[Tensor, Tensor]:
    """Find the pixels in which the pictures of two vectors (2, D) show the same triangle.

    ``translucent``: compare the nearest translucent layer instead of the opaque surface.

    Returns:
        The part of that triangle, int64 (S, S), -1 elsewhere and beside translucent pixels; and
        flags (S, S) of the pixels whose surface and paint did not move or turn.
    """
    pixels, device = size * size, pair.device
    shown = visible.fragments[visible.layers[0] if translucent else visible.opaque]
    face = torch.full((2 * pixels,), -1, device=device)
    face[shown.pixel] = visible.faces[shown.triangle]
    one, other = face.view(2, pixels)
    same = (one == other) & (one >= 0)
    if not translucent:
        layered = torch.zeros(pixels, device=device)
        layered[visible.fragments.pixel[torch.cat(visible.layers)] % pixels] = 1
        beside = functional.max_pool2d(layered.view(1, 1, size, size), 3, 1, 1).flatten()
        same &= beside == 0
    starts = torch.tensor([0, *geometry.faces[:-1]], device=device)
    begin = torch.tensor([0, *geometry.vertices[:-1]], device=device)
    index = torch.bucketize(one.clamp(min=0), starts, right=True) - 1
    corners = geometry.triangles.long()[one.clamp(min=0)] + begin[index][:, None]
    part = torch.where(same, geometry.attributes[corners[:, 0], 0].long(), -1)
    still = _still(geometry, pair, size)[corners].all(dim=1)
    return part.view(size, size), (same & still).view(size, size)


def _still(geometry: Geometry, pair: Tensor, size: int) -> Tensor:
    """Flags (V,) of the geometry's vertices that are equal for both vectors of a pair."""
    posed = geometry(pair)

    def near(positions: Tensor, others: Tensor) -> Tensor:
        return (positions - others).abs()[:, :2].amax(dim=1) * size / 2 < _MOTION

    shift = (posed.paint[0] - posed.paint[1]).abs().amax(dim=1)
    turn = (posed.normals[0] - posed.normals[1]).norm(dim=1)
    flags = [near(posed.positions[0], posed.positions[1]) & (shift < _MOTION) & (turn < _ROTATION)]
    for k in range(len(geometry.pieces)):
        flags.append(near(geometry.piece(k, posed.guides[0]), geometry.piece(k, posed.guides[1])))
    return torch.cat(flags)
