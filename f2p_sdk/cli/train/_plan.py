"""What all trainings ask of their options."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...errors import UsageError

__all__ = ["check_plan"]


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
