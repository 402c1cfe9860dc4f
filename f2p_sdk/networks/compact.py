"""The compact imitator: a painter, layers for what choices lay over it, and a flow that moves it.

Most sliders of a face move things: the lid, the corner of the mouth, the jaw. What a slider does to
the picture is then, to first order, a displacement of pixels that is *linear* in the slider, and
local. What it does besides, as light falls otherwise on what has moved, is a factor of the light,
much the same on every face. A plain generator has to learn anew, for each slider and each style of
hair, brow and lip, how every edge looks when it has moved a little; this one knows displacement and
factor from what the engine has shown of each slider:

    face    = warp(paint(vector) + response(sliders), with layers over it, flow(vector))
    picture = squash(face with the layer in front over it, moved by a flow of its own)

All in the logarithm of the picture: there a factor of the light adds. ``paint`` is a pixel-shuffle
generator that sees the vector at every scale: as a linear map to a few feature planes (where a
number acts) and as a scale and shift of all features (what a choice changes). It works on a face
that holds still: brows, lips and lids are always in the same place. Its convolutions end at a
quarter of the picture's side, since that is where the time goes; what is finer is in the layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .flow import Flow, resized, warp
from .imitator import Imitator, register
from .layers import SlotLayer, boxes
from .lowrank import LowRank, halves

if TYPE_CHECKING:
    from ..motion import Motion

__all__ = ["CompactImitator", "logarithm", "squash"]

_SHUFFLE = 4  # the last features' side times this is the picture's
_KNEE = 4.0
_FLOOR, _CEILING = 0.03, 0.985


def squash(z: Tensor) -> Tensor:
    """``exp(z)`` where that is dark, bent to 1 where it would be brighter: a picture in [0, 1]."""
    return torch.exp(functional.softplus(-_KNEE * z) / -_KNEE)


def logarithm(picture: Tensor) -> Tensor:
    """The inverse of :func:`squash`; what is nearly black or white is cut."""
    bounded = picture.clamp(_FLOOR, _CEILING)
    return torch.log(bounded.pow(-_KNEE) - 1) / -_KNEE


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
        slots: sizes of the one-hot slots at the vector's end.
        size: S, a multiple of 4 times 2 for each stage after the first.
        channels: of the features, from the coarsest stage to the finest, whose side is S / 4.
        planes: feature planes that are linear in the vector, for each stage; 0 for none. The first
            stage is all linear.
        flow: side of the coarse displacement field.
        motion: rank of the displacement that the engine has told (:meth:`set_motion`); 0 where it
            tells none: then a linear displacement is learned.
        response: rank of the light and colour that sliders add (:meth:`set_response`); 0 for none.
        response_side: side of those fields.
        boxes: for each slot the part of the picture that its choices change, as (top, bottom, left,
            right) in even pixels; none for no layers.
        front: which slot's layer is in front of all else and moves by itself; -1 for none.
        bends: how many numbers that are not linear in the vector painter and layers see beside it:
            a colour that a slider takes through a ramp is one, hair that turns grey another.
    """

    name = "compact"

    def __init__(
        self,
        dimension: int,
        slots: Sequence[int] = (),
        size: int = 256,
        channels: Sequence[int] = (64, 96, 64, 32),
        planes: Sequence[int] = (0, 8, 2, 0),
        flow: int = 64,
        motion: int = 0,
        response: int = 0,
        response_side: int = 64,
        boxes: Sequence[Sequence[int]] = (),
        front: int = -1,
        bends: int = 0,
    ) -> None:
        slots, channels, planes = tuple(slots), tuple(channels), tuple(planes)
        options = {
            "slots": list(slots),
            "size": size,
            "channels": list(channels),
            "planes": list(planes),
            "flow": flow,
            "motion": motion,
            "response": response,
            "response_side": response_side,
            "boxes": [list(box) for box in boxes],
            "front": front,
            "bends": bends,
        }
        super().__init__(dimension, size, options)
        start, rest = divmod(size, _SHUFFLE * 2 ** (len(channels) - 1))
        if (
            rest
            or start < 1
            or len(planes) != len(channels)
            or sum(slots) > dimension
            or (boxes and len(boxes) != len(slots))
            or front >= len(boxes)
        ):
            raise ValueError(f"no compact imitator of {dimension} numbers has {options}")
        self.start, self.sliders = start, dimension - sum(slots)
        mean, scale = _statistics(dimension, slots)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.bends = _bends(dimension, bends) if bends else None
        seen = dimension + bends
        self.seed = nn.Linear(seen, channels[0] * start * start)
        nn.init.normal_(self.seed.weight, std=0.5 * dimension**-0.5)
        self.stages = nn.ModuleList(
            _Stage(seen, below, count, plane, start * 2**i)
            for i, (below, count, plane) in enumerate(
                zip((0, *channels[:-1]), channels, planes, strict=True)
            )
        )
        self.paint = nn.Conv2d(channels[-1], 3 * _SHUFFLE**2, 3, padding=1)
        with torch.no_grad():  # each four pixels alike: pictures of half the side teach only those
            small = self._halved()[0].view(3, 2, 1, 2, 1, -1).expand(3, 2, 2, 2, 2, -1)
            self.paint.weight.copy_(small.reshape(self.paint.weight.shape))
        shape = (3, response_side, response_side)
        self.response = (
            LowRank(2 * self.sliders, response, shape, trained=True) if response else None
        )
        self.layers, self.front = _layers(dimension, slots, boxes, front, size, bends)
        self.dress = nn.Conv2d(channels[-1], 4 * 4, 3, padding=1) if self.front >= 0 else None
        middle = channels[-2] if len(channels) > 1 else channels[0]
        ahead = flow // 2 if self.front >= 0 else 0
        self.flow = Flow(dimension, self.sliders, middle, flow, motion, ahead)
        if self.response is not None:
            self._blind()

    mean: Tensor
    scale: Tensor

    @property
    def behind(self) -> list[SlotLayer]:
        """The layers that move with the face, from the first slot to the last."""
        layers = enumerate(self.layers)
        return [x for i, x in layers if i != self.front and isinstance(x, SlotLayer)]

    def _blind(self) -> None:
        """Begin with a painter that sees no slider: what they do is in motion and response.

        A random dependence on hundreds of numbers would hide what the weak ones do until it is
        unlearned.
        """
        with torch.no_grad():
            for part in (self.seed, *(p for s in self.stages for p in (s.tune, s.spread))):
                if isinstance(part, nn.Linear):
                    part.weight[:, : self.sliders] = 0
                    part.weight[:, len(self.mean) :] = 0

    def set_motion(self, motion: Motion) -> None:
        """Make the flow move what is painted as the engine moves its face, before training.

        ValueError if the motion is of another number of sliders, or the network has no rank for it.
        """
        ahead = motion.ahead
        self.flow.set_motion(
            motion.fields(self.flow.side),
            (ahead or motion).fields(self.flow.front) if self.flow.front else None,
        )

    def still(self, pictures: Tensor, vector: Tensor) -> Tensor:
        """Pictures (B, C, H, H) of the engine taken back to the face that holds still."""
        return self.flow.undo(pictures, vector)

    def forward(self, vector: Tensor, half: bool = False) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1].

        ``half`` draws them at half the side, (B, 3, S / 2, S / 2), at a third of the cost.
        """
        self.check(vector)
        x = (vector - self.mean) * self.scale
        if self.bends is not None:
            x = torch.cat([x, self.bends(x)], dim=1)
        hidden = self.seed(x).view(len(x), -1, self.start, self.start)
        below = hidden = hidden.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            below, hidden = hidden, stage(hidden, x)
        hidden = functional.silu(hidden)
        painted = self._paint(hidden, half)
        side = painted.shape[-1]
        if self.response is not None:
            painted = painted + resized(self.response(halves(vector, self.sliders)), side)
        for layer in reversed(self.behind):
            painted = layer.over(painted, vector, x, half)
        moved, ahead = self.flow(vector, x[:, : self.dimension], below)
        face = warp(painted, moved)
        if self.dress is not None:
            cover, colour = self.layers[self.front](vector, x, half)
            worn = torch.cat([colour.expand(-1, 3, -1, -1), cover], dim=1)
            worn = worn + resized(functional.pixel_shuffle(self.dress(hidden), 2), side)
            worn = warp(worn, ahead)
            face = face + torch.sigmoid(worn[:, 3:]) * (worn[:, :3] - face)
        return squash(face)

    def _paint(self, hidden: Tensor, half: bool) -> Tensor:
        """Features to (B, 3, S, S), or to the mean of each four pixels of that."""
        if not half:
            return functional.pixel_shuffle(self.paint(hidden), _SHUFFLE)
        return functional.pixel_shuffle(functional.conv2d(hidden, *self._halved(), 1, 1), 2)

    def _halved(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of ``paint`` with the mean of each four pixels that lie together."""
        weight, bias = self.paint.weight, self.paint.bias
        assert bias is not None
        fours = (3, 2, 2, 2, 2)  # of colour, row and column, each of those in two parts
        small = weight.reshape(*fours, -1).mean(dim=(2, 4)).reshape(12, *weight.shape[1:])
        return small, bias.view(fours).mean(dim=(2, 4)).flatten()


def _layers(
    dimension: int,
    slots: Sequence[int],
    extents: Sequence[Sequence[int]],
    front: int,
    size: int,
    bends: int,
) -> tuple[nn.ModuleList, int]:
    """A layer for each slot, if there are boxes; that in front covers the whole picture."""
    layers = nn.ModuleList()
    start = dimension - sum(slots)
    for index, (count, box) in enumerate(zip(slots, boxes(extents), strict=False)):
        if index == front:
            box = (0, size, 0, size)
        area = (box[1] - box[0]) * (box[3] - box[2])
        layers.append(
            SlotLayer(dimension + bends, count, start, box, coarse=4 * area > size * size)
        )
        start += count
    return layers, front


def _bends(dimension: int, bends: int) -> nn.Module:
    """Normalised vectors (B, D) to (B, bends): what of a vector is not linear."""
    return nn.Sequential(
        nn.Linear(dimension, 2 * bends),
        nn.SiLU(),
        nn.Linear(2 * bends, 2 * bends),
        nn.SiLU(),
        nn.Linear(2 * bends, bends),
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
