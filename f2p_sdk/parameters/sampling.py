"""Random values for the parameters of a layout, the same for the same (seed, index).

Datasets resume by drawing record i again, so these draws must never change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .schema import Continuous, Discrete, Value

# Number of traits, share of a slider's deviation that traits explain, and the seed of the random
# matrix (sliders, traits) of trait loadings.
_TRAITS, _SHARED, _LOADINGS_SEED = 8, 0.6, 6


def _generator(*seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def uniform_values(
    continuous: Sequence[Continuous], discrete: Sequence[Discrete], index: int, seed: int
) -> dict[str, Value]:
    """Draw independent, uniform values. ValueError if index or seed is negative."""
    if index < 0 or seed < 0:
        raise ValueError(f"index and seed must be 0 or more, got {index} and {seed}")
    generator = _generator(seed, index)
    fractions = generator.random(len(continuous))
    values: dict[str, Value] = {
        p.name: p.unscale(float(f)) if p.grid is None else p.grid.uniform(float(f))
        for p, f in zip(continuous, fractions, strict=True)
    }
    for p in discrete:
        values[p.name] = p.choices[int(generator.integers(len(p.choices)))]
    return values


def correlated_values(continuous: Sequence[Continuous], index: int, seed: int) -> dict[str, Value]:
    """Draw values of the sliders with a ``spread``: a factor model with a few normal traits.

    Each deviation is standard normal; the error function maps it to a uniform value within the
    spread.
    """
    spread = [(p, p.spread) for p in continuous if p.spread is not None]
    loadings = _generator(_LOADINGS_SEED).normal(size=(len(spread), _TRAITS))
    generator = _generator(seed, index, 2)
    shared = loadings @ generator.normal(size=_TRAITS) / math.sqrt(_TRAITS)
    own = generator.normal(size=len(spread))
    deviations = _SHARED * shared + math.sqrt(1 - _SHARED**2) * own
    values: dict[str, Value] = {}
    for (p, most), z in zip(spread, deviations.tolist(), strict=True):
        offset = most * math.erf(z / math.sqrt(2))
        default = p.scale(p.default)
        fraction = default + offset * (1 - default if offset > 0 else default)
        values[p.name] = p.unscale(min(max(fraction, 0.0), 1.0))
    return values


def changed_value(
    continuous: Sequence[Continuous],
    discrete: Sequence[Discrete],
    values: Mapping[str, Value],
    index: int,
    seed: int,
) -> dict[str, Value]:
    """Return one parameter with a new value: the one of the vector's element ``index`` modulo D.

    A slider gets its farther end. A discrete parameter gets the choice of that element, or a random
    other one if it already has that choice.
    """
    element = index % (len(continuous) + sum(len(p.choices) for p in discrete))
    if element < len(continuous):
        slider = continuous[element]
        value = values[slider.name]
        assert isinstance(value, float)
        return {slider.name: slider.low if slider.scale(value) > 0.5 else slider.high}
    chosen = element - len(continuous)
    parameter, *others = discrete
    while chosen >= len(parameter.choices):
        chosen -= len(parameter.choices)
        parameter, *others = others
    count = len(parameter.choices)
    if parameter.choices[chosen] == values[parameter.name]:
        chosen = (chosen + 1 + int(_generator(seed, index, 1).integers(count - 1))) % count
    return {parameter.name: parameter.choices[chosen]}
