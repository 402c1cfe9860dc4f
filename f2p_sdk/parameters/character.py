"""Character: a value for every parameter, as the player edits it and the game loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import CharacterError, did_you_mean, error_prefix
from ..files import atomic_write, read_limited
from .schema import Value as Value  # also for importers of this module
from .tomlfile import check_keys

if TYPE_CHECKING:
    from .layout import Layout

MAX_BYTES = 4 * 1024 * 1024
_KEYS = ("game", "kind", "layout", "values")
_ASSETS = "assets"  # optional


@dataclass(frozen=True)
class Character:
    """A value for every parameter of a layout, in the game's own units.

    :meth:`Layout.character`, :meth:`Layout.default`, :meth:`Layout.decode` and
    :meth:`Character.load` make characters and check their values.

    Attributes:
        game, kind, layout_hash: layout of the values.
        values: read-only mapping from a name to a number (continuous) or a choice (discrete).
        assets: hash or build number of the rig and art that it was fitted with; empty if unknown.
            It does not count in comparisons.
    """

    game: str
    kind: str
    layout_hash: str
    values: Mapping[str, Value]
    assets: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view cannot be pickled, and worker processes get characters.
        fields = (self.game, self.kind, self.layout_hash, dict(self.values), self.assets)
        return (type(self), fields)

    @property
    def name(self) -> str:
        """``game/kind``."""
        return f"{self.game}/{self.kind}"

    def replace(self, /, **values: Value) -> Character:
        """Return a copy with some values changed.

        Raises CharacterError for an unknown name, and for a number in place of a choice or the
        reverse. The layout checks ranges when it encodes or loads the character.
        """
        for name, value in values.items():
            if name not in self.values:
                near = did_you_mean(name, self.values)
                raise CharacterError(f"{self.name} has no parameter {name!r}", remedy=near)
            if isinstance(value, str) is not isinstance(self.values[name], str):
                expected = "a choice" if isinstance(self.values[name], str) else "a number"
                raise CharacterError(f"parameter {name!r}: must be {expected}, got {value!r}")
        return replace(self, values={**self.values, **values})

    def to_json(self) -> str:
        """Return JSON with the keys game, kind, layout (hash), assets if they are known, and
        values, one value per line."""
        contents = (self.game, self.kind, self.layout_hash, dict(self.values))
        document = dict(zip(_KEYS, contents, strict=True))
        if self.assets:
            values = document.pop("values")
            document |= {_ASSETS: self.assets, "values": values}
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_json` to ``path`` atomically."""
        return atomic_write(path, self.to_json(), error=CharacterError)

    @classmethod
    def from_json(
        cls, text: str | bytes, layout: Layout, *, source: str = "character"
    ) -> Character:
        """Read a character from JSON ``text`` and check it against ``layout``.

        Args:
            source: name of the text in errors, e.g. its file.

        Raises:
            CharacterError: not JSON, a repeated key, NaN, another game or layout, an unknown,
                missing, mistyped or out-of-range value.
        """
        with error_prefix(source):
            document = _parse(text)
            found = layout.checked(cls(*(document[key] for key in _KEYS)))
            return replace(found, assets=document.get(_ASSETS, ""))

    @classmethod
    def load(cls, path: str | Path, layout: Layout) -> Character:
        """Read a JSON file as by :meth:`from_json`."""
        return cls.from_json(_read(path), layout, source=str(path))

    @classmethod
    def game_of(cls, path: str | Path) -> str:
        """Return ``game/kind`` of a JSON file; no layout is needed."""
        text = _read(path)
        with error_prefix(path):
            document = _parse(text)
        return f"{document['game']}/{document['kind']}"


def _read(path: str | Path) -> bytes:
    remedy = "give the path of a character.json, as `f2p fit` writes it"
    return read_limited(path, MAX_BYTES, error=CharacterError, remedy=remedy)


def _parse(text: str | bytes) -> dict[str, Any]:
    """Parse JSON and check its keys and their types, but not the values."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
        document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are both ValueErrors
        raise CharacterError(
            f"is not JSON: {error}", remedy="a character is a JSON file as `f2p fit` writes it"
        ) from error
    if not isinstance(document, dict):
        raise CharacterError(f"must be a JSON object with the keys {', '.join(_KEYS)}")
    keys = (*_KEYS, *([_ASSETS] if _ASSETS in document else []))
    check_keys("character", document, keys, error=CharacterError)
    for key in keys:
        expected, what = (dict, "an object") if key == "values" else (str, "text")
        if not isinstance(document[key], expected):
            raise CharacterError(f"{key!r} must be {what}, got {document[key]!r}")
    return document
