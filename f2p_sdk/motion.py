"""How sliders move the points of a face: measured in the engine, kept on disk, spread over a grid.

An engine that offers the pass ``surface`` can say where points of the face's surface stand in
the picture of any character. In games sliders move bones and morphs, so a point's place is the sum
of what each slider adds, one straight line for each half of its range: a few hundred pictures tell
all of it, and an imitator need not learn it (:mod:`f2p_sdk.networks.flow`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from .errors import DatasetError
from .files import atomic_write
from .parameters import Character, Layout

__all__ = ["FILE", "Motion", "measure"]

ARRAYS = ("rest", "low", "high")
FILE = "motion.npz"  # beside the shards of a dataset

Points = npt.NDArray[np.float32]
Landmarks = Callable[[Sequence[Character]], Iterable[npt.NDArray[Any]]]
"""Characters to their points, in order: (K, 2) in pixels of a picture of ``size``, x and y, or
(K, 3) with a third number, 0 for points of the face and 1 for those of what hangs before it."""


@dataclass(frozen=True)
class Motion:
    """Points of a face and what each slider does to them.

    Coordinates are those of torch's ``grid_sample`` without aligned corners: the picture is
    [-1, 1] by [-1, 1], x to the right, y down.

    Attributes:
        layout_hash: of the layout whose sliders these are.
        rest: float32 (K, 2), where the points stand with every slider in the middle of its range.
        low, high: float32 (P, K, 2), how far each is moved when one slider goes to its end.
        ahead: the same of points of what hangs before the face, as hair does, if the engine told.
    """

    layout_hash: str
    rest: Points
    low: Points
    high: Points
    ahead: Motion | None = None

    def __post_init__(self) -> None:
        count = len(self.rest)
        wanted = (len(self.low), count, 2)
        arrays = (self.rest, self.low, self.high)
        whole = self.rest.shape == (count, 2) and self.low.shape == self.high.shape == wanted
        if not whole or not count or not all(np.isfinite(a).all() for a in arrays):
            raise DatasetError(
                f"a motion must be of (K, 2), (P, K, 2) and (P, K, 2) finite numbers, "
                f"got {self.rest.shape}, {self.low.shape} and {self.high.shape}"
            )

    def fields(self, side: int) -> npt.NDArray[np.float32]:
        """The displacement at each cell of a grid, float32 (2 P, 2, side, side).

        First what each slider does at its high end, then at its low one; x before y. A cell takes
        the mean of the points around it, with Gaussian weights as wide as they lie apart there.
        """
        centres = (np.arange(side) + 0.5) / side * 2 - 1
        x, y = np.meshgrid(centres, centres)
        cells = np.stack([x.ravel(), y.ravel()], axis=1)
        square = ((cells[:, None] - self.rest[None].astype(np.float64)) ** 2).sum(axis=-1)
        near = min(6, len(self.rest))
        apart = np.sqrt(np.partition(square, near - 1, axis=1)[:, :near].mean(axis=1))
        width = 0.5 * np.maximum(apart, 1.2 / side)
        # the nearest point has weight 1 however far it is: no cell is left without
        exponent = square - square.min(axis=1, keepdims=True)
        weights = np.exp(-exponent / (2 * width[:, None] ** 2))
        weights /= weights.sum(axis=1, keepdims=True)
        moved = np.concatenate([self.high, self.low]).astype(np.float64)
        spread = np.einsum("ck,pkd->pdc", weights, moved, optimize=True)
        grids: npt.NDArray[np.float32] = spread.reshape(-1, 2, side, side).astype(np.float32)
        return grids

    def save(self, path: Path) -> Path:
        """Write an ``.npz`` file, at once."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(self, name) for name in ARRAYS}
        if self.ahead is not None:
            arrays |= {f"ahead_{name}": getattr(self.ahead, name) for name in ARRAYS}
        np.savez_compressed(buffer, layout=self.layout_hash, **arrays)
        return atomic_write(path, buffer.getvalue(), error=DatasetError)

    @classmethod
    def load(cls, path: Path, layout: Layout) -> Motion:
        """Read what :meth:`save` wrote; DatasetError if it is damaged or of another layout."""
        try:
            # from bytes: numpy leaves the file open where it is no archive
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                found = str(data["layout"])
                ahead = None
                if "ahead_rest" in data:
                    ahead = cls(found, **{name: data[f"ahead_{name}"] for name in ARRAYS})
                motion = cls(found, **{name: data[name] for name in ARRAYS}, ahead=ahead)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as problem:
            raise DatasetError(
                f"{path}: cannot be read: {problem}", remedy="delete it and run f2p capture again"
            ) from None
        if found != layout.hash or len(motion.low) != layout.n_continuous:
            raise DatasetError(
                f"{path}: is of layout {found}, the layout of {layout.name} is {layout.hash}",
                remedy="delete it and run f2p capture again",
            )
        return motion


def measure(layout: Layout, landmarks: Landmarks, size: int) -> Motion:
    """Ask an engine for the points of the middle character and of each slider at its ends.

    Args:
        layout: of the characters.
        landmarks: where the points stand, in pixels of a picture of ``size``; (0, 0) is the centre
            of the top-left pixel. 2 P + 1 characters are asked for.
        size: side of that picture.

    Raises:
        DatasetError: the engine does not give the same points for each character.
    """
    middle = layout.default().replace(**{p.name: p.unscale(0.5) for p in layout.continuous})
    asked = [middle]
    for p in layout.continuous:
        asked += [middle.replace(**{p.name: p.low}), middle.replace(**{p.name: p.high})]
    found = [np.asarray(points, dtype=np.float64) for points in landmarks(asked)]
    if len({points.shape for points in found}) != 1 or len(found) != len(asked):
        raise DatasetError(
            f"{layout.name}: an engine's landmarks must be the same points for every character, "
            f"got {sorted({len(points) for points in found})} points"
        )
    stacked = np.stack(found)
    places = ((stacked[..., :2] + 0.5) / size * 2 - 1).astype(np.float32)

    def of(points: Points) -> tuple[str, Points, Points, Points]:
        rest = points[0]
        return layout.hash, rest, points[1::2] - rest, points[2::2] - rest

    before = stacked[0, :, 2] > 0.5 if stacked.shape[-1] == 3 else np.zeros(len(found[0]), bool)
    ahead = Motion(*of(places[:, before])) if before.any() else None
    return Motion(*of(places[:, ~before]), ahead)
