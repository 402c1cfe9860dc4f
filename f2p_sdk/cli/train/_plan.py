"""Options that all trainings share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...errors import UsageError
from .. import _options as options

__all__ = ["check_plan", "out_option", "plan_options"]

out_option = options.out_option("FILE", "The weights file to write, .safetensors.")

_PLAN: tuple[Callable[[Any], Any], ...] = (
    click.option("--epochs", type=click.IntRange(min=1), help="Passes over the pictures."),
    click.option(
        "--minutes",
        type=click.FloatRange(min=0, min_open=True),
        help="Duration instead of epochs; the schedule ends with the time.",
    ),
    click.option("--batch", type=click.IntRange(min=1), help="Pictures per step."),
    click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Learning rate."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..."),
    click.option("--restart", is_flag=True, help="Start again, and overwrite what is there."),
    options.json_option,
)


def plan_options(command: Any) -> Any:
    """Add the options that all trainings share."""
    for option in reversed(_PLAN):
        command = option(command)
    return command


def check_plan(out: Path, epochs: int | None, minutes: float | None, restart: bool) -> None:
    """Check the options; with ``restart``, remove the state of a stopped training.

    Raises:
        UsageError: contradictory options, or the weights would be overwritten.
    """
    if epochs is not None and minutes is not None:
        raise UsageError("give --epochs or --minutes, not both")
    state = out.with_name(out.name + ".training")
    if restart:
        shutil.rmtree(state, ignore_errors=True)
    elif out.exists() and not state.exists():
        raise UsageError(
            f"{out} exists already", remedy="give another -o, or --restart to overwrite it"
        )
