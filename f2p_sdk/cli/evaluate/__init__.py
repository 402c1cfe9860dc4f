"""``f2p evaluate``: how good the networks and the fits are, measured in the engine."""

from __future__ import annotations

import click

from .._group import LazyGroup

__all__ = ["command"]


@click.group(cls=LazyGroup)
def command() -> None:
    """Measure how good a network, or a fit, is."""
