"""Least squares over what an engine told: how sliders move vertices, how pieces follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .model import Array, Index, Piece, Ways, products

__all__ = ["find_guides", "find_ways", "following", "spread"]

_GUIDES = 160  # of a slot
_MOVED = 1e-4  # of half a picture's side: less is no motion
_LOST = 2e-5  # share of a piece's motions that the rank of how it follows them may lose,
_NUMBERS = 100_000  # but no more numbers for it than so
_ALIKE = 1e-3  # vertices whose motions differ by a smaller share are tied to one knot
_BENT = 20  # rank of what sliders do together that is not the sum of what each does
_TOGETHER = 24  # sliders whose products are looked at
_WORTH = 0.2  # share of it that products must explain on characters that they were not fitted to
_RIDGE = 1e-6


def find_ways(fields: Array, left: Array, sides: Array, least: float) -> Ways:
    """From fields (2 P, N, K) of what each half does, and what they leave of (random, N, K).

    ``least``: a change that is none.
    """
    sliders, count = len(fields) // 2, fields.shape[1]
    half, vertex = np.nonzero(np.abs(fields).max(axis=2) > least)
    strength = left.var(axis=0).sum(axis=1)
    matter = np.einsum("pnc,n->p", fields**2, strength)
    found = _products(left.reshape(len(left), -1), matter[:sliders] + matter[sliders:], sides)
    shape = (-1, count, fields.shape[2])
    together, bends, basis = np.zeros((0, 2), np.int32), np.zeros((0, 0), np.float32), None
    if found is not None:
        together, bends, basis = found
        basis = basis * (np.abs(basis) > 0.01 * np.abs(basis).max(axis=1, keepdims=True))
    return Ways(
        half.astype(np.int32),
        vertex.astype(np.int32),
        fields[half, vertex].astype(np.float32),
        together,
        bends.astype(np.float32),
        np.zeros((0, count, fields.shape[2]), np.float32)
        if basis is None
        else basis.reshape(shape).astype(np.float32),
    )


def _products(
    left: Array, matter: npt.NDArray[Any], sides: Array
) -> tuple[Index, Array, Array] | None:
    """What products of the sliders that matter most explain of what sums leave, (N, 5 V).

    Pairs (Q, 2), amounts (Q, R) and ways (R, 5 V); None where they explain next to nothing of
    characters that they were not fitted to.
    """
    scale = float(np.abs(left).max())
    if scale < 1e-6 or len(left) < 8:
        return None
    most = np.sort(np.argsort(-matter)[: min(_TOGETHER, int((matter > 0).sum()))])
    if not len(most):
        return None
    i, j = np.triu_indices(len(most))
    pairs = np.stack([most[i], most[j]], axis=1).astype(np.int32)
    features = products(sides, pairs)
    scores, ways = _main(left / scale, _BENT)
    half = len(left) * 3 // 4
    normal = features[:half].T @ features[:half]
    ridge = 0.003 * half * np.eye(len(pairs))
    weights = np.linalg.solve(normal + ridge, features[:half].T @ scores[:half])
    held = scores[half:]
    explained = 1 - float(((features[half:] @ weights - held) ** 2).sum() / (held**2).sum())
    if explained < _WORTH:
        return None
    return pairs, (weights * scale).astype(np.float32), ways


def _main(rows: Array, rank: int) -> tuple[Array, Array]:
    """The ``rank`` largest principal ways of rows (N, V), N < V: scores (N, R), ways (R, V), unit.

    By the rows' own products: a tenth of the time of a singular value decomposition.
    """
    wide = rows.astype(np.float32)
    values, vectors = np.linalg.eigh((wide @ wide.T).astype(np.float64))
    order = np.argsort(-values)[: min(rank, int((values > 1e-7 * values[-1]).sum()) or 1)]
    scores = vectors[:, order] * np.sqrt(np.maximum(values[order], 1e-20))
    ways = vectors[:, order].T.astype(np.float32) @ wide
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-20)
    return scores.astype(np.float32), ways


def find_guides(moves: Array, beside: Array) -> Array:
    """What the pieces of a slot are led by, (2 P, C, 3): the principal motions of what is told.

    Args:
        moves: (2 P, N, 3), how each half moves the vertices of one of the pieces.
        beside: (2 P, M, 3), how it moves the body near all of them: others reach farther.
    """
    told = np.concatenate([moves, beside], axis=1)
    told = told * (np.abs(told).max(axis=(1, 2), keepdims=True) > _MOVED)
    scores, _ = _main(told.transpose(0, 2, 1).reshape(3 * len(told), -1), _GUIDES)
    scores /= max(float(np.sqrt((scores**2).mean())), 1e-12)
    guides = np.zeros((3 * len(told), _GUIDES), np.float32)
    guides[:, : scores.shape[1]] = scores
    return np.ascontiguousarray(guides.reshape(len(told), 3, -1).transpose(0, 2, 1))


def following(piece: Piece, seen: Sequence[tuple[int, Array]], led: Array) -> Piece:
    """The piece with the weights with which it moves as its slot's guides do.

    The same weights for all three axes: least squares over the characters that have it.

    Args:
        piece: without them.
        seen: rows of characters that have it, and where its vertices (N, 3) are.
        led: (random, C, 3), where all the characters' guides are.
    """
    count, guides = len(piece.rest), led.shape[1]
    if not seen:
        still, none = np.zeros((1, 1), np.float32), np.zeros((1, guides), np.float32)
        return replace(piece, tied=np.zeros(count, np.int32), follow=still, mix=none)
    causes = led[[i for i, _ in seen]].transpose(0, 2, 1).reshape(-1, guides).astype(np.float64)
    shifts = np.stack([places - piece.rest[:, :3] for _, places in seen])
    effects = shifts.transpose(0, 2, 1).reshape(len(causes), -1).astype(np.float64)
    first, tied = _knots(effects)
    normal = causes.T @ causes
    ridge = _RIDGE * np.trace(normal) / guides * np.eye(guides)
    weights = np.linalg.solve(normal + ridge, causes.T @ effects[:, first])  # (C, K)
    # what the guides do most is what the product of a small rank must keep
    root = np.linalg.cholesky(normal + ridge)
    u, s, v = np.linalg.svd(root.T @ weights, full_matrices=False)
    lost = 1 - np.cumsum(s**2) / max(float((s**2).sum()), 1e-12)
    rank = min(int(np.argmax(lost < _LOST)) + 1, max(1, _NUMBERS // len(first)))
    mix = np.linalg.solve(root.T, u[:, :rank] * s[:rank] ** 0.5)
    return replace(
        piece,
        tied=tied,
        follow=(v[:rank].T * s[:rank] ** 0.5).astype(np.float32),
        mix=mix.T.astype(np.float32),
    )


def _knots(motions: npt.NDArray[Any]) -> tuple[Index, Index]:
    """Which columns of motions (M, N) are alike: the first (K,) of each kind, and the kind of each
    (N,). All vertices around a strand of hair move as one."""
    length = max(float(np.linalg.norm(motions, axis=0).mean()), 1e-12)
    looked = np.random.default_rng(0).normal(size=(4, len(motions))) @ motions
    near = np.round(looked.T / (length * _ALIKE)).astype(np.int64)
    _, first, tied = np.unique(near, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int32), tied.ravel().astype(np.int32)


def spread(points: Array, count: int) -> Index:
    """Rows of ``count`` of the points, each as far from those before it as can be."""
    chosen = [int(np.argmax(points[:, 1]))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        gap = np.minimum(gap, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(gap)))
    return np.array(chosen, np.int32)
