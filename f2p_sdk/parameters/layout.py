"""Layout: the ordered parameters of one kind, and the vector form of a character."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CharacterError, LayoutError, did_you_mean, error_prefix
from .character import Character
from .sampling import changed_value, correlated_values, uniform_values
from .schema import Continuous, Discrete, Parameter, Value, check_word
from .tomlfile import parse_layout

Vector = npt.NDArray[np.float32]

# Accepted deviation of a vector from [0, 1]: float32 rounding of a network's output.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Layout:
    """The ordered parameters of one kind of character of a game.

    Attributes:
        game, kind: names.
        parameters: continuous and discrete ones in any order; the vector starts with the
            continuous ones.
    """

    game: str
    kind: str
    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        for field in ("game", "kind"):
            check_word("layout", field, getattr(self, field))
            if "/" in getattr(self, field):
                raise LayoutError(f"layout: {field} must not contain '/', got {self.name!r}")
        object.__setattr__(self, "parameters", tuple(self.parameters))
        if not self.parameters:
            raise LayoutError(f"layout {self.name}: must have at least one parameter, has none")
        names: set[str] = set()
        for p in self.parameters:
            if not isinstance(p, (Continuous, Discrete)):
                raise LayoutError(f"layout {self.name}: {p!r} is not a parameter")
            if p.name in names:
                raise LayoutError(f"layout {self.name}: parameter {p.name!r} is there twice")
            names.add(p.name)

    @classmethod
    def load(cls, path: str | Path) -> Layout:
        """Read a layout from a TOML file. LayoutError names file, parameter, rule and value."""
        game, kind, parameters = parse_layout(path)
        with error_prefix(path):
            return cls(game, kind, parameters)

    @property
    def name(self) -> str:
        """``game/kind``."""
        return f"{self.game}/{self.kind}"

    @cached_property
    def continuous(self) -> tuple[Continuous, ...]:
        """The continuous parameters, in the order of the vector."""
        return tuple(p for p in self.parameters if isinstance(p, Continuous))

    @cached_property
    def discrete(self) -> tuple[Discrete, ...]:
        """The discrete parameters, in the order of the vector."""
        return tuple(p for p in self.parameters if isinstance(p, Discrete))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order of the vector."""
        ordered: tuple[Parameter, ...] = (*self.continuous, *self.discrete)
        return tuple(p.name for p in ordered)

    @cached_property
    def n_continuous(self) -> int:
        """C, the number of continuous parameters: the first elements of the vector."""
        return len(self.continuous)

    @cached_property
    def size(self) -> int:
        """D, the length of the vector: one element per continuous parameter and per choice."""
        return self.n_continuous + sum(len(p.choices) for p in self.discrete)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Columns of the vector by parameter; a continuous parameter has one column."""
        columns = {p.name: slice(i, i + 1) for i, p in enumerate(self.continuous)}
        start = self.n_continuous
        for p in self.discrete:
            columns[p.name] = slice(start, start + len(p.choices))
            start += len(p.choices)
        return MappingProxyType(columns)

    @cached_property
    def slots(self) -> tuple[slice, ...]:
        """Columns of each categorical group: one slice per discrete parameter."""
        return tuple(self.slices[p.name] for p in self.discrete)

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the parameters by group, both in the order of the file."""
        groups: dict[str, list[str]] = {}
        for p in self.parameters:
            groups.setdefault(p.group, []).append(p.name)
        return MappingProxyType({group: tuple(names) for group, names in groups.items()})

    @cached_property
    def hash(self) -> str:
        """16 hex digits of a SHA-256 over everything that defines the vector: game, kind, and the
        names, types, ranges and choices in order; not labels, units, groups, defaults and steps."""
        meaning: list[Any] = [self.game, self.kind]
        meaning += [["continuous", p.name, p.low, p.high] for p in self.continuous]
        meaning += [["discrete", p.name, *p.choices] for p in self.discrete]
        text = json.dumps(meaning, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.parameters}

    def __getitem__(self, name: str) -> Parameter:
        """Return the parameter of this name. CharacterError suggests the nearest names."""
        try:
            return self._by_name[name]
        except KeyError:
            raise CharacterError(
                f"{self.name} has no parameter {name!r}", remedy=did_you_mean(str(name), self.names)
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def parse(self, assignment: str) -> tuple[str, Value]:
        """Parse ``"NAME=VALUE"`` to a name and a valid value. Raises CharacterError."""
        name, equals, text = assignment.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name or not text:
            raise CharacterError(f"an assignment must be NAME=VALUE, got {assignment!r}")
        parameter = self[name]
        if isinstance(parameter, Discrete):
            return name, parameter.validate(text)
        try:
            number: object = float(text)
        except ValueError:
            number = text
        return name, parameter.validate(number)

    def validate(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Check a value for every parameter and return them in the order of the vector.

        Raises CharacterError for unknown, missing, out-of-range and mistyped values and NaN.
        """
        for name in values:
            self[name]
        missing = [name for name in self.names if name not in values]
        if missing:
            shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
            raise CharacterError(
                f"{self.name}: {len(missing)} of {len(self.names)} parameters are missing: {shown}",
                remedy="a character has a value for every parameter; start from a fitted one",
            )
        return {name: self._by_name[name].validate(values[name]) for name in self.names}

    def character(self, values: Mapping[str, object]) -> Character:
        """Return a character with these values, checked by :meth:`validate`."""
        return Character(self.game, self.kind, self.hash, self.validate(values))

    def default(self) -> Character:
        """Return the character with every parameter at its default."""
        return self.character({p.name: p.default for p in self.parameters})

    def random(self, index: int, seed: int = 0) -> Character:
        """Draw a uniformly random character, the same for the same (seed, index).

        All values are equally likely, as training data of networks need it. :meth:`person` draws
        plausible people. Raises ValueError if index or seed is negative.
        """
        values = uniform_values(self.continuous, self.discrete, index, seed)
        return Character(self.game, self.kind, self.hash, values)

    def person(self, index: int, seed: int = 0) -> Character:
        """Draw a plausible random character, the same for the same (seed, index).

        Sliders with a ``spread`` stay within it and are correlated: they follow a few random
        traits. All other parameters are those of :meth:`random`. Raises ValueError if index or
        seed is negative.
        """
        return self.random(index, seed).replace(**correlated_values(self.continuous, index, seed))

    def neighbour(self, index: int, seed: int = 0) -> Character:
        """Return :meth:`random` with one parameter changed, in turn for every vector element.

        A slider moves to its farther end, a discrete parameter to another choice. The pair shows
        the effect of one parameter on the picture.
        """
        base = self.random(index, seed)
        changed = changed_value(self.continuous, self.discrete, base.values, index, seed)
        return base.replace(**changed)

    def checked(self, character: Character) -> Character:
        """Return the character with its values in the order of the vector.

        Raises CharacterError if it belongs to another layout or has invalid values.
        """
        if (character.game, character.kind) != (self.game, self.kind):
            raise CharacterError(
                f"the character is of {character.name}, not of {self.name}",
                remedy=f"name the game it belongs to: {character.name}",
            )
        if character.layout_hash != self.hash:
            raise CharacterError(
                f"the character was made for layout {character.layout_hash} of {self.name}, "
                f"this one is {self.hash}: {self._changes(character.values)}",
                remedy="fit the photo again; or edit the values, "
                f'then set "layout" to "{self.hash}"',
            )
        return self.character(character.values)

    def _changes(self, values: Mapping[str, object]) -> str:
        """Describe added, removed and invalid names of a character of an older layout."""
        changed = []
        for name in self.names:
            parameter = self[name]
            try:
                parameter.validate(values.get(name, parameter.default))
            except CharacterError:
                allowed = (
                    f"from {parameter.low:g} to {parameter.high:g}"
                    if isinstance(parameter, Continuous)
                    else "one of its choices"
                )
                changed.append(f"{name} ({values[name]!r} is not {allowed})")
        parts = {
            "added": [name for name in self.names if name not in values],
            "removed": [name for name in values if name not in self],
            "changed": changed,
        }
        listed = "; ".join(f"{word} {_shortened(names)}" for word, names in parts.items() if names)
        return listed or "the names are the same, ranges or choices or their order differ"

    def encode(self, character: Character | Mapping[str, object]) -> Vector:
        """Convert a character, or values for every parameter, to a vector float32 (D,) in [0, 1].

        Raises CharacterError if the character belongs to another layout or has invalid values.
        """
        if isinstance(character, Character):
            values: Mapping[str, Value] = self.checked(character).values
        else:
            values = self.validate(character)
        vector = np.zeros(self.size, dtype=np.float32)
        for i, p in enumerate(self.continuous):
            value = values[p.name]
            assert isinstance(value, float)
            vector[i] = p.scale(value)
        for discrete, columns in zip(self.discrete, self.slots, strict=True):
            vector[columns.start + discrete.choices.index(str(values[discrete.name]))] = 1.0
        return vector

    def decode(self, vector: npt.ArrayLike) -> Character:
        """Convert a vector (D,) to a character: each slider with a step gets the nearest value of
        its grid, and each categorical group gives its largest element.

        Raises CharacterError for another length, NaN, and numbers outside [0, 1] by more than 1e-4.
        """
        array = np.asarray(vector, dtype=np.float64)
        if array.shape != (self.size,):
            raise CharacterError(
                f"{self.name}: a vector must have the shape ({self.size},), got {array.shape}"
            )
        wrong = np.flatnonzero(~((array >= -TOLERANCE) & (array <= 1 + TOLERANCE)))
        if wrong.size:
            i = int(wrong[0])
            raise CharacterError(
                f"{self.name}: a vector must be in [0, 1], "
                f"element {i} ({self._owner(i)}) is {array[i]:g}"
            )
        values: dict[str, Value] = {
            p.name: p.unscale(float(np.clip(array[i], 0, 1))) for i, p in enumerate(self.continuous)
        }
        for discrete, columns in zip(self.discrete, self.slots, strict=True):
            values[discrete.name] = discrete.choices[int(np.argmax(array[columns]))]
        return Character(self.game, self.kind, self.hash, values)

    def on_grid(self, vector: npt.ArrayLike) -> Vector:
        """Return a vector (D,) with each slider that has a step at the nearest value of its grid.

        The other elements stay as they are.
        """
        moved = np.array(vector, dtype=np.float32)
        for i, p in enumerate(self.continuous):
            if p.grid is not None:
                moved[i] = p.scale(p.unscale(float(np.clip(moved[i], 0, 1))))
        return moved

    def _owner(self, element: int) -> str:
        return next(name for name, s in self.slices.items() if s.start <= element < s.stop)


def _shortened(names: list[str], limit: int = 8) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
