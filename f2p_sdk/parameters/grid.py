"""Grid of a slider: the equally spaced values that a game can store."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from ..errors import LayoutError

__all__ = ["Grid"]

MOST_STEPS = 100_000
TOLERANCE = 1e-6  # of the range: a float32 has seven digits
_FRACTION = re.compile(r"\d{1,15}(\.\d{1,15})?(/\d{1,15})?")


@dataclass(frozen=True)
class Grid:
    """The values (origin + index * stride) / divisor for index 0 to ``steps``.

    Whole numbers make every value the float that is nearest to its decimal: 0.3, not
    0.30000000000000004.
    """

    origin: int
    stride: int
    divisor: int
    steps: int

    @classmethod
    def of(cls, subject: str, low: float, high: float, step: object) -> Grid:
        """Return the grid from ``low`` to ``high``.

        Args:
            subject: beginning of errors, e.g. ``"parameter 'age'"``.
            step: distance of neighbouring values: a number, or text such as ``"1/255"``.

        Raises:
            LayoutError: not a positive number, or not a whole number of steps from low to high.
        """
        start, end = Fraction(repr(low)), Fraction(repr(high))
        size, span = _fraction(subject, step), end - start
        steps = round(span / size)
        if steps > MOST_STEPS:
            raise LayoutError(
                f"{subject}: step must be at least the range divided by {MOST_STEPS}, got {step!r}",
                remedy="leave step out: the slider then has every value from low to high",
            )
        if steps < 1 or abs(span / size - steps) > TOLERANCE * steps:
            counts = (max(1, span // size), span // size + 1)
            shown = " or ".join(dict.fromkeys(f"{float(start + n * size):.10g}" for n in counts))
            raise LayoutError(
                f"{subject}: high must be low plus a whole number of steps, "
                f"got low {low:g}, high {high:g} and step {step!r}",
                remedy=f'with this step, high is {shown}; a step may also be text such as "1/255"',
            )
        stride = span / steps
        divisor = math.lcm(start.denominator, stride.denominator)
        return cls(int(start * divisor), int(stride * divisor), divisor, steps)

    @property
    def step(self) -> float:
        """Distance of neighbouring values."""
        return self.stride / self.divisor

    def value(self, index: int) -> float:
        """Return the value of an index from 0 to ``steps``."""
        return (self.origin + index * self.stride) / self.divisor

    def around(self, value: float) -> tuple[float, float]:
        """Return the neighbouring grid values below and above a value in the range."""
        below = min(max(math.floor(self._place(value)), 0), self.steps - 1)
        return self.value(below), self.value(below + 1)

    def nearest(self, value: float) -> float:
        """Return the grid value nearest to a value in the range; the upper one of two."""
        return self.value(min(max(math.floor(self._place(value) + 0.5), 0), self.steps))

    def holds(self, value: float) -> bool:
        """Return True if a value is on the grid, but for the rounding of a float32."""
        return abs(self._place(value) - self._place(self.nearest(value))) <= TOLERANCE * self.steps

    def uniform(self, fraction: float) -> float:
        """Return the grid value of a fraction in [0, 1): all values have the same share."""
        return self.value(min(int(fraction * (self.steps + 1)), self.steps))

    def _place(self, value: float) -> float:
        """Index of a value, with decimals."""
        return (value * self.divisor - self.origin) / self.stride


def _fraction(subject: str, step: object) -> Fraction:
    number: Fraction | None = None
    if isinstance(step, str):
        if _FRACTION.fullmatch(step) and not re.search(r"/0+$", step):
            above, _, below = step.partition("/")
            number = Fraction(above) / Fraction(below or 1)
    elif isinstance(step, (int, float)) and not isinstance(step, bool) and math.isfinite(step):
        number = Fraction(repr(step))
    if number is None or number <= 0:
        raise LayoutError(
            f'{subject}: step must be more than 0: a number, or text such as "1/255", got {step!r}'
        )
    return number
