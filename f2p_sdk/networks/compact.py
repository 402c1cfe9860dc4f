"""The compact imitator, for engines that draw pictures and have no mesh passes.

A pixel-shuffle generator (Shi et al. 2016). The vector enters at every scale: as a linear map to a
few feature planes (the place where a number acts) and as a scale and shift of all features (the
effect of a choice). Full-size convolutions would take most of the time, so they end at a quarter of
the picture's side. :mod:`f2p_sdk.mesh.network` is better and faster for engines with mesh passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .imitator import Imitator, register

__all__ = ["CompactImitator", "register_statistics"]

_SHUFFLE = 4  # the last features' side times this is the picture's


class _Stage(nn.Module):
    """One scale: upsampled features, planes from the vector, scale and shift, a residual block.

    Features (B, C, S, S), vector (B, D) normalised.
    """

    def __init__(self, dimension: int, below: int, channels: int, planes: int, side: int) -> None:
        super().__init__()
        self.planes, self.side = planes, side
        self.up = nn.Conv2d(below, channels * 4, 1) if below else None
        self.spread = nn.Linear(dimension, planes * side * side) if planes else None
        self.join = nn.Conv2d(planes, channels, 1) if planes else None
        self.tune = nn.Linear(dimension, 2 * channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        if self.spread is not None:
            nn.init.normal_(self.spread.weight, std=0.5 * dimension**-0.5)
        nn.init.normal_(self.tune.weight, std=0.01)
        for zero in (self.tune.bias, self.second.weight, self.second.bias):
            if zero is not None:
                nn.init.zeros_(zero)

    def forward(self, features: Tensor, vector: Tensor) -> Tensor:
        if self.up is not None:
            features = functional.pixel_shuffle(self.up(features), 2)
        if self.spread is not None and self.join is not None:
            planes = self.spread(vector).view(-1, self.planes, self.side, self.side)
            features = features + self.join(planes.contiguous(memory_format=torch.channels_last))
        scale, shift = self.tune(vector)[:, :, None, None].chunk(2, dim=1)
        features = features * (1 + scale) + shift
        hidden = self.first(functional.silu(features))
        out: Tensor = features + self.second(functional.silu(hidden))
        return out


@register
class CompactImitator(Imitator):
    """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1].

    Args:
        dimension: D.
        slots: sizes of the one-hot slots at the vector's end.
        size: S, a multiple of 4 times 2 for each stage after the first.
        channels: of the features, from the coarsest stage to the finest, whose side is S / 4.
        planes: for each stage, feature planes that are linear in the vector. The input of the first
            stage is linear anyway.
    """

    name = "compact"

    def __init__(
        self,
        dimension: int,
        slots: Sequence[int] = (),
        size: int = 256,
        channels: Sequence[int] = (96, 128, 96, 48),
        planes: Sequence[int] = (0, 8, 4, 0),
    ) -> None:
        slots, channels, planes = tuple(slots), tuple(channels), tuple(planes)
        options = {
            "slots": list(slots),
            "size": size,
            "channels": list(channels),
            "planes": list(planes),
        }
        super().__init__(dimension, size, options)
        start, rest = divmod(size, _SHUFFLE * 2 ** (len(channels) - 1))
        if rest or start < 1 or len(planes) != len(channels) or sum(slots) > dimension:
            raise ValueError(f"a compact imitator of {dimension} numbers cannot have {options}")
        self.start = start
        register_statistics(self, slots)
        self.seed = nn.Linear(dimension, channels[0] * start * start)
        nn.init.normal_(self.seed.weight, std=0.5 * dimension**-0.5)
        self.stages = nn.ModuleList(
            _Stage(dimension, below, count, plane, start * 2**i)
            for i, (below, count, plane) in enumerate(
                zip((0, *channels[:-1]), channels, planes, strict=True)
            )
        )
        self.paint = nn.Conv2d(channels[-1], 3 * _SHUFFLE**2, 3, padding=1)

    mean: Tensor
    scale: Tensor

    def forward(self, vector: Tensor) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1]."""
        self.check(vector)
        x = (vector - self.mean) * self.scale
        hidden = self.seed(x).view(len(x), -1, self.start, self.start)
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            hidden = stage(hidden, x)
        painted = functional.pixel_shuffle(self.paint(functional.silu(hidden)), _SHUFFLE)
        return torch.sigmoid(painted)


def register_statistics(network: Imitator, slots: Sequence[int]) -> None:
    """Add the buffers ``mean`` and ``scale``, 1 / deviation, of uniformly random vectors."""
    mean = torch.full((network.dimension,), 0.5)
    deviation = torch.full_like(mean, 12**-0.5)
    start = network.dimension - sum(slots)
    for count in slots:
        share = 1 / count
        mean[start : start + count] = share
        deviation[start : start + count] = (share * (1 - share)) ** 0.5
        start += count
    network.register_buffer("mean", mean, persistent=False)
    network.register_buffer("scale", 1 / deviation, persistent=False)
