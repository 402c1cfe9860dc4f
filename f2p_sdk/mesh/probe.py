"""Asking an engine for its meshes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError
from ..parameters import Character, Layout
from .blendshapes import find_guides, find_ways, following, spread
from .model import Array, Index, Mesh, Piece, halved

__all__ = ["RANDOM", "Ask", "Told", "measure"]

RANDOM = 1600  # random characters that are asked for
_SEED = 314159  # other characters than those of any dataset
_BESIDE = 300  # vertices of the body beside the pieces of a slot
_LOOKED = 60  # vertices of each piece
_STILL = 0.002  # pixels, or shares of what is painted: less is no motion
_NOTHING = (np.zeros(0, np.int32), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Told:
    """What an engine tells of one character: ``vertices`` (N, 5), and where they were wanted
    ``attributes`` (N, 4 or more) and ``triangles`` (M, 3); ``docs/reference/protocol.md`` has them all."""

    vertices: Array
    attributes: Array | None = None
    triangles: Index | None = None


Ask = Callable[[Sequence[Character], bool], Iterable[Told]]
"""Characters, and whether attributes and triangles are wanted too, to what is told of each."""


def measure(
    layout: Layout,
    ask: Ask,
    size: int,
    *,
    random: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mesh:
    """Ask an engine for the meshes of the middle character, of each slider and each choice alone,
    and of random characters.

    Args:
        layout: of the characters.
        ask: the engine.
        size: side of the pictures whose pixels vertices are told in.
        random: how many random characters are asked for; 1,600 if not given.
        progress: called with how many characters are done, of how many.

    Raises:
        DatasetError: what is told does not fit together.
    """
    random = RANDOM if random is None else random
    middle = layout.default().replace(**{p.name: p.unscale(0.5) for p in layout.continuous})
    alone = [(i, k) for i, slot in enumerate(layout.discrete) for k in range(len(slot.choices))]
    people = [layout.random(i, seed=_SEED) for i in range(random)]
    total, done = 1 + len(alone) + 2 * layout.n_continuous + len(people), 0

    def told(characters: Sequence[Character], whole: bool = False) -> Iterator[Told]:
        nonlocal done
        for one in ask(characters, whole):
            done += 1
            if progress is not None:
                progress(done, total)
            yield one

    first = next(iter(told([middle], True)))
    if first.attributes is None or first.triangles is None:
        raise DatasetError(f"{layout.name}: the engine tells vertices and no triangles of them")
    body = first.attributes[:, 1] == 0
    count = int(body.sum())
    depth = float(first.vertices[body, 2].mean())
    frame = _Frame(size, depth)
    rest = frame.places(first.vertices)[body]

    def bodies(characters: Sequence[Character]) -> Iterator[tuple[Array, Array]]:
        for one in told(characters):
            if len(one.vertices) < count:
                raise DatasetError(
                    f"{layout.name}: an engine's vertices must be the same for every character, "
                    f"got {len(one.vertices)} of {count}"
                )
            places = frame.places(one.vertices)
            yield places[:count], places[count:]

    kept = np.flatnonzero(_inside(first.triangles, body))
    found = _pieces_told(layout, middle, alone, told, frame, count)
    # Each slider alone, on somebody who wears the largest piece of each slot.
    dressed = middle.replace(**_largest(layout, found))
    sweeps = [dressed.replace(**{p.name: p.high}) for p in layout.continuous]
    sweeps += [dressed.replace(**{p.name: p.low}) for p in layout.continuous]
    moved_by = list(bodies(sweeps))
    fields = np.stack([places - rest for places, _ in moved_by])
    guides = _guides(layout, dressed, found, [pieces for _, pieces in moved_by], rest, fields)
    # What sliders do together, and how pieces follow, from random characters.
    sides = np.stack([layout.encode(p)[: layout.n_continuous] * 2 - 1 for p in people])
    summed = halved(sides) @ fields.reshape(len(fields), -1)
    rests: list[Array] = []
    worn: dict[tuple[int, int], list[tuple[int, Array]]] = {key: [] for key in found}
    for i, (places, rest_of) in enumerate(bodies(people)):
        rests.append((places - rest).ravel() - summed[i])
        start = 0
        for key in _worn(layout, people[i], found):
            stop = start + len(found[key].rest)
            worn[key].append((i, rest_of[start:stop, :3]))
            start = stop
        if start != len(rest_of):
            raise DatasetError(
                f"{layout.name}: character {i} has {len(rest_of)} vertices of choices, "
                f"those choices alone have {start}",
                remedy="let an engine's vertices depend on the choice alone (docs/reference/protocol.md)",
            )
    residual = np.stack(rests)
    led = {slot: np.tensordot(halved(sides), some, 1) for slot, some in guides.items()}
    pieces = tuple(following(found[key], worn[key], led[key[0]]) for key in found)
    left = residual.reshape(random, count, 5)
    assert first.attributes is not None
    return Mesh(
        layout.hash,
        depth / (size / 2),
        Piece(
            -1,
            -1,
            rest,
            np.delete(first.attributes[body], 1, axis=1).astype(np.float32),
            first.triangles[kept].astype(np.int32),
            *_NOTHING,
        ),
        pieces,
        np.stack([guides[slot] for slot in sorted(guides)])
        if guides
        else np.zeros((0, len(fields), 0, 3), np.float32),
        find_ways(fields[..., :3], left[..., :3], sides, _STILL / (size / 2)),
        find_ways(fields[..., 3:], left[..., 3:], sides, _STILL),
    )


@dataclass(frozen=True)
class _Frame:
    """Told vertices, (N, 5), in the coordinates of a mesh."""

    size: int
    depth: float

    def places(self, vertices: Array) -> Array:
        told = np.asarray(vertices, np.float64)
        away = told[:, 2:3] / self.depth
        flat = ((told[:, :2] + 0.5) / self.size * 2 - 1) * away
        return np.concatenate([flat, away, told[:, 3:5]], axis=1).astype(np.float32)


def _inside(triangles: Index, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.all(rows[triangles], axis=1), np.bool_)


def _pieces_told(
    layout: Layout,
    middle: Character,
    alone: Sequence[tuple[int, int]],
    told: Callable[..., Iterator[Told]],
    frame: _Frame,
    count: int,
) -> dict[tuple[int, int], Piece]:
    """What each choice brings, on the middle character."""
    asked = [
        middle.replace(**{layout.discrete[i].name: layout.discrete[i].choices[k]}) for i, k in alone
    ]
    found: dict[tuple[int, int], Piece] = {}
    for (slot, choice), one in zip(alone, told(asked, True), strict=True):
        assert one.attributes is not None
        assert one.triangles is not None
        own = one.attributes[:, 1] == slot + 1
        if not own.any():
            continue
        start = int(own.argmax())
        if start < count or not own[start : start + int(own.sum())].all():
            raise DatasetError(
                f"{layout.name}: the vertices of {layout.discrete[slot].name}="
                f"{layout.discrete[slot].choices[choice]} must come after the body's, together"
            )
        found[slot, choice] = Piece(
            slot,
            choice,
            frame.places(one.vertices)[own],
            np.delete(one.attributes[own], 1, axis=1).astype(np.float32),
            (one.triangles[_inside(one.triangles, own)] - start).astype(np.int32),
            *_NOTHING,
        )
    return found


def _worn(
    layout: Layout, character: Character, found: dict[tuple[int, int], Piece]
) -> list[tuple[int, int]]:
    """The pieces that a character has, in the layout's order."""
    keys = [
        (i, slot.choices.index(str(character.values[slot.name])))
        for i, slot in enumerate(layout.discrete)
    ]
    return [key for key in keys if key in found]


