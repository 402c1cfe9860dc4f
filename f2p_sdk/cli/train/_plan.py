"""Options that all trainings share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...errors import DatasetError, UsageError
from .. import _options as options
from .._common import emit_json, say, say_verdict, warn

if TYPE_CHECKING:
    from ...training import Report, TrainingResult
    from ...verdicts import Verdict

_Plan = TypeVar("_Plan")

partial_option = click.option(
    "--partial", is_flag=True, help="Train although records of the dataset are missing."
)
out_option = options.out("FILE", "The weights file to write, .safetensors.")

licence_option = click.option(
    "--licence",
    default="unspecified",
    show_default=True,
    metavar="TEXT",
    help="Licence of the weights, for their card.",
)

_POSITIVE = click.FloatRange(min=0, min_open=True)
_MINUTES = "Duration instead of epochs; the schedule ends with the time."
_PLAN: tuple[Callable[[Any], Any], ...] = (
    options.number("--epochs", help="Passes over the pictures."),
    click.option("--minutes", type=_POSITIVE, metavar="N", help=_MINUTES),
    options.number("--batch", help="Pictures per step."),
    click.option("--rate", type=_POSITIVE, metavar="RATE", help="Learning rate."),
    options.seed,
    licence_option,
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..."),
    click.option("--restart", is_flag=True, help="Start again, and overwrite what is there."),
    options.as_json,
)


def plan_options(command: Any) -> Any:
    """Add the options that all trainings share, but ``-o``."""
    for option in reversed(_PLAN):
        command = option(command)
    return command


def check_plan(out: Path, values: Mapping[str, Any]) -> None:
    """Check the shared options; with ``restart``, remove the state of a stopped training.

    Raises:
        UsageError: contradictory options, or the weights would be overwritten.
    """
    if values["epochs"] is not None and values["minutes"] is not None:
        raise UsageError("give --epochs or --minutes, not both")
    state = out.with_name(out.name + ".training")
    if values["restart"]:
        shutil.rmtree(state, ignore_errors=True)
    elif not state.exists():
        refuse_existing(out)


def check_records(folders: Sequence[Path], partial: bool) -> None:
    """Check that datasets, and the neighbours in them, have the records that they promise.

    Raises:
        DatasetError: records are missing; with ``partial`` it is a warning.
    """
    from ...capture import MANIFEST, NEIGHBOURS, require_complete

    beside = [folder / NEIGHBOURS for folder in folders]
    for folder in (*folders, *(one for one in beside if (one / MANIFEST).is_file())):
        try:
            require_complete(folder)
        except DatasetError as error:
            if not partial:
                raise
            warn(error.message)


def refuse_existing(out: Path) -> None:
    """Raise UsageError if a file of weights would be overwritten."""
    if out.exists():
        raise UsageError(
            f"{out} exists already", remedy="give another -o, or --restart to overwrite it"
        )


def make_plan(
    plan: Callable[..., _Plan], recipe: Any, values: Mapping[str, Any], **others: Any
) -> _Plan:
    """A plan with the shared options; ``--batch`` and ``--rate`` replace values of the recipe."""
    changes = {name: values[name] for name in ("batch", "rate") if values[name]}
    duration = {name: values[name] for name in ("epochs", "minutes", "licence", "seed")}
    return plan(replace(recipe, **changes), **duration, **others)


def reporter(
    update: Callable[[int, int, str], object], describe: Callable[[Mapping[str, Any]], str]
) -> Callable[[Report], None]:
    """Progress of a training; ``describe`` turns its figures into text."""

    def show(report: Report) -> None:
        quality = f", {describe(report.figures)}" if report.figures else ""
        note = f"loss {report.loss:.4f}{quality}, {report.rate:.0f} pictures/s"
        update(report.step, report.steps, note)

    return show


def show_result(
    result: TrainingResult,
    head: Mapping[str, Any],
    describe: Callable[[Mapping[str, Any]], str],
    next_step: str,
    as_json: bool,
    verdict: Verdict | None = None,
) -> None:
    """Print the result, as JSON after the values of ``head``, or as text with the next command.

    A verdict comes last.
    """
    if as_json:
        judged = {} if verdict is None else {"verdict": verdict.as_dict()}
        emit_json({**head, **asdict(result), "path": str(result.path), **judged})
        return
    size = result.bytes / 2**20
    say(f"{result.path}: {describe(result.figures)} on held-out pictures, {size:.1f} MiB")
    minutes = result.seconds / 60
    say(f"  {result.steps} steps, {result.epochs:.1f} epochs, {minutes:.1f} minutes")
    say(f"  compare it with the engine: {next_step}")
    if verdict is not None:
        say_verdict(verdict.as_dict())
