"""The imitator for engines with meshes: the geometry is probed, the colours are learned.

    picture = composite(rasterise(geometry(vector)), shaders(points, vector))

Most sliders move the surface. With the engine's vertices only the colour at each point of the
surface remains to be learned: the effect of the weakest slider is exact, and edges are sharp.

A pixel changes abruptly when a triangle's edge passes it, so the raster has no useful gradient.
Instead, the finished picture is resampled at the place that each pixel's surface point came from.
This leaves the picture as it is, and gives each pixel the gradient of its point's motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.compact import register_statistics
from ..networks.imitator import Imitator, register
from .geometry import Geometry, Posed
from .model import RIBBON
from .shader import Shader, SurfacePoints
from .visibility import (
    FIXED_COLUMNS,
    MAX_OPACITY,
    Crops,
    Visible,
    find_visible,
    gather,
    ribbon_opacity,
)

__all__ = ["MeshImitator"]

_MIXED = 3  # pictures that are mixed for a vector with undecided choices
_DECIDED = 1 - 1e-4
_MARGIN = 5  # pixels around the surface that move with it


@register
class MeshImitator(Imitator):
    """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1].

    The arguments have the names of the options in cards of shipped weights.

    Args:
        dimension: D.
        told: sizes of the mesh (:func:`.geometry.mesh_sizes`).
        slots: sizes of the one-hot slots at the vector's end.
        size: S.
        parts: for each part of the surface: ``body`` (whether it belongs to the body, which has
            normals and paint), ``textures`` (whether it has textures), ``width`` (of its shader),
            ``covers`` (whether its opacity is learned).
        boxes: for each slot, then for all of the textured part, its area in texture coordinates:
            left, right, top, bottom.
        bends: number of nonlinear features of the vector in each shader.
    """

    name = "mesh"

    def __init__(
        self,
        dimension: int,
        told: Mapping[str, Any],
        slots: Sequence[int] = (),
        size: int = 256,
        parts: Sequence[Mapping[str, Any]] = (),
        boxes: Sequence[Sequence[float]] = (),
        bends: int = 24,
    ) -> None:
        options = {
            "told": dict(told),
            "slots": list(slots),
            "size": size,
            "parts": [dict(part) for part in parts],
            "boxes": [[float(v) for v in box] for box in boxes],
            "bends": bends,
        }
        super().__init__(dimension, size, options)
        sliders = dimension - sum(slots)
        if sliders < 1 or not parts or len(boxes) != len(slots) + 1:
            raise ValueError(f"a mesh imitator of {dimension} numbers cannot have {options}")
        self.slots: list[slice] = []
        for count in slots:
            start = self.slots[-1].stop if self.slots else sliders
            self.slots.append(slice(start, start + count))
        self.geometry = Geometry(sliders, told)
        self.shaders = nn.ModuleList(
            Shader(
                dimension,
                bends,
                told["columns"] - FIXED_COLUMNS,
                normals=bool(part["body"]),
                paint=bool(part["body"]),
                slots=slots if part["textures"] else (),
                boxes=boxes if part["textures"] else (),
                side=size if part["textures"] else 0,
                channels=16,
                width=int(part["width"]),
                opacity=bool(part["covers"]),
            )
            for part in parts
        )
        self.behind = nn.Parameter(torch.full((3,), 0.5))  # colour of the background
        register_statistics(self, slots)

    mean: Tensor
    scale: Tensor

    def forward(self, vector: Tensor, crops: Crops | None = None) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1], or crops of them.

        If choices that add pieces are undecided, the likeliest are drawn separately and mixed.
        """
        self.check(vector)
        with torch.autocast(vector.device.type, enabled=False):
            vector = vector.float()
            crops = crops or Crops.whole(len(vector), self.size)
            variants = self._variants(vector)
            posed = self.geometry(vector)
            rows = torch.tensor([b for b, _, _ in variants], device=vector.device)
            pictures = self._draw(vector, posed, rows, [keys for _, keys, _ in variants], crops)
            if all(weight is None for _, _, weight in variants):
                return pictures
            weights = torch.stack([vector.new_ones(()) if w is None else w for _, _, w in variants])
            weighted = pictures * weights[:, None, None, None]
            return torch.zeros_like(pictures[: len(vector)]).index_add(0, rows, weighted)

    def pieces_of(self, vector: Tensor) -> list[list[int]]:
        """The pieces of each vector (B, D) with decided choices."""
        return [keys for _, keys, _ in self._variants(vector)]

    @property
    def textured_part(self) -> int:
        """The part with textures."""
        return next(
            k for k, s in enumerate(self.shaders) if getattr(s, "texture", None) is not None
        )

    def _variants(self, vector: Tensor) -> list[tuple[int, list[int], Tensor | None]]:
        """The pictures to draw: row of the vector, its pieces, its weight (None for 1)."""
        found = []
        on_cpu = vector.detach().cpu()  # one transfer: reading number by number stalls a GPU
        for b, one in enumerate(vector):
            options = [self._likely_pieces(one, on_cpu[b], k) for k in self.geometry.slots]
            combined = []
            for chosen in product(*options):
                weights = [weight for _, weight in chosen if weight is not None]
                keys = [piece for piece, _ in chosen if piece is not None]
                combined.append((keys, torch.stack(weights).prod() if weights else None))
            if len(combined) > _MIXED:
                ranked = [(keys, weight) for keys, weight in combined if weight is not None]
                ranked.sort(key=lambda c: float(c[1].detach()), reverse=True)
                total = torch.stack([weight for _, weight in ranked[:_MIXED]]).sum()
                combined = [(keys, weight / total) for keys, weight in ranked[:_MIXED]]
            found += [(b, keys, weight) for keys, weight in combined]
        return found

    def _likely_pieces(
        self, vector: Tensor, on_cpu: Tensor, slot: int
    ) -> list[tuple[int | None, Tensor | None]]:
        """The likeliest choices of a slot in a vector (D,): the piece of each, its weight.

        ``on_cpu`` (D,): the same vector on the CPU, without gradient.
        """
        probabilities, decided = vector[self.slots[slot]], on_cpu[self.slots[slot]]
        if float(decided.max()) > _DECIDED:
            return [(self.geometry.piece_of(slot, int(decided.argmax())), None)]
        count = min(_MIXED, len(probabilities))
        likely = probabilities.topk(count)
        weights = likely.values / likely.values.sum().clamp(min=1e-6)
        pieces = [self.geometry.piece_of(slot, k) for k in likely.indices.tolist()]
        return [(p, None if count == 1 else w) for p, w in zip(pieces, weights, strict=True)]

    def _draw(
        self,
        vector: Tensor,
        posed: Posed,
        rows: Tensor,
        pieces: Sequence[Sequence[int]],
        crops: Crops,
    ) -> Tensor:
        """Pictures (P, 3, side, side), each of one of the vectors and with its ``pieces``."""
        side, count = crops.side, len(rows)
        visible = find_visible(self.geometry, posed, rows, pieces, crops, self.size)
        colours, opacity = self._shade(visible, posed, vector, rows)
        picture = self.behind.expand(count * side * side, 3)
        parts = [len(visible.opaque), *map(len, visible.layers)]
        pixel = torch.split(visible.fragments.pixel[visible.shown], parts)
        colour, cover = torch.split(colours, parts), torch.split(opacity[:, None], parts)
        # the opaque surface, then the translucent layers from the farthest to the nearest
        for k in (0, *range(len(parts) - 1, 0, -1)):
            added = (colour[k] - gather(picture, pixel[k])) * cover[k]
            picture = picture.index_add(0, pixel[k], added)
        out = picture.view(count, side, side, 3).permute(0, 3, 1, 2)
        return self._moved(out, visible, opacity) if visible.xy.requires_grad else out

    def _shade(
        self, visible: Visible, posed: Posed, vector: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Colours (R, 3) and opacities (R,) of the visible fragments."""
        shown = visible.fragments[visible.shown]
        corners = gather(visible.triangles, shown.triangle)
        weights = shown.weights[..., None]
        attributes = gather(self.geometry.attributes, gather(visible.rows, corners))
        values = (attributes * weights).sum(dim=1)
        part = attributes[:, 0, 0].long()
        with torch.no_grad():
            ribbon = ribbon_opacity(values[:, FIXED_COLUMNS], values[:, 2])
            translucent = (attributes[:, 0, 1] == RIBBON) & (ribbon < MAX_OPACITY)
            opacity = torch.where(translucent, ribbon, 1.0)
        owner = gather(rows, gather(visible.picture, shown.triangle))
        x = (vector - self.mean) * self.scale
        probabilities = [vector[:, slot] for slot in self.slots]
        normals, paint = posed.normals.flatten(0, 1), posed.paint.flatten(0, 1)
        colours = values.new_zeros(len(values), 3)
        for k, shader in enumerate(self.shaders):
            assert isinstance(shader, Shader)
            own = (part == k).nonzero().flatten()
            if not len(own):
                continue
            normal = place = values.new_zeros(len(own), 0)
            if shader.painted:
                at = gather(visible.body, corners[own])
                normal = (gather(normals, at) * weights[own]).sum(dim=1)
                normal = functional.normalize(normal, dim=1)
                place = (gather(paint, at) * weights[own]).sum(dim=1)
            points = SurfacePoints(values[own, FIXED_COLUMNS:], normal, place, owner[own])
            out = shader(points, x, probabilities)
            colours = colours.index_add(0, own, out[:, :3])
            if shader.opacity:
                opacity = opacity.index_add(0, own, out[:, 3] - 1)
        return colours, opacity

    def _moved(self, pictures: Tensor, visible: Visible, opacity: Tensor) -> Tensor:
        """The same pictures, with the gradient of the motion of each pixel's surface point."""
        count, _, side, _ = pictures.shape
        shown = visible.fragments[visible.shown]
        corners = gather(visible.triangles, shown.triangle)
        xy = (gather(visible.xy, corners) * shown.weights[..., None]).sum(dim=1)
        # several layers count by their opacity
        weight = opacity.detach()[:, None]
        moved = xy.new_zeros(count * side * side, 3).index_add(
            0, shown.pixel, torch.cat([(xy - xy.detach()) * weight, weight], dim=1)
        )
        field = moved.view(count, side, side, 3).permute(0, 3, 1, 2)
        around = functional.avg_pool2d(field, _MARGIN, 1, _MARGIN // 2)
        covered = (field[:, 2:] > 0.5).to(field.dtype)
        extended = covered * field + (1 - covered) * around
        motion = extended[:, :2] / extended[:, 2:].clamp(min=1e-3)
        grid = functional.affine_grid(
            torch.eye(2, 3, device=motion.device)[None], [1, 1, side, side], align_corners=False
        )
        source = grid - motion.permute(0, 2, 3, 1) * (2 / side)
        return functional.grid_sample(
            pictures, source, mode="bilinear", padding_mode="border", align_corners=False
        )
