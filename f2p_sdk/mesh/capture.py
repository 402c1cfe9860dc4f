"""Probing of an engine's meshes, once per dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..bridge import Host
from ..errors import F2PError
from ..parameters import Character, Layout
from . import FILE, ProbeResult, probe_mesh

__all__ = ["capture_mesh"]

_SIZE = 64  # pixels: vertex positions are floats, and the colour plane is not used
_PASSES = ("vertices", "attributes", "triangles")


def capture_mesh(
    layout: Layout,
    host: Host,
    folder: str | Path,
    *,
    deadline: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path | None:
    """Write ``mesh.npz`` into a dataset's folder, if the engine offers the mesh passes.

    Renders about two thousand characters.

    Returns:
        The file, new or already there; None if the engine offers no meshes.

    Raises:
        DatasetError: the meshes are inconsistent, or the disk is full.
        BridgeError: the engine failed, also on more than one of a hundred random characters.
    """
    path = Path(folder) / FILE
    if path.is_file():
        return path
    if not set(_PASSES) <= set(host.wait().passes):
        return None

    def probe(characters: Sequence[Character], topology: bool) -> Iterator[ProbeResult | F2PError]:
        passes = ("color", *(_PASSES if topology else _PASSES[:1]))
        failed: dict[int, F2PError] = {}
        drawn = host.render_many(
            characters,
            size=_SIZE,
            passes=passes,
            deadline=deadline,
            ordered=True,
            failed=failed.__setitem__,
        )
        first = 0  # character without a result
        for position, picture in drawn:
            assert picture.vertices is not None
            yield from (failed[i] for i in range(first, position))
            yield ProbeResult(picture.vertices, picture.attributes, picture.triangles)
            first = position + 1
        yield from (failed[i] for i in range(first, len(characters)))

    return probe_mesh(layout, probe, _SIZE, progress=progress).save(path)
