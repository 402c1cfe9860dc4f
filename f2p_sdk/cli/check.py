"""``f2p check``: check adapters, engines and weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import emit_json, load_kind, progress, say, table

if TYPE_CHECKING:
    from ..findings import Finding
    from ..kinds import Kind

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}


@click.command()
@click.option(
    "-g", "--game", metavar="GAME[/KIND]", help="Check only this game or kind; see `f2p games`."
)
@click.option("--no-engine", is_flag=True, help="Skip the checks that need an engine.")
@listen_options()
@options.as_json
@click.pass_context
def command(
    context: click.Context, game: str | None, no_engine: bool, listening: Listening, as_json: bool
) -> None:
    """Check the adapter, engine and weights of a game, or of all that are installed.

    The checks cover all plugins, then layout, framing, file formats and weights, then the engine
    over the bridge: its answers and errors, the face in its pictures, and the visible effect of
    each slider and choice. Plugins add checks, e.g. of rigs.
    """
    if no_engine:
        listening.refuse("leave out --no-engine")
    findings = _plugins()
    chosen = _kinds(game, broken=any(not finding.ok for finding in findings))
    if listening.endpoint is not None and len(chosen) != 1:
        raise UsageError(
            f"--listen waits for an engine of one kind, but {len(chosen)} kinds are selected",
            remedy="name it: -g GAME/KIND",
        )
    with progress("checking", quiet=as_json) as update:
        for kind in chosen:
            for finding in _check(kind, no_engine, listening):
                findings.append(finding)
                update(len(findings), note=f"{kind.name}: {finding.rule}")
    failed = sum(not finding.ok for finding in findings)
    if as_json:
        rows = [finding.as_dict() for finding in findings]
        emit_json({"kinds": [k.name for k in chosen], "failed": failed, "findings": rows})
    else:
        _report(findings, failed)
    context.exit(1 if failed else 0)


def _plugins() -> list[Finding]:
    from .. import conformance

    return list(conformance.check_plugins())


def _kinds(name: str | None, *, broken: bool) -> list[Kind]:
    """One kind, all kinds of a game, or all kinds; none only if a plugin is ``broken``."""
    from ..plugins import game, games

    if name is None:
        found = [kind for one in games() for kind in one.kinds]
        if not found and not broken:
            raise UsageError("no game is installed", remedy="install an adapter, e.g. f2p-justice")
        return found
    if "/" in name:
        return [load_kind(name)]
    first = game(name)
    return [kind for one in games() if one.name == first.game for kind in one.kinds]


def _check(kind: Kind, no_engine: bool, listening: Listening) -> Iterator[Finding]:
    from .. import conformance

    yield from conformance.check_adapter(kind)
    try:
        _ = kind.layout
    except Exception:  # reported by check_adapter; the other checks need the layout
        return
    yield from conformance.check_formats(kind)
    yield from conformance.check_weights(kind)
    if listening.endpoint is not None:
        with listening.open_engine(kind) as host:
            yield from conformance.check_engine(kind, host)
    elif not no_engine:
        yield from conformance.check_engine(kind)
    yield from conformance.check_extra(kind)


def _report(findings: list[Finding], failed: int) -> None:
    rows = []
    for f in findings:
        value = f" ({f.value})" if f.value else ""
        rows.append([MARKS[f.status], f.check, f"{f.subject}: {f.rule}{value}"])
    table(["", "check", "rule"], rows)
    printed: set[str] = set()
    for finding in findings:
        if finding.remedy and finding.remedy not in printed:
            printed.add(finding.remedy)
            say(f"{MARKS[finding.status]} {finding.rule}: {finding.remedy}")
    warnings, skipped = (sum(f.status == s for f in findings) for s in ("warning", "skipped"))
    say(f"{len(findings)} rules checked, {failed} broken, {warnings} warnings, {skipped} skipped")
