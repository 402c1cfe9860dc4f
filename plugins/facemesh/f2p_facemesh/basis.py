"""Shipped effect of expressions on the landmarks, for engines that draw no expressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from f2p_sdk import ExpressionBasis

__all__ = ["FILE", "load_basis"]

FILE = Path(__file__).parent / "expressions.safetensors"


def load_basis() -> ExpressionBasis:
    """Read the basis, learned on openhead's pictures."""
    tensors = load_file(FILE)
    return ExpressionBasis(*(tensors[k].astype(np.float32) for k in ("neutral", "displacement")))
