"""Evaluation of one method on photos, measured on the engine's pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import images
from ..errors import BridgeError, F2PError
from ..parameters import Layout
from ..pipeline import FitResult, Fitter
from .figures import consistency, identification, mean, mean_verdict, verification
from .measures import COLOURS, Measurements, Measurer
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
    vector from the average character's. ``layout``: of the character."""

    photo: Photo
    row: Mapping[str, Any]
    result: FitResult = field(repr=False)
    measurements: Measurements = field(repr=False)
    vector: np.ndarray[Any, Any] = field(repr=False)
    layout: Layout = field(repr=False)


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
            failed.append({"file": photo.file, "error": images.named(photo.path, error)})
        done(photo)
    return fitted, failed


def _fit(measure: Measurer, photo: Photo, options: Mapping[str, Any], perturbation: str) -> Fitted:
    fitter, start = measure.fitter, time.perf_counter()
    original = images.read(photo.path)
    picture = original
    if perturbation:
        picture = replace(original, picture=PERTURBATIONS[perturbation](original.picture))
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
    layout = fitter.layout
    vector = layout.encode(result.character)
    row: dict[str, Any] = {
        "file": photo.file,
        **({"identity": photo.identity} if photo.identity else {}),
        "kind": fitter.kind.kind,
        "average_character": average,
        "fitted": engine,
        "imitator": distance["imitator"],
        "gain": average - engine,
        **found.figures,
        "sliders_at_ends": share_at_ends(layout, vector),
        "verdict": result.report["verdict"]["word"],
        "chosen": result.report["chosen"],
        "seconds": seconds,
    }
    if perturbation:
        row["photo_moved"] = float(np.linalg.norm(result.subject.measured.numpy() - found.photo))
    return Fitted(photo, row, result, found, vector - layout.encode(layout.default()), layout)


def share_at_ends(layout: Layout, vector: np.ndarray[Any, Any]) -> float:
    """Share of the shape sliders of a vector (D,) beyond 0.9 of their half range.

    Shape sliders are the sliders with a ``spread`` in the layout, because those follow the traits
    of a person. In a layout without any ``spread`` all sliders count. 0 without sliders.
    """
    shape = np.array([p.spread is not None for p in layout.continuous], bool)
    ends = np.abs(2 * vector[: layout.n_continuous] - 1) > 0.9
    counted = ends[shape] if shape.any() else ends
    return float(counted.sum() / max(len(counted), 1))


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
        "sliders_at_ends": mean(rows, "sliders_at_ends"),
        "second_opinion": {},
        "terms": _terms(fitted),
    }
    for name in ("dense_error", "leak"):
        columns = [c for row in rows[:1] for c in row if c.startswith(f"{name}.")]
        if columns:
            document[name] = {c.split(".")[1]: mean(rows, c) for c in columns}
    measured = [one.measurements for one in fitted]
    classes = [one.classes for one in measured]
    if any(classes):
        document["iou"] = {"mean": mean(rows, "iou"), **_means(classes)}
        document["colour_error"] = {
            name: mean(rows, column) if any(row.get(column) is not None for row in rows) else None
            for name, column in ((name, f"colour_error.{name}") for name in COLOURS)
        }
    if rows and all(identities):
        photos = np.stack([one.photo for one in measured])
        characters = np.stack([one.picture for one in measured])
        document["identification"] = identification(characters, photos, identities)
        document |= _pairs_by_kind(fitted)
    for name in measured[0].opinions if measured else ():
        second: dict[str, Any] = {"fitted": mean(rows, f"second.{name}")}
        if all(identities):
            pairs = [one.opinions[name] for one in measured]
            photos, characters = (np.stack(side) for side in zip(*pairs, strict=True))
            second |= identification(characters, photos, identities)
        document["second_opinion"][name] = second
    document["seconds_per_photo"] = mean(rows, "seconds")
    if fitted:
        names = {one.layout.name for one in fitted}
        name = names.pop() if len(names) == 1 else fitted[0].layout.game
        reports = [one.result.report for one in fitted]
        document["verdict"] = mean_verdict(name, rows, [one["verdict"] for one in reports])
    return document


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


def _pairs_by_kind(fitted: Iterable[Fitted]) -> dict[str, Any]:
    """Verification and consistency of pairs within each kind.

    The figures of the kinds are averaged, weighted by their numbers of pairs.
    """
    groups: dict[str, list[Fitted]] = {}
    for one in fitted:
        groups.setdefault(one.row["kind"], []).append(one)
    verified, similar = [], []
    for some in groups.values():
        layout, identities = some[0].layout, [one.photo.identity for one in some]
        vectors = np.stack([one.vector for one in some])
        verified.append(verification(vectors, identities, layout.n_continuous))
        choices = len(layout.discrete)
        similar.append(consistency(vectors, identities, layout.n_continuous, choices))
    same, other = (np.array([v[f"pairs_{key}"] for v in verified]) for key in ("same", "other"))
    return {
        "verification": {
            **{n: _weighted(verified, n, same * other) for n in verified[0] if n.endswith("_auc")},
            "pairs_same": int(same.sum()),
            "pairs_other": int(other.sum()),
        },
        "consistency": {
            name: _weighted(similar, name, other if name.endswith("_other") else same)
            for name in similar[0]
        },
    }


def _weighted(
    parts: Sequence[Mapping[str, Any]], name: str, weights: np.ndarray[Any, Any]
) -> float | None:
    """Weighted mean of one figure over the parts that have it; None without such parts."""
    counted = [(p[name], w) for p, w in zip(parts, weights, strict=True) if p[name] is not None]
    total = sum(float(weight) for _, weight in counted)
    return sum(value * float(weight) for value, weight in counted) / total if counted else None
