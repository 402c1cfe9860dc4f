"""Layers of the compact imitator: what the choices of a slot lay over the face.

A hairstyle, a brow or a lipstick covers a part of the face, with soft edges, in a colour that
sliders may set. So each slot has a layer: for each choice a plane of cover and a plane of light and
dark, as fine as the picture, and one colour for all of it. A generator whose features end at a
quarter of the picture's side could not hold so many fine shapes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Box", "SlotLayer"]

Box = tuple[int, int, int, int]
"""Part of a picture in pixels, all even: top, bottom, left, right; bottom and right are outside."""

_COVER = -1.5  # before the sigmoid, to begin with
_COLOUR = -1.0


class SlotLayer(nn.Module):
    """The layer of one slot.

    Args:
        dimension: of what colours are made from: the vector, and its bends if there are some.
        choices: how many.
        start: of the slot in the vector.
        box: the part of the picture that the choices change.
        coarse: keep planes at half the picture's side, as suits a large box.
    """

    def __init__(self, dimension: int, choices: int, start: int, box: Box, coarse: bool) -> None:
        super().__init__()
        top, bottom, left, right = box
        scale = 2 if coarse else 1
        shape = (choices, 2, (bottom - top) // scale, (right - left) // scale)
        self.box, self.coarse = box, coarse
        self.slot = slice(start, start + choices)
        self.planes = nn.Parameter(torch.zeros(shape))
        with torch.no_grad():
            self.planes[:, 0] = _COVER
        self.colour = nn.Linear(dimension, 4)
        nn.init.zeros_(self.colour.weight)
        with torch.no_grad():
            self.colour.bias.copy_(torch.tensor([_COLOUR, _COLOUR, _COLOUR, 0.0]))

    def forward(self, vector: Tensor, x: Tensor, half: bool) -> tuple[Tensor, Tensor]:
        """Cover before the sigmoid (B, 1, h, w), and colour (B, 3, h, w), within the box.

        Args:
            vector: (B, D) in [0, 1]; while searching, the slot's numbers are probabilities.
            x: (B, dimension), the same normalised, with its bends.
            half: for a picture of half the side.
        """
        chosen = vector[:, self.slot].to(self.planes.dtype)
        planes = (chosen @ self.planes.flatten(1)).view(-1, *self.planes.shape[1:])
        if self.coarse and not half:
            planes = functional.interpolate(
                planes, scale_factor=2, mode="bilinear", align_corners=False
            )
        elif half and not self.coarse:
            planes = functional.avg_pool2d(planes, 2)
        colour = self.colour(x)[:, :, None, None]
        return planes[:, :1] + colour[:, 3:], planes[:, 1:] + colour[:, :3]

    def over(self, painted: Tensor, vector: Tensor, x: Tensor, half: bool) -> Tensor:
        """This layer over what is painted, (B, 3, S, S)."""
        scale = 2 if half else 1
        top, bottom, left, right = (edge // scale for edge in self.box)
        cover, colour = self(vector, x, half)
        side = painted.shape[-1]
        added = torch.sigmoid(cover) * (colour - painted[:, :, top:bottom, left:right])
        return painted + functional.pad(added, (left, side - right, top, side - bottom))


def boxes(extents: Sequence[Sequence[int]]) -> tuple[Box, ...]:
    """Boxes from lists of four numbers, as a card holds them. ValueError for others."""
    found = []
    for extent in extents:
        top, bottom, left, right = (int(edge) for edge in extent)
        if any(edge % 2 for edge in (top, bottom, left, right)) or top >= bottom or left >= right:
            raise ValueError(f"a box must be of four even numbers in order, got {list(extent)}")
        found.append((top, bottom, left, right))
    return tuple(found)
