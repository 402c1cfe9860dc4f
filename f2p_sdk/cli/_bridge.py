"""What the commands that talk to engines share: where to listen, keys, reading the character."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ._common import load_kind, warn

if TYPE_CHECKING:
    from ..hookspecs import Kind
    from ..parameters import Character

__all__ = [
    "character_argument",
    "host_keys",
    "keys_option",
    "listen_options",
    "load_character",
    "tell_refusal",
]

F = TypeVar("F", bound=Callable[..., Any])


def character_argument(function: F) -> F:
    """Adds the argument CHARACTER.json; the command gets it as ``path``."""
    return click.argument("path", metavar="CHARACTER.json", type=click.Path(path_type=Path))(
        function
    )


def keys_option(function: F) -> F:
    """Adds ``--keys DIR``."""
    return click.option(
        "--keys",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Encrypt with the keys in this folder.",
    )(function)


def listen_options(default: str | None = None) -> Callable[[F], F]:
    """Adds ``--listen``, ``--keys`` and ``--plaintext``."""

    def decorate(function: F) -> F:
        listen = click.option(
            "--listen",
            metavar="ENDPOINT",
            default=default,
            show_default=default is not None,
            help="Wait here for engines that run elsewhere, e.g. tcp://127.0.0.1:15702.",
        )
        plaintext = click.option(
            "--plaintext",
            is_flag=True,
            help="Listen to other machines without keys: anybody there can connect and read.",
        )
        return listen(keys_option(plaintext(function)))

    return decorate


def host_keys(keys: Path | None) -> Path | None:
    """The folder of keys of a host; they are made if it has none."""
    if keys is not None and not (keys / "host.key_secret").exists():
        from ..bridge import make_keys

        make_keys(keys)
        warn(
            f"made new keys in {keys}: copy host.key and engine.key_secret to the engine's machine"
        )
    return keys


def tell_refusal(reason: str) -> None:
    """A warning while waiting for an engine: one came, and was refused."""
    warn(f"an engine was refused: {reason}")


def load_character(path: Path) -> tuple[Kind, Character]:
    """A character's kind and the character, checked against its layout."""
    from ..parameters import Character

    kind = load_kind(Character.game_of(path))
    return kind, Character.load(path, kind.layout)
