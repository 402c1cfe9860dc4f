"""Face parsers: weights on disk with their cards, and the parser that is shipped.

    parser = load_parser(SHIPPED)
    stage1, stage2, stage4, logits = parser.features(pictures)

The core offers its parser through the hook ``f2p_parsers``, as plugins do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..faceparts import CLASSES

if TYPE_CHECKING:
    from .store import load_parser, parser_card

__all__ = ["CLASSES", "SHIPPED", "load_parser", "parser_card", "shipped_missing"]

SHIPPED = Path(__file__).parent / "compact.safetensors"
"""The weights in the package, trained only on pictures of the open engine."""


def shipped_missing() -> str | None:
    """None if the shipped weights exist, else the reason and the next step."""
    if SHIPPED.is_file():
        return None
    return f"its weights are missing ({SHIPPED}): run `make weights`, or `f2p train parser`"


def __getattr__(name: str) -> object:
    # torch is imported only for a network (PEP 562)
    if name in ("load_parser", "parser_card"):
        from . import store

        return getattr(store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
