"""Eyelids: lash coordinates, the opening between the lids, and their contact with the eyeball."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .head import Head

__all__ = ["EyeOpening", "eyeball_sphere", "find_opening", "lash_coordinates"]

Array = NDArray[np.float32]

SPHERE_SCALE = 1.035  # radius of the drawn eyeball / mean distance of its vertices from the centre


def lash_coordinates(head: Head, rest: Array) -> Array:
    """Texture coordinates (N, 2) of lash vertices: hairs along the lid, and from root to tip.

    The second is 0 at the start of a strip behind the lid, 0.35 (``RIM`` of ``lash.frag``) at the
    rim, 1 at the tip, and above 1 past the corners of the eye, where no lashes grow.
    """
    points, uv = rest[head.lashes.rows], head.uv[head.lashes.rows]
    centres = np.where(points[:, :1] > 0, rest[head.left_eye].mean(0), rest[head.right_eye].mean(0))
    reach = np.linalg.norm(points - centres, axis=1)
    out = np.stack([uv[:, 0] * 1500, np.zeros(len(points), np.float32)], 1)
    for k in range(len(points)):
        # Vertices with the same position along the same lid.
        beside = (np.abs(uv[:, 0] - uv[k, 0]) < 0.003) & (np.abs(uv[:, 1] - uv[k, 1]) < 0.03)
        low, high = reach[beside].min(), reach[beside].max()
        out[k, 1] = (reach[k] - low) / (high - low)
    outwards = (points[:, 0] - centres[:, 0]) * np.sign(centres[:, 0])
    out[(outwards > 0.165) | (outwards < -0.115), 1] = 3
    return out.astype(np.float32)


def eyeball_sphere(shell: Array) -> tuple[Array, float]:
    """Centre (3,) and radius of the sphere that draws an eyeball; ``shell`` (E, 3) its vertices.

    The radius uses the mean distance, not the largest, so it is nearly linear in the sliders.
    """
    centre = shell.mean(0)
    return centre, float(np.linalg.norm(shell - centre, axis=1).mean()) * SPHERE_SCALE


@dataclass(frozen=True)
class EyeOpening:
    """The opening between the lids of one eye.

    Attributes:
        rim: (N,) rows of ``Head`` along the rims of the lids.
        corner: mean height of the eye's corners at rest.
        around: (K,) rows of the lids and lashes.
        clear: (K,) their least distance from the eyeball's centre, in radii.
    """

    rim: NDArray[np.int32]
    corner: float
    around: NDArray[np.int32]
    clear: Array

    def __call__(
        self, points: Array
    ) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
        """Measure posed points (V, 3): (middle, half width), (corner height, rise, fall, 0).

        Rise and fall are the largest distances of the upper and lower lid from the corner height.
        """
        x, y = points[self.rim, 0], points[self.rim, 1]
        middle, half = (x.min() + x.max()) / 2, (x.max() - x.min()) / 2
        corner = float(y[[x.argmin(), x.argmax()]].mean())
        rise, fall = float(y.max()) - corner, corner - float(y.min())
        return (float(middle), float(half)), (corner, rise, fall, 0.0)

    def resolve_penetration(self, points: Array, centre: Array, radius: float) -> None:
        """Push lid points out of the eyeball, in place."""
        arm = points[self.around] - centre
        short = self.clear * radius / np.maximum(np.linalg.norm(arm, axis=1), 1e-6)
        points[self.around] = centre + arm * np.maximum(short, 1)[:, None]


def find_opening(head: Head, rest: Array, shell: Array) -> EyeOpening:
    """Find the lids around the eyeball with the resting vertices ``shell`` (E, 3)."""
    centre, radius = eyeball_sphere(shell)
    rows = head.lashes.rows
    points = rest[rows]
    near = np.linalg.norm(points - centre, axis=1)
    # The second vertex row of the lash strip is on the rim, just outside the eyeball.
    rim = (points[:, 0] * centre[0] > 0) & (lash_coordinates(head, rest)[:, 1] < 1)
    found = rows[rim & (near > 0.15) & (near < 0.178)]
    x, y = rest[found, 0], rest[found, 1]
    corner = float(y[[x.argmin(), x.argmax()]].mean())
    every = np.concatenate([head.skin.rows, rows])
    reach = np.linalg.norm(rest[every] - centre, axis=1) / radius
    lid = (reach < 1.7) & (rest[every, 2] > centre[2])
    # Hidden skin behind the rim may stay in the eyeball, as deep as it is at rest.
    clear = np.minimum(reach[lid], SPHERE_SCALE)
    return EyeOpening(
        found.astype(np.int32), corner, every[lid].astype(np.int32), clear.astype(np.float32)
    )
