"""What an engine tells of its sliders' motion, asked once for each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bridge import Host
from ..motion import FILE, measure
from ..parameters import Character, Layout

__all__ = ["capture_motion"]

_SIZE = 64  # places are numbers; the picture beside them is not used
_FEW = 64  # the corners of eyes and mouth do not say how a cheek moves


def capture_motion(
    layout: Layout, host: Host, folder: str | Path, *, deadline: float = 60.0
) -> Path | None:
    """Write ``motion.npz`` into a dataset's folder, if the engine offers the pass ``surface``.

    Asks for one character, and for two more for each slider. Returns the file, also where it was
    there before; None where the engine offers no surface, or fewer than 64 of them.

    Raises:
        DatasetError: the points are not the same for each character, or the disk is full.
        BridgeError: the engine failed.
    """
    path = Path(folder) / FILE
    if path.is_file():
        return path
    if "surface" not in host.wait().passes:
        return None

    first = host.render(
        layout.default(), size=_SIZE, passes=("color", "surface"), deadline=deadline
    )
    if first.surface is None or len(first.surface) < _FEW:
        return None

    def surface(characters: Sequence[Character]) -> Iterator[npt.NDArray[Any]]:
        passes = ("color", "surface")
        for _, picture in host.render_many(
            characters, size=_SIZE, passes=passes, deadline=deadline, ordered=True
        ):
            assert picture.surface is not None
            yield np.asarray(picture.surface)

    return measure(layout, surface, _SIZE).save(path)
