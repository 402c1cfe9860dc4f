"""How a part of the surface looks at a place of it: what engines call a shader, learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Places", "Shader", "sample"]


@dataclass(frozen=True)
class Places:
    """Where the surface is to be shaded.

    Attributes:
        numbers: (F, K), what its vertices carry; the first two are texture coordinates.
        normals: (F, 3), unit; empty (F, 0) where the part has none but what it carries.
        paint: (F, 2), the place in what is painted, from -1 to 1; (F, 0) where nothing is.
        who: int64 (F,), row of the vector it belongs to.
    """

    numbers: Tensor
    normals: Tensor
    paint: Tensor
    who: Tensor


def sample(planes: Tensor, who: Tensor, place: Tensor) -> Tensor:
    """Planes (B, C, H, W) at places (F, 2) from -1 to 1, bilinearly; 0 outside: (F, C).

    ``who`` (F,) says of which of the B. As ``grid_sample`` without aligned corners, for places of
    many planes in any order.
    """
    channels, high, wide = planes.shape[1:]
    table = planes.permute(0, 2, 3, 1).reshape(-1, channels)
    x = ((place[:, 0] + 1) * wide - 1) / 2
    y = ((place[:, 1] + 1) * high - 1) / 2
    left, top = x.floor(), y.floor()
    out = None
    for down in (0, 1):
        for across in (0, 1):
            column, row = left + across, top + down
            inside = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
            share = (1 - (x - column).abs()) * (1 - (y - row).abs()) * inside
            index = (row.clamp(0, high - 1) * wide + column.clamp(0, wide - 1)).long()
            part = table.index_select(0, who * (high * wide) + index) * share[:, None]
            out = part if out is None else out + part
    assert out is not None
    return out


def _fixed(texture: Tensor, place: Tensor) -> Tensor:
    """A texture (C, H, W), the same for all, at places (F, 2): (F, C)."""
    grid = place.detach()[None, :, None]
    found = functional.grid_sample(
        texture[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return found[0, :, :, 0].T


def _mixed(planes: Tensor, share: Tensor) -> Tensor:
    """Planes (n, C, H, W) of choices by how much each is chosen, (B, n): (B, C, H, W)."""
    return (share @ planes.flatten(1)).view(-1, *planes.shape[1:])


def _chosen(planes: Tensor, share: Tensor, who: Tensor, place: Tensor) -> Tensor:
    return _inside(_mixed(planes, share), who, place)


def _inside(planes: Tensor, who: Tensor, place: Tensor) -> Tensor:
    """:func:`sample`, which asks only for the places that lie inside: most do not."""
    rows = (place.abs().amax(dim=1) < 1).nonzero().flatten()
    found = sample(planes, who[rows], place[rows])
    return found.new_zeros(len(place), planes.shape[1]).index_copy(0, rows, found)


class Shader(nn.Module):
    """Places to colours, for a vector: a small network whose features the vector scales and shifts
    (Perez et al. 2018), with textures of what is always there and of what each choice brings.

    Args:
        dimension: D, of the vectors.
        bends: how many numbers that are not linear in the vector are found in it: a colour that a
            slider takes through a ramp is one, hair that turns grey another.
        numbers: K.
        normals: whether there are normals.
        paint: whether something is painted that moves over the surface.
        slots: sizes of the layout's slots whose choices have textures here; none for no textures.
        boxes: for each of them where in texture coordinates its choices show, as (left, right, top,
            bottom); the last one is of all of the part.
        side, channels: of the texture of what is always there.
        width: of the network's two layers.
        covers: whether it also says how much it covers.
    """

    CHOICE, CHANNELS = 48, 2  # side and channels of a choice's texture

    def __init__(
        self,
        dimension: int,
        bends: int,
        numbers: int,
        *,
        normals: bool,
        paint: bool,
        slots: Sequence[int] = (),
        boxes: Sequence[Sequence[float]] = (),
        side: int = 0,
        channels: int = 0,
        width: int = 64,
        covers: bool = False,
    ) -> None:
        super().__init__()
        self.slots, self.painted, self.covers = tuple(slots), paint, covers
        self.boxes = [tuple(float(v) for v in box) for box in boxes]
        entries = numbers + 3 * normals + 3 * paint + 1
        self.texture: nn.Parameter | None = None
        self.brush: nn.Parameter | None = None
        if side:
            self.texture = nn.Parameter(0.1 * torch.randn(channels, side, side))
            entries += channels
        if paint:
            self.brush = nn.Parameter(0.1 * torch.randn(4, 48, 64))
            entries += 4
        shape = (self.CHANNELS, self.CHOICE, self.CHOICE)
        self.choices = nn.ParameterList(nn.Parameter(torch.zeros(n, *shape)) for n in self.slots)
        self.brushes = nn.ParameterList(
            nn.Parameter(torch.zeros(n, self.CHANNELS, 32, 64)) for n in self.slots if paint
        )
        entries += self.CHANNELS * (len(self.choices) + len(self.brushes))
        self.register_buffer("sees", torch.ones(dimension))
        self.bends = nn.Sequential(
            nn.Linear(dimension, 2 * bends), nn.SiLU(), nn.Linear(2 * bends, bends), nn.SiLU()
        )
        self.first, self.second = nn.Linear(entries, width), nn.Linear(width, width)
        self.tune = nn.ModuleList(nn.Linear(dimension + bends, 2 * width) for _ in range(2))
        for tune in self.tune:
            assert isinstance(tune, nn.Linear)
            nn.init.zeros_(tune.weight)
            nn.init.zeros_(tune.bias)
        self.last = nn.Linear(width, 3 + covers)

    sees: Tensor  # (D,), 0 for numbers that change nothing here, 1 for the others

    def forward(self, at: Places, x: Tensor, chosen: Sequence[Tensor]) -> Tensor:
        """(F, 3) RGB sRGB in [0, 1], and how much it covers as a fourth column if it says so.

        Args:
            at: the places.
            x: (B, D), the vectors, normalised.
            chosen: (B, n) for each slot, how much each of its choices is chosen.
        """
        entries = [at.numbers, at.normals]
        flat = at.numbers[:, :2]
        if self.texture is not None:
            entries.append(_fixed(self.texture, self._within(flat, self.boxes[-1])))
        if self.painted and self.brush is not None:
            away = at.paint.square().sum(dim=1, keepdim=True)
            entries += [at.paint.clamp(-3, 3), (away + 1e-6).sqrt().clamp(max=3)]
            entries.append(_fixed(self.brush, at.paint))
        for planes, share, box in zip(self.choices, chosen, self.boxes, strict=False):
            entries.append(_chosen(planes, share, at.who, self._within(flat, box)))
        if len(self.brushes):
            mixed = [_mixed(p, share) for p, share in zip(self.brushes, chosen, strict=True)]
            entries.append(_inside(torch.cat(mixed, dim=1), at.who, at.paint))
        x = x * self.sees
        x = torch.cat([x, self.bends(x)], dim=1)
        hidden = torch.cat([*entries, torch.ones_like(flat[:, :1])], dim=1)
        for layer, tune in ((self.first, self.tune[0]), (self.second, self.tune[1])):
            scale, shift = tune(x).chunk(2, dim=1)
            factor = (1 + scale).index_select(0, at.who)
            hidden = torch.addcmul(shift.index_select(0, at.who), layer(hidden), factor)
            hidden = functional.silu(hidden)
        out: Tensor = torch.sigmoid(self.last(hidden))
        return out

    @staticmethod
    def _within(place: Tensor, box: Sequence[float]) -> Tensor:
        """Texture coordinates to -1 to 1 within a box."""
        left, right, top, bottom = box
        low, high = place.new_tensor([left, top]), place.new_tensor([right, bottom])
        return (place - low) / (high - low) * 2 - 1
