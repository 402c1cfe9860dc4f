"""What is seen of a geometry in pictures: everything before colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .geometry import Geometry, Posed
from .raster import Fragments, nearest, rasterise

__all__ = [
    "HEAD",
    "MOST",
    "RIBBON",
    "Visible",
    "Window",
    "alike",
    "look",
    "paint_places",
    "ribbon_cover",
    "seen_triangles",
    "take",
    "texture_places",
    "whole_pictures",
]

HEAD = 3  # columns of attributes before the numbers: part, how it covers, how much
PAINTED, RIBBON = 1, 2  # how it covers, beside 0 for what covers all
LEAST, MOST = 0.02, 0.99  # a ribbon covers nothing below, all above
_SOFT = 3  # layers of what covers in part that are seen before what covers all; more blend little
_STILL = 0.02  # pixels or shares of what is painted: less is no motion
_TURNED = 0.003  # radians: skin that turns this little looks the same


@dataclass(frozen=True)
class Window:
    """The parts of B pictures that are drawn.

    ``top`` and ``left`` int64 (B,), in pixels; ``side`` of them all.
    """

    top: Tensor
    left: Tensor
    side: int


@dataclass(frozen=True)
class Visible:
    """What is seen in P pictures, all after one another.

    Attributes:
        hits: the fragments.
        whole: rows of those that cover what is behind them, one for a pixel at most.
        soft: rows of those that cover in part before them, layer by layer, the nearest first.
        flat: (V, 2), x and y of all vertices in pixels, with their gradient.
        rows: int64 (V,), of the geometry's attributes.
        body: int64 (V,), rows of all bodies' vertices together, -1 for those of pieces.
        triangles: int64 (M, 3), of these vertices.
        picture: int64 (M,), which picture each triangle is in.
        faces: int64 (M,), which triangle of the geometry each is.
    """

    hits: Fragments
    whole: Tensor
    soft: list[Tensor]
    flat: Tensor
    rows: Tensor
    body: Tensor
    triangles: Tensor
    picture: Tensor
    faces: Tensor

    @property
    def shown(self) -> Tensor:
        """Rows of all fragments that are seen: the whole ones, then the soft layers."""
        return torch.cat([self.whole, *self.soft])


def take(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, which takes several times as long."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, *table.shape[1:])


def look(
    geometry: Geometry,
    posed: Posed,
    who: Tensor,
    worn: Sequence[Sequence[int]],
    window: Window,
    size: int,
) -> Visible:
    """Draw the geometry of P pictures.

    Args:
        geometry, posed: for B vectors.
        who: int64 (P,), the vector of each picture.
        worn: the pieces in each picture.
        window: for each vector, the part of its pictures that is drawn.
        size: of whole pictures, in pixels.
    """
    device, count = who.device, geometry.count
    triangles_of = geometry.triangles.long()
    every = torch.arange(max(geometry.vertices[-1], geometry.faces[-1]), device=device)
    points, rows, body, triangles, picture, faces = [], [], [], [], [], []
    start = 0
    for i, (b, keys) in enumerate(zip(who.tolist(), worn, strict=True)):
        places = [posed.places[b]]
        rows.append(every[:count])
        body.append(every[:count] + b * count)
        faces.append(every[: geometry.faces[0]])
        triangles.append(triangles_of[: geometry.faces[0]] + start)
        start += count
        for key in keys:
            first, last = geometry.vertices[key], geometry.vertices[key + 1]
            places.append(geometry.piece(key, posed.moved[b]))
            rows.append(every[first:last])
            body.append(torch.full((last - first,), -1, device=device))
            own = slice(geometry.faces[key], geometry.faces[key + 1])
            faces.append(every[own])
            triangles.append(triangles_of[own] + start)
            start += last - first
        picture.append(torch.full((sum(map(len, faces[-1 - len(keys) :])),), i, device=device))
        there = torch.cat(places)
        corner = torch.stack([window.left[b], window.top[b]]).to(there)
        flat = (there[:, :2] + 1) * (size / 2) - 0.5 - corner
        points.append(torch.cat([flat, there[:, 2:]], dim=1))
    all_points, all_rows, all_triangles = torch.cat(points), torch.cat(rows), torch.cat(triangles)
    of = torch.cat(picture)
    with torch.no_grad():
        covers = take(geometry.attributes[:, 1], take(all_rows, all_triangles[:, 0]))
        hits = rasterise(all_points.detach(), all_triangles, of, covers == 0, window.side)
        kinds = take(covers, hits.triangle)
        cover = _ribbons(geometry, hits, kinds, all_rows, all_triangles)
        whole, soft = _layers(hits, kinds, cover, len(who) * window.side**2)
    return Visible(
        hits,
        whole,
        soft,
        all_points[:, :2],
        all_rows,
        torch.cat(body),
        all_triangles,
        of,
        torch.cat(faces),
    )


def ribbon_cover(across: Tensor, much: Tensor) -> Tensor:
    """How much a ribbon covers: all in its middle, nothing at its edges, where ``across`` is 1."""
    cover = ((1 - across.abs()) * much).clamp(0, 1)
    return cover * cover * (3 - 2 * cover)


def _ribbons(
    geometry: Geometry, hits: Fragments, kinds: Tensor, rows: Tensor, triangles: Tensor
) -> Tensor:
    """How much each fragment covers, (F,), of those that are ribbons; 0 for the others."""
    own = (kinds == RIBBON).nonzero().flatten()
    corners = take(rows, take(triangles, hits.triangle[own]))
    told = take(geometry.attributes[:, [2, HEAD]], corners)
    much, across = (told * hits.weights[own][..., None]).sum(dim=1).unbind(dim=1)
    return torch.zeros_like(hits.depth).index_copy(0, own, ribbon_cover(across, much))


def _layers(
    hits: Fragments, kinds: Tensor, cover: Tensor, pixels: int
) -> tuple[Tensor, list[Tensor]]:
    solid = ((kinds == 0) | (cover >= MOST)).nonzero().flatten()
    first, seen = nearest(hits.pixel[solid], hits.depth[solid], pixels)
    whole = solid[first]
    faint = (kinds == PAINTED) | ((cover > LEAST) & (cover < MOST))
    left = faint.nonzero().flatten()
    left = left[hits.depth[left] < seen[hits.pixel[left]]]
    soft = []
    for _ in range(_SOFT):
        first, front = nearest(hits.pixel[left], hits.depth[left], pixels)
        soft.append(left[first])
        left = left[hits.depth[left] > front[hits.pixel[left]]]
    return whole, soft


# For those who prepare a training


def whole_pictures(
    geometry: Geometry, vector: Tensor, worn: Sequence[Sequence[int]], size: int
) -> Visible:
    """What is seen of each vector (B, D) with the pieces it wears, in all of its picture."""
    zero = torch.zeros(len(vector), dtype=torch.int64, device=vector.device)
    who = torch.arange(len(vector), device=vector.device)
    with torch.no_grad():
        return look(geometry, geometry(vector), who, worn, Window(zero, zero, size), size)


def seen_triangles(geometry: Geometry, seen: Visible) -> Tensor:
    """Which of the geometry's triangles are seen, bool (T,)."""
    found = torch.zeros(geometry.faces[-1], dtype=torch.bool, device=seen.faces.device)
    found[seen.faces[seen.hits.triangle[seen.shown]]] = True
    return found


