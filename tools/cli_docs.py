"""Write docs/reference/cli.md from the help texts of the commands.

    python tools/cli_docs.py            write the page
    python tools/cli_docs.py --check    exit with 1 if the page is not current

Commands of installed plugins are left out: the page is the same on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from f2p_sdk.cli import app
from f2p_sdk.cli._group import LazyGroup

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
WIDTH = 100
HEAD = """\
# The command line

`python tools/cli_docs.py` writes this page from the help texts of the commands.

Results go to stdout; progress, warnings and errors go to stderr. Every command with a result has
`--json`. Exit codes: 0 done, 1 the work failed (the error names the next step), 2 wrong use, 3 a
fit gained next to nothing ([verdicts](verdicts.md)).
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command of the core with its full name, a group before its commands."""
    core = LazyGroup(app.name, callback=app.callback, params=app.params, help=app.help)
    core.context_settings = app.context_settings
    yield from _walk("f2p", core)


def _walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _walk(f"{name} {child}", found)


def help_of(name: str, command: click.Command) -> str:
    """Return the output of ``--help``, WIDTH columns wide."""
    settings = {**app.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    return command.get_help(click.Context(command, info_name=name, **settings))


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for name, command in commands():
        parts.append(f"## {name}\n\n```text\n{help_of(name, command)}\n```\n")
    return "\n".join(parts)


def main() -> int:
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print(f"{PAGE}: {'current' if current else 'not current, run python tools/cli_docs.py'}")
        return 0 if current else 1
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
