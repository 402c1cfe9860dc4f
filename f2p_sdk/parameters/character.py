"""The character: a value for every parameter, as the player edits it and the game loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ..errors import CharacterError, did_you_mean
from ..files import atomic_write, read_limited
from .schema import Continuous

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["Character", "Value"]

Value: TypeAlias = float | str

MAX_BYTES = 4 * 1024 * 1024
_KEYS = ("game", "kind", "layout", "values")


@dataclass(frozen=True)
class Character:
    """A value for every parameter of a layout, in the game's own units.

    Made by :meth:`Layout.character`, :meth:`Layout.default`, :meth:`Layout.decode` or
    :meth:`Character.load`, which check the values.

    Attributes:
        game, kind, layout_hash: which layout the values belong to.
        values: name to number (continuous) or choice (discrete), read-only.
    """

    game: str
    kind: str
    layout_hash: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view does not pickle; worker processes are sent characters.
        return (type(self), (self.game, self.kind, self.layout_hash, dict(self.values)))

    @property
    def name(self) -> str:
        """``game/kind``."""
        return f"{self.game}/{self.kind}"

    def replace(self, /, **values: Value) -> Character:
        """This character with some values changed. CharacterError for a name it does not have or a
        number where a choice belongs; ranges are checked where the character meets its layout."""
        for name, value in values.items():
            if name not in self.values:
                raise CharacterError(
                    f"{self.name} has no parameter {name!r}",
                    remedy=did_you_mean(name, self.values),
                )
            if isinstance(value, str) is not isinstance(self.values[name], str):
                expected = "a choice" if isinstance(self.values[name], str) else "a number"
                raise CharacterError(f"parameter {name!r}: must be {expected}, got {value!r}")
        return Character(self.game, self.kind, self.layout_hash, {**self.values, **values})

    def check(self, layout: Layout) -> None:
        """CharacterError unless this is a character of ``layout``; says what has changed."""
        if (self.game, self.kind) != (layout.game, layout.kind):
            raise CharacterError(
                f"the character is of {self.name}, not of {layout.name}",
                remedy=f"name the game it belongs to: {self.name}",
            )
        if self.layout_hash != layout.hash:
            raise CharacterError(
                f"the character was made for layout {self.layout_hash} of {self.name}, "
                f"this one is {layout.hash}: {_changes(self.values, layout)}",
                remedy="fit the photo again; or edit the values, "
                f'then set "layout" to "{layout.hash}"',
            )

    # JSON

    def to_json(self) -> str:
        """JSON text with the keys game, kind, layout (the hash) and values, one value a line."""
        document = {
            "game": self.game,
            "kind": self.kind,
            "layout": self.layout_hash,
            "values": dict(self.values),
        }
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_json` to ``path``, whole or not at all."""
        return atomic_write(path, self.to_json(), error=CharacterError)

    @classmethod
    def from_json(
        cls, text: str | bytes, layout: Layout, *, source: str = "character"
    ) -> Character:
        """The character in JSON ``text``, checked against ``layout``.

        Args:
            source: what to call the text in errors, e.g. the name of its file.

        Raises:
            CharacterError: not JSON, a key twice, NaN, another game or layout, an unknown, missing,
                mistyped or out-of-range value.
        """
        try:
            document = _parse(text)
            character = cls(
                document["game"], document["kind"], document["layout"], document["values"]
            )
            character.check(layout)
            return layout.character(character.values)
        except CharacterError as error:
            raise CharacterError(f"{source}: {error.message}", remedy=error.remedy) from None

    @classmethod
    def load(cls, path: str | Path, layout: Layout) -> Character:
        """The character in a JSON file, checked against ``layout`` as by :meth:`from_json`."""
        return cls.from_json(_read(path), layout, source=str(path))

    @classmethod
    def game_of(cls, path: str | Path) -> str:
        """``game/kind`` of the character in a JSON file, before its layout is known."""
        try:
            document = _parse(_read(path))
        except CharacterError as error:
            raise CharacterError(_prefixed(path, error), remedy=error.remedy) from None
        return f"{document['game']}/{document['kind']}"


def _prefixed(path: str | Path, error: CharacterError) -> str:
    prefix = f"{path}: "
    return error.message if error.message.startswith(prefix) else prefix + error.message


def _read(path: str | Path) -> bytes:
    remedy = "give the path of a character.json, as `f2p fit` writes it"
    return read_limited(path, MAX_BYTES, error=CharacterError, remedy=remedy)


def _parse(text: str | bytes) -> dict[str, Any]:
    """The document with its four keys and their types checked; the values are not."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in pairs:
            if key in table:
                raise CharacterError(f"the key {key!r} is there twice", remedy="keep one of them")
            table[key] = value
        return table

    def refuse(constant: str) -> NoReturn:
        raise CharacterError(f"a value must be a finite number, got {constant}")

    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are both ValueErrors
        raise CharacterError(
            f"is not JSON: {error}", remedy="a character is a JSON file as `f2p fit` writes it"
        ) from error
    if not isinstance(document, dict):
        raise CharacterError(f"must be a JSON object with the keys {', '.join(_KEYS)}")
    for key in document:
        if key not in _KEYS:
            raise CharacterError(
                f"{key!r} is not a key of a character; the keys are {', '.join(_KEYS)}",
                remedy=did_you_mean(key, _KEYS),
            )
    for key in _KEYS:
        if key not in document:
            raise CharacterError(f"the key {key!r} is missing")
        wanted = dict if key == "values" else str
        if not isinstance(document[key], wanted):
            what = "an object" if wanted is dict else "text"
            raise CharacterError(f"{key!r} must be {what}, got {document[key]!r}")
    return document


def _changes(values: Mapping[str, object], layout: Layout) -> str:
    """What a character alone tells: names that came and went, values that no longer fit."""
    removed = [name for name in values if name not in layout]
    added = [name for name in layout.names if name not in values]
    changed = []
    for name in layout.names:
        if name in values:
            parameter = layout[name]
            try:
                parameter.validate(values[name])
            except CharacterError:
                allowed = (
                    f"from {parameter.low:g} to {parameter.high:g}"
                    if isinstance(parameter, Continuous)
                    else "one of its choices"
                )
                changed.append(f"{name} ({values[name]!r} is not {allowed})")
    parts = [
        f"{word} {_some(names)}"
        for word, names in (("added", added), ("removed", removed), ("changed", changed))
        if names
    ]
    return "; ".join(parts) or "the names are the same, ranges or choices or their order differ"


def _some(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (
        f" and {len(names) - limit} more" if len(names) > limit else ""
    )
