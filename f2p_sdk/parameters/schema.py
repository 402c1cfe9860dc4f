"""Continuous and discrete parameters and their validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TypeAlias

from ..errors import CharacterError, LayoutError, did_you_mean
from .display import Points, check_display, interpolated
from .grid import Grid

Value: TypeAlias = float | str
"""Number of a continuous parameter, or choice of a discrete one."""


def check_word(subject: str, rule: str, value: object) -> None:
    """Raise LayoutError unless ``value`` can stand in ``NAME=VALUE``: short and printable, without
    blanks, quotes and ``=``."""
    valid = isinstance(value, str) and 1 <= len(value) <= 100 and value.isprintable()
    if not valid or any(c.isspace() or c in "=\"'" for c in str(value)):
        raise LayoutError(
            f"{subject}: {rule} must be 1 to 100 printable characters, "
            f"no blanks, quotes or '=', got {value!r}"
        )


def _check_text(subject: str, **texts: object) -> None:
    for field, text in texts.items():
        if not isinstance(text, str):
            raise LayoutError(f"{subject}: {field} must be text, got {text!r}")


def as_number(value: object) -> float | None:
    """Return ``value`` as a float, or None if it is no real number. A bool is not a number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Continuous:
    """A slider: the numbers from ``low`` to ``high``, both included, or those of a grid.

    Attributes:
        name: unique in its layout.
        group: part of the face: eyebrow, eye, nose, mouth, face, hair, makeup. Any other name
            works, and causes a warning.
        low, high, default: in the game's own units.
        unit: of the numbers that players read, e.g. ``"mm"``; empty for a pure number.
        label, description: texts for people.
        spread: largest distance of :meth:`Layout.person` from the default, as a share of the
            distance to either end, in (0, 3]. Values beyond an end are set to that end. None: the
            value is uniform and independent of the other parameters.
        prior: weight with which a fit keeps the slider at the default, from 0 to 100. More than 1
            for what few people have and light imitates, such as redness and asymmetry; less for
            what differs between most people, such as colours.
        step: distance of the values that the game can store, counted from ``low``: a number, or
            text such as ``"1/255"``; kept as a float. None: every number in the range.
        display: points (value, number that players read), at least two, with increasing values
            from ``low`` to ``high``; numbers between them are interpolated. Empty: players read
            the value itself.

    The layout's hash covers none of unit, label, description, default, spread, prior, step and
    display: they do not change the vector.
    """

    name: str
    group: str
    low: float = 0.0
    high: float = 1.0
    default: float = 0.5
    unit: str = ""
    label: str = ""
    description: str = ""
    spread: float | None = None
    prior: float = 1.0
    step: float | str | None = None
    display: Points = ()

    def __post_init__(self) -> None:
        check_word("a continuous parameter", "name", self.name)
        subject = f"parameter {self.name!r}"
        check_word(subject, "group", self.group)
        _check_text(subject, unit=self.unit, label=self.label, description=self.description)
        for field in ("low", "high", "default"):
            given = getattr(self, field)
            number = as_number(given)
            if number is None or not math.isfinite(number):
                raise LayoutError(f"{subject}: {field} must be a finite number, got {given!r}")
            object.__setattr__(self, field, number + 0.0)  # + 0.0 turns -0.0 into 0.0
        if not self.low < self.high or not math.isfinite(self.high - self.low):
            ends = f"{self.low:g} and {self.high:g}"
            raise LayoutError(f"{subject}: low must be less than high, got {ends}")
        if not self.low <= self.default <= self.high:
            rule = f"default must be {self._range}"
            raise LayoutError(f"{subject}: {rule}, got {self.default:g}")
        if self.spread is not None:
            spread = as_number(self.spread)
            if spread is None or not 0 < spread <= 3:
                rule = "spread must be more than 0, at most 3"
                raise LayoutError(f"{subject}: {rule}, got {self.spread!r}")
            object.__setattr__(self, "spread", spread)
        prior = as_number(self.prior)
        if prior is None or not 0 <= prior <= 100:
            raise LayoutError(f"{subject}: prior must be from 0 to 100, got {self.prior!r}")
        object.__setattr__(self, "prior", prior)
        if self.step is not None:
            grid = Grid.of(subject, self.low, self.high, self.step)
            object.__setattr__(self, "step", grid.step)
            if not grid.holds(self.default):
                rule = f"default must be {self._neighbours(self.default)}"
                raise LayoutError(f"{subject}: {rule}, got {self.default:g}")
            object.__setattr__(self, "default", grid.nearest(self.default))
        points = check_display(subject, self.low, self.high, self.display)
        object.__setattr__(self, "display", points)

    @cached_property
    def grid(self) -> Grid | None:
        """Values of a slider with ``step``; None without."""
        if self.step is None:
            return None
        return Grid.of(f"parameter {self.name!r}", self.low, self.high, self.step)

    def validate(self, value: object) -> float:
        """Return ``value`` as a float. CharacterError unless it is a number from low to high.

        With ``step`` it must also be on the grid; the rounding of a float32 is removed.
        """
        number, subject = as_number(value), f"parameter {self.name!r}"
        if number is None:
            raise CharacterError(f"{subject}: must be a number {self._range}, got {value!r}")
        # NaN fails this comparison too.
        if not self.low <= number <= self.high:
            text = f"{subject}: must be {self._range}, got {number:g}"
            raise CharacterError(text, remedy="values are never clamped: give one in range")
        if self.grid is None:
            return number
        if not self.grid.holds(number):
            text = f"{subject}: must be on its grid of step {self.step:.6g}, got {number:.10g}"
            raise CharacterError(
                text, remedy=f"values are never rounded: give {self._neighbours(number)}"
            )
        return self.grid.nearest(number)

    @property
    def _range(self) -> str:
        return f"from {self.low:g} to {self.high:g}"

    def _neighbours(self, value: float) -> str:
        assert self.grid is not None
        return "{:.10g} or {:.10g}".format(*self.grid.around(value))

    def scale(self, value: float) -> float:
        """Convert from the game's units to [0, 1]."""
        return (value - self.low) / (self.high - self.low)

    def unscale(self, fraction: float) -> float:
        """Convert from [0, 1] to the game's units: to the nearest value of the grid, or without
        ``step`` rounded to a millionth of the range, which is close to the precision of float32."""
        span = self.high - self.low
        if self.grid is not None:
            return self.grid.nearest(self.low + fraction * span)
        digits = 6 - math.floor(math.log10(span))
        value = self.low + fraction * span
        return min(max(round(value, digits), self.low), self.high)

    def shown(self, value: float) -> float:
        """Return the number that players read for a value from low to high."""
        return interpolated(self.display, value) if self.display else value

    def text(self, value: float) -> str:
        """Return the text that players read for a value, with its unit: ``"172.5 cm"``."""
        return f"{self.shown(value):.6g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Discrete:
    """A parameter with named choices, e.g. a hairstyle.

    Attributes:
        name, group, label, description: as in :class:`Continuous`.
        choices: at least two names, in the order of the columns of the categorical group.
        default: one of the choices.
    """

    name: str
    group: str
    choices: tuple[str, ...]
    default: str
    label: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        check_word("a discrete parameter", "name", self.name)
        subject = f"parameter {self.name!r}"
        check_word(subject, "group", self.group)
        _check_text(subject, label=self.label, description=self.description)
        if not isinstance(self.choices, (list, tuple)):
            raise LayoutError(f"{subject}: choices must be a list of names, got {self.choices!r}")
        object.__setattr__(self, "choices", tuple(self.choices))
        for choice in self.choices:
            check_word(subject, "a choice", choice)
        if len(self.choices) < 2:
            names = list(self.choices)
            raise LayoutError(f"{subject}: choices must be two or more names, got {names}")
        twice = sorted({c for c in self.choices if self.choices.count(c) > 1})
        if twice:
            raise LayoutError(f"{subject}: choices must differ, {twice[0]!r} is there twice")
        if self.default not in self.choices:
            raise LayoutError(
                f"{subject}: default must be one of its choices, got {self.default!r}",
                remedy=did_you_mean(str(self.default), self.choices),
            )

    def validate(self, value: object) -> str:
        """Return ``value``. CharacterError unless it is one of the choices."""
        if isinstance(value, str) and value in self.choices:
            return str(value)
        near = did_you_mean(value, self.choices) if isinstance(value, str) else ""
        shown = ", ".join(self.choices[:12]) + (", ..." if len(self.choices) > 12 else "")
        raise CharacterError(
            f"parameter {self.name!r}: must be one of {len(self.choices)} choices, got {value!r}",
            remedy=near or f"use one of: {shown}",
        )


Parameter: TypeAlias = Continuous | Discrete
