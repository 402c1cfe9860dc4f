"""Where points of the face's surface stand in the picture: the bridge's landmarks pass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .head import Head, VertexNormals
from .rig import Rig

__all__ = ["SurfacePoints"]

Array = NDArray[np.float32]


class SurfacePoints:
    """The skin vertices that face the camera in the resting head: the same for every character.

    ``count`` is K, how many they are.
    """

    def __init__(self, rig: Rig, head: Head) -> None:
        rest = rig.base[head.skin.rows]
        normals = VertexNormals(head.skin.triangles, len(rest))(rest)
        # The face and the front of neck and ears; what turns away is hidden or slides out of sight.
        seen = (normals[:, 2] > 0.1) & (np.abs(rest[:, 0]) < 0.8) & (rest[:, 2] > -0.9)
        self._rig, self._rows = rig, head.skin.rows[seen]
        self.count = int(seen.sum())

    def __call__(self, values: Mapping[str, float | str], size: tuple[int, int]) -> Array:
        """Places (K, 2) in pixels, x then y; (0, 0) is the centre of the top-left pixel.

        ``values`` in game units, ``size`` (width, height) of the picture.
        """
        camera = self._rig.camera
        distance, span = float(camera.get("distance", 9.0)), float(camera.get("span", 2.7))
        points = self._rig.pose(values)[self._rows]
        # The camera looks at z = 0.1; the span is the picture's width at that depth.
        scale = distance / (distance - (points[:, 2] - 0.1)) * size[0] / span
        x = size[0] / 2 - 0.5 + points[:, 0] * scale
        y = size[1] / 2 - 0.5 - (points[:, 1] - float(camera.get("height", 0.0))) * scale
        return np.stack([x, y], 1).astype(np.float32)
