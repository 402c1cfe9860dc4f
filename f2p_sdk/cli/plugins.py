"""``f2p plugins``: what is installed, and whether it is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ._common import emit_json, fail, say, table
from ._options import json_option

if TYPE_CHECKING:
    from ..plugins import PluginInfo


@click.command()
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins, what they provide, and what is wrong with them."""
    from ..plugins import plugins

    found = plugins()
    debug = bool(context.find_root().meta.get("f2p.debug"))

    def row(info: PluginInfo) -> dict[str, object]:
        return {key: value for key, value in asdict(info).items() if key != "details" or debug}

    if as_json:
        emit_json([row(info) for info in found])
        return
    if all(info.name == "core" for info in found):
        say("No plugin is installed. Install one: pip install f2p-justice f2p-dlib")
    if not found:
        return
    table(
        ["plugin", "package", "version", "status", "provides"],
        [[i.name, i.dist, i.version, i.status, ", ".join(_offers(i))] for i in found],
    )
    for info in found:
        for offer, reason in info.waiting.items():
            say(f"{offer} cannot be used yet: {reason}")
        if info.error:
            fail(f"plugin {info.name}: {info.error}", _remedy(info.dist))
            if debug and info.details:
                click.echo(info.details, err=True)


def _offers(info: PluginInfo) -> list[str]:
    return [f"{o} (not yet)" if o in info.waiting else o for o in info.provides]


def _remedy(dist: str) -> str:
    return f"update or remove it: pip install --upgrade {dist}" if dist else "remove it"