def _largest(layout: Layout, found: dict[tuple[int, int], Piece]) -> dict[str, str]:
    """For each slot that brings pieces, the choice with the most vertices."""
    most: dict[int, tuple[int, int]] = {}
    for (slot, choice), piece in found.items():
        most[slot] = max(most.get(slot, (0, 0)), (len(piece.rest), choice))
    return {layout.discrete[s].name: layout.discrete[s].choices[c] for s, (_, c) in most.items()}


def _guides(
    layout: Layout,
    dressed: Character,
    found: dict[tuple[int, int], Piece],
    seen: Sequence[Array],
    rest: Array,
    fields: Array,
) -> dict[int, Array]:
    """For each slot that brings pieces, the guides (2 P, C, 3) that they follow.

    ``seen``: for each half of a slider, where the pieces of ``dressed`` are at its end; ``rest``
    and ``fields``: the body's vertices, and what each half does to them.
    """
    guides, start = {}, 0
    for key in _worn(layout, dressed, found):
        own = found[key].rest[:, :3]
        stop = start + len(own)
        moves = np.stack([places[start:stop, :3] - own for places in seen])
        spots = np.concatenate(
            [p.rest[:: 1 + len(p.rest) // _LOOKED, :3] for k, p in found.items() if k[0] == key[0]]
        )
        gaps = ((spots[:, None] - rest[None, :, :3]) ** 2).sum(axis=2)
        near = np.unique(gaps.argmin(axis=1))
        near = near[spread(rest[near, :3], _BESIDE)]
        guides[key[0]] = find_guides(moves, fields[:, near, :3])
        start = stop
    return guides
