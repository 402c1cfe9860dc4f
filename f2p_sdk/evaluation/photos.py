"""Photos fitted and measured: one method, on the engine's pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import images
from ..errors import BridgeError, F2PError
from ..images import Picture
from ..pipeline import FitResult, Fitter
from .disturb import DISTURBANCES
from .figures import identification, mean, verification
from .look import Look, Looker

__all__ = ["Fitted", "Photo", "fit_photos", "robustness", "summary"]


@dataclass(frozen=True)
class Photo:
    """A photo to fit: its file, whom it shows and the kind of character, empty where unknown."""

    path: str
    file: str
    identity: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Fitted:
    """One fit and what was measured of it. ``row``: plain values. ``vector``: (D,) less the
    average character's."""

    photo: Photo
    row: Mapping[str, Any]
    result: FitResult = field(repr=False)
    look: Look = field(repr=False)
    vector: np.ndarray[Any, Any] = field(repr=False)


def fit_photos(
    fitter_of: Callable[[str], Fitter],
    photos: Sequence[Photo],
    options: Mapping[str, Any],
    disturbance: str = "",
    done: Callable[[Photo], object] = lambda photo: None,
) -> tuple[list[Fitted], list[dict[str, str]]]:
    """Fit each photo with the fitter of its kind; what was found, and what failed and why.

    Args:
        fitter_of: from a photo's ``kind`` to the fitter.
        photos: which.
        options: of :meth:`Fitter.fit`.
        disturbance: one of ``DISTURBANCES``: the fit sees the photo disturbed, and is measured
            against the photo as it is.
        done: called after each photo.

    Raises:
        BridgeError: the engine is gone; all else is told in what failed.
    """
    fitted: list[Fitted] = []
    failed: list[dict[str, str]] = []
    lookers: dict[str, Looker] = {}
    for photo in photos:
        fitter = fitter_of(photo.kind)
        if photo.kind not in lookers:
            lookers[photo.kind] = Looker(fitter)
        looker = lookers[photo.kind]
        begun = time.perf_counter()
        try:
            fitted.append(_one(fitter, looker, photo, options, disturbance, begun))
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({"file": photo.file, "error": error.message})
        done(photo)
    return fitted, failed


def _one(
    fitter: Fitter,
    looker: Looker,
    photo: Photo,
    options: Mapping[str, Any],
    disturbance: str,
    begun: float,
) -> Fitted:
    plain = images.load(photo.path)
    shown: Picture = DISTURBANCES[disturbance](plain) if disturbance else plain
    result = fitter.fit(shown, **options)
    seconds = time.perf_counter() - begun
    assert result.picture is not None
    subject = fitter.see(plain) if disturbance else result.subject
    look = looker(subject, result.picture)
    distance = result.report["identity_distance"]
    engine = float(np.linalg.norm(look.picture - look.photo)) if disturbance else distance["engine"]
    average = distance["average_character"]
    row: dict[str, Any] = {
        "file": photo.file,
        **({"identity": photo.identity} if photo.identity else {}),
        "kind": fitter.kind.kind,
        "average_character": average,
        "fitted": engine,
        "imitator": distance["imitator"],
        "gain": average - engine,
        **look.figures,
        "chosen": result.report["chosen"],
        "seconds": seconds,
    }
    if disturbance:
        moved = result.subject.measured.numpy() - look.photo
        row["photo_moved"] = float(np.linalg.norm(moved))
    layout = fitter.layout
    away = layout.encode(result.character) - layout.encode(layout.default())
    return Fitted(photo, row, result, look, away)


def summary(fitted: Sequence[Fitted]) -> dict[str, Any]:
    """The figures of one method over its photos; distances are those of the engine's pictures."""
    rows = [one.row for one in fitted]
    who = [one.photo.identity for one in fitted]
    document: dict[str, Any] = {
        "photos": len(rows),
        "identity_distance": {
            name: mean(rows, name) for name in ("average_character", "fitted", "imitator")
        },
        "improved": float(np.mean([row["gain"] > 0 for row in rows])) if rows else 0.0,
        "gain": mean(rows, "gain"),
        "landmark_error": mean(rows, "landmark_error"),
        "second_opinion": {},
        "terms": _terms(fitted),
    }
    classes = [one.look.classes for one in fitted]
    if any(classes):
        names = dict.fromkeys(name for found in classes for name in found)
        document["iou"] = {"mean": mean(rows, "iou"), **{n: mean(classes, n) for n in names}}
    if rows and all(who):
        photos = np.stack([one.look.photo for one in fitted])
        characters = np.stack([one.look.picture for one in fitted])
        document["identification"] = identification(characters, photos, who)
        document["verification"] = _verified(fitted)
    for name in fitted[0].look.opinions if fitted else ():
        seen = [one.look.opinions[name] for one in fitted]
        second: dict[str, Any] = {"fitted": mean(rows, f"second.{name}")}
        if all(who):
            first, last = (np.stack(side) for side in zip(*seen, strict=True))
            second |= identification(last, first, who)
        document["second_opinion"][name] = second
    return {**document, "seconds_per_photo": mean(rows, "seconds")}


def robustness(
    plain: Sequence[Fitted], disturbed: Mapping[str, Sequence[Fitted]]
) -> dict[str, Any]:
    """How much worse each figure is with disturbed photos, as a share of the plain one's.

    Distances and errors are worse when larger, agreement when smaller; negative is better. Only
    photos that were fitted both ways count. ``photo_moved`` is how far the disturbance moves the
    photo itself, as a distance of the judge's: what no fit can know.
    """
    found = {}
    for name, fitted in disturbed.items():
        both = {one.photo.file for one in plain} & {one.photo.file for one in fitted}
        before, now = (
            [one.row for one in some if one.photo.file in both] for some in (plain, fitted)
        )
        figures: dict[str, float] = {"photos": len(both)}
        for figure, sign in (("fitted", 1), ("landmark_error", 1), ("iou", -1)):
            if any(row[figure] is not None for row in before):
                was, value = mean(before, figure), mean(now, figure)
                figures[figure] = value
                figures[f"{figure}_worse"] = sign * (value - was) / max(was, 1e-9)
        figures["photo_moved"] = mean(now, "photo_moved")
        found[name] = figures
    return found


def _terms(fitted: Sequence[Fitted]) -> dict[str, float]:
    """Mean of every term of the objective, unweighted, of the characters chosen."""
    rows = [one.result.report["verified"].get(one.result.report["chosen"], {}) for one in fitted]
    return {name: mean(rows, name) for name in dict.fromkeys(n for row in rows for n in row)}


def _verified(fitted: Iterable[Fitted]) -> dict[str, Any]:
    """Pairs within each kind; vectors of two kinds have no cosine. The weighted mean of the AUC."""
    groups: dict[str, list[Fitted]] = {}
    for one in fitted:
        groups.setdefault(one.row["kind"], []).append(one)
    parts = [
        verification(np.stack([o.vector for o in some]), [o.photo.identity for o in some])
        for some in groups.values()
    ]
    same, other = (sum(part[key] for part in parts) for key in ("pairs_same", "pairs_other"))
    counted = [part for part in parts if part["verification_auc"] is not None]
    weight = sum(part["pairs_same"] * part["pairs_other"] for part in counted)
    value = (
        sum(p["verification_auc"] * p["pairs_same"] * p["pairs_other"] for p in counted) / weight
        if weight
        else None
    )
    return {"verification_auc": value, "pairs_same": same, "pairs_other": other}
