"""Output of commands: text, JSON, tables and progress.

Results go to stdout; progress, warnings and errors go to stderr, so that ``--json`` can be piped.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ..kinds import Kind


def console(*, stderr: bool = False) -> Console:
    """Return a rich console on the current stdout or stderr; tests replace these streams."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def say(text: str, style: str = "") -> None:
    """Print a line on stdout. Brackets are not markup."""
    console().print(text, style=style or None, markup=False)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    out = console(stderr=True)
    out.print("warning:", style="bold yellow", end=" ")
    out.print(text, markup=False)


class _LogHandler(logging.Handler):
    """Prints log records of the SDK on the current stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            warn(record.getMessage())
        else:
            console(stderr=True).print(record.getMessage(), markup=False)


def show_log() -> None:
    """Print warnings of the SDK, and what its waits wait for, on stderr."""
    logger = logging.getLogger("f2p_sdk")
    if not any(isinstance(handler, _LogHandler) for handler in logger.handlers):
        logger.addHandler(_LogHandler(logging.INFO))
    logging.getLogger("f2p_sdk.waiting").setLevel(logging.INFO)


def fail(message: str, remedy: str = "", error: BaseException | None = None) -> None:
    """Print an error and its next step on stderr; with ``error``, the traceback first."""
    if error is not None:
        traceback.print_exception(error, file=sys.stderr)
    out = console(stderr=True)
    out.print("error:", style="bold red", end=" ")
    out.print(message, markup=False)
    if remedy:
        out.print(" next:", style="bold", end=" ")
        out.print(remedy, markup=False)


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table on stdout; only the last column is wrapped."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, no_wrap=column is not columns[-1], overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console().print(made, soft_wrap=False)


def emit_json(document: Any) -> None:
    """Print a JSON document on stdout."""
    # ASCII: readers of a pipe on Windows may not expect UTF-8.
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def show(as_json: bool, document: Any, text: str) -> None:
    """Print the result of a command on stdout: ``document`` as JSON, or ``text``."""
    if as_json:
        emit_json(document)
    else:
        say(text)


def say_verdict(verdict: Mapping[str, Any], subject: str = "verdict") -> None:
    """Print a verdict, see :meth:`Verdict.as_dict`, and its next step on stdout."""
    colour = {"good": "green", "poor": "red"}.get(verdict["word"], "yellow")
    say(f"{subject}: {verdict['word']}: {verdict['reason']}", colour)
    if verdict["next_step"]:
        say(f"  next: {verdict['next_step']}")


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings: ``{"a": {"b": 1}}`` becomes ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found |= flatten(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def load_kind(name: str) -> Kind:
    """Return the kind of this name. Reads its layout, so that a broken adapter fails early."""
    from ..plugins import game

    kind = game(name)
    _ = kind.layout
    return kind


class Progress(Protocol):
    """Callback with the amount of finished work; ``note`` is a text such as ``"psnr 31.2 dB"``."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None: ...


@contextmanager
def progress(title: str, total: float | None = None, *, quiet: bool = False) -> Iterator[Progress]:
    """Show a progress bar with rate and remaining time on stderr.

    If stderr is no terminal, a line is printed every half minute, or nothing if ``quiet``.

    Example::

        with progress("drawing", total=100) as update:
            for i in range(100):
                update(i + 1)
    """
    out = console(stderr=True)
    if out.is_terminal:
        with _bar(out, title, total) as update:
            yield update
    else:
        yield _Lines(title, total, math.inf if quiet else 30.0)


@contextmanager
def _bar(out: Console, title: str, total: float | None) -> Iterator[Progress]:
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[rate]}"),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=out) as bars:
        task = bars.add_task(title, total=total, rate="", note="")

        def update(done: float, total: float | None = None, note: str = "") -> None:
            speed = bars.tasks[0].speed
            fields = {"rate": f"{speed:.3g}/s" if speed else "", "note": note}
            more = {} if total is None else {"total": total}
            bars.update(task, completed=done, **more, **fields)  # type: ignore[arg-type]

        yield update


class _Lines:
    """Progress without a terminal: a line every ``every`` seconds."""

    def __init__(self, title: str, total: float | None, every: float) -> None:
        self.title, self.total, self.every = title, total, every
        self.start = self.last = time.monotonic()
        self.first: float | None = None  # a resumed job does not start at 0

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        self.total = total or self.total
        if self.first is None:
            self.first = done
        now = time.monotonic()
        if now - self.last < self.every:
            return
        self.last = now
        parts = [f"{self.title}: {done:g}" + (f" of {self.total:g}" if self.total else "")]
        rate = (done - self.first) / (now - self.start)
        if rate > 0:
            parts.append(f"{rate:.3g}/s")
            if self.total:
                parts.append(f"{(self.total - done) / rate:.0f} s left")
        click.echo(", ".join([*parts, *([note] if note else [])]), err=True)
