"""Models of MakeHuman (.mhm): text with one word and its values per line.

MakeHuman writes ``modifier NAME VALUE`` for each modifier that is not 0, and its loader skips lines
that it does not know. Modifiers of the body, clothes and materials are not part of a face: they are
skipped here too.
"""

from __future__ import annotations

from typing import Any

from f2p_sdk import Character, CharacterError, Layout

VERSION = "v1.2.0"


def read(data: bytes, layout: Layout) -> Character:
    """Return the face of a model; a modifier that is not in the file is 0.

    Raises CharacterError for a file without version, and for a wrong line or value.
    """
    lines = data.decode("utf-8").splitlines()
    if not any(line.startswith("version ") for line in lines):
        raise CharacterError("must have a line `version ...`", remedy="save the model again")
    values: dict[str, float] = dict.fromkeys(layout.names, 0.0)
    for number, line in enumerate(lines, start=1):
        word, *rest = line.split() or [""]
        if word != "modifier":
            continue
        if len(rest) != 2:
            raise CharacterError(f"line {number}: must be `modifier NAME VALUE`, got {line!r}")
        name, text = rest
        if name in values:
            try:
                values[name] = float(text)
            except ValueError:
                raise CharacterError(f"line {number}: must be a number, got {text!r}") from None
    return layout.character(values)


def write(character: Character, layout: Layout, picture: Any = None) -> bytes:
    """Return a model with this face and the default body."""
    lines = ["# Written by f2p-sdk", f"version {VERSION}"]
    for name in layout.names:
        value = float(character.values[name])
        if value:
            lines.append(f"modifier {name} {value:.6f}")
    return ("\n".join(lines) + "\n").encode("utf-8")
