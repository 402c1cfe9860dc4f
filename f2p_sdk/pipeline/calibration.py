"""Calibration of the published loss on pictures that the game's own engine draws."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from ..errors import FaceError, NoFaceError, SearchError, UsageError
from .loss_units import LossUnits

if TYPE_CHECKING:
    from ..images import Picture
    from .fitting import Fitter

__all__ = ["RISES", "SCALES", "calibrate", "rises"]

RISES = 0.1
"""Most that the loss may rise in a search, as a share of its falls."""

SCALES: Sequence[float] = tuple(2.0**-n for n in range(3, 13))
"""Scales that are tried, the largest first."""

_METHOD = "slides"
_FIRST = 900_000  # numbers of the random characters: none of these are in training data
_TRIED = 4  # random characters per target, at most: the detector may miss faces


def rises(losses: Sequence[float]) -> float:
    """Return the sum of all rises of a loss from step to step over the sum of all its falls."""
    steps = [after - before for before, after in itertools.pairwise(losses)]
    up, down = sum(x for x in steps if x > 0), -sum(x for x in steps if x < 0)
    return up / max(down, 1e-12)


def calibrate(
    fitter: Fitter,
    count: int = 4,
    *,
    seed: int = 0,
    progress: Callable[[int, str], object] | None = None,
) -> LossUnits:
    """Measure the units of the published loss for the imitator of a fitter.

    The engine draws random characters. A term's unit is its mean at the start of a search for one
    of them. The scale is the largest of :data:`SCALES` with which the ten steps of ``slides``
    descend: on average over the characters, :func:`rises` is at most :data:`RISES`.

    Args:
        fitter: with an engine; is not changed.
        count: number of characters.
        progress: called as ``progress(searches done, text)``.

    Raises:
        F2PError: as :meth:`Fitter.fit`; UsageError without an engine; NoFaceError if the detector
            sees a face in few of the engine's pictures; SearchError if no scale descends.
    """
    if fitter.engine is None:
        raise UsageError("a calibration needs an engine, and the fitter has none")
    done = 0

    def search(target: Picture, units: LossUnits, steps: int | None) -> list[Mapping[str, float]]:
        nonlocal done
        trial = copy.copy(fitter)
        trial.loss_units = units
        report = trial.fit(target, method=_METHOD, steps=steps, seed=seed).report
        done += 1
        if progress is not None:
            progress(done, f"scale {units.scale:g}")
        return list(report["losses"]["search"])

    one = LossUnits(SCALES[-1], {"identity": 1.0, "content": 1.0})
    targets = _targets(fitter, count, seed)
    first = [search(target, one, 1)[0] for target in targets]
    terms = [term for term in first[0] if term != "total"]
    found = LossUnits(
        1.0,
        {term: round(max(fmean(row[term] for row in first), 1e-6), 6) for term in terms},
        fitter.recognizer.name,
        "" if fitter.reader is None else fitter.reader.parser.name,
    )
    for scale in SCALES:
        found = replace(found, scale=scale)
        seen: list[float] = []
        for target in targets:
            seen.append(rises([row["total"] for row in search(target, found, None)]))
            if sum(seen) > RISES * count:
                break
        else:
            return replace(found, rises=round(fmean(seen), 4))
    raise SearchError(
        f"{fitter.kind.name}: the loss of {_METHOD!r} descends with no scale from {SCALES[0]:g} to "
        f"{SCALES[-1]:g}",
        remedy=f"compare the imitator with the engine: f2p evaluate imitator -g {fitter.kind.name}",
    )


def _targets(fitter: Fitter, count: int, seed: int) -> list[Picture]:
    """Return the engine's pictures of random characters in which the detector sees a face."""
    import torch

    assert fitter.engine is not None
    found: list[Picture] = []
    for number in range(_FIRST, _FIRST + _TRIED * count):
        vector = torch.from_numpy(fitter.layout.encode(fitter.layout.random(number, seed)))
        (picture,) = fitter.engine.draw(vector[None], fitter.size)
        try:
            fitter.see(picture)
        except FaceError:
            continue
        found.append(picture)
        if len(found) == count:
            return found
    raise NoFaceError(
        f"{fitter.kind.name}: {fitter.detector.name} sees a face in {len(found)} of "
        f"{_TRIED * count} random pictures by the engine, {count} are necessary",
        remedy="look at pictures with `f2p sheet`, or install another detector",
    )
