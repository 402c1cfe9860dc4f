"""``f2p evaluate``: evaluation of networks and fits against the engine."""

from __future__ import annotations

import click

from .._group import LazyGroup

#: Offset of the seeds of evaluated characters from the seeds of captured datasets.
UNSEEN = 1_000_000


@click.group(cls=LazyGroup)
def command() -> None:
    """Evaluate networks and fits."""
