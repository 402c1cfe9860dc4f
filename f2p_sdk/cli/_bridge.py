"""Shared parts of the commands that use engines: endpoint and key options, loading a character."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from . import _options as options
from ._common import warn

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters import Character

Command = Callable[..., Any]


@dataclass(frozen=True)
class Listening:
    """Values of ``--listen``, ``--keys`` and ``--plaintext``; no endpoint: engines are started."""

    endpoint: str | None = None
    keys: Path | None = None
    plaintext: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is None and (self.keys is not None or self.plaintext):
            raise UsageError("--keys and --plaintext need --listen")

    def refuse(self, remedy: str) -> None:
        """Raise UsageError if there is an endpoint, for a command that uses no engine."""
        if self.endpoint is not None:
            raise UsageError("--listen waits for an engine", remedy=remedy)

    def open_engine(
        self, kind: Kind, *, engines: int = 1, restarts: int = 0
    ) -> AbstractContextManager[Host]:
        """Start engines of ``kind``, or wait for them; see :func:`f2p_sdk.open_engine`."""
        from ..bridge import open_engine

        return open_engine(
            kind,
            engines=engines,
            listen=self.endpoint,
            keys=host_keys(self.keys),
            plaintext=self.plaintext,
            restarts=restarts,
        )


def listen_options(default: str | None = None) -> Callable[[Command], Command]:
    """Add ``--listen``, ``--keys`` and ``--plaintext``; the command's ``listening`` argument is a
    :class:`Listening`."""

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def command(
            *args: Any, listen: str | None, keys: Path | None, plaintext: bool, **others: Any
        ) -> Any:
            return function(*args, listening=Listening(listen, keys, plaintext), **others)

        text = "Wait at this endpoint for engines to connect, e.g. tcp://127.0.0.1:15702."
        shown = default is not None
        listen_option = click.option(
            "--listen", metavar="ENDPOINT", default=default, show_default=shown, help=text
        )
        text = "Allow other machines to connect without keys: anyone in the network can read."
        plaintext_option = click.option("--plaintext", is_flag=True, help=text)
        return listen_option(options.keys(plaintext_option(command)))

    return decorate


def host_keys(keys: Path | None) -> Path | None:
    """The host's folder of keys; missing keys are made."""
    if keys is not None and not (keys / "host.key_secret").exists():
        from ..bridge import make_keys

        make_keys(keys)
        warn(
            f"made new keys in {keys}: copy host.key and engine.key_secret to the engine's machine"
        )
    return keys


def load_character(path: Path, game: str | None) -> tuple[Kind, Character]:
    """Load a character and its kind; the character is checked against the kind's layout."""
    from ..plugins.character_files import kind_and_character

    return kind_and_character(path, game)
