"""Options that several commands share.

Every function here is a decorator of a command or returns one; its docstring names the argument
that the command gets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def number_option(
    *names: str, low: int = 1, high: int | None = None, **settings: Any
) -> Callable[[F], F]:
    """Add an option with an integer from ``low`` to ``high``; ``settings`` are click's."""
    settings = {"metavar": "N", "show_default": True, **settings}
    return click.option(*names, type=click.IntRange(low, high), **settings)


def path_option(
    *names: str, folder: bool, exists: bool = False, **settings: Any
) -> Callable[[F], F]:
    """Add an option with the Path of a folder or of a file; ``settings`` are click's."""
    settings = {"metavar": "DIR" if folder else "FILE", **settings}
    path = click.Path(path_type=Path, exists=exists, file_okay=not folder, dir_okay=folder)
    return click.option(*names, type=path, **settings)


def character_argument(function: F) -> F:
    """Add the argument CHARACTER.json as ``path``."""
    path = click.Path(path_type=Path)
    return click.argument("path", metavar="CHARACTER.json", type=path)(function)


def game_option(function: F) -> F:
    """Add the required option ``-g GAME[/KIND]`` as ``game``."""
    text = "Game and kind of character, see `f2p games`."
    add = click.option("-g", "--game", required=True, metavar="GAME[/KIND]", help=text)
    return add(function)


def json_option(function: F) -> F:
    """Add ``--json`` as ``as_json``."""
    add = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    return add(function)


def keys_option(function: F) -> F:
    """Add ``--keys DIR`` as ``keys``, a Path or None."""
    return path_option("--keys", folder=True, help="Encrypt with the keys in this folder.")(
        function
    )


def page_option(function: F) -> F:
    """Add ``--page DIR`` as ``page``, a Path or None."""
    text = "Also write an HTML page with pictures and figures to this folder."
    return path_option("--page", folder=True, help=text)(function)


def recognizer_option(function: F) -> F:
    """Add ``--recognizer NAME`` as ``recognizer``, a string or None."""
    text = "Recognizer of the objective, see `f2p plugins`; default: the first available one."
    return click.option("--recognizer", metavar="NAME", help=text)(function)


def seed_option(function: F) -> F:
    """Add ``--seed``, an int of 0 or more."""
    return number_option("--seed", low=0, default=0, help="Seed of the random numbers.")(function)


def weights_option(function: F) -> F:
    """Add ``--weights NAME|FILE`` as ``weights``, a string or None."""
    text = "Weights of the imitator, see `f2p games`."
    return click.option("--weights", metavar="NAME|FILE", help=text)(function)


def via_option(*choices: str) -> Callable[[F], F]:
    """Add ``--via``, one of the choices; the first one is the default."""
    choice = click.Choice(choices)
    text = "Renderer of the pictures."
    return click.option("--via", type=choice, default=choices[0], show_default=True, help=text)


def out_option(metavar: str, text: str, *, folder: bool = False) -> Callable[[F], F]:
    """Add the required option ``-o``, the Path of a file or, with ``folder``, of a folder."""
    path = click.Path(path_type=Path, file_okay=not folder, dir_okay=folder)
    return click.option("-o", "--out", required=True, type=path, metavar=metavar, help=text)


def seconds_option(name: str, default: float, text: str) -> Callable[[F], F]:
    """Add an option with a float of seconds, at least 0.1."""
    return click.option(
        name,
        type=click.FloatRange(min=0.1),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )
