"""Measurement of an engine's meshes from characters that it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, F2PError
from ..parameters import Character, Layout
from .blendshapes import (
    attach_to_guides,
    farthest_points,
    find_guides,
    fit_blendshapes,
    slider_halves,
)
from .model import Array, Index, Mesh, Piece

__all__ = ["RANDOM_CHARACTERS", "Probe", "ProbeResult", "probe_mesh"]

RANDOM_CHARACTERS = 1600
_SEED = 314159  # no dataset uses this seed
_NEAR_VERTICES = 300  # vertices of the body near the pieces of a slot
_SAMPLED_VERTICES = 60  # vertices of each piece
_MOTION = 0.002  # pixels, or paint coordinates: a smaller displacement is none
_NO_WEIGHTS = (np.zeros(0, np.int32), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class ProbeResult:
    """An engine's meshes of one character, as in ``docs/reference/protocol.md``.

    ``vertices`` (N, 5) always; ``attributes`` (N, 4 or more) and ``triangles`` (M, 3) on request.
    """

    vertices: Array
    attributes: Array | None = None
    triangles: Index | None = None


Probe = Callable[[Sequence[Character], bool], Iterable[ProbeResult | F2PError]]
"""Characters, and whether to return attributes and triangles, to one result for each, or to the
error of a character that the engine cannot draw."""

_Key = tuple[int, int]  # slot and choice
_Pieces = Mapping[_Key, Piece]


def probe_mesh(
    layout: Layout,
    probe: Probe,
    size: int,
    *,
    random: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mesh:
    """Measure the meshes of a layout.

    Draws the middle character, each slider and each choice alone, and random characters.

    Args:
        size: side in pixels of the pictures that vertex positions refer to.
        random: number of random characters; default 1,600.
        progress: called with the number of characters done, and of all.

    Raises:
        DatasetError: the engine returns no triangles, or the vertices are inconsistent.
        F2PError: the engine cannot draw one of these characters; of the random ones, more than one
            in a hundred.
    """
    random = RANDOM_CHARACTERS if random is None else random
    middle = layout.default().replace(**{p.name: p.unscale(0.5) for p in layout.continuous})
    choices = [(i, k) for i, slot in enumerate(layout.discrete) for k in range(len(slot.choices))]
    people = [layout.random(i, seed=_SEED) for i in range(random)]
    total, done = 1 + len(choices) + 2 * layout.n_continuous + len(people), 0
    failed: list[int] = []  # numbers of random characters

    def results(characters: Sequence[Character], topology: bool = False) -> Iterator[ProbeResult]:
        nonlocal done
        for i, result in enumerate(probe(characters, topology)):
            done += 1
            if progress is not None:
                progress(done, total)
            if not isinstance(result, F2PError):
                yield result
                continue
            failed.append(i)
            if characters is not people or len(failed) > max(1, len(people) // 100):
                raise result

    first = next(iter(results([middle], True)))
    if first.attributes is None or first.triangles is None:
        raise DatasetError(f"{layout.name}: the engine returns vertices, but no triangles")
    of_body = first.attributes[:, 1] == 0
    count = int(of_body.sum())
    frame = _Frame(size, float(first.vertices[of_body, 2].mean()))
    rest = frame.positions(first.vertices)[of_body]

    def vertices(characters: Sequence[Character]) -> Iterator[tuple[Array, Array]]:
        """Vertices (n, 5) of the body and of all pieces."""
        for result in results(characters):
            if len(result.vertices) < count:
                raise DatasetError(
                    f"{layout.name}: an engine's vertices must be the same for every character, "
                    f"got {len(result.vertices)} of {count}"
                )
            positions = frame.positions(result.vertices)
            yield positions[:count], positions[count:]

    pieces = _probe_pieces(layout, middle, choices, results, frame, count)
    # Each slider alone, on a character with the largest piece of each slot.
    dressed = middle.replace(**_largest(layout, pieces))
    ends = [dressed.replace(**{p.name: p.high}) for p in layout.continuous]
    ends += [dressed.replace(**{p.name: p.low}) for p in layout.continuous]
    at_ends = list(vertices(ends))
    fields = np.stack([body - rest for body, _ in at_ends])
    guides = _guides(layout, dressed, pieces, [others for _, others in at_ends], rest, fields)
    # Corrective blendshapes, and the motion of pieces, from random characters.
    sliders = np.stack([layout.encode(p)[: layout.n_continuous] * 2 - 1 for p in people])
    halves = slider_halves(sliders)
    summed = halves @ fields.reshape(len(fields), -1)
    residuals: list[Array] = []
    samples: dict[_Key, list[tuple[int, Array]]] = {key: [] for key in pieces}
    drawn: list[int] = []
    for k, (body, others) in enumerate(vertices(people)):
        i = k + len(failed)  # those before this one
        drawn.append(i)
        residuals.append((body - rest).ravel() - summed[i])
        parts = _split(layout, people[i], pieces, others)
        expected = sum(len(pieces[key].rest) for key in parts)
        if expected != len(others):
            raise DatasetError(
                f"{layout.name}: character {i} has {len(others)} vertices of choices, "
                f"those choices alone have {expected}",
                remedy="let an engine's vertices depend on the choice alone "
                "(docs/reference/protocol.md)",
            )
        for key, part in parts.items():
            samples[key].append((i, part[:, :3]))
    residual = np.stack(residuals).reshape(len(drawn), count, 5)
    sliders = sliders[drawn]
    offsets = {slot: np.tensordot(halves, one, 1) for slot, one in guides.items()}
    kept = np.all(of_body[first.triangles], axis=1)
    attributes = _without_slot(first.attributes[of_body])
    triangles = first.triangles[kept].astype(np.int32)
    return Mesh(
        layout.hash,
        frame.depth / (size / 2),
        Piece(-1, -1, rest, attributes, triangles, *_NO_WEIGHTS),
        tuple(attach_to_guides(pieces[key], samples[key], offsets[key[0]]) for key in pieces),
        np.stack([guides[slot] for slot in sorted(guides)])
        if guides
        else np.zeros((0, len(fields), 0, 3), np.float32),
        fit_blendshapes(fields[..., :3], residual[..., :3], sliders, _MOTION / (size / 2)),
        fit_blendshapes(fields[..., 3:], residual[..., 3:], sliders, _MOTION),
    )


@dataclass(frozen=True)
class _Frame:
    """Conversion of an engine's vertices (N, 5) to the coordinates of :class:`Piece`."""

    size: int
    depth: float

    def positions(self, vertices: Array) -> Array:
        values = np.asarray(vertices, np.float64)
        away = values[:, 2:3] / self.depth
        flat = ((values[:, :2] + 0.5) / self.size * 2 - 1) * away
        return np.concatenate([flat, away, values[:, 3:5]], axis=1).astype(np.float32)


