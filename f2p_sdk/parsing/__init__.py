"""Face parsers, and the weights of the parser that is shipped. Imports no torch."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SHIPPED", "shipped_missing"]

SHIPPED = Path(__file__).parent / "compact.safetensors"
"""The weights in the package, trained only on pictures of the open engine."""


def shipped_missing() -> str | None:
    """None if the shipped weights exist, else the reason and the next step."""
    if SHIPPED.is_file():
        return None
    return f"its weights are missing ({SHIPPED}): run `make weights`, or `f2p train parser`"
