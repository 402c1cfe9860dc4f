"""What all trainings ask of their options."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from .._common import json_option, progress

if TYPE_CHECKING:
    from ...parameters import Layout
    from ...training import Pictures

__all__ = ["check_plan", "data_option", "open_data", "out_option", "plan_options"]

data_option = click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="A folder that `f2p capture` filled.",
)

out_option = click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The weights file to write, .safetensors.",
)

_PLAN: tuple[Callable[[Any], Any], ...] = (
    click.option("--epochs", type=click.IntRange(min=1), help="How often each picture is seen."),
    click.option(
        "--minutes",
        type=click.FloatRange(min=0, min_open=True),
        help="Train for so long instead; the schedule ends with the time.",
    ),
    click.option("--batch", type=click.IntRange(min=1), help="Pictures in a step."),
    click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Learning rate."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..."),
    click.option("--restart", is_flag=True, help="Begin anew, whatever is there."),
    json_option,
)


def plan_options(command: Any) -> Any:
    """Adds the options of every training: how long, where, and how its result is told."""
    for option in reversed(_PLAN):
        command = option(command)
    return command


def open_data(
    layout: Layout, data: Path, size: int, quiet: bool
) -> tuple[Pictures, Pictures | None]:
    """A captured dataset at ``size``, and its neighbours if it has some."""
    from ... import capture
    from ...training import open_pictures

    def opened(folder: Path) -> Pictures:
        with progress("decoding pictures", quiet=quiet) as update:
            return open_pictures(
                folder,
                layout,
                size,
                lambda: capture.read_records(folder),
                progress=lambda done: update(done),
            )

    beside = data / capture.NEIGHBOURS
    return opened(data), opened(beside) if (beside / capture.MANIFEST).is_file() else None


def check_plan(out: Path, epochs: int | None, minutes: float | None, restart: bool) -> None:
    """UsageError for options that contradict each other, or weights that would be written over.

    With ``restart``, the state of a training that was stopped is removed.
    """
    if epochs is not None and minutes is not None:
        raise UsageError("give --epochs or --minutes, not both")
    state = out.with_name(out.name + ".training")
    if restart:
        shutil.rmtree(state, ignore_errors=True)
    elif out.exists() and not state.exists():
        raise UsageError(
            f"{out} is there already", remedy="give another -o, or --restart to train it anew"
        )
