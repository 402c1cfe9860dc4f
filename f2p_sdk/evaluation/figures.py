"""Figures over many fits: identification, verification, consistency and picture similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..verdicts import fit_verdict

Array = NDArray[Any]


def identification(
    characters: Array, photos: Array, identities: Sequence[str], ranks: Sequence[int] = (1, 5)
) -> dict[str, Any]:
    """Rank-k identification rates: each character searches for other photos of its person.

    Row i of ``characters`` (N, E) is the embedding of the character fitted to photo i; row i of
    ``photos`` (N, E) is the embedding of photo i. All photos but photo i are sorted by their
    distance from character i. ``rank5`` is the share of characters with the right person among the
    first five. ``counted`` is the number of photos whose person has another photo; the others are
    left out.
    """
    distance = np.linalg.norm(characters[:, None] - photos[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    same = np.array([[a == b for b in identities] for a in identities])
    np.fill_diagonal(same, False)
    counted = np.flatnonzero(same.any(axis=1))
    order = np.argsort(distance[counted], axis=1, kind="stable")
    hits = np.take_along_axis(same[counted], order, axis=1)
    rates = {
        f"rank{k}": float(hits[:, :k].any(axis=1).mean()) if len(counted) else 0.0 for k in ranks
    }
    return {**rates, "counted": len(counted)}


def verification(vectors: Array, identities: Sequence[str], sliders: int) -> dict[str, Any]:
    """Verification of identities by the cosine of pairs of character vectors.

    ``vectors`` (N, D) are differences from the vector of the average character; the first
    ``sliders`` columns are continuous. ``verification_auc`` is the area under the ROC curve: the
    probability that a pair of one person has a larger cosine than a pair of two persons.
    ``sliders_auc`` and ``choices_auc`` use only the continuous or only the discrete columns. None
    without pairs of both types or without columns.
    """
    first, second, same = _pairs(identities)
    found: dict[str, Any] = {"pairs_same": int(same.sum()), "pairs_other": int((~same).sum())}
    parts = (vectors, vectors[:, :sliders], vectors[:, sliders:])
    for name, part in zip(("verification_auc", "sliders_auc", "choices_auc"), parts, strict=True):
        unit = part / np.linalg.norm(part, axis=1, keepdims=True).clip(min=1e-12)
        cosine = (unit @ unit.T)[first, second]
        found[name] = auc(cosine[same], cosine[~same]) if part.shape[1] else None
    return found


def consistency(
    vectors: Array, identities: Sequence[str], sliders: int, choices: int
) -> dict[str, float | None]:
    """Similarity of the characters of one person, and of two persons (``_other``).

    Args:
        vectors: (N, D), with sliders in [0, 1] and one-hot choices, less any common vector.
        sliders: number of continuous columns, the first ones.
        choices: number of discrete parameters.

    Returns:
        ``choices``: mean share of discrete parameters with equal choices. ``sliders``: mean
        absolute difference of sliders. None without such pairs or without such parameters.
    """
    first, second, same = _pairs(identities)
    difference = np.abs(vectors[first] - vectors[second])
    found: dict[str, float | None] = {}
    for suffix, pairs in (("", difference[same]), ("_other", difference[~same])):
        # Two different one-hot codes differ in two columns.
        equal = 1 - pairs[:, sliders:].sum(axis=1) / (2 * max(choices, 1))
        found[f"choices{suffix}"] = float(equal.mean()) if len(pairs) and choices else None
        apart = pairs[:, :sliders]
        found[f"sliders{suffix}"] = float(apart.mean()) if apart.size else None
    return found


def _pairs(identities: Sequence[str]) -> tuple[Array, Array, Array]:
    """All pairs (P,) of N rows: first row, second row, and a mask of the pairs of one person."""
    first, second = np.triu_indices(len(identities), 1)
    names = np.array(identities)
    return first, second, names[first] == names[second]


def auc(same: Array, other: Array) -> float | None:
    """Probability that a number of ``same`` exceeds one of ``other``; ties count half."""
    if not len(same) or not len(other):
        return None
    above = (same[:, None] > other[None]).mean() + 0.5 * (same[:, None] == other[None]).mean()
    return float(above)


def landmark_error(a: Array, b: Array) -> float:
    """Mean distance of landmarks a and b, (5, 2) each, divided by the eye distance of b."""
    eyes = np.linalg.norm(b[:2].mean(axis=0) - b[2:4].mean(axis=0))
    return float(np.linalg.norm(a - b, axis=1).mean() / max(float(eyes), 1e-9))


def mean_verdict(
    game: str, rows: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the verdict on the mean of several fits, and ``counts`` of their own verdicts.

    Args:
        game: name of the kind, or of the game, for the next step.
        rows: with the identity distances ``average_character`` and ``fitted`` of each fit.
        verdicts: of the fits, as in their reports.
    """
    parts = [flag for one in verdicts for flag in (one["parts_in_place"] or {}).values()]
    average, fitted = mean(rows, "average_character"), mean(rows, "fitted")
    found = fit_verdict(game, average, fitted, (sum(parts), len(parts)))
    words = [one["word"] for one in verdicts]
    counts = {word: words.count(word) for word in ("good", "usable", "poor")}
    return {**found.as_dict(), "counts": counts}


def mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    """Mean of one column over the rows that have it; 0 without such rows."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else 0.0
