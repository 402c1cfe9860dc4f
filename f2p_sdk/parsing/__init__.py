"""Face parsers as weights on disk: their cards, loading them, and the one that is shipped.

    parser = load_parser(SHIPPED)
    stage1, stage2, stage4, logits = parser.features(pictures)

The core offers its own through the hook ``f2p_parsers``, as plugins offer theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..faceparts import CLASSES

if TYPE_CHECKING:
    from .store import load_parser, parser_card, save_parser

__all__ = [
    "CLASSES",
    "SHIPPED",
    "load_parser",
    "missing",
    "parser_card",
    "save_parser",
]

SHIPPED = Path(__file__).parent / "compact.safetensors"
"""The weights that come with the package, trained only on pictures of the open engine."""


def missing() -> str | None:
    """None if the shipped weights are there, else why not and what to do."""
    if SHIPPED.is_file():
        return None
    return f"its weights are not there ({SHIPPED}): run `make weights`, or `f2p train parser`"


def __getattr__(name: str) -> object:
    # torch is imported only when a network is wanted (PEP 562)
    if name in ("load_parser", "parser_card", "save_parser"):
        from . import store

        return getattr(store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
