"""``f2p plugins``: list the installed plugins and their faults."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import did_you_mean
from . import _options as options
from ._common import emit_json, fail, say, table, warn

if TYPE_CHECKING:
    from ..plugins import PluginInfo


@click.command()
@options.as_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins, the objects they provide, and their faults.

    Exits with 1 if a plugin has a fault. The environment variable F2P_DISABLE_PLUGINS leaves out
    plugins: their names, or those of their packages, joined by commas.
    """
    from ..plugins import DISABLE, manager, plugins

    found = plugins()
    code = 1 if any(info.error for info in found) else 0
    for name in manager().unknown:
        near = did_you_mean(name, [info.name for info in found])
        warn(f"{DISABLE} has {name!r}, which is no installed plugin or package. {near}".rstrip())
    debug = bool(context.find_root().meta.get("f2p.debug"))
    if as_json:
        rows = [asdict(info) for info in found]
        emit_json([{k: v for k, v in row.items() if k != "details" or debug} for row in rows])
        context.exit(code)
    if all(info.name == "core" for info in found):
        say("No plugin is installed. Install one: pip install f2p-justice f2p-dlib")
    table(
        ["plugin", "package", "version", "status", "provides"],
        [[i.name, i.dist, i.version, i.status, ", ".join(_provides(i))] for i in found],
    )
    for info in found:
        for name, reason in info.waiting.items():
            say(f"{name} cannot be used yet: {reason}")
        if info.error:
            fail(f"plugin {info.name}: {info.error}", info.remedy)
            if debug and info.details:
                click.echo(info.details, err=True)
    context.exit(code)


def _provides(info: PluginInfo) -> list[str]:
    return [f"{name} (not yet)" if name in info.waiting else name for name in info.provides]
