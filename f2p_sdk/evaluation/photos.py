"""Evaluation of one method on photos, measured on the engine's pictures."""

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
from .figures import identification, mean, verification
from .measures import Measurements, Measurer
from .perturbations import PERTURBATIONS


@dataclass(frozen=True)
class Photo:
    """A photo to fit: path, file name, person and kind of character; empty if unknown."""

    path: str
    file: str
    identity: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Fitted:
    """A fitted photo. ``row``: figures and texts. ``vector``: (D,), difference of the character's
    vector from the average character's."""

    photo: Photo
    row: Mapping[str, Any]
    result: FitResult = field(repr=False)
    measurements: Measurements = field(repr=False)
    vector: np.ndarray[Any, Any] = field(repr=False)


def fit_photos(
    fitter_of: Callable[[str], Fitter],
    photos: Sequence[Photo],
    options: Mapping[str, Any],
    perturbation: str = "",
    done: Callable[[Photo], object] = lambda photo: None,
) -> tuple[list[Fitted], list[dict[str, str]]]:
    """Fit each photo with the fitter of its kind.

    Args:
        fitter_of: returns the fitter for a photo's ``kind``.
        options: of :meth:`Fitter.fit`.
        perturbation: one of ``PERTURBATIONS``: the fit gets the perturbed photo, and its result is
            compared with the original photo.
        done: called after each photo.

    Returns:
        The fits, and file and error of each photo that failed.

    Raises:
        BridgeError: the engine is lost. Other errors are returned.
    """
    fitted: list[Fitted] = []
    failed: list[dict[str, str]] = []
    measurers: dict[str, Measurer] = {}
    for photo in photos:
        fitter = fitter_of(photo.kind)
        if photo.kind not in measurers:
            measurers[photo.kind] = Measurer(fitter)
        try:
            fitted.append(_fit(measurers[photo.kind], photo, options, perturbation))
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({"file": photo.file, "error": error.message})
        done(photo)
    return fitted, failed


def _fit(measure: Measurer, photo: Photo, options: Mapping[str, Any], perturbation: str) -> Fitted:
    fitter, start = measure.fitter, time.perf_counter()
    original = images.load(photo.path)
    picture: Picture = PERTURBATIONS[perturbation](original) if perturbation else original
    result = fitter.fit(picture, **options)
    seconds = time.perf_counter() - start
    assert result.picture is not None
    subject = fitter.see(original) if perturbation else result.subject
    found = measure(subject, result.picture)
    distance = result.report["identity_distance"]
    engine = distance["engine"]
    if perturbation:
        engine = float(np.linalg.norm(found.picture - found.photo))
    average = distance["average_character"]
    row: dict[str, Any] = {
        "file": photo.file,
        **({"identity": photo.identity} if photo.identity else {}),
        "kind": fitter.kind.kind,
        "average_character": average,
        "fitted": engine,
        "imitator": distance["imitator"],
        "gain": average - engine,
        **found.figures,
        "chosen": result.report["chosen"],
        "seconds": seconds,
    }
    if perturbation:
        row["photo_moved"] = float(np.linalg.norm(result.subject.measured.numpy() - found.photo))
    layout = fitter.layout
    vector = layout.encode(result.character) - layout.encode(layout.default())
    return Fitted(photo, row, result, found, vector)


def summary(fitted: Sequence[Fitted]) -> dict[str, Any]:
    """Return the figures of one method over its photos, measured on the engine's pictures."""
    rows = [one.row for one in fitted]
    identities = [one.photo.identity for one in fitted]
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
    measured = [one.measurements for one in fitted]
    classes = [one.classes for one in measured]
    if any(classes):
        document["iou"] = {"mean": mean(rows, "iou"), **_means(classes)}
    if rows and all(identities):
        photos = np.stack([one.photo for one in measured])
        characters = np.stack([one.picture for one in measured])
        document["identification"] = identification(characters, photos, identities)
        document["verification"] = _verification_by_kind(fitted)
    for name in measured[0].opinions if measured else ():
        second: dict[str, Any] = {"fitted": mean(rows, f"second.{name}")}
        if all(identities):
            pairs = [one.opinions[name] for one in measured]
            photos, characters = (np.stack(side) for side in zip(*pairs, strict=True))
            second |= identification(characters, photos, identities)
        document["second_opinion"][name] = second
    return {**document, "seconds_per_photo": mean(rows, "seconds")}


def robustness(
    original: Sequence[Fitted], perturbed: Mapping[str, Sequence[Fitted]]
) -> dict[str, Any]:
    """Return the figures of fits to perturbed photos, and their relative degradation.

    ``FIGURE_worse`` is the relative change of a figure; a positive value is a degradation. Only
    photos with both fits count. ``photo_moved`` is the mean distance between the
    original and the perturbed photo.
    """
    found = {}
    for name, fitted in perturbed.items():
        both = {one.photo.file for one in original} & {one.photo.file for one in fitted}
        before, after = (
            [one.row for one in some if one.photo.file in both] for some in (original, fitted)
        )
        figures: dict[str, float] = {"photos": len(both)}
        for figure, sign in (("fitted", 1), ("landmark_error", 1), ("iou", -1)):
            if any(row[figure] is not None for row in before):
                reference, figures[figure] = mean(before, figure), mean(after, figure)
                change = sign * (figures[figure] - reference)
                figures[f"{figure}_worse"] = change / max(reference, 1e-9)
        figures["photo_moved"] = mean(after, "photo_moved")
        found[name] = figures
    return found


def _terms(fitted: Sequence[Fitted]) -> dict[str, float]:
    """Means of the unweighted terms of the objective over the chosen characters."""
    reports = [one.result.report for one in fitted]
    return _means([report["verified"].get(report["chosen"], {}) for report in reports])


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: mean(rows, name) for name in dict.fromkeys(n for row in rows for n in row)}


def _verification_by_kind(fitted: Iterable[Fitted]) -> dict[str, Any]:
    """Verification of pairs within each kind, with the mean AUC weighted by the number of pairs."""
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
    total = sum(p["verification_auc"] * p["pairs_same"] * p["pairs_other"] for p in counted)
    value = total / weight if weight else None
    return {"verification_auc": value, "pairs_same": same, "pairs_other": other}
