"""Vertex positions of a vector, from a probed mesh (:mod:`f2p_sdk.mesh`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .model import Blendshapes, Mesh

__all__ = ["Geometry", "Posed", "mesh_sizes"]


@dataclass(frozen=True)
class Posed:
    """The body's vertices for B vectors."""

    positions: Tensor  # (B, N, 3): x and y from -1 to 1 over the picture, and W
    normals: Tensor  # (B, N, 3), unit, x to the right, y down, z away from the viewer
    paint: Tensor  # (B, N, 2), paint coordinates
    guides: Tensor  # (B, S, C, 3), displacement of guide points of S slots, before perspective


def mesh_sizes(mesh: Mesh) -> dict[str, Any]:
    """Array sizes of a mesh, from which :class:`Geometry` is built; JSON types only."""
    shapes = {
        name: [len(b.half), len(b.correctives), len(b.pairs)]
        for name, b in (("places", mesh.positions), ("paint", mesh.paint))
    }
    return {
        "deep": mesh.depth_scale,
        "body": [len(mesh.body.rest), len(mesh.body.triangles)],
        "columns": mesh.body.attributes.shape[1],
        "guides": mesh.guides.shape[2],
        **shapes,
        "pieces": [
            [p.slot, p.choice, len(p.rest), len(p.triangles), *p.cluster_factors.shape]
            for p in mesh.pieces
        ],
    }


