"""The layout: an ordered set of parameters, and the vector that stands for a character."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CharacterError, LayoutError, did_you_mean
from .character import Character, Value
from .schema import Continuous, Discrete, Parameter, check_word
from .tomlfile import parse_layout

__all__ = ["Layout", "Vector"]

Vector = npt.NDArray[np.float32]

# How far outside [0, 1] a vector may be: rounding of float32 through a network, no more.
TOLERANCE = 1e-4

# How random people vary: traits that a person has more or less of, and how much of what is uncommon
# about a slider is theirs. _WAYS is a seed: which way each slider goes with each trait.
_TRAITS, _SHARED, _WAYS = 8, 0.6, 6


@dataclass(frozen=True)
class Layout:
    """The parameters of one kind of character of a game, in order.

    Attributes:
        game, kind: names.
        parameters: all of them; the vector takes the continuous ones first in any case.
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
        seen: set[str] = set()
        for p in self.parameters:
            if not isinstance(p, (Continuous, Discrete)):
                raise LayoutError(f"layout {self.name}: {p!r} is not a parameter")
            if p.name in seen:
                raise LayoutError(f"layout {self.name}: parameter {p.name!r} is there twice")
            seen.add(p.name)

    @classmethod
    def load(cls, path: str | Path) -> Layout:
        """Read a layout from a TOML file; LayoutError names file, parameter, rule and value."""
        game, kind, parameters = parse_layout(path)
        try:
            return cls(game, kind, parameters)
        except LayoutError as error:
            raise LayoutError(f"{path}: {error.message}", remedy=error.remedy) from None

    # What the layout is

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
        """The discrete parameters, in the order of the vector's slots."""
        return tuple(p for p in self.parameters if isinstance(p, Discrete))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order of the vector."""
        ordered: tuple[Parameter, ...] = (*self.continuous, *self.discrete)
        return tuple(p.name for p in ordered)

    @cached_property
    def n_continuous(self) -> int:
        """How many parameters are continuous: the vector's first elements."""
        return len(self.continuous)

    @cached_property
    def size(self) -> int:
        """D, the length of the vector: one per continuous parameter, one per choice."""
        return self.n_continuous + sum(len(p.choices) for p in self.discrete)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Where each parameter stands in the vector; a continuous one is a slice of length 1."""
        where: dict[str, slice] = {p.name: slice(i, i + 1) for i, p in enumerate(self.continuous)}
        start = self.n_continuous
        for p in self.discrete:
            where[p.name] = slice(start, start + len(p.choices))
            start += len(p.choices)
        return MappingProxyType(where)

    @cached_property
    def slots(self) -> tuple[slice, ...]:
        """Where each discrete parameter stands in the vector."""
        return tuple(self.slices[p.name] for p in self.discrete)

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names by group, groups and names in the order of the file."""
        groups: dict[str, list[str]] = {}
        for p in self.parameters:
            groups.setdefault(p.group, []).append(p.name)
        return MappingProxyType({group: tuple(names) for group, names in groups.items()})

    @cached_property
    def hash(self) -> str:
        """16 hex digits over all that gives the vector its meaning: game, kind, and in the order
        of the vector the names, sorts, ranges and choices; not labels, units, groups, defaults."""
        meaning: list[Any] = [self.game, self.kind]
        meaning += [["continuous", p.name, p.low, p.high] for p in self.continuous]
        meaning += [["discrete", p.name, *p.choices] for p in self.discrete]
        text = json.dumps(meaning, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.parameters}

    def __getitem__(self, name: str) -> Parameter:
        """The parameter of this name; CharacterError with the nearest names if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise CharacterError(
                f"{self.name} has no parameter {name!r}", remedy=did_you_mean(name, self.names)
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    # Values

    def parse(self, assignment: str) -> tuple[str, Value]:
        """``"NAME=VALUE"``, as a player types it, to a name and a value; CharacterError."""
        name, equals, text = assignment.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name or not text:
            raise CharacterError(f"a setting is written NAME=VALUE, got {assignment!r}")
        parameter = self[name]
        if isinstance(parameter, Discrete):
            return name, parameter.validate(text)
        try:
            number: object = float(text)
        except ValueError:
            number = text
        return name, parameter.validate(number)

    def validate(self, values: Mapping[str, object]) -> dict[str, Value]:
        """A value for every parameter, each checked, in the order of the vector.

        Raises CharacterError for unknown, missing, out-of-range and mistyped values and NaN.
        """
        for name in values:
            if name not in self._by_name:
                raise CharacterError(
                    f"{self.name} has no parameter {name!r}",
                    remedy=did_you_mean(str(name), self.names),
                )
        missing = [name for name in self.names if name not in values]
        if missing:
            shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
            raise CharacterError(
                f"{self.name}: {len(missing)} of {len(self.names)} parameters are missing: {shown}",
                remedy="a character has a value for every parameter; start from a fitted one",
            )
        return {name: self._by_name[name].validate(values[name]) for name in self.names}

    def character(self, values: Mapping[str, object]) -> Character:
        """A character of this layout with these values, checked by :meth:`validate`."""
        return Character(self.game, self.kind, self.hash, self.validate(values))

    def default(self) -> Character:
        """The character with every parameter at its default."""
        return self.character({p.name: p.default for p in self.parameters})

    def random(self, index: int, seed: int = 0) -> Character:
        """A uniformly random character; the same for the same (seed, index), whoever draws it.

        All that a player may set is as likely: what networks have to know. Somebody one could meet
        is :meth:`person`. Raises ValueError if index or seed is negative.
        """
        if index < 0 or seed < 0:
            raise ValueError(f"index and seed must be 0 or more, got {index} and {seed}")
        generator = np.random.Generator(np.random.PCG64([seed, index]))
        fractions = generator.random(self.n_continuous)
        values: dict[str, Value] = {
            p.name: p.unscale(float(f)) for p, f in zip(self.continuous, fractions, strict=True)
        }
        for slot in self.discrete:
            values[slot.name] = slot.choices[int(generator.integers(len(slot.choices)))]
        return Character(self.game, self.kind, self.hash, values)

    def person(self, index: int, seed: int = 0) -> Character:
        """A random character as people are; the same for the same (seed, index).

        :meth:`random`, but that sliders with a ``spread`` keep to it, and go together: they follow
        a few traits that a person has more or less of. Who has two hundred sliders somewhere is
        odd everywhere and like all others; people are ordinary in most, and differ in some.

        Raises ValueError if index or seed is negative.
        """
        character = self.random(index, seed)
        spread = [(p, p.spread) for p in self.continuous if p.spread is not None]
        ways = np.random.Generator(np.random.PCG64(_WAYS)).normal(size=(len(spread), _TRAITS))
        generator = np.random.Generator(np.random.PCG64([seed, index, 2]))
        shared = ways @ generator.normal(size=_TRAITS) / math.sqrt(_TRAITS)
        own = generator.normal(size=len(spread))
        values: dict[str, Value] = {}
        deviations = _SHARED * shared + math.sqrt(1 - _SHARED**2) * own
        for (p, most), z in zip(spread, deviations.tolist(), strict=True):
            aside = most * math.erf(z / math.sqrt(2))  # evenly from -most to most
            middle = p.scale(p.default)
            fraction = middle + aside * (1 - middle if aside > 0 else middle)
            values[p.name] = p.unscale(min(max(fraction, 0.0), 1.0))
        return character.replace(**values)

    def neighbour(self, index: int, seed: int = 0) -> Character:
        """:meth:`random` with one parameter changed, the index-th of the vector, over and over.

        A slider goes to its farther end, a slot to the choice whose turn it is (to another, if it
        has that one). Pairs of the two show what each parameter does to the picture.
        """
        character = self.random(index, seed)
        element = index % self.size
        if element < self.n_continuous:
            slider = self.continuous[element]
            value = character.values[slider.name]
            assert isinstance(value, float)
            end = slider.low if slider.scale(value) > 0.5 else slider.high
            return character.replace(**{slider.name: end})
        slot, where = next(
            (p, s) for p, s in zip(self.discrete, self.slots, strict=True) if element < s.stop
        )
        turn = element - where.start
        if len(slot.choices) > 1 and slot.choices[turn] == character.values[slot.name]:
            generator = np.random.Generator(np.random.PCG64([seed, index, 1]))
            turn = (turn + 1 + int(generator.integers(len(slot.choices) - 1))) % len(slot.choices)
        return character.replace(**{slot.name: slot.choices[turn]})

    # The vector

    def encode(self, character: Character | Mapping[str, object]) -> Vector:
        """A character, or values for every parameter, to the vector: float32 (D,) in [0, 1].

        Raises CharacterError where the character is of another layout or does not fit this one.
        """
        if isinstance(character, Character):
            character.check(self)
            values = self.validate(character.values)
        else:
            values = self.validate(character)
        vector = np.zeros(self.size, dtype=np.float32)
        for i, p in enumerate(self.continuous):
            value = values[p.name]
            assert isinstance(value, float)
            vector[i] = p.scale(value)
        for slot, where in zip(self.discrete, self.slots, strict=True):
            vector[where.start + slot.choices.index(str(values[slot.name]))] = 1.0
        return vector

    def decode(self, vector: npt.ArrayLike) -> Character:
        """A vector (D,) to a character; of each slot the choice with the highest number wins.

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
        for slot, where in zip(self.discrete, self.slots, strict=True):
            values[slot.name] = slot.choices[int(np.argmax(array[where]))]
        return Character(self.game, self.kind, self.hash, values)

    def _owner(self, element: int) -> str:
        return next(name for name, s in self.slices.items() if s.start <= element < s.stop)
