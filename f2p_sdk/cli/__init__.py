"""The command line, ``f2p``: one file a command, loaded when it is asked for.

A file ``cli/NAME.py`` with a click command named ``command`` is the command ``f2p NAME`` (``-`` for
``_``); files that start with ``_`` are shared parts. Nothing here imports torch.
"""

from __future__ import annotations

import click

from ._group import RootGroup

__all__ = ["app", "main"]


@click.group("f2p", cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="f2p-sdk", prog_name="f2p")
def app() -> None:
    """A photo of a face becomes the values of a game's own character sliders."""


def main() -> None:
    """Entry point of the ``f2p`` script."""
    app()
