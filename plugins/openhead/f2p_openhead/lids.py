"""Lids: where lashes grow along them, the opening between them, and that they lie on the eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .head import Head

__all__ = ["EyeOpening", "eyeball_sphere", "find_opening", "lash_coordinates"]

Array = NDArray[np.float32]

# The strips of lashes begin inside the lid; this share of them lies behind its rim.
RIM = 0.35
ROUND = 1.035  # the ball's radius, in mean distances of the shell's vertices from their middle


def lash_coordinates(head: Head, rest: Array) -> Array:
    """Texture coordinates (N, 2) of lash vertices: hairs along the lid, and from root to tip.

    The second is 0 where a strip begins behind the lid, RIM at the lid's rim, 1 at the tip; above 1
    past the corners of the eye, where no lashes grow.
    """
    points, uv = rest[head.lashes.rows], head.uv[head.lashes.rows]
    centres = np.where(points[:, :1] > 0, rest[head.left_eye].mean(0), rest[head.right_eye].mean(0))
    reach = np.linalg.norm(points - centres, axis=1)
    out = np.stack([uv[:, 0] * 1500, np.zeros(len(points), np.float32)], 1)
    for k in range(len(points)):
        # Vertices at one place along one lid, from the nearest to the eye to the farthest.
        beside = (np.abs(uv[:, 0] - uv[k, 0]) < 0.003) & (np.abs(uv[:, 1] - uv[k, 1]) < 0.03)
        low, high = reach[beside].min(), reach[beside].max()
        out[k, 1] = (reach[k] - low) / (high - low)
    outwards = (points[:, 0] - centres[:, 0]) * np.sign(centres[:, 0])
    out[(outwards > 0.165) | (outwards < -0.115), 1] = 3
    return out.astype(np.float32)


def eyeball_sphere(shell: Array) -> tuple[Array, float]:
    """Centre (3,) and radius of the sphere that is drawn for an eyeball's vertices (E, 3).

    The mean distance, and not the largest: so sliders that move the shell add up in the ball, too.
    """
    centre = shell.mean(0)
    return centre, float(np.linalg.norm(shell - centre, axis=1).mean()) * ROUND


@dataclass(frozen=True)
class EyeOpening:
    """The opening of one eye.

    ``rim`` (N,) rows of ``Head`` along the rims of the lids; ``corner`` their height where they
    meet, at rest. ``around`` (K,) rows of the lids and lashes, which stay at least ``clear`` (K,)
    radii from the eyeball's centre.
    """

    rim: NDArray[np.int32]
    corner: float
    around: NDArray[np.int32]
    clear: Array

    def __call__(
        self, points: Array
    ) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
        """(middle, half width), (corners' height, rise and fall from there, 0) of posed points."""
        x, y = points[self.rim, 0], points[self.rim, 1]
        middle, half = (x.min() + x.max()) / 2, (x.max() - x.min()) / 2
        corner = float(y[[x.argmin(), x.argmax()]].mean())
        rise, fall = float(y.max()) - corner, corner - float(y.min())
        return (float(middle), float(half)), (corner, rise, fall, 0.0)

    def resolve_penetration(self, points: Array, centre: Array, radius: float) -> None:
        """Move lids that sliders pushed into the eyeball back onto it, in place."""
        arm = points[self.around] - centre
        short = self.clear * radius / np.maximum(np.linalg.norm(arm, axis=1), 1e-6)
        points[self.around] = centre + arm * np.maximum(short, 1)[:, None]


def find_opening(head: Head, rest: Array, shell: Array) -> EyeOpening:
    """Find the lids around the eyeball whose vertices at rest are ``shell`` (E, 3)."""
    centre, radius = eyeball_sphere(shell)
    rows = head.lashes.rows
    points = rest[rows]
    near = np.linalg.norm(points - centre, axis=1)
    # The second row of the strip lies on the rim, a little farther out than the eyeball.
    rim = (points[:, 0] * centre[0] > 0) & (lash_coordinates(head, rest)[:, 1] < 1)
    found = rows[rim & (near > 0.15) & (near < 0.178)]
    x, y = rest[found, 0], rest[found, 1]
    corner = float(y[[x.argmin(), x.argmax()]].mean())
    every = np.concatenate([head.skin.rows, rows])
    reach = np.linalg.norm(rest[every] - centre, axis=1) / radius
    lid = (reach < 1.7) & (rest[every, 2] > centre[2])
    # Skin behind the rim may lie in the eyeball, as at rest; what is seen lies before it.
    clear = np.minimum(reach[lid], 1.035)
    return EyeOpening(
        found.astype(np.int32), corner, every[lid].astype(np.int32), clear.astype(np.float32)
    )
