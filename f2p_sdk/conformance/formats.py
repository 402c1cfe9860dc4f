"""Checks of a game's own file formats: characters survive writing and reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .. import plugins
from ..errors import CharacterError, F2PError
from ..findings import Finding
from ..parameters import Continuous
from ..plugins.character_files import kind_in, read_as, written_as

if TYPE_CHECKING:
    from ..kinds import FormatSpec, Kind
    from ..parameters import Character, Layout

SAMPLES = 20  # random characters
TOLERANCE = 1e-6  # of a slider's range: a float32 has seven digits


def check_formats(kind: Kind) -> Iterator[Finding]:
    """Check every format of the kind's game: round trip, name of the kind, empty file, extensions.

    Yields nothing for a game without formats.
    """
    formats = [spec for spec in plugins.formats() if spec.game == kind.game]
    for number, spec in enumerate(formats):
        subject = f"{kind.name} {spec.name}"
        yield _round_trip(kind, spec, subject)
        rule = "an empty file is an error"
        try:
            read_as(spec, b"", kind.layout, "empty file")
        except CharacterError:
            yield Finding("formats", subject, rule)
        except F2PError as error:
            yield Finding.of_error("formats", subject, rule, error)
        else:
            remedy = "let read raise an exception where the file lacks its beginning"
            yield Finding("formats", subject, rule, "failed", "gives a character", remedy)
        earlier = {one for other in formats[:number] for one in other.extensions}
        shared = ", ".join(one for one in spec.extensions if one in earlier)
        remedy = "give each format of the game other extensions"
        rule = "no other format has its extensions"
        yield Finding.of("formats", subject, rule, not shared, shared, remedy)


def _round_trip(kind: Kind, spec: FormatSpec, subject: str) -> Finding:
    rule = "characters survive writing and reading"
    layout = kind.layout
    characters = [layout.default(), *(layout.random(i) for i in range(SAMPLES))]
    portrait = np.full((64, 64, 3), 128, np.uint8)
    remedy = (
        "let read return what write wrote; if the file stores fewer values than the layout has, "
        'give the slider their step, e.g. step = "1/255"'
    )
    try:
        for number, character in enumerate(characters):
            data = written_as(spec, character, layout, portrait if number % 2 else None)
            changed = _difference(layout, character, read_as(spec, data, layout, "the file"))
            named = kind_in(spec, data, "the file")
            if named not in ("", kind.kind):
                changed = f"kind_of gives {named!r}"
            if changed:
                return Finding("formats", subject, rule, "failed", changed, remedy)
    except F2PError as error:
        return Finding.of_error("formats", subject, rule, error)
    value = f"{len(characters)} characters, {', '.join(spec.extensions)}"
    return Finding("formats", subject, rule, value=value)


def _difference(layout: Layout, before: Character, after: Character) -> str:
    """Describe the first value that changed; empty if none did."""
    for p in layout.parameters:
        old, new = before.values[p.name], after.values[p.name]
        if not isinstance(p, Continuous):
            if old != new:
                return f"{p.name}: {old} becomes {new}"
        elif abs(float(new) - float(old)) > TOLERANCE * (p.high - p.low):
            return f"{p.name}: {old:.8g} becomes {new:.8g}"
    return ""
