"""Least squares over probed vertices: blendshapes of the body, guide points for the pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .model import Array, Blendshapes, Index, Piece

__all__ = ["attach_to_guides", "farthest_points", "find_guides", "fit_blendshapes", "slider_halves"]

_GUIDES = 160  # guide points of a slot
_MOTION = 1e-4  # of half a picture's side: a smaller displacement is none
_LOST = 2e-5  # share of a piece's motion that the low-rank guide weights may lose,
_MAX_WEIGHTS = 100_000  # if they do not need more numbers than this
_SAME_MOTION = 1e-3  # vertices whose motions differ by a smaller share form one cluster
_CORRECTIVES = 20  # corrective blendshapes
_PAIRED = 24  # sliders whose products are candidates
_EXPLAINED = 0.2  # share of the residual that products must explain on held-out characters
_RIDGE = 1e-6


def slider_halves(sliders: npt.NDArray[Any]) -> Array:
    """Sliders from -1 to 1, (N, P), to (N, 2 P) in [0, 1]: upward parts, then downward parts."""
    halves = np.concatenate([np.maximum(sliders, 0), np.maximum(-sliders, 0)], axis=1)
    return np.asarray(halves, np.float32)


def _products(sliders: npt.NDArray[Any], pairs: Index) -> Array:
    """Products of sliders from -1 to 1, (N, P) -> (N, Q).

    The square of a slider is reduced by its absolute value, which the two halves already model: it
    is 0 at the middle and at both ends.
    """
    one, other = sliders[:, pairs[:, 0]], sliders[:, pairs[:, 1]]
    square = (pairs[:, 0] == pairs[:, 1]).astype(np.float32)
    return np.asarray(one * other - np.abs(one) * square, np.float32)


def fit_blendshapes(
    fields: Array, residual: Array, sliders: Array, threshold: float
) -> Blendshapes:
    """Fit blendshapes and, where they help, corrective blendshapes.

    Args:
        fields: (2 P, N, K), displacement at the end of each slider half.
        residual: (B, N, K), what their sum does not explain of B random characters.
        sliders: (B, P) from -1 to 1, of these characters.
        threshold: a smaller displacement is none.
    """
    half, vertex = np.nonzero(np.abs(fields).max(axis=2) > threshold)
    influence = np.einsum("pnc,n->p", fields**2, residual.var(axis=0).sum(axis=1))
    influence = influence.reshape(2, -1).sum(axis=0)
    flat = residual.reshape(len(residual), -1)
    pairs, coefficients, correctives = _fit_correctives(flat, influence, sliders)
    size = np.abs(correctives)
    correctives = correctives * (size > 0.01 * size.max(axis=1, keepdims=True))
    return Blendshapes(
        half.astype(np.int32),
        vertex.astype(np.int32),
        fields[half, vertex].astype(np.float32),
        pairs,
        coefficients,
        correctives.reshape(-1, *fields.shape[1:]).astype(np.float32),
    )


def _fit_correctives(
    residual: Array, influence: npt.NDArray[Any], sliders: Array
) -> tuple[Index, Array, Array]:
    """Explain residuals (B, V) by products of the sliders with the most influence (P,).

    Returns pairs (Q, 2), coefficients (Q, R) and correctives (R, V). There are none if the products
    explain next to nothing of characters that they were not fitted to.
    """
    none = np.zeros((0, 2), np.int32), np.zeros((0, 0), np.float32), residual[:0]
    scale = float(np.abs(residual).max())
    if scale < 1e-6 or len(residual) < 8:
        return none
    chosen = np.sort(np.argsort(-influence)[: min(_PAIRED, int((influence > 0).sum()))])
    if not len(chosen):
        return none
    i, j = np.triu_indices(len(chosen))
    pairs = np.stack([chosen[i], chosen[j]], axis=1).astype(np.int32)
    features = _products(sliders, pairs)
    scores, correctives = _principal(residual / scale, _CORRECTIVES)
    fitted = len(residual) * 3 // 4
    normal = features[:fitted].T @ features[:fitted]
    ridge = 0.003 * fitted * np.eye(len(pairs))
    weights = np.linalg.solve(normal + ridge, features[:fitted].T @ scores[:fitted])
    held = scores[fitted:]
    explained = 1 - float(((features[fitted:] @ weights - held) ** 2).sum() / (held**2).sum())
    if explained < _EXPLAINED:
        return none
    return pairs, (weights * scale).astype(np.float32), correctives


def _principal(rows: Array, rank: int) -> tuple[Array, Array]:
    """The ``rank`` largest principal components of rows (N, V), N < V.

    Returns scores (N, R) and unit components (R, V). The eigenvectors of the (N, N) Gram matrix
    take a tenth of the time of a singular value decomposition.
    """
    rows = rows.astype(np.float32)
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    order = np.argsort(-values)[: min(rank, int((values > 1e-7 * values[-1]).sum()) or 1)]
    scores = vectors[:, order] * np.sqrt(np.maximum(values[order], 1e-20))
    components = vectors[:, order].T.astype(np.float32) @ rows
    components /= np.maximum(np.linalg.norm(components, axis=1, keepdims=True), 1e-20)
    return scores.astype(np.float32), components


def find_guides(piece_fields: Array, body_fields: Array) -> Array:
    """Guide points of a slot, (2 P, C, 3): the principal motions of its surroundings.

    Args:
        piece_fields: (2 P, N, 3), displacement of one of the slot's pieces per slider half.
        body_fields: (2 P, M, 3), displacement of the body near all of the slot's pieces, because
            other pieces reach farther.
    """
    fields = np.concatenate([piece_fields, body_fields], axis=1)
    fields = fields * (np.abs(fields).max(axis=(1, 2), keepdims=True) > _MOTION)
    scores, _ = _principal(fields.transpose(0, 2, 1).reshape(3 * len(fields), -1), _GUIDES)
    scores /= max(float(np.sqrt((scores**2).mean())), 1e-12)
    guides = np.zeros((3 * len(fields), _GUIDES), np.float32)
    guides[:, : scores.shape[1]] = scores
    return np.ascontiguousarray(guides.reshape(len(fields), 3, -1).transpose(0, 2, 1))


def attach_to_guides(piece: Piece, samples: Sequence[tuple[int, Array]], offsets: Array) -> Piece:
    """Fit the weights with which a piece follows its slot's guide points.

    Least squares over the characters that have the piece; the weights are the same for all three
    axes.

    Args:
        piece: without weights.
        samples: row of a character that has the piece, and its vertices (N, 3).
        offsets: (B, C, 3), displacement of the guide points of all B characters.
    """
    count, guides = len(piece.rest), offsets.shape[1]
    if not samples:
        return replace(
            piece,
            clusters=np.zeros(count, np.int32),
            cluster_factors=np.zeros((1, 1), np.float32),
            guide_factors=np.zeros((1, guides), np.float32),
        )
    causes = offsets[[i for i, _ in samples]].transpose(0, 2, 1).reshape(-1, guides)
    causes = causes.astype(np.float64)
    shifts = np.stack([positions - piece.rest[:, :3] for _, positions in samples])
    effects = shifts.transpose(0, 2, 1).reshape(len(causes), -1).astype(np.float64)
    first, clusters = _clusters(effects)
    normal = causes.T @ causes
    ridge = _RIDGE * np.trace(normal) / guides * np.eye(guides)
    weights = np.linalg.solve(normal + ridge, causes.T @ effects[:, first])  # (C, K)
    # The low-rank product must keep what the guides do most, so it is cut in their metric.
    root = np.linalg.cholesky(normal + ridge)
    u, s, v = np.linalg.svd(root.T @ weights, full_matrices=False)
    lost = 1 - np.cumsum(s**2) / max(float((s**2).sum()), 1e-12)
    rank = min(int(np.argmax(lost < _LOST)) + 1, max(1, _MAX_WEIGHTS // len(first)))
    factors = np.linalg.solve(root.T, u[:, :rank] * s[:rank] ** 0.5)
    return replace(
        piece,
        clusters=clusters,
        cluster_factors=(v[:rank].T * s[:rank] ** 0.5).astype(np.float32),
        guide_factors=factors.T.astype(np.float32),
    )


def _clusters(motions: npt.NDArray[Any]) -> tuple[Index, Index]:
    """Group equal columns of motions (M, N), e.g. the vertices around a strand of hair.

    Returns one column (K,) of each cluster, and the cluster (N,) of each column.
    """
    length = max(float(np.linalg.norm(motions, axis=0).mean()), 1e-12)
    projected = np.random.default_rng(0).normal(size=(4, len(motions))) @ motions
    rounded = np.round(projected.T / (length * _SAME_MOTION)).astype(np.int64)
    _, first, clusters = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int32), clusters.ravel().astype(np.int32)


def farthest_points(points: Array, count: int) -> Index:
    """Rows of ``count`` points (N, 3), each as far as possible from those before it."""
    chosen = [int(np.argmax(points[:, 1]))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        gap = np.minimum(gap, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(gap)))
    return np.array(chosen, np.int32)
