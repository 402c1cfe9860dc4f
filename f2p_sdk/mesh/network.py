"""The imitator of engines that tell their meshes: geometry is told, the look of it is learned.

    picture = composite(rasterise(geometry(vector)), shaders(places, vector))

What a slider does to a face is, for the most part, to move its surface. An engine that tells where
its vertices stand (:mod:`f2p_sdk.mesh`) leaves only colours to be learned, place by place of the
surface: no slider is too weak to be seen, and every edge is as sharp as the engine's.

Pixels change at once where a triangle's edge passes them, so no gradient goes through the raster.
What moves in the picture is told to it as motion: the finished picture is sampled where each
pixel's surface point came from, which changes nothing in it and gives each pixel the gradient of
its point's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.compact import statistics
from ..networks.imitator import Imitator, register
from .geometry import Geometry, Posed
from .shader import Places, Shader
from .visibility import HEAD, MOST, RIBBON, Visible, Window, look, ribbon_cover, take

__all__ = ["MeshImitator"]

_MIXED = 3  # whole pictures that a vector with undecided choices is mixed of
_DECIDED = 1 - 1e-4
_AROUND = 5  # pixels around the surface that move with it


@register
class MeshImitator(Imitator):
    """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1].

    Args:
        dimension: D.
        told: sizes of the mesh (:func:`.geometry.sizes`).
        slots: sizes of the one-hot slots at the vector's end.
        size: S.
        parts: for each part of the surface: ``body`` (whether it is the body's, which has normals
            and paint), ``textures`` (whether it has some), ``width`` and ``covers``.
        boxes: for each slot and last of all of it, where in the texture coordinates of the textured
            part it shows: left, right, top, bottom.
        bends: how many numbers that are not linear in the vector each shader finds in it.
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
            raise ValueError(f"no mesh imitator of {dimension} numbers has {options}")
        self.slots: list[slice] = []
        for count in slots:
            start = self.slots[-1].stop if self.slots else sliders
            self.slots.append(slice(start, start + count))
        self.geometry = Geometry(sliders, told)
        numbers = told["columns"] - HEAD
        self.shaders = nn.ModuleList(
            Shader(
                dimension,
                bends,
                numbers,
                normals=bool(part["body"]),
                paint=bool(part["body"]),
                slots=slots if part["textures"] else (),
                boxes=boxes if part["textures"] else (),
                side=size if part["textures"] else 0,
                channels=16,
                width=int(part["width"]),
                covers=bool(part["covers"]),
            )
            for part in parts
        )
        self.behind = nn.Parameter(torch.full((3,), 0.5))
        mean, scale = statistics(dimension, slots)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    mean: Tensor
    scale: Tensor

    def forward(self, vector: Tensor, window: Window | None = None) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1], or of the window.

        Where choices that bring meshes are undecided, the likeliest are drawn each and mixed.
        """
        self.check(vector)
        with torch.autocast(vector.device.type, enabled=False):
            vector = vector.float()
            if window is None:
                zero = torch.zeros(len(vector), dtype=torch.int64, device=vector.device)
                window = Window(zero, zero, self.size)
            drawn = self._mixtures(vector)
            posed = self.geometry(vector)
            who = torch.tensor([b for b, _, _ in drawn], device=vector.device)
            pictures = self._draw(vector, posed, who, [keys for _, keys, _ in drawn], window)
            if all(share is None for _, _, share in drawn):
                return pictures
            shares = torch.stack([vector.new_ones(()) if s is None else s for _, _, s in drawn])
            weighted = pictures * shares[:, None, None, None]
            return torch.zeros_like(pictures[: len(vector)]).index_add(0, who, weighted)

    def worn(self, vector: Tensor) -> list[list[int]]:
        """The pieces that each vector (B, D) with decided choices wears."""
        return [keys for _, keys, _ in self._mixtures(vector)]

    @property
    def textured(self) -> int:
        """The part with textures."""
        return next(
            k for k, s in enumerate(self.shaders) if getattr(s, "texture", None) is not None
        )

    def _mixtures(self, vector: Tensor) -> list[tuple[int, list[int], Tensor | None]]:
        """What is drawn: row of the vector, the pieces it wears, its share (None for all of it)."""
        found = []
        told = vector.detach().cpu()  # at once: a GPU that is asked number by number waits
        for b, one in enumerate(vector):
            options = [self._likely(one, told[b], k) for k in self.geometry.slots]
            combined = []
            for worn in product(*options):
                shares = [share for _, share in worn if share is not None]
                keys = [piece for piece, _ in worn if piece is not None]
                combined.append((keys, torch.stack(shares).prod() if shares else None))
            if len(combined) > _MIXED:
                certain = [(keys, share) for keys, share in combined if share is not None]
                certain.sort(key=lambda c: float(c[1].detach()), reverse=True)
                total = torch.stack([share for _, share in certain[:_MIXED]]).sum()
                combined = [(keys, share / total) for keys, share in certain[:_MIXED]]
            found += [(b, keys, share) for keys, share in combined]
        return found

    def _likely(
        self, vector: Tensor, told: Tensor, slot: int
    ) -> list[tuple[int | None, Tensor | None]]:
        """The likeliest of a slot's choices in a vector (D,): the piece it brings, its share.

        ``told`` (D,): the same vector on the CPU, without gradient.
        """
        chances, decided = vector[self.slots[slot]], told[self.slots[slot]]
        if float(decided.max()) > _DECIDED:
            return [(self.geometry.of_choice(slot, int(decided.argmax())), None)]
        many = min(_MIXED, len(chances))
        likely = chances.topk(many)
        shares = likely.values / likely.values.sum().clamp(min=1e-6)
        pieces = [self.geometry.of_choice(slot, k) for k in likely.indices.tolist()]
        return [(p, None if many == 1 else s) for p, s in zip(pieces, shares, strict=True)]

    # One picture after another

    def _draw(
        self,
        vector: Tensor,
        posed: Posed,
        who: Tensor,
        worn: Sequence[Sequence[int]],
        window: Window,
    ) -> Tensor:
        """Pictures (P, 3, side, side), each of the vector ``who`` says with the pieces ``worn``."""
        side, count = window.side, len(who)
        seen = look(self.geometry, posed, who, worn, window, self.size)
        colours, covers = self._shade(seen, posed, vector, who)
        picture = self.behind.expand(count * side * side, 3)
        parts = [len(seen.whole), *map(len, seen.soft)]
        pixel = torch.split(seen.hits.pixel[seen.shown], parts)
        colour, cover = torch.split(colours, parts), torch.split(covers[:, None], parts)
        # what covers all, then the soft layers from the farthest to the nearest
        for k in (0, *range(len(parts) - 1, 0, -1)):
            added = (colour[k] - take(picture, pixel[k])) * cover[k]
            picture = picture.index_add(0, pixel[k], added)
        out = picture.view(count, side, side, 3).permute(0, 3, 1, 2)
        if seen.flat.requires_grad:
            out = self._moved(out, seen, covers)
        return out

    def _shade(
        self, seen: Visible, posed: Posed, vector: Tensor, who: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Colours (R, 3) and covers (R,) of the fragments that are shown."""
        shown = seen.hits[seen.shown]
        corners = take(seen.triangles, shown.triangle)
        weights = shown.weights[..., None]
        each = take(self.geometry.attributes, take(seen.rows, corners))
        told = (each * weights).sum(dim=1)
        part = each[:, 0, 0].long()
        with torch.no_grad():
            soft = ribbon_cover(told[:, HEAD], told[:, 2])
            covers = torch.where((each[:, 0, 1] == RIBBON) & (soft < MOST), soft, 1.0)
        person = take(who, take(seen.picture, shown.triangle))
        x = (vector - self.mean) * self.scale
        chosen = [vector[:, slot] for slot in self.slots]
        normals, paint = posed.normals.flatten(0, 1), posed.paint.flatten(0, 1)
        colours = told.new_zeros(len(told), 3)
        for k, shader in enumerate(self.shaders):
            assert isinstance(shader, Shader)
            own = (part == k).nonzero().flatten()
            if not len(own):
                continue
            turned = where = told.new_zeros(len(own), 0)
            if shader.painted:
                at = take(seen.body, corners[own])
                turned = (take(normals, at) * weights[own]).sum(dim=1)
                turned = functional.normalize(turned, dim=1)
                where = (take(paint, at) * weights[own]).sum(dim=1)
            out = shader(Places(told[own, HEAD:], turned, where, person[own]), x, chosen)
            colours = colours.index_add(0, own, out[:, :3])
            if shader.covers:
                covers = covers.index_add(0, own, out[:, 3] - 1)
        return colours, covers

    def _moved(self, pictures: Tensor, seen: Visible, covers: Tensor) -> Tensor:
        """The same pictures, with the gradient of each pixel's surface point's place."""
        count, _, side, _ = pictures.shape
        shown = seen.hits[seen.shown]
        corners = take(seen.triangles, shown.triangle)
        flat = (take(seen.flat, corners) * shown.weights[..., None]).sum(dim=1)
        # of several layers each counts by how much it covers
        share = covers.detach()[:, None]
        moved = flat.new_zeros(count * side * side, 3).index_add(
            0, shown.pixel, torch.cat([(flat - flat.detach()) * share, share], dim=1)
        )
        field = moved.view(count, side, side, 3).permute(0, 3, 1, 2)
        around = functional.avg_pool2d(field, _AROUND, 1, _AROUND // 2)
        here = (field[:, 2:] > 0.5).to(field.dtype)
        spread = here * field + (1 - here) * around
        motion = spread[:, :2] / spread[:, 2:].clamp(min=1e-3)
        grid = functional.affine_grid(
            torch.eye(2, 3, device=motion.device)[None], [1, 1, side, side], align_corners=False
        )
        there = grid - motion.permute(0, 2, 3, 1) * (2 / side)
        return functional.grid_sample(
            pictures, there, mode="bilinear", padding_mode="border", align_corners=False
        )
