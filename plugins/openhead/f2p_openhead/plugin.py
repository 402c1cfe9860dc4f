"""Entry point of f2p-sdk's plugin group `f2p`: the rig check."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from f2p_sdk import CheckSpec, Finding, Kind, hookimpl

__all__ = ["f2p_checks", "rig_of"]


def rig_of(kind: Kind) -> Path:
    """Path of a kind's rig, ``KIND.rig.toml`` beside its layout; it may not exist."""
    return kind.layout_path.with_name(f"{kind.kind}.rig.toml")


def _run(kind: Kind) -> Iterable[Finding]:
    # Imported late, so that `f2p --help` stays fast.
    from .head import build_head
    from .rig import load_rig
    from .rigcheck import check_rig

    head = build_head()
    return check_rig(load_rig(rig_of(kind), kind.layout, head), head, kind.layout)


@hookimpl
def f2p_checks() -> list[CheckSpec]:
    title = "rigs of the openhead engine"
    return [CheckSpec("rig", title, _run, lambda kind: rig_of(kind).is_file())]