class Geometry(nn.Module):
    """Vectors to vertices; nothing in it is trained.

    The buffers have the names of the tensors in shipped weights: ``rest`` and ``worn`` are rest
    positions of body and pieces, ``tied`` the vertex clusters, ``follow_i`` and ``mix_i`` the
    factors of piece i; for ``places`` (positions) and ``paint``: ``counts``, ``vertex`` and
    ``change`` hold the blendshapes, ``together``, ``bends`` and ``basis`` the pairs, coefficients
    and corrective blendshapes.

    Args:
        sliders: P, the number of sliders; they come first in a vector.
        sizes: :func:`mesh_sizes` of the mesh that :meth:`set` will be given.
    """

    def __init__(self, sliders: int, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        self.sliders, self.depth_scale = sliders, float(sizes["deep"])
        vertices, triangles = sizes["body"]
        self.count = int(vertices)
        pieces = sizes["pieces"]
        self.pieces: list[tuple[int, int]] = [(int(p[0]), int(p[1])) for p in pieces]
        self.vertices = np.cumsum([vertices, *(p[2] for p in pieces)]).tolist()
        self.faces = np.cumsum([triangles, *(p[3] for p in pieces)]).tolist()
        total, columns = self.vertices[-1], sizes["columns"]
        extra = total - self.count
        largest = max(self.count, *(p[2] for p in pieces), 0)
        whole = torch.int16 if largest < 2**15 else torch.int32
        # flat, so that files keep them in full precision: float16 would lose half a pixel
        self.register_buffer("rest", torch.zeros(self.count * 5))
        self.register_buffer("worn", torch.zeros(extra * 3))
        self.register_buffer("attributes", torch.zeros(total, columns))
        self.register_buffer("triangles", torch.zeros(self.faces[-1], 3, dtype=whole))
        self.register_buffer("tied", torch.zeros(extra, dtype=whole))
        for index, (*_, clusters, rank) in enumerate(pieces):
            self.register_buffer(f"follow_{index}", torch.zeros(clusters, rank))
            self.register_buffer(f"mix_{index}", torch.zeros(rank, sizes["guides"]))
        shape = (len(self.slots), 2 * sliders, 3 * sizes["guides"])
        self.register_buffer("guides", torch.zeros(shape))
        for name, width in (("places", 3), ("paint", 2)):
            entries, correctives, pairs = sizes[name]
            counts = torch.zeros(2 * sliders, dtype=whole)  # entries of each half, in their order
            self.register_buffer(f"{name}_counts", counts)
            self.register_buffer(f"{name}_vertex", torch.zeros(entries, dtype=whole))
            self.register_buffer(f"{name}_change", torch.zeros(entries, width))
            self.register_buffer(f"{name}_basis", torch.zeros(correctives, self.count * width))
            self.register_buffer(f"{name}_together", torch.zeros(pairs, 2, dtype=whole))
            self.register_buffer(f"{name}_bends", torch.zeros(pairs, correctives))
        self._fields: dict[str, Tensor] = {}

    rest: Tensor
    worn: Tensor
    attributes: Tensor
    triangles: Tensor
    tied: Tensor
    guides: Tensor

    def set(self, mesh: Mesh) -> None:
        """Copy a mesh into the buffers. ValueError if it has other sizes."""
        with torch.no_grad():
            self._fill("rest", mesh.body.rest.ravel())
            parts = (mesh.body, *mesh.pieces)
            self._fill("attributes", np.concatenate([p.attributes for p in parts]))
            self._fill("triangles", np.concatenate([p.triangles for p in parts]))
            if mesh.pieces:
                self._fill("worn", np.concatenate([p.rest[:, :3] for p in mesh.pieces]).ravel())
                for index, piece in enumerate(mesh.pieces):
                    self._fill(f"follow_{index}", piece.cluster_factors)
                    self._fill(f"mix_{index}", piece.guide_factors)
                self._fill("tied", np.concatenate([p.clusters for p in mesh.pieces]))
                self._fill("guides", mesh.guides.reshape(self.guides.shape))
            for name, shapes in (("places", mesh.positions), ("paint", mesh.paint)):
                self._fill_blendshapes(name, shapes)
        self._fields = {}

    def _fill_blendshapes(self, name: str, shapes: Blendshapes) -> None:
        order = np.argsort(shapes.half, kind="stable")
        self._fill(f"{name}_counts", np.bincount(shapes.half, minlength=2 * self.sliders))
        self._fill(f"{name}_vertex", shapes.vertex[order])
        self._fill(f"{name}_change", shapes.change[order])
        self._fill(f"{name}_together", shapes.pairs)
        # scaled to one size, so that half precision is enough
        size = np.abs(shapes.correctives).max(axis=(1, 2), initial=1e-12)
        flat = shapes.correctives / size[:, None, None]
        self._fill(f"{name}_basis", flat.reshape(getattr(self, f"{name}_basis").shape))
        self._fill(f"{name}_bends", shapes.coefficients * size)

    def _fill(self, name: str, values: Any) -> None:
        buffer = getattr(self, name)
        given = torch.from_numpy(np.ascontiguousarray(values))
        if given.shape != buffer.shape:
            raise ValueError(f"{name} must be {tuple(buffer.shape)}, got {tuple(given.shape)}")
        # rounded as the weights file rounds it
        buffer.copy_(given.half() if buffer.ndim > 1 and buffer.is_floating_point() else given)

    def forward(self, vector: Tensor) -> Posed:
        """Vectors (B, D) in [0, 1] to vertices; float32, also under autocast."""
        with torch.autocast(vector.device.type, enabled=False):
            sliders = 2 * vector[:, : self.sliders].float() - 1
            halves = torch.cat([sliders.clamp(min=0), (-sliders).clamp(min=0)], dim=1)
            rest = self.rest.view(-1, 5)
            shift = self._displacement("places", halves, sliders).view(len(vector), -1, 3)
            paint = self._displacement("paint", halves, sliders).view(len(vector), -1, 2)
            whole = rest[:, :3] + shift
            guides = torch.einsum("bh,shk->bsk", halves, self.guides)
            guides = guides.view(*guides.shape[:2], self.guides.shape[2] // 3, 3)
            return Posed(_projected(whole), self._normals(whole), rest[:, 3:] + paint, guides)

    def _field(self, name: str) -> Tensor:
        """Displacement per slider half, dense (2 P, N * K); computed once and cached."""
        change = getattr(self, f"{name}_change")
        found = self._fields.get(name)
        if found is None or found.device != change.device or found.dtype != change.dtype:
            width = change.shape[1]
            found = change.new_zeros(2 * self.sliders * self.count, width)
            counts = getattr(self, f"{name}_counts").long()
            row = torch.repeat_interleave(counts) * self.count
            found[row + getattr(self, f"{name}_vertex").long()] = change
            found = self._fields[name] = found.view(2 * self.sliders, -1)
        return found

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._fields = {}

    def _displacement(self, name: str, halves: Tensor, sliders: Tensor) -> Tensor:
        """Blendshapes plus corrective blendshapes: (B, N * K)."""
        shift: Tensor = halves @ self._field(name)
        pairs = getattr(self, f"{name}_together").long()
        if len(pairs):
            one, other = sliders[:, pairs[:, 0]], sliders[:, pairs[:, 1]]
            square = (pairs[:, 0] == pairs[:, 1]).to(sliders.dtype)
            weights = (one * other - one.abs() * square) @ getattr(self, f"{name}_bends")
            shift = shift + weights @ getattr(self, f"{name}_basis")
        return shift

    def _normals(self, whole: Tensor) -> Tensor:
        """Area-weighted unit normals (B, N, 3) of the body."""
        solid = whole * whole.new_tensor([1.0, 1.0, self.depth_scale])
        triangles = self.triangles[: self.faces[0]].long()
        a, b, c = (solid[:, triangles[:, k]] for k in range(3))
        face = torch.linalg.cross(b - a, c - a)
        normals = torch.zeros_like(solid)
        for k in range(3):
            normals = normals.index_add(1, triangles[:, k], face)
        return torch.nn.functional.normalize(normals, dim=2)

    def piece(self, index: int, guides: Tensor) -> Tensor:
        """Positions (n, 3) of a piece, as in :class:`Posed`, from guides (S, C, 3)."""
        own = slice(self.vertices[index] - self.count, self.vertices[index + 1] - self.count)
        slot = self.slots.index(self.pieces[index][0])
        shift = getattr(self, f"follow_{index}") @ (getattr(self, f"mix_{index}") @ guides[slot])
        shift = shift.index_select(0, self.tied[own].long())
        return _projected(self.worn.view(-1, 3)[own] + shift)

    def piece_of(self, slot: int, choice: int) -> int | None:
        """Index of the piece that a choice adds; None if it adds none."""
        return self.pieces.index((slot, choice)) if (slot, choice) in self.pieces else None

    @property
    def slots(self) -> Sequence[int]:
        """The slots with pieces, in the layout's order."""
        return sorted({p[0] for p in self.pieces})


def _projected(whole: Tensor) -> Tensor:
    """X, Y, W to X / W, Y / W, W."""
    return torch.cat([whole[..., :2] / whole[..., 2:], whole[..., 2:]], dim=-1)
