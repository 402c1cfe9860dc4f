"""Verdict on one fit: gain over the average character, and parts of the face in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .. import images
from ..images import Picture
from ..parsing.picture_parser import PictureParser
from ..recognizers.embedding import find_landmarks
from ..tensors import to_tensor
from ..verdicts import NOTHING, OVERLAP, Verdict, fit_gain, fit_verdict, imitator_verdict
from .held import card_sensitivity

if TYPE_CHECKING:
    from .fitting import Fitter
    from .method import Method
    from .result import Subject

__all__ = ["judge", "judge_imitator", "label_map", "parts_in_place"]

#: Parts that are compared, with their classes of the parser. Lips count as one part: the character
#: does not smile as the photo does.
PARTS: Mapping[str, tuple[str, ...]] = {
    "left_brow": ("left_brow",),
    "right_brow": ("right_brow",),
    "left_eye": ("left_eye",),
    "right_eye": ("right_eye",),
    "nose": ("nose",),
    "mouth": ("upper_lip", "inner_mouth", "lower_lip"),
}
_LEAST = 5e-4  # share of the picture; a smaller part of the photo does not count


def label_map(reader: PictureParser, picture: Picture) -> NDArray[np.int64]:
    """Return the parser's class (side, side) of each pixel of a picture uint8 (S, S, 3)."""
    side = reader.parser.size
    with torch.no_grad():
        logits = reader.parser.sharp(to_tensor(images.resize(picture, side)))
    large = functional.interpolate(logits, (side, side), mode="bilinear")
    found: NDArray[np.int64] = large[0].argmax(dim=0).numpy()
    return found


def parts_in_place(
    reader: PictureParser | None, photo: Picture, picture: Picture
) -> dict[str, bool] | None:
    """Return whether the picture shows each part of the photo in the same place.

    Both are uint8 (S, S, 3) in the game's framing. A part is in its place if the intersection over
    union of its pixels is at least :data:`OVERLAP`. None without a parser.
    """
    if reader is None:
        return None
    names = list(reader.parser.classes)
    maps = [label_map(reader, one) for one in (photo, picture)]
    found = {}
    for part, classes in PARTS.items():
        labels = [names.index(name) for name in classes if name in names]
        seen, drawn = (np.isin(one, labels) for one in maps)
        if seen.mean() >= _LEAST:
            found[part] = bool((seen & drawn).sum() >= OVERLAP * (seen | drawn).sum())
    return found


def judge_imitator(fitter: Fitter) -> Verdict | None:
    """Return the verdict on an imitator by its card; None for a card without figures."""
    decibels = (fitter.card.get("figures") or {}).get("psnr_db")
    if not isinstance(decibels, (int, float)):
        return None
    known = card_sensitivity(fitter.card, fitter.layout)
    names = [slider.name for slider in fitter.layout.continuous]
    sliders = None if known is None else [known.get(name, 0.0) for name in names]
    return imitator_verdict(fitter.kind.name, float(decibels), sliders)


def judge(
    fitter: Fitter,
    plan: Method,
    subject: Subject,
    shown: Mapping[str, Picture],
    distances: Mapping[str, float],
) -> dict[str, Any]:
    """Return the verdict on a fit as JSON, with ``gained`` and ``parts_in_place``.

    ``gained`` is false if the fit gains next to nothing over the average character.

    Args:
        shown: pictures uint8 (S, S, 3), of the average character and of the fit; the last counts.
        distances: identity distance of each of them.
    """
    picture, fitted = list(shown.values())[-1], list(distances.values())[-1]
    parts = parts_in_place(fitter.reader, subject.aligned.picture, picture)
    verdict = fit_verdict(
        fitter.kind.name,
        distances["average_character"],
        fitted,
        None if parts is None else (sum(parts.values()), len(parts)),
    )
    if verdict.next_step:
        step = _next_step(fitter, plan, subject, picture)
        verdict = replace(verdict, next_step=step or verdict.next_step)
    gained = fit_gain(distances["average_character"], fitted) >= NOTHING
    return {**verdict.as_dict(), "gained": gained, "parts_in_place": parts}


def _next_step(fitter: Fitter, plan: Method, subject: Subject, picture: Picture) -> str:
    """Return the next step for a fit that is not good; empty where no cause stands out."""
    if find_landmarks(fitter.detector, picture) is None:
        return f"the picture of the character shows no face: f2p check -g {fitter.kind.name}"
    if plan.weights.get("content"):
        return "use --method best: the published methods gain little"
    imitator = judge_imitator(fitter)
    if imitator is not None and imitator.poor:
        return f"the imitator is {imitator}; {imitator.next_step}"
    if subject.aligned.hints:
        return f"give another photo: {subject.aligned.hints[0]}"
    return ""
