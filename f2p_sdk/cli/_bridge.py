"""What the commands that talk to engines share: where to listen, keys, reading the character."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import load_kind, warn
from ._options import keys_option

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters import Character

__all__ = ["Listening", "host_keys", "listen_options", "load_character", "tell_refusal"]

Command = Callable[..., Any]


@dataclass(frozen=True)
class Listening:
    """What ``--listen``, ``--keys`` and ``--plaintext`` say; without an endpoint engines are
    started here."""

    endpoint: str | None = None
    keys: Path | None = None
    plaintext: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is None and (self.keys is not None or self.plaintext):
            raise UsageError("--keys and --plaintext are for --listen")

    def refuse(self, remedy: str) -> None:
        """UsageError if there is an endpoint, for a command that was told to use no engine."""
        if self.endpoint is not None:
            raise UsageError("--listen waits for an engine", remedy=remedy)

    def open_engine(
        self, kind: Kind, *, engines: int = 1, restarts: int = 0
    ) -> AbstractContextManager[Host]:
        """Engines that draw ``kind``, waited for or started; see :func:`f2p_sdk.open_engine`."""
        from ..bridge import open_engine

        return open_engine(
            kind,
            engines=engines,
            listen=self.endpoint,
            keys=host_keys(self.keys),
            plaintext=self.plaintext,
            restarts=restarts,
            on_refusal=tell_refusal,
        )


def listen_options(default: str | None = None) -> Callable[[Command], Command]:
    """Adds ``--listen``, ``--keys`` and ``--plaintext``; the command gets a :class:`Listening` as
    ``listening``."""

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def command(
            *args: Any, listen: str | None, keys: Path | None, plaintext: bool, **options: Any
        ) -> Any:
            return function(*args, listening=Listening(listen, keys, plaintext), **options)

        at = click.option(
            "--listen",
            metavar="ENDPOINT",
            default=default,
            show_default=default is not None,
            help="Wait here for engines that run elsewhere, e.g. tcp://127.0.0.1:15702.",
        )
        plainly = click.option(
            "--plaintext",
            is_flag=True,
            help="Listen to other machines without keys: anybody there can connect and read.",
        )
        return at(keys_option(plainly(command)))

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
