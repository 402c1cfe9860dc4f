"""``f2p engine``: run a game's engine in the foreground."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click

from ..bridge.process import engine_command
from ..bridge.sockets import DEFAULT_ENDPOINT, check_endpoint
from ..bridge.watchdog import start_watchdog
from ..errors import BridgeError
from . import _options as options
from ._common import emit_json, load_kind, say


@click.command()
@options.game
@click.option(
    "--connect",
    metavar="ENDPOINT",
    default=DEFAULT_ENDPOINT,
    show_default=True,
    help="Endpoint where the SDK listens (f2p apply, f2p capture --listen, ...).",
)
@click.option("--exit-with-host", is_flag=True, help="End when the connection to the SDK ends.")
@options.keys
@options.as_json
def command(
    game: str, connect: str, exit_with_host: bool, keys: Path | None, as_json: bool
) -> None:
    """Run a game's engine and connect it to the SDK.

    It draws for the program that listens there, then waits for the next one. Ctrl-C ends it.
    """
    kind = load_kind(game)
    check_endpoint(connect)
    if kind.engine is None:
        raise BridgeError(
            f"the adapter of {kind.name} has no engine that can be started",
            remedy="start the game, and connect it to the SDK",
        )
    argv = engine_command(kind, connect)
    if exit_with_host:
        argv = [*argv, "--exit-with-host"]
    if keys is not None:
        argv = [*argv, "--keys", str(keys)]
    if not as_json:
        say(f"{kind.name}: connecting to {connect}, Ctrl-C ends it")
    code = _run(argv)
    if code not in (0, None):
        raise BridgeError(
            f"the engine of {kind.name} ended with exit code {code}",
            remedy="read its output above, or run it directly: " + subprocess.list2cmdline(argv),
        )
    if as_json:
        emit_json({"kind": kind.name, "endpoint": connect, "exit_code": 0})


def _run(argv: list[str]) -> int | None:
    """Run the engine until it ends; return its exit code, or None if it was interrupted."""
    with start_watchdog() as environment:
        try:
            process = subprocess.Popen(argv, env=environment)
        except OSError as error:
            raise BridgeError(f"the engine could not be started: {error}") from None
        try:
            with _terminated_as_interrupted():
                return process.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the engine as well
            return None
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()
                process.wait()


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Convert SIGTERM to KeyboardInterrupt, so that the engine is ended too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
