"""Where the surface stands for a vector, as the engine has told it (:mod:`f2p_sdk.mesh`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from . import Mesh, Ways

__all__ = ["Geometry", "Posed", "halves", "sizes"]


def halves(vector: Tensor, sliders: int) -> Tensor:
    """Vectors (B, D) in [0, 1] to how far each slider is up, then how far down: (B, 2 P) in [0, 1].

    ``sliders`` is P, how many of the D numbers, the first, are sliders.
    """
    aside = 2 * vector[:, :sliders] - 1
    return torch.cat([aside.clamp(min=0), (-aside).clamp(min=0)], dim=1)


@dataclass(frozen=True)
class Posed:
    """The body's vertices for B vectors.

    Attributes:
        places: (B, N, 3), x and y from -1 to 1 over the picture, and W.
        normals: (B, N, 3), unit, x to the right, y down, z away from the viewer.
        paint: (B, N, 2), the place in what is painted.
        moved: (B, S, C, 3), how far the guides are from where they rest, before perspective, that
            the pieces of each of S slots follow.
    """

    places: Tensor
    normals: Tensor
    paint: Tensor
    moved: Tensor


def sizes(mesh: Mesh) -> dict[str, Any]:
    """What :class:`Geometry` needs to know of a mesh before it is given; JSON types only."""
    return {
        "deep": mesh.deep,
        "body": [len(mesh.body.rest), len(mesh.body.triangles)],
        "columns": mesh.body.attributes.shape[1],
        "guides": mesh.guides.shape[2],
        "places": [len(w) for w in (mesh.places.half, mesh.places.basis, mesh.places.together)],
        "paint": [len(w) for w in (mesh.paint.half, mesh.paint.basis, mesh.paint.together)],
        "pieces": [
            [p.slot, p.choice, len(p.rest), len(p.triangles), *p.follow.shape] for p in mesh.pieces
        ],
    }


class Geometry(nn.Module):
    """Vectors to vertices; nothing in it is trained.

    Args:
        sliders: P, how many of a vector's numbers are sliders.
        told: :func:`sizes` of the mesh that :meth:`set` will be given.
    """

    def __init__(self, sliders: int, told: Mapping[str, Any]) -> None:
        super().__init__()
        self.sliders, self.deep = sliders, float(told["deep"])
        vertices, triangles = told["body"]
        self.count = int(vertices)
        self.pieces: list[tuple[int, int]] = [(int(p[0]), int(p[1])) for p in told["pieces"]]
        self.vertices = np.cumsum([vertices, *(p[2] for p in told["pieces"])]).tolist()
        self.faces = np.cumsum([triangles, *(p[3] for p in told["pieces"])]).tolist()
        total, columns = self.vertices[-1], told["columns"]
        extra = total - self.count
        largest = max(self.count, *(p[2] for p in told["pieces"]), 0)
        whole = torch.int16 if largest < 2**15 else torch.int32
        # flat, so that they are kept in full precision: half a pixel would be lost otherwise
        self.register_buffer("rest", torch.zeros(self.count * 5))
        self.register_buffer("worn", torch.zeros(extra * 3))
        self.register_buffer("attributes", torch.zeros(total, columns))
        self.register_buffer("triangles", torch.zeros(self.faces[-1], 3, dtype=whole))
        self.register_buffer("tied", torch.zeros(extra, dtype=whole))
        for index, (*_, knots, rank) in enumerate(told["pieces"]):
            self.register_buffer(f"follow_{index}", torch.zeros(knots, rank))
            self.register_buffer(f"mix_{index}", torch.zeros(rank, told["guides"]))
        shape = (len(self.slots), 2 * sliders, 3 * told["guides"])
        self.register_buffer("guides", torch.zeros(shape))
        for name, width in (("places", 3), ("paint", 2)):
            entries, ways, products = told[name]
            counts = torch.zeros(2 * sliders, dtype=whole)  # entries of each half, in their order
            self.register_buffer(f"{name}_counts", counts)
            self.register_buffer(f"{name}_vertex", torch.zeros(entries, dtype=whole))
            self.register_buffer(f"{name}_change", torch.zeros(entries, width))
            self.register_buffer(f"{name}_basis", torch.zeros(ways, self.count * width))
            self.register_buffer(f"{name}_together", torch.zeros(products, 2, dtype=whole))
            self.register_buffer(f"{name}_bends", torch.zeros(products, ways))
        self._fields: dict[str, Tensor] = {}

    rest: Tensor
    worn: Tensor
    attributes: Tensor
    triangles: Tensor
    tied: Tensor
    guides: Tensor

    def set(self, mesh: Mesh) -> None:
        """Take a mesh of the sizes that were given; ValueError for another."""
        with torch.no_grad():
            self._fill("rest", mesh.body.rest.ravel())
            parts = (mesh.body, *mesh.pieces)
            self._fill("attributes", np.concatenate([p.attributes for p in parts]))
            self._fill("triangles", np.concatenate([p.triangles for p in parts]))
            if mesh.pieces:
                self._fill("worn", np.concatenate([p.rest[:, :3] for p in mesh.pieces]).ravel())
                for index, piece in enumerate(mesh.pieces):
                    self._fill(f"follow_{index}", piece.follow)
                    self._fill(f"mix_{index}", piece.mix)
                self._fill("tied", np.concatenate([p.tied for p in mesh.pieces]))
                self._fill("guides", mesh.guides.reshape(self.guides.shape))
            for name, ways in (("places", mesh.places), ("paint", mesh.paint)):
                self._fill_ways(name, ways)
        self._fields = {}

    def _fill_ways(self, name: str, ways: Ways) -> None:
        order = np.argsort(ways.half, kind="stable")
        self._fill(f"{name}_counts", np.bincount(ways.half, minlength=2 * self.sliders))
        self._fill(f"{name}_vertex", ways.vertex[order])
        self._fill(f"{name}_change", ways.change[order])
        self._fill(f"{name}_together", ways.together)
        # half precision suits ways of one size
        size = np.abs(ways.basis).max(axis=(1, 2), initial=1e-12)
        flat = ways.basis / size[:, None, None]
        self._fill(f"{name}_basis", flat.reshape(getattr(self, f"{name}_basis").shape))
        self._fill(f"{name}_bends", ways.bends * size)

    def _fill(self, name: str, values: Any) -> None:
        buffer = getattr(self, name)
        given = torch.from_numpy(np.ascontiguousarray(values))
        if given.shape != buffer.shape:
            raise ValueError(f"{name} must be {tuple(buffer.shape)}, got {tuple(given.shape)}")
        # as the weights file will keep it
        buffer.copy_(given.half() if buffer.ndim > 1 and buffer.is_floating_point() else given)

    def forward(self, vector: Tensor) -> Posed:
        """Vectors (B, D) in [0, 1]; float32 whatever the autocast."""
        with torch.autocast(vector.device.type, enabled=False):
            sides = 2 * vector[:, : self.sliders].float() - 1
            up = halves(vector.float(), self.sliders)
            rest = self.rest.view(-1, 5)
            shift = self._ways("places", up, sides).view(len(vector), -1, 3)
            paint = rest[:, 3:] + self._ways("paint", up, sides).view(len(vector), -1, 2)
            whole = rest[:, :3] + shift
            places = torch.cat([whole[..., :2] / whole[..., 2:], whole[..., 2:]], dim=2)
            moved = torch.einsum("bh,shk->bsk", up, self.guides)
            moved = moved.view(*moved.shape[:2], self.guides.shape[2] // 3, 3)
            return Posed(places, self._normals(whole), paint, moved)

    def _field(self, name: str) -> Tensor:
        """What each half does, (2 P, N * K): unpacked once."""
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

    def _ways(self, name: str, up: Tensor, sides: Tensor) -> Tensor:
        moved: Tensor = up @ self._field(name)
        pairs = getattr(self, f"{name}_together").long()
        if len(pairs):
            one, other = sides[:, pairs[:, 0]], sides[:, pairs[:, 1]]
            alone = (pairs[:, 0] == pairs[:, 1]).to(sides.dtype)
            far = (one * other - one.abs() * alone) @ getattr(self, f"{name}_bends")
            moved = moved + far @ getattr(self, f"{name}_basis")
        return moved

    def _normals(self, whole: Tensor) -> Tensor:
        """Area-weighted unit normals (B, N, 3) of the body."""
        solid = whole * whole.new_tensor([1.0, 1.0, self.deep])
        triangles = self.triangles[: self.faces[0]].long()
        a, b, c = (solid[:, triangles[:, k]] for k in range(3))
        face = torch.linalg.cross(b - a, c - a)
        normals = torch.zeros_like(solid)
        for k in range(3):
            normals = normals.index_add(1, triangles[:, k], face)
        return torch.nn.functional.normalize(normals, dim=2)

    def piece(self, index: int, moved: Tensor) -> Tensor:
        """Vertices (n, 3) of a piece for one character's ``moved`` (S, C, 3), as ``places``."""
        own = slice(self.vertices[index] - self.count, self.vertices[index + 1] - self.count)
        led = getattr(self, f"mix_{index}") @ moved[self.slots.index(self.pieces[index][0])]
        shift = getattr(self, f"follow_{index}") @ led
        shift = shift.index_select(0, self.tied[own].long())
        whole = self.worn.view(-1, 3)[own] + shift
        return torch.cat([whole[:, :2] / whole[:, 2:], whole[:, 2:]], dim=1)

    def of_choice(self, slot: int, choice: int) -> int | None:
        """The piece that a choice brings; None if it brings none."""
        return self.pieces.index((slot, choice)) if (slot, choice) in self.pieces else None

    @property
    def slots(self) -> Sequence[int]:
        """The slots whose choices bring pieces, in the layout's order."""
        return sorted({p[0] for p in self.pieces})