def _without_slot(attributes: npt.NDArray[np.floating]) -> Array:
    return np.delete(attributes, 1, axis=1).astype(np.float32)


def _probe_pieces(
    layout: Layout,
    middle: Character,
    choices: Sequence[_Key],
    results: Callable[..., Iterator[ProbeResult]],
    frame: _Frame,
    count: int,
) -> dict[_Key, Piece]:
    """The piece that each choice adds to the middle character."""
    characters = [
        middle.replace(**{layout.discrete[i].name: layout.discrete[i].choices[k]})
        for i, k in choices
    ]
    pieces: dict[_Key, Piece] = {}
    for (slot, choice), result in zip(choices, results(characters, True), strict=True):
        assert result.attributes is not None
        assert result.triangles is not None
        own = result.attributes[:, 1] == slot + 1
        if not own.any():
            continue
        start = int(own.argmax())
        if start < count or not own[start : start + int(own.sum())].all():
            raise DatasetError(
                f"{layout.name}: the vertices of {layout.discrete[slot].name}="
                f"{layout.discrete[slot].choices[choice]} must come after the body's, together"
            )
        inside = np.all(own[result.triangles], axis=1)
        attributes = _without_slot(result.attributes[own])
        triangles = (result.triangles[inside] - start).astype(np.int32)
        positions = frame.positions(result.vertices)[own]
        pieces[slot, choice] = Piece(slot, choice, positions, attributes, triangles, *_NO_WEIGHTS)
    return pieces


def _split(
    layout: Layout, character: Character, pieces: _Pieces, vertices: Array
) -> dict[_Key, Array]:
    """Vertices of all pieces of a character, split by piece in the layout's order."""
    found, start = {}, 0
    for i, slot in enumerate(layout.discrete):
        key = i, slot.choices.index(str(character.values[slot.name]))
        if key in pieces:
            stop = start + len(pieces[key].rest)
            found[key] = vertices[start:stop]
            start = stop
    return found


def _largest(layout: Layout, pieces: _Pieces) -> dict[str, str]:
    """For each slot with pieces, the choice with the most vertices."""
    most: dict[int, tuple[int, int]] = {}
    for (slot, choice), piece in pieces.items():
        most[slot] = max(most.get(slot, (0, 0)), (len(piece.rest), choice))
    return {layout.discrete[s].name: layout.discrete[s].choices[c] for s, (_, c) in most.items()}


def _guides(
    layout: Layout,
    dressed: Character,
    pieces: _Pieces,
    at_ends: Sequence[Array],
    rest: Array,
    fields: Array,
) -> dict[int, Array]:
    """For each slot with pieces, its guide points (2 P, C, 3).

    ``at_ends``: for each slider half, the vertices of the pieces of ``dressed`` at its end.
    ``rest``, ``fields``: the body's vertices, and their displacement per half.
    """
    guides = {}
    parts = [_split(layout, dressed, pieces, vertices) for vertices in at_ends]
    for key in _split(layout, dressed, pieces, rest):
        moves = np.stack([part[key][:, :3] - pieces[key].rest[:, :3] for part in parts])
        points = np.concatenate(
            [
                p.rest[:: 1 + len(p.rest) // _SAMPLED_VERTICES, :3]
                for other, p in pieces.items()
                if other[0] == key[0]
            ]
        )
        gaps = ((points[:, None] - rest[None, :, :3]) ** 2).sum(axis=2)
        near = np.unique(gaps.argmin(axis=1))
        near = near[farthest_points(rest[near, :3], _NEAR_VERTICES)]
        guides[key[0]] = find_guides(moves, fields[:, near, :3])
    return guides
