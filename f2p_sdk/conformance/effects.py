"""Checks that every slider and every choice changes the picture in its own way.

A slider that changes nothing, or the same as another slider, cannot be found from any photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..findings import Finding

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters import Value

SIDE = 192  # pixels of the compared pictures
MIN_DIFFERENCE = 6  # of 255: visible in a side-by-side comparison
MIN_PIXELS = 6  # changed pixels: a spot of 8 x 8 in a picture of 512 x 512
DEADLINE = 60.0  # seconds for one picture
MAX_CORRELATION = 0.98  # of the changes of two sliders
CHARACTERS = 4  # the default and random ones: the hair of one may hide a change

Values: TypeAlias = "dict[str, Value]"
Changes: TypeAlias = "npt.NDArray[np.float32]"


def check_effects(kind: Kind, host: Host) -> Iterator[Finding]:
    """Draw each slider at both ends and each choice, on up to ``CHARACTERS`` characters."""
    layout = kind.layout
    characters = [dict(layout.default().values)]
    characters += [dict(layout.random(i, seed=11).values) for i in range(CHARACTERS - 1)]
    comparison = _Comparison(kind, host)
    changes: dict[str, Changes] = {}
    unchanged = [p.name for p in layout.continuous]
    for character in characters:
        changes |= comparison.sliders(character, unchanged)
        unchanged = [name for name in unchanged if name not in changes]
        if not unchanged:
            break
    if layout.continuous:
        yield from _findings(
            kind,
            "every slider changes the picture",
            [(name, f"fewer than {MIN_PIXELS} pixels of {SIDE}x{SIDE}") for name in unchanged],
            f"{len(changes)} sliders, on up to {CHARACTERS} characters",
            "increase the slider's effect in the game, or remove it from the layout",
        )
        yield from _findings(
            kind,
            "no slider has the same effect as another",
            _correlated(changes),
            f"{len(changes)} sliders",
            "let one of them move something else, or remove it from the layout",
        )
    if layout.discrete:
        yield from _findings(
            kind,
            "every choice looks different from the others",
            [pair for p in layout.discrete for pair in comparison.choices(characters, p.name)],
            f"{sum(len(p.choices) for p in layout.discrete)} choices",
            "make the choices differ, or remove one from the layout",
        )


def _findings(
    kind: Kind, rule: str, broken: Sequence[tuple[str, str]], value: str, remedy: str
) -> Iterator[Finding]:
    """One finding per (subject, value) that breaks the rule, or one ok finding."""
    for subject, found in broken:
        yield Finding("effects", f"{kind.name} {subject}", rule, "failed", found, remedy)
    if not broken:
        yield Finding("effects", kind.name, rule, value=value)


class _Comparison:
    """Draws characters and compares their pictures."""

    def __init__(self, kind: Kind, host: Host) -> None:
        self._kind, self._host = kind, host

    def _draw(self, characters: Sequence[Values]) -> Iterator[npt.NDArray[Any]]:
        renderings = self._host.render_many(
            characters,
            kind=self._kind.kind,
            size=min(SIDE, self._host.wait().max_size),
            deadline=DEADLINE,
            ordered=True,
        )
        return (rendering.color.astype(np.int16) for _, rendering in renderings)

    def sliders(self, character: Values, names: Sequence[str]) -> dict[str, Changes]:
        """Change of the picture from low to high, of each slider that changes it visibly."""
        ends: list[Values] = []
        for name in names:
            p = self._kind.layout[name]
            ends += [{**character, name: p.low}, {**character, name: p.high}]  # type: ignore[union-attr]
        pictures = self._draw(ends)
        changes: dict[str, Changes] = {}
        for name in names:
            change = -next(pictures) + next(pictures)
            if _visible(change):
                # Half the size: fine edges count as much as the pixels beside them.
                h, w = (side // 2 * 2 for side in change.shape[:2])
                small = change[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
                changes[name] = small.ravel().astype(np.float32)
        return changes

    def choices(self, characters: Sequence[Values], name: str) -> list[tuple[str, str]]:
        """Choices of a discrete parameter that look like another choice on every character."""
        choices = self._kind.layout[name].choices  # type: ignore[union-attr]
        pairs = [(a, b) for k, a in enumerate(choices) for b in choices[:k]]
        for character in characters:
            needed = [c for c in choices if any(c in pair for pair in pairs)]
            pictures = self._draw([{**character, name: c} for c in needed])
            drawn = dict(zip(needed, pictures, strict=True))
            pairs = [(a, b) for a, b in pairs if not _visible(drawn[a] - drawn[b])]
            if not pairs:
                break
        # Each choice is reported once, with the first choice that it looks like.
        first = dict(reversed(pairs))
        return [(f"{name} {a}", f"looks like {b}") for a, b in first.items()]


def _visible(change: npt.NDArray[Any]) -> bool:
    return int((np.abs(change).max(-1) >= MIN_DIFFERENCE).sum()) >= MIN_PIXELS


def _correlated(changes: dict[str, Changes]) -> list[tuple[str, str]]:
    """Pairs of sliders whose changes correlate, positively or negatively."""
    if len(changes) < 2:
        return []
    names = list(changes)
    rows = np.stack([changes[name] for name in names])
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    table = rows @ rows.T
    return [
        (names[a], f"same effect as {names[b]}: correlation {table[a, b]:.3f}")
        for a, b in np.argwhere(np.triu(np.abs(table) > MAX_CORRELATION, k=1))
    ]
