"""What an engine tells of its meshes, asked once for each dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..bridge import Host
from ..parameters import Character, Layout
from . import FILE, Told, measure

__all__ = ["capture_mesh"]

_SIZE = 64  # places are numbers; the picture beside them is not used
_WANTED = ("vertices", "attributes", "triangles")


def capture_mesh(
    layout: Layout,
    host: Host,
    folder: str | Path,
    *,
    deadline: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path | None:
    """Write ``mesh.npz`` into a dataset's folder, if the engine offers the passes for it.

    Asks for some two thousand characters. Returns the file, also where it was there before; None
    where the engine tells no meshes.

    Raises:
        DatasetError: what is told does not fit together, or the disk is full.
        BridgeError: the engine failed.
    """
    path = Path(folder) / FILE
    if path.is_file():
        return path
    if not set(_WANTED) <= set(host.wait().passes):
        return None

    def ask(characters: Sequence[Character], whole: bool) -> Iterator[Told]:
        passes = ("color", *(_WANTED if whole else _WANTED[:1]))
        for _, picture in host.render_many(
            characters, size=_SIZE, passes=passes, deadline=deadline, ordered=True
        ):
            assert picture.vertices is not None
            yield Told(picture.vertices, picture.attributes, picture.triangles)

    return measure(layout, ask, _SIZE, progress=progress).save(path)
