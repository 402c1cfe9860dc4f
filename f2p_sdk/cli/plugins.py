"""``f2p plugins``: list the installed plugins and their faults."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from . import _options as options
from ._common import emit_json, fail, say, table

if TYPE_CHECKING:
    from ..plugins import PluginInfo


@click.command()
@options.as_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins, the objects they provide, and their faults."""
    from ..plugins import plugins

    found = plugins()
    debug = bool(context.find_root().meta.get("f2p.debug"))
    if as_json:
        rows = [asdict(info) for info in found]
        emit_json([{k: v for k, v in row.items() if k != "details" or debug} for row in rows])
        return
    if all(info.name == "core" for info in found):
        say("No plugin is installed. Install one: pip install f2p-justice f2p-dlib")
    if not found:
        return
    table(
        ["plugin", "package", "version", "status", "provides"],
        [[i.name, i.dist, i.version, i.status, ", ".join(_provides(i))] for i in found],
    )
    for info in found:
        for name, reason in info.waiting.items():
            say(f"{name} cannot be used yet: {reason}")
        if info.error:
            fail(f"plugin {info.name}: {info.error}", _remedy(info.dist))
            if debug and info.details:
                click.echo(info.details, err=True)


def _provides(info: PluginInfo) -> list[str]:
    return [f"{name} (not yet)" if name in info.waiting else name for name in info.provides]


def _remedy(dist: str) -> str:
    return f"update or remove it: pip install --upgrade {dist}" if dist else "remove it"
