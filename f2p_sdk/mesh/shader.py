"""The colour of a part of the surface at a point of it: a shader, learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Shader", "SurfacePoints"]


@dataclass(frozen=True)
class SurfacePoints:
    """Points of the surface to shade."""

    attributes: Tensor  # (F, K), interpolated; the first two are texture coordinates
    normals: Tensor  # (F, 3), unit; (F, 0) for a part without normals
    paint: Tensor  # (F, 2), -1 to 1 inside the painted area; (F, 0) for a part without paint
    vector: Tensor  # int64 (F,), row of the vector that each point belongs to


def _sample(planes: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """Sample planes (B, C, H, W) bilinearly at places (F, 2) from -1 to 1: (F, C), 0 outside.

    ``row`` (F,) selects one of the B planes. As ``grid_sample`` without aligned corners, for places
    of many planes in any order.
    """
    channels, height, width = planes.shape[1:]
    table = planes.permute(0, 2, 3, 1).reshape(-1, channels)
    x = ((place[:, 0] + 1) * width - 1) / 2
    y = ((place[:, 1] + 1) * height - 1) / 2
    left, top = x.floor(), y.floor()
    parts = []
    for down in (0, 1):
        for across in (0, 1):
            u, v = left + across, top + down
            inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
            weight = (1 - (x - u).abs()) * (1 - (y - v).abs()) * inside
            index = (v.clamp(0, height - 1) * width + u.clamp(0, width - 1)).long()
            parts.append(table.index_select(0, row * (height * width) + index) * weight[:, None])
    return parts[0] + parts[1] + parts[2] + parts[3]


def _sample_texture(texture: Tensor, place: Tensor) -> Tensor:
    """Sample one texture (C, H, W) at places (F, 2): (F, C)."""
    grid = place.detach()[None, :, None]
    found = functional.grid_sample(
        texture[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return found[0, :, :, 0].T


def _mixed(planes: Tensor, probabilities: Tensor) -> Tensor:
    """Mix the planes (n, C, H, W) of n choices by their probabilities (B, n): (B, C, H, W)."""
    return (probabilities @ planes.flatten(1)).view(-1, *planes.shape[1:])


def _sample_inside(planes: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """:func:`_sample`, computed only for places inside: most places are outside."""
    rows = (place.abs().amax(dim=1) < 1).nonzero().flatten()
    found = _sample(planes, row[rows], place[rows])
    return found.new_zeros(len(place), planes.shape[1]).index_copy(0, rows, found)


class Shader(nn.Module):
    """Surface points and a vector to colours.

    A small network whose features the vector scales and shifts (Perez et al. 2018), with a texture
    for all characters and a texture for each choice.

    Args:
        dimension: D, of the vectors.
        nonlinear: number of nonlinear features of the vector, e.g. for a colour ramp.
        attributes: K.
        normals: whether the points have normals.
        paint: whether the part has paint coordinates.
        slots: sizes of the layout's slots whose choices have textures here; none for no textures.
        boxes: for each of them the area of its choices in texture coordinates, as (left, right,
            top, bottom); then that of the whole part.
        side, channels: of the texture for all characters; side 0 for none.
        width: of the network's two layers.
        opacity: whether the output has an opacity.
    """

    CHOICE, CHANNELS = 48, 2  # side and channels of a choice's texture

    def __init__(
        self,
        dimension: int,
        nonlinear: int,
        attributes: int,
        *,
        normals: bool,
        paint: bool,
        slots: Sequence[int] = (),
        boxes: Sequence[Sequence[float]] = (),
        side: int = 0,
        channels: int = 0,
        width: int = 64,
        opacity: bool = False,
    ) -> None:
        super().__init__()
        self.slots, self.painted, self.opacity = tuple(slots), paint, opacity
        self.boxes = [tuple(float(v) for v in box) for box in boxes]
        entries = attributes + 3 * normals + 3 * paint + 1
        # These names are those of the tensors in shipped weights.
        self.texture: nn.Parameter | None = None
        self.brush: nn.Parameter | None = None  # texture in paint coordinates
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
            nn.Linear(dimension, 2 * nonlinear),
            nn.SiLU(),
            nn.Linear(2 * nonlinear, nonlinear),
            nn.SiLU(),
        )
        self.first, self.second = nn.Linear(entries, width), nn.Linear(width, width)
        self.tune = nn.ModuleList(nn.Linear(dimension + nonlinear, 2 * width) for _ in range(2))
        for tune in self.tune:
            assert isinstance(tune, nn.Linear)
            nn.init.zeros_(tune.weight)
            nn.init.zeros_(tune.bias)
        self.last = nn.Linear(width, 3 + opacity)

    sees: Tensor  # input mask (D,): 0 for numbers that change no colour of this part, else 1

    def forward(self, points: SurfacePoints, x: Tensor, probabilities: Sequence[Tensor]) -> Tensor:
        """Return (F, 3) RGB sRGB in [0, 1], with an opacity as fourth column if it has one.

        Args:
            points: F points.
            x: (B, D), the vectors, normalised.
            probabilities: (B, n) for each slot, of its choices.
        """
        entries = [points.attributes, points.normals]
        flat = points.attributes[:, :2]
        if self.texture is not None:
            entries.append(_sample_texture(self.texture, _within(flat, self.boxes[-1])))
        if self.painted and self.brush is not None:
            radius = points.paint.square().sum(dim=1, keepdim=True)
            entries += [points.paint.clamp(-3, 3), (radius + 1e-6).sqrt().clamp(max=3)]
            entries.append(_sample_texture(self.brush, points.paint))
        for planes, share, box in zip(self.choices, probabilities, self.boxes, strict=False):
            entries.append(_sample_inside(_mixed(planes, share), points.vector, _within(flat, box)))
        if len(self.brushes):
            mixed = [_mixed(p, share) for p, share in zip(self.brushes, probabilities, strict=True)]
            entries.append(_sample_inside(torch.cat(mixed, dim=1), points.vector, points.paint))
        x = x * self.sees
        x = torch.cat([x, self.bends(x)], dim=1)
        hidden = torch.cat([*entries, torch.ones_like(flat[:, :1])], dim=1)
        for layer, tune in ((self.first, self.tune[0]), (self.second, self.tune[1])):
            scale, shift = tune(x).chunk(2, dim=1)
            factor = (1 + scale).index_select(0, points.vector)
            hidden = torch.addcmul(shift.index_select(0, points.vector), layer(hidden), factor)
            hidden = functional.silu(hidden)
        out: Tensor = torch.sigmoid(self.last(hidden))
        return out


def _within(place: Tensor, box: Sequence[float]) -> Tensor:
    """Texture coordinates to -1 to 1 within a box."""
    left, right, top, bottom = box
    low, high = place.new_tensor([left, top]), place.new_tensor([right, bottom])
    return (place - low) / (high - low) * 2 - 1
