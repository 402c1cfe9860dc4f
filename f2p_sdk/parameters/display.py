"""Display of a slider: the numbers that players read for its values, by a table of points."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ..errors import LayoutError

__all__ = ["Points", "check_display", "interpolated"]

Points: TypeAlias = tuple[tuple[float, float], ...]
"""Points (value, shown number) with increasing values."""


def check_display(subject: str, low: float, high: float, given: Any) -> Points:
    """Return points as floats; none for an empty list.

    Args:
        subject: beginning of errors, e.g. ``"parameter 'age'"``.
        low, high: first and last value that the points must have.

    Raises:
        LayoutError: fewer than two points, not finite numbers, values that do not increase from
            ``low`` to ``high``, or shown numbers that neither all increase nor all decrease.
    """
    rule = f"{subject}: display must be two or more points [value, shown number]"
    try:
        table = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.full(1, math.nan)
    if table.shape == (0,):
        return ()
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or not np.isfinite(table).all():
        raise LayoutError(f"{rule}, got {given!r}")
    points: Points = tuple((float(value), float(shown)) for value, shown in table)
    values, shown = zip(*points, strict=True)
    if (values[0], values[-1]) != (low, high) or not _increasing(values):
        raise LayoutError(
            f"{subject}: values of display must increase from low {low:g} to high {high:g}, "
            f"got {[*values]}"
        )
    if not (_increasing(shown) or _increasing(shown[::-1])):
        text = "shown numbers of display must all increase or all decrease"
        raise LayoutError(f"{subject}: {text}, got {[*shown]}")
    return points


def interpolated(points: Points, value: float) -> float:
    """Return the number shown for a value from the first to the last one."""
    right = bisect_right(points, value, 1, len(points) - 1, key=lambda point: point[0])
    (x0, y0), (x1, y1) = points[right - 1 : right + 1]
    return y0 + (value - x0) / (x1 - x0) * (y1 - y0)


def _increasing(numbers: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(numbers))
