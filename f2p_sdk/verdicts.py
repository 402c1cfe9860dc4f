"""Verdicts on imitators and fits: good, usable or poor. All thresholds stand in this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

__all__ = [
    "FIT",
    "IMITATOR",
    "KNOWN",
    "NOTHING",
    "OVERLAP",
    "POOR",
    "FitLimits",
    "ImitatorLimits",
    "Verdict",
    "fit_gain",
    "fit_verdict",
    "imitator_verdict",
    "share_above",
]

GOOD, USABLE, POOR = "good", "usable", "poor"


@dataclass(frozen=True)
class ImitatorLimits:
    """Least values of an imitator.

    Attributes:
        psnr_db: of its pictures, in dB.
        above_0_8, above_0_5: shares of the sliders with a sensitivity above 0.8 and 0.5.
    """

    psnr_db: float
    above_0_8: float
    above_0_5: float


@dataclass(frozen=True)
class FitLimits:
    """Least values of a fit.

    Attributes:
        gain: share of the average character's identity distance that the fit removes.
        in_place: share of the photo's parts that the picture shows in the same place.
    """

    gain: float
    in_place: float


IMITATOR: Mapping[str, ImitatorLimits] = {
    GOOD: ImitatorLimits(psnr_db=32.0, above_0_8=0.6, above_0_5=0.85),
    USABLE: ImitatorLimits(psnr_db=28.0, above_0_8=0.2, above_0_5=0.5),
}
"""Limits of a good and of a usable imitator; any other is poor."""

FIT: Mapping[str, FitLimits] = {
    GOOD: FitLimits(gain=0.4, in_place=0.8),
    USABLE: FitLimits(gain=0.15, in_place=0.5),
}
"""Limits of a good and of a usable fit; any other is poor."""

KNOWN = 0.3
"""Least sensitivity of a parameter that stages with the imitator's pictures may move."""

OVERLAP = 0.2
"""Least intersection over union of a part that is in its place."""

NOTHING = 0.05
"""A gain below it is next to nothing."""

_Limits = TypeVar("_Limits")


@dataclass(frozen=True)
class Verdict:
    """A verdict in words.

    Attributes:
        word: ``good``, ``usable`` or ``poor``.
        reason: the measured values, and the first limit that they miss.
        next_step: the most useful one; empty where there is nothing to do.
    """

    word: str
    reason: str
    next_step: str = ""

    @property
    def poor(self) -> bool:
        return self.word == POOR

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name."""
        return asdict(self)


def share_above(values: Sequence[float], bound: float) -> float:
    """Return the share of the values above ``bound``; 0 without values."""
    return sum(value > bound for value in values) / len(values) if values else 0.0


def imitator_verdict(game: str, psnr_db: float, sliders: Sequence[float] | None = None) -> Verdict:
    """Return the verdict on an imitator.

    Args:
        game: name of the kind, e.g. ``"justice/female"``, for the next step.
        psnr_db: of its pictures, on characters that it was not trained on.
        sliders: sensitivity of each slider; None if it is not measured, empty for a layout without
            sliders. Then the pictures alone decide.
    """
    shares = {bound: share_above(sliders, bound) for bound in (0.8, 0.5)} if sliders else {}
    measured = f"{psnr_db:.1f} dB"
    if sliders:
        above = ", ".join(f"{share:.0%} above {bound}" for bound, share in shares.items())
        measured += f"; sensitivity of {len(sliders)} sliders: {above}"
    elif sliders is None:
        measured += "; sensitivity not measured"
    pictures = f"train on more pictures or for longer: f2p capture -g {game} -n 20000"
    pairs = (
        "train on pairs that differ in one parameter, 40 per number of the vector: "
        f"f2p capture -g {game} --neighbours N"
    )

    def missed(limits: ImitatorLimits) -> tuple[str, str] | None:
        if psnr_db < limits.psnr_db:
            return f"{limits.psnr_db:g} dB", pictures
        for bound, least in ((0.8, limits.above_0_8), (0.5, limits.above_0_5)):
            if shares and shares[bound] < least:
                return f"{least:.0%} above {bound}", pairs
        return None

    found = _best(IMITATOR, missed, measured)
    if sliders is None and not found.next_step:
        measure = f"measure the sliders: f2p evaluate imitator -g {game} --write-card"
        return replace(found, next_step=measure)
    return found


def fit_gain(average: float, fitted: float) -> float:
    """Return the share of the average character's identity distance that a fit removes."""
    return 1 - fitted / average if average > 0 else 0.0


def fit_verdict(
    game: str,
    average: float,
    fitted: float,
    parts: tuple[float, float] | None = None,
) -> Verdict:
    """Return the verdict on a fit, or on the mean of several.

    Args:
        game: name of the kind, for the next step.
        average, fitted: identity distances of the average and of the fitted character.
        parts: number of parts in their place, and number of all parts of the photo; None where
            they were not compared.
    """
    gain = fit_gain(average, fitted)
    measured = f"identity distance {fitted:.3f}, average character {average:.3f}, gain {gain:.0%}"
    if gain < NOTHING:
        measured = f"the fit gains next to nothing over the average character; {measured}"
    share = None
    if parts is not None and parts[1]:
        share = parts[0] / parts[1]
        measured += f"; {parts[0]:.3g} of {parts[1]:.3g} parts in place"
    step = f"compare framing and weights with the engine: f2p check -g {game}"

    def missed(limits: FitLimits) -> tuple[str, str] | None:
        if gain < limits.gain:
            return f"a gain of {limits.gain:.0%}", step
        if share is not None and share < limits.in_place:
            return f"{limits.in_place:.0%} of the parts", step
        return None

    return _best(FIT, missed, measured)


def _best(
    limits: Mapping[str, _Limits],
    missed: Callable[[_Limits], tuple[str, str] | None],
    measured: str,
) -> Verdict:
    """Return the best verdict of which no limit is missed.

    ``missed`` returns the first missed limit and the step that helps. The reason names the limit of
    the next better verdict.
    """
    better, step = "", ""
    for word, some in limits.items():
        found = missed(some)
        if found is None:
            return Verdict(word, measured + better, step)
        limit, step = found
        better = f" ({word} from {limit})"
    return Verdict(POOR, measured + better, step)
