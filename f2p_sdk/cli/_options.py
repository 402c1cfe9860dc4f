"""Options that several commands have, each written once.

Every function here is a decorator, or makes one; its text says what the command gets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "character_argument",
    "game_option",
    "json_option",
    "keys_option",
    "out_option",
    "seconds_option",
    "seed_option",
    "via_option",
    "weights_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def character_argument(function: F) -> F:
    """Adds the argument CHARACTER.json; the command gets it as ``path``."""
    return click.argument("path", metavar="CHARACTER.json", type=click.Path(path_type=Path))(
        function
    )


def game_option(function: F) -> F:
    """Adds ``-g GAME[/KIND]``, required; the command gets the text as ``game``."""
    return click.option(
        "-g", "--game", required=True, metavar="GAME[/KIND]", help="See `f2p games`."
    )(function)


def json_option(function: F) -> F:
    """Adds ``--json``; the command gets it as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        function
    )


def keys_option(function: F) -> F:
    """Adds ``--keys DIR``; the command gets a Path or None."""
    return click.option(
        "--keys",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Encrypt with the keys in this folder.",
    )(function)


def seed_option(function: F) -> F:
    """Adds ``--seed``, 0 or more; the command gets it as an int."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)(
        function
    )


def weights_option(function: F) -> F:
    """Adds ``--weights NAME|FILE``; the command gets the text or None."""
    return click.option("--weights", metavar="NAME|FILE", help="Which imitator; see `f2p games`.")(
        function
    )


def via_option(*choices: str) -> Callable[[F], F]:
    """Adds ``--via``, one of the choices, the first unless another is given."""
    return click.option("--via", type=click.Choice(choices), default=choices[0], show_default=True)


def out_option(metavar: str, text: str, *, folder: bool = False) -> Callable[[F], F]:
    """Adds ``-o``, required: a file, or with ``folder`` a folder; the command gets a Path."""
    return click.option(
        "-o",
        "--out",
        required=True,
        type=click.Path(path_type=Path, file_okay=not folder, dir_okay=folder),
        metavar=metavar,
        help=text,
    )


def seconds_option(name: str, default: float, text: str) -> Callable[[F], F]:
    """Adds an option that takes seconds, at least 0.1; the command gets a float."""
    return click.option(
        name,
        type=click.FloatRange(min=0.1),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )
