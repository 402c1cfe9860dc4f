"""Units of the published loss: what the rate of the methods ``slides`` and ``paper`` refers to.

A learning rate has a meaning only in the units of its loss, and the publications do not give them.
Here a term has the unit that it is about 1 at the start of a search for a random character, and one
constant, the scale, converts the sum to the unit in which the published rate descends:
``L = scale * sum_t weight_t * L_t / unit_t``.

:func:`.calibration.calibrate` measures both; the card of an imitator keeps them as ``loss``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError

if TYPE_CHECKING:
    from ..hookspecs import Recognizer
    from ..parsing.picture_parser import PictureParser
    from .method import Method

__all__ = ["CARD_KEY", "LossUnits", "card_units", "in_units"]

CARD_KEY = "loss"
#: Of weights without a calibration: as measured for dlib's recognizer and the shipped parser.
#: Recognizers that compare by angle place two strangers at right angles.
_SCALE, _CONTENT, _EUCLIDEAN, _COSINE = 1 / 64, 0.9, 0.11, 1.0


@dataclass(frozen=True)
class LossUnits:
    """Units of the published loss.

    Attributes:
        scale: the constant, above 0.
        units: term -> its mean at the start of a search for a random character, above 0.
        recognizer, parser: names of the networks that they were measured with; empty for the
            defaults.
        rises: with this scale, sum of the rises of the loss over the sum of its falls.
    """

    scale: float
    units: Mapping[str, float]
    recognizer: str = ""
    parser: str = ""
    rises: float = 0.0

    @property
    def measured(self) -> bool:
        """False for the defaults."""
        return bool(self.recognizer)

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name, as on the card."""
        return asdict(self)


def card_units(
    card: Mapping[str, Any], recognizer: Recognizer, reader: PictureParser | None
) -> LossUnits:
    """Return the units on the card of an imitator.

    The defaults, if the card has none, or they were measured with other networks.

    Raises:
        WeightsError: the card's entry is damaged.
    """
    found, parser = card.get(CARD_KEY), "" if reader is None else reader.parser.name
    if found is not None:
        try:
            known = LossUnits(**{**found, "units": dict(found["units"])})
            numbers = (known.scale, *known.units.values())
            valid = all(math.isfinite(x) and x > 0 for x in numbers) and "identity" in known.units
        except (TypeError, KeyError, ValueError):
            valid = False
        if not valid:
            raise WeightsError(
                f"the card of the imitator must have a scale and units above 0 as {CARD_KEY!r}, "
                f"got {found!r:.99}",
                remedy="measure them again with `f2p weights calibrate`",
            )
        if (known.recognizer, known.parser) == (recognizer.name, parser):
            return known
    identity = _COSINE if recognizer.metric == "cosine" else _EUCLIDEAN
    return LossUnits(_SCALE, {"identity": identity, "content": _CONTENT})


def in_units(plan: Method, units: LossUnits) -> Method:
    """Return a method with the weights of its published loss in these units; others as they are."""
    if not plan.published:
        return plan
    scaled = {
        term: weight * units.scale / units.units.get(term, 1.0)
        for term, weight in plan.weights.items()
    }
    return replace(plan, weights=scaled)
