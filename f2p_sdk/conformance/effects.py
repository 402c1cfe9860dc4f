"""Whether every slider and every choice does something, and something of its own, in the picture.

An imitator learns from pictures, and a search finds what pictures tell apart: a slider that changes
nothing, or the same as another, cannot be found from any photo.
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

__all__ = ["check_effects"]

SIDE = 192  # pixels of the pictures that are compared
VISIBLE = 6  # of 255: what an eye can see side by side
PIXELS = 6  # so many of them must change: a spot of 8 x 8 in a picture of 512 x 512
SAME = 0.98  # correlation of two sliders' changes from which they do the same
PEOPLE = 4  # the default and random characters: what one's hair hides, another's shows

Values: TypeAlias = "dict[str, Value]"
Changes: TypeAlias = "npt.NDArray[np.float32]"


def check_effects(kind: Kind, host: Host, *, deadline: float = 60.0) -> Iterator[Finding]:
    """Draws each slider at both ends and each choice, on up to four characters."""
    layout = kind.layout
    people = [dict(layout.default().values)]
    people += [dict(layout.random(i, seed=11).values) for i in range(PEOPLE - 1)]
    eye = _Eye(kind, host, deadline)
    changes: dict[str, Changes] = {}
    still = [p.name for p in layout.continuous]
    for person in people:
        seen = eye.sliders(person, still)
        changes.update(seen)
        still = [name for name in still if name not in seen]
        if not still:
            break
    rule = "every slider changes the picture"
    if layout.continuous:
        yield from _verdicts(
            kind,
            rule,
            [(name, f"fewer than {PIXELS} pixels of {SIDE}x{SIDE}") for name in still],
            f"{len(changes)} sliders, on up to {PEOPLE} characters",
            "widen what the slider does in the game, or take it out of the layout",
        )
        yield from _verdicts(
            kind,
            "no slider does the same as another",
            _alike(changes),
            f"{len(changes)} sliders",
            "let one of them move something else, or take it out of the layout",
        )
    alike = [pair for slot in layout.discrete for pair in eye.choices(people, slot.name)]
    if layout.discrete:
        yield from _verdicts(
            kind,
            "every choice looks different from the others",
            alike,
            f"{sum(len(p.choices) for p in layout.discrete)} choices",
            "make the choices differ, or take one out of the layout",
        )


def _verdicts(
    kind: Kind, rule: str, broken: Sequence[tuple[str, str]], value: str, remedy: str
) -> Iterator[Finding]:
    """One finding for each subject that breaks the rule, or one that none does."""
    for subject, found in broken:
        yield Finding("effects", f"{kind.name} {subject}", rule, "failed", found, remedy)
    if not broken:
        yield Finding("effects", kind.name, rule, value=value)


class _Eye:
    """Draws, and sees what changes."""

    def __init__(self, kind: Kind, host: Host, deadline: float) -> None:
        self._kind, self._host, self._deadline = kind, host, deadline

    def _draw(self, characters: Sequence[Values]) -> Iterator[npt.NDArray[Any]]:
        drawn = self._host.render_many(
            characters,
            kind=self._kind.kind,
            size=min(SIDE, self._host.wait().max_size),
            deadline=self._deadline,
            ordered=True,
        )
        return (picture.color.astype(np.int16) for _, picture in drawn)

    def sliders(self, person: Values, names: Sequence[str]) -> dict[str, Changes]:
        """Those that visibly change the person's picture, and how, low to high."""
        ends: list[Values] = []
        for name in names:
            p = self._kind.layout[name]
            ends += [{**person, name: p.low}, {**person, name: p.high}]  # type: ignore[union-attr]
        drawn = self._draw(ends)
        seen: dict[str, Changes] = {}
        for name in names:
            change = -next(drawn) + next(drawn)
            if _visible(change):
                # Smaller by half: fine edges count as much as what lies beside them.
                h, w = (side // 2 * 2 for side in change.shape[:2])
                small = change[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
                seen[name] = small.ravel().astype(np.float32)
        return seen

    def choices(self, people: Sequence[Values], slot: str) -> list[tuple[str, str]]:
        """Pairs of choices that look alike on everybody."""
        choices = self._kind.layout[slot].choices  # type: ignore[union-attr]
        pairs = [(a, b) for k, a in enumerate(choices) for b in choices[:k]]
        for person in people:
            needed = [c for c in choices if any(c in pair for pair in pairs)]
            drawn = dict(
                zip(needed, self._draw([{**person, slot: c} for c in needed]), strict=True)
            )
            pairs = [(a, b) for a, b in pairs if not _visible(drawn[a] - drawn[b])]
            if not pairs:
                break
        # Of several that look alike, each is named once, with the first that it looks like.
        first = dict(reversed(pairs))
        return [(f"{slot} {a}", f"looks as {b} does") for a, b in first.items()]


def _visible(change: npt.NDArray[Any]) -> bool:
    return int((np.abs(change).max(-1) >= VISIBLE).sum()) >= PIXELS


def _alike(changes: dict[str, Changes]) -> list[tuple[str, str]]:
    """Sliders whose changes of the picture correlate, also where one goes the other way."""
    if len(changes) < 2:
        return []
    names = list(changes)
    rows = np.stack([changes[name] for name in names])
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    found = []
    table = rows @ rows.T
    for a, b in np.argwhere(np.triu(np.abs(table) > SAME, k=1)):
        found.append((names[a], f"does as {names[b]} does: correlation {table[a, b]:.3f}"))
    return found
