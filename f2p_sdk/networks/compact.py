"""The compact imitator: a painter, and a flow that moves what it has painted.

Most sliders of a face move things: the lid, the corner of the mouth, the jaw. What a slider does to
the picture is then, to first order, a displacement of pixels that is *linear* in the slider, and
local. A plain generator has to learn anew, for each slider and each style of hair, brow and lip,
how every edge looks when it has moved a little; this one learns the displacement itself:

    picture = sigmoid(warp(paint(vector), flow(vector)))

``flow`` is a coarse field, told by the engine or learned (:mod:`.flow`). So the painter works on a
face that holds still: brows, lips and lids are always in the same place. ``paint`` is a
pixel-shuffle generator that sees the vector at every scale: as a linear map to a few feature planes
(where a number acts) and as a scale and shift of all features (what a choice changes). The
convolutions end at a quarter of the picture's side, since that is where the time goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .basis import Basis, features
from .flow import Flow, centres, resized
from .imitator import Imitator, register

if TYPE_CHECKING:
    from ..motion import Motion

__all__ = ["CompactImitator"]

_SHUFFLE = 4  # the last features' side times this is the picture's


class _Stage(nn.Module):
    """One scale of the painter: features from the scale below, the vector's own planes, scale and
    shift by the vector, a residual block. Features (B, C, S, S), vector (B, D) normalised."""

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
        slots: sizes of the one-hot slots at the vector's end, to scale them as the sliders are.
        size: S, a multiple of 4 times 2 for each stage after the first.
        channels: of the features, from the coarsest stage to the finest, whose side is S / 4.
        planes: feature planes that are linear in the vector, for each stage; 0 for none. The first
            stage is all linear.
        shade: side of a plane of light and dark, linear in the vector, that is added to what is
            painted; 0 for none.
        flow: side of the coarse displacement field.
        motion: rank of the displacement that the engine has told (:meth:`set_motion`); 0 where it
            tells none: then a linear displacement is learned.
        basis: rank of the patterns that are found by least squares and added to what is painted
            (:mod:`.basis`); 0 for none.
        basis_side: side of those patterns.
    """

    name = "compact"

    def __init__(
        self,
        dimension: int,
        slots: Sequence[int] = (),
        size: int = 256,
        channels: Sequence[int] = (96, 96, 64, 32),
        planes: Sequence[int] = (0, 12, 6, 0),
        shade: int = 64,
        flow: int = 32,
        motion: int = 0,
        basis: int = 0,
        basis_side: int = 64,
    ) -> None:
        slots, channels, planes = tuple(slots), tuple(channels), tuple(planes)
        options = {
            "slots": list(slots),
            "size": size,
            "channels": list(channels),
            "planes": list(planes),
            "shade": shade,
            "flow": flow,
            "motion": motion,
        }
        if basis:  # configs of networks without one are those they always were
            options |= {"basis": basis, "basis_side": basis_side}
        super().__init__(dimension, size, options)
        start, rest = divmod(size, _SHUFFLE * 2 ** (len(channels) - 1))
        if rest or start < 1 or len(planes) != len(channels) or sum(slots) > dimension:
            raise ValueError(f"no compact imitator of {dimension} numbers has {options}")
        self.start, self.shade_side = start, shade
        mean, scale = _statistics(dimension, slots)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.seed = nn.Linear(dimension, channels[0] * start * start)
        nn.init.normal_(self.seed.weight, std=0.5 * dimension**-0.5)
        self.stages = nn.ModuleList(
            _Stage(dimension, below, count, plane, start * 2**i)
            for i, (below, count, plane) in enumerate(
                zip((0, *channels[:-1]), channels, planes, strict=True)
            )
        )
        self.paint = nn.Conv2d(channels[-1], 3 * _SHUFFLE**2, 3, padding=1)
        self.shade = nn.Linear(dimension, shade * shade, bias=False) if shade else None
        if self.shade is not None:
            nn.init.zeros_(self.shade.weight)
        sliders = dimension - sum(slots)
        middle = channels[-2] if len(channels) > 1 else channels[0]
        self.flow = Flow(dimension, sliders, middle, flow, motion, linear=not motion)
        self.register_buffer("pixels", centres(size), persistent=False)
        self.sliders = sliders
        self.basis = Basis(dimension + sliders, basis, basis_side) if basis else None
        if basis:  # what is known is all there is, to begin with
            nn.init.zeros_(self.paint.weight)
            if self.paint.bias is not None:
                nn.init.zeros_(self.paint.bias)

    mean: Tensor
    scale: Tensor
    pixels: Tensor

    def set_motion(self, motion: Motion) -> None:
        """Make the flow move what is painted as the engine moves its face, before training.

        ValueError if the motion is of another number of sliders, or the network has no rank for it.
        """
        self.flow.set_motion(motion.fields(self.flow.side))

    def features(self, vector: Tensor) -> Tensor:
        """Vectors (B, D) in [0, 1] to the features that the basis has patterns for, (B, D + P)."""
        return features(vector, self._normalised(vector), self.sliders)

    def still(self, pictures: Tensor, vector: Tensor) -> Tensor:
        """Pictures (B, C, H, H) of the engine taken back to the face that holds still."""
        return self.flow.undo(pictures, vector)

    def _normalised(self, vector: Tensor) -> Tensor:
        return (vector - self.mean) * self.scale

    def forward(self, vector: Tensor) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1]."""
        self.check(vector)
        x = self._normalised(vector)
        hidden = self.seed(x).view(len(x), -1, self.start, self.start)
        below = hidden = hidden.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            below, hidden = hidden, stage(hidden, x)
        painted = functional.pixel_shuffle(self.paint(functional.silu(hidden)), _SHUFFLE)
        if self.shade is not None:
            side = self.shade_side
            painted = painted + resized(self.shade(x).view(-1, 1, side, side), self.size)
        if self.basis is not None:
            painted = painted + resized(self.basis(self.features(vector)), self.size)
        return torch.sigmoid(self._warp(painted, self.flow(vector, x, below)))

    def _warp(self, painted: Tensor, offset: Tensor) -> Tensor:
        """Sample ``painted`` (B, 3, S, S) where ``offset`` (B, G, G, 2) points to."""
        fine = resized(offset.permute(0, 3, 1, 2).contiguous(), self.size).permute(0, 2, 3, 1)
        return functional.grid_sample(
            painted.to(self.pixels.dtype).contiguous(),  # autocast may have made it bfloat16
            self.pixels + fine,
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )


def _statistics(dimension: int, slots: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mean and 1 / standard deviation of each number of a uniformly random vector."""
    mean, deviation = torch.full((dimension,), 0.5), torch.full((dimension,), 12**-0.5)
    start = dimension - sum(slots)
    for count in slots:
        share = 1 / count
        mean[start : start + count] = share
        deviation[start : start + count] = (share * (1 - share)) ** 0.5
        start += count
    return mean, 1 / deviation
