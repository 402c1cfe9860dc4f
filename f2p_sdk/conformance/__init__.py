"""Checks of an adapter, its weights and its engine: what ``f2p check`` runs.

    for finding in check(kind):
        assert finding.ok, finding

Every check yields :class:`~f2p_sdk.findings.Finding` and continues after a failure, so that one run
reports all broken rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from .. import plugins
from ..errors import F2PError
from ..findings import Finding
from .adapter import check_adapter, check_weights
from .bridge import check_bridge
from .effects import check_effects
from .faces import check_faces
from .formats import check_formats

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind

__all__ = [
    "check",
    "check_adapter",
    "check_bridge",
    "check_effects",
    "check_engine",
    "check_extra",
    "check_faces",
    "check_formats",
    "check_plugins",
    "check_weights",
]


def check(kind: Kind, host: Host | None = None) -> Iterator[Finding]:
    """All checks of a kind: adapter, formats, weights, bridge, faces, effects and those of plugins.

    ``host`` has an engine of the kind connected; None starts the kind's own engine, if any.
    """
    yield from check_adapter(kind)
    yield from check_formats(kind)
    yield from check_weights(kind)
    yield from check_engine(kind, host)
    yield from check_extra(kind)


def check_engine(kind: Kind, host: Host | None = None) -> Iterator[Finding]:
    """:func:`check_bridge`, :func:`check_faces` and :func:`check_effects` on ``host``.

    None starts the kind's engine.
    """
    rule = "its engine starts and connects"
    if host is None and kind.engine is None:
        value = "the adapter starts no engine"
        remedy = "start the game and check it with --listen ENDPOINT"
        yield Finding("bridge", kind.name, rule, "skipped", value, remedy)
        return
    from ..bridge import open_engine

    try:
        with open_engine(kind) if host is None else nullcontext(host) as connected:
            yield Finding("bridge", kind.name, rule, value=str(connected.wait()))
            yield from check_bridge(kind, connected)
            yield from check_faces(kind, connected)
            yield from check_effects(kind, connected)
    except F2PError as error:
        yield Finding.of_error("bridge", kind.name, rule, error)


def check_extra(kind: Kind) -> Iterator[Finding]:
    """The checks of plugins for this kind; an exception in one becomes a finding."""
    for spec in plugins.checks():
        try:
            if spec.applies(kind):
                yield from spec.run(kind)
        except Exception as error:
            yield Finding.of_error(spec.name, kind.name, "the check runs", error)


def check_plugins() -> Iterator[Finding]:
    """Faults of all installed plugins, one finding per plugin with a fault."""
    rule, infos = "it loads and its hooks are valid", plugins.plugins()
    for info in infos:
        if info.error:
            value = info.error.replace("\n", "; ")
            yield Finding("plugins", info.name, rule, "failed", value, info.remedy)
    if not any(info.error for info in infos):
        value = f"{len(infos)} plugins"
        yield Finding("plugins", "all", "they load and their hooks are valid", value=value)
