"""``f2p engine``: a game's engine in the foreground."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click

from ..bridge.sockets import DEFAULT_ENDPOINT, check_endpoint
from ..bridge.watchdog import hold_leash
from ..errors import BridgeError
from ._common import emit_json, load_kind, say
from ._options import game_option, json_option, keys_option


@click.command()
@game_option
@click.option(
    "--connect",
    metavar="ENDPOINT",
    default=DEFAULT_ENDPOINT,
    show_default=True,
    help="Where the SDK listens (f2p apply, f2p capture --listen, ...).",
)
@click.option("--exit-with-host", is_flag=True, help="End when the SDK goes away.")
@keys_option
@json_option
def command(
    game: str, connect: str, exit_with_host: bool, keys: Path | None, as_json: bool
) -> None:
    """Run a game's engine and connect it to the SDK.

    It draws for whoever listens there, and waits for the next one after that. Ctrl-C ends it.
    """
    kind = load_kind(game)
    check_endpoint(connect)
    if kind.engine is None:
        raise BridgeError(
            f"the adapter of {kind.name} brings no engine that can be started",
            remedy="start the game itself, and connect it to the SDK",
        )
    argv = kind.engine(connect)
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
            remedy="see what it said above, or run it by hand: " + subprocess.list2cmdline(argv),
        )
    if as_json:
        emit_json({"kind": kind.name, "endpoint": connect, "exit_code": 0})


def _run(argv: list[str]) -> int | None:
    """Run it to its end; its exit code, or None when it was stopped from here."""
    with hold_leash() as environment:
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
    """SIGTERM ends the engine too, and not only this command."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
