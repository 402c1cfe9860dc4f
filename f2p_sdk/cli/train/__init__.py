"""``f2p train``: train networks from captured data."""

from __future__ import annotations

import click

from .._group import LazyGroup


@click.group(cls=LazyGroup)
def command() -> None:
    """Train a network from captured data."""
