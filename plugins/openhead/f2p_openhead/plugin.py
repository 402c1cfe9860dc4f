"""What this package offers to f2p-sdk (entry point group `f2p`): the check of rigs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from f2p_sdk import CheckSpec, Finding, Kind, hookimpl

__all__ = ["f2p_checks", "rig_of"]


def rig_of(kind: Kind) -> Path:
    """Where a kind's rig is, if it has one: ``KIND.rig.toml`` beside its layout."""
    return kind.layout_path.with_name(f"{kind.kind}.rig.toml")


def _run(kind: Kind) -> Iterable[Finding]:
    # Imported here: `f2p --help` does not wait for it.
    from .head import build_head
    from .rig import load_rig
    from .rigcheck import check_rig

    head = build_head()
    return check_rig(load_rig(rig_of(kind), kind.layout, head), head, kind.layout)


@hookimpl
def f2p_checks() -> list[CheckSpec]:
    title = "rigs of the openhead engine"
    return [CheckSpec("rig", title, _run, lambda kind: rig_of(kind).is_file())]
