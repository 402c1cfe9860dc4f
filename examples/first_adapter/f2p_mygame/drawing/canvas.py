"""Pixels, their coordinates, and how parts of a picture are painted.

Coordinates are fractions of the picture's shorter side: x to the right from the middle, y down from
the top.
"""

import numpy as np

BACKGROUND = (0.46, 0.50, 0.54)


class Canvas:
    """A picture float32 (H, W, 3) in [0, 1] with the coordinates of its pixels."""

    def __init__(self, size):
        width, height = size
        side = min(size)
        self.pixel = 1 / side
        self.x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / side)[None, :]
        self.y = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) / side + 0.5)[:, None]
        self.pixels = np.tile(np.array(BACKGROUND, np.float32), (height, width, 1))
        self.shade(1.06 - 0.25 * np.hypot(self.x, self.y - 0.45))

    def window(self, x0, x1, y0, y1):
        """Return the part of the canvas between these coordinates; it shares the pixels."""
        part = object.__new__(Canvas)
        columns = slice(*np.searchsorted(self.x[0], (x0, x1)))
        rows = slice(*np.searchsorted(self.y[:, 0], (y0, y1)))
        part.pixel, part.x, part.y = self.pixel, self.x[:, columns], self.y[rows]
        part.pixels = self.pixels[rows, columns]
        return part

    def edge(self, distance, blur=0.0):
        """Coverage of pixels: 1 where distance > 0; ``blur`` is the width of the border."""
        return np.clip(0.5 + distance / (1.5 * self.pixel + blur), 0, 1)

    def paint(self, colour, alpha):
        """Mix a colour (3,) or (H, W, 3) into the pixels."""
        self.pixels += alpha[..., None] * (np.asarray(colour, np.float32) - self.pixels)

    def shade(self, factor):
        """Multiply the pixels by (H, W)."""
        self.pixels *= factor[..., None]

    def picture(self):
        return (np.clip(self.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def between(colours, position):
    """Colour at a position from 0 to 1 in a list of colours."""
    steps = np.linspace(0, 1, len(colours))
    return np.array([np.interp(position, steps, channel) for channel in np.transpose(colours)])


def bump(x, y, rx, ry):
    """1 at the origin, less with the distance from it."""
    return np.exp(-((x / rx) ** 2) - (y / ry) ** 2)