def texture_places(geometry: Geometry, seen: Visible, part: int, pixels: int) -> Tensor:
    """The first two numbers of a part where it is seen, (``pixels``, 2), else NaN."""
    shown = seen.hits[seen.whole]
    each = take(geometry.attributes, take(seen.rows, take(seen.triangles, shown.triangle)))
    own = each[:, 0, 0] == part
    told = (each * shown.weights[..., None]).sum(dim=1)[:, HEAD : HEAD + 2]
    out = told.new_full((pixels, 2), torch.nan)
    out[shown.pixel[own]] = told[own]
    return out


def paint_places(geometry: Geometry, vector: Tensor, seen: Visible, pixels: int) -> Tensor:
    """The places in what is painted, of vectors (B, D), where the body is seen: (``pixels``, 2),
    else NaN."""
    shown = seen.hits[seen.whole]
    rows = take(seen.body, take(seen.triangles, shown.triangle))
    own = rows[:, 0] >= 0
    with torch.no_grad():
        paint = geometry(vector).paint.flatten(0, 1)
    told = (take(paint, rows[own]) * shown.weights[own][..., None]).sum(dim=1)
    out = told.new_full((pixels, 2), torch.nan)
    out[shown.pixel[own]] = told
    return out


def alike(
    geometry: Geometry, pair: Tensor, seen: Visible, size: int, *, soft: bool = False
) -> tuple[Tensor, Tensor]:
    """Where the pictures of two vectors (2, D) show the same triangle.

    Its part, int64 (S, S), else -1, not beside what covers in part; and whether it has not moved
    there, nor what is painted on it, nor turned: bool (S, S). ``soft``: of what covers in part, the
    nearest, instead.
    """
    pixels, device = size * size, pair.device
    shown = seen.hits[seen.soft[0] if soft else seen.whole]
    face = torch.full((2 * pixels,), -1, device=device)
    face[shown.pixel] = seen.faces[shown.triangle]
    one, other = face.view(2, pixels)
    same = (one == other) & (one >= 0)
    if not soft:
        faint = torch.zeros(pixels, device=device)
        faint[seen.hits.pixel[torch.cat(seen.soft)] % pixels] = 1
        beside = functional.max_pool2d(faint.view(1, 1, size, size), 3, 1, 1).flatten()
        same &= beside == 0
    starts = torch.tensor([0, *geometry.faces[:-1]], device=device)
    begin = torch.tensor([0, *geometry.vertices[:-1]], device=device)
    index = torch.bucketize(one.clamp(min=0), starts, right=True) - 1
    corners = geometry.triangles.long()[one.clamp(min=0)] + begin[index][:, None]
    part = torch.where(same, geometry.attributes[corners[:, 0], 0].long(), -1)
    still = _still(geometry, pair, size)[corners].all(dim=1)
    return part.view(size, size), (same & still).view(size, size)


def _still(geometry: Geometry, pair: Tensor, size: int) -> Tensor:
    """Which vertices of the geometry stand alike for both of a pair: (V,) bool."""
    posed = geometry(pair)

    def near(places: Tensor, others: Tensor) -> Tensor:
        return (places - others).abs()[:, :2].amax(dim=1) * size / 2 < _STILL

    slid = (posed.paint[0] - posed.paint[1]).abs().amax(dim=1)
    turned = (posed.normals[0] - posed.normals[1]).norm(dim=1)
    flags = [near(posed.places[0], posed.places[1]) & (slid < _STILL) & (turned < _TURNED)]
    for k in range(len(geometry.pieces)):
        flags.append(near(geometry.piece(k, posed.moved[0]), geometry.piece(k, posed.moved[1])))
    return torch.cat(flags)
