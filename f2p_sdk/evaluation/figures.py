"""Figures over many fits: whom a character is taken for, and how alike two pictures are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["flat", "identification", "landmark_error", "mean", "verification"]

Array = NDArray[Any]


def identification(
    characters: Array, photos: Array, identities: Sequence[str], ranks: Sequence[int] = (1, 5)
) -> dict[str, Any]:
    """Whether each photo's character finds another photo of the same person.

    Row i of ``characters`` (N, E) is the embedding of the character made from photo i, whose own
    embedding is row i of ``photos`` (N, E). All photos but the i-th are sorted by their distance
    from the character; ``rank5`` is the share of characters with the right person among the first
    five. Photos of persons of whom there is no other photo do not count; ``counted`` do.
    """
    apart = np.linalg.norm(characters[:, None] - photos[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    same = np.array([[a == b for b in identities] for a in identities])
    np.fill_diagonal(same, False)
    asked = np.flatnonzero(same.any(axis=1))
    order = np.argsort(apart[asked], axis=1, kind="stable")
    hits = np.take_along_axis(same[asked], order, axis=1)
    found = {
        f"rank{k}": float(hits[:, :k].any(axis=1).mean()) if len(asked) else 0.0 for k in ranks
    }
    return {**found, "counted": len(asked)}


def verification(vectors: Array, identities: Sequence[str]) -> dict[str, Any]:
    """How well the cosine of two characters' vectors tells whether they are of one person.

    ``vectors`` (N, D) less those of the average character. ``verification_auc`` is the chance that
    a pair of one person is more alike than a pair of two (area under the ROC curve); None where
    there are no pairs of one sort.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
    cosine = unit @ unit.T
    scores: dict[bool, list[float]] = {True: [], False: []}
    for i, j in combinations(range(len(vectors)), 2):
        scores[identities[i] == identities[j]].append(float(cosine[i, j]))
    return {
        "verification_auc": auc(np.array(scores[True]), np.array(scores[False])),
        "pairs_same": len(scores[True]),
        "pairs_other": len(scores[False]),
    }


def auc(same: Array, other: Array) -> float | None:
    """Chance that a number of ``same`` is above one of ``other``, equal ones counted half."""
    if not len(same) or not len(other):
        return None
    above = (same[:, None] > other[None]).mean() + 0.5 * (same[:, None] == other[None]).mean()
    return float(above)


def landmark_error(a: Array, b: Array) -> float:
    """Mean distance of two sets of five landmarks (5, 2), in distances between the eyes of b."""
    eyes = np.linalg.norm(b[:2].mean(axis=0) - b[2:4].mean(axis=0))
    return float(np.linalg.norm(a - b, axis=1).mean() / max(float(eyes), 1e-9))


def mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    """Mean of one column over the rows that have it; 0 without any."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else 0.0


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    return found
