"""The command line, ``f2p``: one module per command, imported at its first use.

A module ``cli/NAME.py`` with a click command named ``command`` is the command ``f2p NAME`` (``-``
in place of ``_``). Modules that start with ``_`` are shared. This package does not import torch.
"""

from __future__ import annotations

import click

from ._group import RootGroup

__all__ = ["app", "main"]


@click.group("f2p", cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="f2p-sdk", prog_name="f2p")
def app() -> None:
    """Fit the sliders of a game's own character to a photo of a face."""


def main() -> None:
    """Entry point of the ``f2p`` script."""
    app()
