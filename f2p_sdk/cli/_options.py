"""Options that several commands share: decorators of commands, and functions that return one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """Decorator of a command or of a function that becomes one."""

    def __call__(self, function: F, /) -> F: ...


def number(*names: str, low: int = 1, high: int | None = None, **settings: Any) -> Decorator:
    """Add an option with an integer from ``low`` to ``high``; ``settings`` are click's."""
    settings = {"metavar": "N", "show_default": True, **settings}
    return click.option(*names, type=click.IntRange(low, high), **settings)


def path(*names: str, folder: bool, exists: bool = False, **settings: Any) -> Decorator:
    """Add an option with the Path of a folder or of a file; ``settings`` are click's."""
    settings = {"metavar": "DIR" if folder else "FILE", **settings}
    kind = click.Path(path_type=Path, exists=exists, file_okay=not folder, dir_okay=folder)
    return click.option(*names, type=kind, **settings)


def out(metavar: str, text: str, *, folder: bool = False) -> Decorator:
    """Add the required option ``-o``, the Path of a file or, with ``folder``, of a folder."""
    return path("-o", "--out", folder=folder, required=True, metavar=metavar, help=text)


def via(*names: str) -> Decorator:
    """Add ``--via``, one of the names; the first one is the default."""
    return choice("--via", names, default=names[0], help="Renderer of the pictures.")


def choice(name: str, choices: tuple[str, ...], **settings: Any) -> Decorator:
    """Add an option with one of the choices; ``settings`` are click's."""
    return click.option(name, type=click.Choice(choices), **{"show_default": True, **settings})


def seconds(name: str, default: float, text: str) -> Decorator:
    """Add an option with a float of seconds, at least 0.1."""
    kind = click.FloatRange(min=0.1)
    settings: dict[str, Any] = {"default": default, "show_default": True, "metavar": "SECONDS"}
    return click.option(name, type=kind, help=text, **settings)


as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
character = click.argument("path", metavar="CHARACTER", type=click.Path(path_type=Path))
game = click.option(
    *("-g", "--game"),
    required=True,
    metavar="GAME[/KIND]",
    help="Game and kind of character, see `f2p games`.",
)
game_of_file = click.option(
    *("-g", "--game"),
    metavar="GAME[/KIND]",
    help="Game and kind of CHARACTER, where a file in the game's own format does not tell them.",
)
keys = path("--keys", folder=True, help="Encrypt with the keys in this folder.")
page = path(
    "--page", folder=True, help="Also write an HTML page with pictures and figures to this folder."
)
recognizer = click.option(
    "--recognizer",
    metavar="NAME",
    help="Recognizer of the objective, see `f2p plugins`; default: the first available one.",
)
seed = number("--seed", low=0, default=0, help="Seed of the random numbers.")
weights = click.option(
    "--weights", metavar="NAME|FILE", help="Weights of the imitator, see `f2p games`."
)
